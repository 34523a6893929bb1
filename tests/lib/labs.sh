# SPDX-License-Identifier: MIT
#
# labs.sh - make and build trees of labs for tests, reusing the objects in $O as the grader does.
#
#   . tests/lib/tap.sh; . tests/lib/labs.sh
#   tree DIR LAB OPTION...       make LAB's tree in DIR with scripts/hyperscope lab, and build it;
#                                sets $said to the output
#   stale DIR                    print the objects that should not have been reused
#   build DIR                    build it again, after a change; sets $said
#   try DIR TEST                 run TEST in the tree; sets $status and $said
#   stop_of LAB                  print a grep pattern for the message that names a missing piece of
#                                LAB
#   tests_of FOLDER              list the files of the public tests of labs/FOLDER

tree()
{
	said=$("$HS_TOP/scripts/hyperscope" lab --out /nowhere "${@:3}" "$2" "$1" 2>&1) || return 1
	PYTHONPATH=$HS_TOP/scripts python3 -B -c 'import sys
from hs.grade import trees
out = trees.begin_build(*sys.argv[1:])
trees.share_tools(out, sys.argv[3])' "$1" "$HS_TOP" "$O" && build "$1"
}

# Print the objects in DIR that were not compiled there although they depend on a file that differs
# from $HS_TOP's.
stale()	# DIR
{
	(cd "$1" && for part in src trace; do
		diff -rq "$HS_TOP/$part" "$part" | sed -nE 's/^Files .* and (.*) differ$/\1/p'
	done) >"$tmp/differ"
	grep -rlwFf "$tmp/differ" --include='*.d' "$1/build" | sed -E 's/\.s\.d$/.s/; s/d$/o/' | while read -r file; do
		[ "$file" -nt "$1/lab.list" ] || echo "$file"
	done
}

# Print the host on which the lab's tests run.
host_of()	# DIR
{
	grep -qs '^host = "linux"' "$1"/labs/[0-9][0-9]-*/lab.toml && echo linux || echo own
}

build()
{
	local module=
	[ "$(host_of "$1")" = own ] || module=linux-module-only
	said=$(make -s -C "$1" -j2 O="$1/build" kernel guest-payloads vmm $module 2>&1)
}

try()
{
	said=$(cd "$1" && env -u HS_REFERENCE HS_HOST="$(host_of "$1")" HS_TOP="$1" O="$1/build" bash "$2" 2>&1)
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
