#!/bin/bash
# SPDX-License-Identifier: MIT
#
# scripts/hyperscope profile and irqs-off with several harts: each hart is counted apart, the count is the
# machine's instret while they run alternately, and a second run is the same to the byte.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_plugin profile
kvm=$O/tests/kvm

sum()	# FOLDED PATTERN
{
	grep -E -- "$2" "$1" | awk '{ n += $NF } END { print n + 0 }'
}

# VMs whose vCPUs move between harts.
hs_script profile --harts 2 --folded "$tmp/one" -- "$kvm/many" 1
is $status 0 "a program on two harts is profiled" || diag "$(cat "$tmp/err")"
like "$out" 'instret was read [1-9],?[0-9]{3} times, the last at [0-9,]+, and was our count each time' \
	"whenever one of them read instret, it was the count of both"
all=$(sum "$tmp/one" '^host kernel;.*vcpu_run')
[ "$all" -gt 100000 ]
ok $? "much of the kernel is below vcpu_run()" || diag "$all"
is "$(sum "$tmp/one" '^host kernel;(.*;)?trap_entry;(.*;)?vcpu_run')" "$all" "... to which a trap of that hart has led, always"
hs_script profile --harts 2 --folded "$tmp/two" -- "$kvm/many" 1
cmp -s "$tmp/one" "$tmp/two"
ok $? "a second time the same, to the byte"

# A thread that sleeps in a function, beside one that counts down on the other hart.
hs_script profile --harts 2 --while sleeps --csv "$tmp/sleeps.csv" -- "$kvm/counted" beside
is $status 0 "one function of one hart is looked at" || diag "$(cat "$tmp/err")"
is "$(awk -F, '$2 == "sleeps" || $2 == "count_down" { print $2 }' "$tmp/sleeps.csv")" sleeps \
	"... without what the other hart does meanwhile"

for harts in 1 2 8; do
	hs_script profile --harts $harts --csv "$tmp/$harts.csv" hello
	is $status 0 "hello on $harts harts" || diag "$(cat "$tmp/err")"
	grep '^guest kernel,' "$tmp/$harts.csv" >"$tmp/$harts.guest"
done
for harts in 2 8; do
	cmp -s "$tmp/1.guest" "$tmp/$harts.guest"
	ok $? "its guest runs as many instructions on $harts harts" || diag "$(diff "$tmp/1.guest" "$tmp/$harts.guest")"
done

for harts in 1 2; do
	hs_script irqs-off --harts $harts --csv "$tmp/spans.$harts" -- "$kvm/spans" exact
	is $status 0 "stretches on $harts harts are counted" || diag "$(cat "$tmp/err")"
	awk -F, '$1 == "ioctl KVM_GET_API_VERSION" { print $2, $4 }' "$tmp/spans.$harts" >"$tmp/exact.$harts"
done
like "$(cat "$tmp/exact.1")" '^[1-9][0-9]+ 16$' "a call's are seen"
is "$(cat "$tmp/exact.2")" "$(cat "$tmp/exact.1")" "... and are as long on two"
for harts in 1 2; do	# the column is the sixth from the end: a path's name may have a comma
	is "$(awk -F, 'NR > 1 { print $(NF - 5) ? "bound" : "none" }' "$tmp/spans.$harts" | sort -u)" \
		"$([ $harts = 1 ] && echo bound || echo none)" "bounds are of one hart: with $harts"
done
done_testing
