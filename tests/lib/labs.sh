# SPDX-License-Identifier: MIT
#
# labs.sh - trees of labs for tests, built with what this build folder has already.
#
#   . tests/lib/tap.sh; . tests/lib/labs.sh
#   tree DIR LAB OPTION...       scripts/hyperscope lab: its tree in DIR, built; what was said is $said
#   build DIR                    again, after a change
#   try DIR TEST                 run it there; $status, $said
#   stop_of LAB                  what its stops look like, as a pattern
#   tests_of FOLDER              the public tests of labs/FOLDER that are files

tree()
{
	local dir=$1 part
	said=$("$HS_TOP/scripts/hyperscope" lab --out /nowhere "${@:3}" "$2" "$dir" 2>&1) || return 1
	mkdir "$dir/build"
	# Of a file that is another one there, the source is newer than these objects: make sees it.
	for part in kernel gen user vmm guest-payloads hstrace; do
		cp -a "$O/$part" "$dir/build"
	done
	# What each was made of is named by its path there: so a header that is another one is seen, too.
	find "$dir/build" -name '*.d' -type f -print0 | xargs -0 sed -i "s|$HS_TOP/|$dir/|g"
	for part in uapi libfdt guest; do
		[ ! -e "$O/$part" ] || ln -s "$O/$part" "$dir/build/$part"
	done
	build "$dir"
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
