#!/bin/bash
# SPDX-License-Identifier: MIT
#
# plugin-harts.t - scripts/hyperscope profile and irqs-off with several harts: each hart has its own
# counts, the sum of these counts is the machine's instret while the harts run alternately, and the
# output of a second run is the same to the byte.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_plugin profile
kvm=$O/tests/kvm

sum()	# FOLDED PATTERN
{
	grep -E -- "$2" "$1" | awk '{ n += $NF } END { print n + 0 }'
}

# Profile VMs whose vCPUs move between harts.
hs_script profile --harts 2 --folded "$tmp/one" -- "$kvm/many" 1
is $status 0 "a program on two harts is profiled" || diag "$(cat "$tmp/err")"
like "$out" 'instret was read [1-9],?[0-9]{3} times, the last at [0-9,]+, and was our count each time' \
	"every value read from instret was the sum of both harts' counts"
all=$(sum "$tmp/one" '^host kernel;.*vcpu_run')
[ "$all" -gt 100000 ]
ok $? "more than 100,000 of the kernel's instructions are below vcpu_run()" || diag "$all"
is "$(sum "$tmp/one" '^host kernel;(.*;)?trap_entry;(.*;)?vcpu_run')" "$all" "every stack with vcpu_run() begins with a trap on its own hart"
hs_script profile --harts 2 --folded "$tmp/two" -- "$kvm/many" 1
cmp -s "$tmp/one" "$tmp/two"
ok $? "a second run gives the same stacks, to the byte" ||
	diag "status $status, $(wc -l <"$tmp/one") and $(wc -l <"$tmp/two") stacks: $(diff "$tmp/one" "$tmp/two" | head -n 20)" "$(tail -n 5 "$tmp/err")"

# Profile a thread that sleeps in a function, beside a thread that counts down on the other hart.
hs_script profile --harts 2 --while sleeps --csv "$tmp/sleeps.csv" -- "$kvm/counted" beside
is $status 0 "--while profiles a function that runs on one hart" || diag "$(cat "$tmp/err")"
is "$(awk -F, '$2 == "sleeps" || $2 == "count_down" { print $2 }' "$tmp/sleeps.csv")" sleeps \
	"--while leaves out what the other hart executes meanwhile"

for harts in 1 2 8; do
	hs_script profile --harts $harts --csv "$tmp/$harts.csv" hello
	is $status 0 "hello is profiled on $harts harts" || diag "$(cat "$tmp/err")"
	grep '^guest kernel,' "$tmp/$harts.csv" >"$tmp/$harts.guest"
done
for harts in 2 8; do
	cmp -s "$tmp/1.guest" "$tmp/$harts.guest"
	ok $? "hello's guest runs as many instructions on $harts harts as on one" || diag "$(diff "$tmp/1.guest" "$tmp/$harts.guest")"
done

for harts in 1 2; do
	hs_script irqs-off --harts $harts --csv "$tmp/spans.$harts" -- "$kvm/spans" exact
	is $status 0 "intervals are counted on $harts harts" || diag "$(cat "$tmp/err")"
	awk -F, '$1 == "ioctl KVM_GET_API_VERSION" { print $2, $4 }' "$tmp/spans.$harts" >"$tmp/exact.$harts"
done
like "$(cat "$tmp/exact.1")" '^[1-9][0-9]+ 16$' "the 16 intervals of a call are counted"
is "$(cat "$tmp/exact.2")" "$(cat "$tmp/exact.1")" "the intervals of a call are as long on two harts as on one"
for harts in 1 2; do	# the column is the sixth from the end: a path's name may have a comma
	is "$(awk -F, 'NR > 1 { print $(NF - 5) ? "bound" : "none" }' "$tmp/spans.$harts" | sort -u)" \
		"$([ $harts = 1 ] && echo bound || echo none)" "bounds are given only for one hart: $harts harts"
done
done_testing
