# SPDX-License-Identifier: MIT
#
# labs.sh - make and build trees of labs for tests, reusing the objects of a test's first tree.
#
#   . tests/lib/tap.sh; . tests/lib/labs.sh
#   tree DIR LAB OPTION...       make LAB's tree in DIR with scripts/hyperscope lab, and build it;
#                                sets $said to the output
#   build DIR                    build it again, after a change; sets $said
#   try DIR TEST                 run TEST in the tree; sets $status and $said
#   stop_of LAB                  print a grep pattern for the message that names a missing piece of
#                                LAB
#   tests_of FOLDER              list the files of the public tests of labs/FOLDER

tree()
{
	local dir=$1 from=$O was=$HS_TOP part
	said=$("$HS_TOP/scripts/hyperscope" lab --out /nowhere "${@:3}" "$2" "$dir" 2>&1) || return 1
	# A lab's sources are compiled with other flags than those of $O, so only another lab's objects can
	# be reused. The first tree is kept for that.
	[ ! -d "$tmp/first" ] || { from=$tmp/first/build; was=$(<"$tmp/first.dir"); set_times "$dir"; }
	mkdir "$dir/build"
	for part in kernel gen user vmm guest-payloads hstrace; do
		cp -a "$from/$part" "$dir/build"
	done
	rm -f "$dir"/build/guest-payloads/lab*	# payloads of another lab
	# The dependency files name paths in the old tree. Rewrite these paths, so that make also notices
	# changed headers.
	find "$dir/build" -name '*.d' -type f -print0 | xargs -0 sed -i "s|$was/|$dir/|g"
	for part in uapi libfdt guest; do
		[ ! -e "$O/$part" ] || ln -s "$O/$part" "$dir/build/$part"
	done
	build "$dir" || return
	[ -d "$tmp/first" ] || { cp -a "$dir" "$tmp/first" && echo "$dir" >"$tmp/first.dir"; }
}

# Give each file in DIR that is the same as in the first tree the time that it has there, and each
# other file the current time, so that make rebuilds only what depends on files that differ.
set_times()	# DIR
{
	local file
	find "$1" -type f -newer "$tmp/first/build/gen/compiled-by" -printf '%P\n' | while read -r file; do
		! cmp -s "$tmp/first/$file" "$1/$file" || touch -r "$tmp/first/$file" "$1/$file"
	done
	diff -rq --exclude=build "$tmp/first" "$1" | sed -n "s|^Files .* and \(.*\) differ$|\1|p" | tr '\n' '\0' | xargs -0 -r touch
}

build()
{
	said=$(make -s -C "$1" -j2 O="$1/build" kernel guest-payloads vmm 2>&1)
}

try()
{
	said=$(cd "$1" && env -u HS_REFERENCE HS_TOP="$1" O="$1/build" bash "$2" 2>&1)
	status=$?
}

tests_of()
{
	(cd "$HS_TOP/labs/$1/tests" && ls -- *.t)
}

stop_of()
{
	echo "lab $1: [A-Za-z0-9_/.]*: write "
}
