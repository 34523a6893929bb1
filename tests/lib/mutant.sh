# SPDX-License-Identifier: MIT
#
# mutant.sh - plant a mistake in a copy of a source, for tests that require that it is detected.
#
#   planted CLAIM SOURCE CHANGE COPY [COMMAND...]
#
# Apply the Perl substitution CHANGE to SOURCE, below $HS_TOP, and write the result to COPY. Then run
# COMMAND, which builds the mutant; its output is in $tmp/out. If the substitution changes nothing, or
# COMMAND fails, CLAIM fails with the reason, and the status is 1.

planted()
{
	local claim=$1 source=$2 change=$3 copy=$4 why
	shift 4
	perl -0pe "$change" "$HS_TOP/$source" >"$copy"
	if cmp -s "$copy" "$HS_TOP/$source"; then
		why="the substitution no longer changes $source: update the mutant"
	elif ! "${@:-true}" >"$tmp/out" 2>&1; then
		why="the mutant does not compile: $(tail -n 5 "$tmp/out")"
	else
		return 0
	fi
	ok 1 "$claim"
	diag "$why"
	return 1
}

# detected STATUS SECONDS INTACT: true if a mutant that ended with this status was detected. If it exceeded its time
# limit of SECONDS, INTACT, the program without the mistake, must not, on the same machine.
detected()
{
	case $1 in
	0) return 1 ;;
	124 | 137)
		timeout --kill-after=5 "$2" "$3" >"$tmp/intact" 2>&1 ||
			{ diag "the program without the mistake also fails within $2 seconds"; return 1; }
		;;
	esac
}

# Run a target of the Makefile for a mutant, in the top folder: in a folder below $O, make takes a goal
# for the name of a file there.
make_mutant()	# TARGET VARIABLE=VALUE...
{
	make -s -C "$HS_TOP" O="$O" "$@"
}
