# SPDX-License-Identifier: MIT
#
# mutants.sh - break the core in one place, and check that a native test detects it.
#
#   unbroken PROGRAM...                          check that each program passes without a mutant, and set
#                                                the time limit of its mutants from the time that it takes
#   mutant NAME FILE SUBSTITUTION PROGRAM        apply a Perl substitution to a copy of a file of src/kvm,
#                                                and check that this changes the file and that the program
#                                                then fails. FILE is the file's name, or folder/name if
#                                                two files have this name

. "$HS_TOP/tests/lib/mutant.sh"
needs_built "$O/tests/native/test_kick"

# For each program, its time limit in seconds with a mutant and HS_RACE=2: five times the seconds
# that it takes without a mutant, plus ten. A program that exceeds the limit counts as hung, if the program without the
# mutant does not exceed it then.
declare -A limit
unbroken()
{
	local program start
	for program; do
		start=$SECONDS
		HS_RACE=2 timeout --kill-after=5 "$(scaled 60)" "$O/tests/native/$program" >"$tmp/out" 2>&1
		ok $? "unbroken: $program passes" || diag "$(tail -n 20 "$tmp/out")"
		limit[$program]=$(((SECONDS - start) * 5 + $(scaled 10)))
	done
}

# Print the path of the core's file with this name, or folder/name.
core_file()
{
	(cd "$HS_TOP" && ls src/kvm/"$1" src/kvm/*/"$1" 2>/dev/null)
}

mutant()	# NAME FILE SUBSTITUTION PROGRAM
{
	local name=$1 file=$2 change=$3 program=$4 seconds most status source copy
	source=$(core_file "$file")
	copy=$tmp/${file##*/}
	planted "$name: detected by $program" "$source" "$change" "$copy" make_mutant native-mutant \
		FILE="${source#src/kvm/}" SOURCE="$copy" PROGRAM="$program" OUTPUT="$tmp/mutant" || return
	# A race test detects a mutant only by chance, and seldom on a busy machine, so run it for longer
	# at each attempt. The braces send bash's message "Aborted" to the file too.
	for seconds in 2 8 32; do
		most=$((${limit[$program]} * seconds / 2))
		{ HS_RACE=$seconds timeout --kill-after=5 "$most" "$tmp/mutant"; } >"$tmp/out" 2>&1
		status=$?
		[ $status = 0 ] || break
	done
	HS_RACE=$seconds detected $status "$most" "$O/tests/native/$program"
	ok $? "$name: detected by $program" || diag "the mutant ended with status $status (0: it passed every test of $program, three times)"
}
