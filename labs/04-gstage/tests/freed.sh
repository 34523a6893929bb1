# SPDX-License-Identifier: MIT
#
# freed.sh - a function for the tests of lab 4
#
#   freed WALK    claim that a guest runs to completion with gstage_walk=WALK and small leaves, and that
#                 each table that was allocated has been freed

freed()
{
	local report added freed
	hs run "${on_host[@]}" --quiet --trace gstage_table --set gstage_walk="$1" --set gstage_huge=off hello
	is "$status" 0 "the guest runs to completion ($1 walker, small leaves)" || diag "$err"
	ends_if_hung
	report=$("$O/hstrace" report --events gstage_table "$HS_RUNS/last/trace" 2>/dev/null)
	added=$(grep -c 'alloc=1' <<<"$report")
	freed=$(grep -c 'alloc=0' <<<"$report")
	[ "$added" -gt 0 ] && [ "$added" = "$freed" ]
	ok $? "each table is freed ($1 walker)" || diag "$added tables were allocated, $freed were freed"
}
