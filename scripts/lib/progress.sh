# SPDX-License-Identifier: MIT
#
# progress.sh - messages of the shell scripts: one line before anything that may take over two
# seconds, and one sentence when a script fails; and the options that most of them have.

me=${0##*/}

say()
{
	echo "$me: $*"
}

die()
{
	echo "$me: $*" >&2
	exit 1
}

# wrong_use TEXT: print TEXT and end with the status for wrong use: 2, or $usage_status in a script that
# returns another program's status (RETURN_A_STATUS in scripts/hs/errors.py).
wrong_use()
{
	echo "$me: $*; see scripts/hyperscope $me --help" >&2
	exit "${usage_status:-2}"
}

# print_help: print the comment at the beginning of the script, without the license.
print_help()
{
	sed -n '1,3d; /^#/!q; s/^# \{0,1\}//p' "$0"
}

# set_out DIR: set $out, the output folder, as --out DIR and --out=DIR do.
set_out()
{
	[ -n "$1" ] || wrong_use "--out needs a folder"
	out=$1
}

# need_suite NAME: refuse a distribution that scripts/hyperscope try-clean cannot install.
need_suite()
{
	case $1 in
	bookworm | trixie | noble) ;;
	*) wrong_use "there is no suite '$1'; known suites: bookworm, trixie, noble" ;;
	esac
}

# step TEXT COMMAND...: run COMMAND with its output in a log; on failure, show the end of the log.
step()
{
	local text=$1 log start=$SECONDS took
	shift
	log=$(mktemp "${TMPDIR:-/tmp}/$me.XXXXXX") || die "cannot write to ${TMPDIR:-/tmp}"
	say "$text ..."
	if "$@" >"$log" 2>&1 </dev/null; then
		took=$((SECONDS - start))
		[ $took -lt 3 ] || say "$text: done in $took s"
		rm -f "$log"
		return 0
	fi
	echo "$me: failed: $text" >&2
	grep -E '^(E|W|Err|dpkg|sudo)' "$log" | tail -n 8 >&2 || true
	[ -s "$log" ] && tail -n 4 "$log" | sed 's/^/  | /' >&2
	rm -f "$log"
	return 1
}
