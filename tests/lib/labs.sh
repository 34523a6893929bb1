# SPDX-License-Identifier: MIT
#
# labs.sh - make and build trees of labs for tests, reusing the objects of the build folder $O.
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
	local dir=$1 part
	said=$("$HS_TOP/scripts/hyperscope" lab --out /nowhere "${@:3}" "$2" "$dir" 2>&1) || return 1
	mkdir "$dir/build"
	# A file that differs in the new tree is newer than these objects, so make rebuilds what depends on
	# it.
	for part in kernel gen user vmm guest-payloads hstrace; do
		cp -a "$O/$part" "$dir/build"
	done
	# The dependency files name paths in the old tree. Rewrite these paths, so that make also notices
	# changed headers.
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
