# SPDX-License-Identifier: MIT
#
# progress.sh - how the shell scripts speak: one line before anything that may take over two
# seconds, one sentence when they give up.

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

# wrong_use TEXT: end with the status for a call that cannot be right.
wrong_use()
{
	echo "$me: $*; see scripts/hyperscope $me --help" >&2
	exit 2
}

# step TEXT COMMAND...: run COMMAND with its output in a log; on failure show the log's end.
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
