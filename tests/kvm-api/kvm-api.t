#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kvm-api.t - /dev/kvm behaves like Linux's: the programs that test it pass on hyperscope. Most of
# them also pass on Linux KVM (kvm-api-linux.slow.t).
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"
progs=$O/tests/kvm-api
names="errors caps ring run regs reset ids lacks debug bus stats edges sbi lazy_put logged tally"

files=()
for name in $names; do
	files+=(--file "$progs/$name:/kvm/$name")
done
if qemu_older 10.0; then
	files+=(--env HS_NO_WRS=1)
	skip "hyperscope: wrs.nto is counted" "wrs.nto never traps on this QEMU" # as in 8.2.2
fi
HS_SECONDS=60 hs exec --quiet --harts 2 --env HS_OURS=1 "${files[@]}" "$O/tests/linux-abi/suite" \
	$(printf '/kvm/%s ' $names)
relay "$out" "hyperscope"
is "$status" 0 "hyperscope: all programs exit with status 0" || diag "$err"

if qemu_older 9.1 || spoils_redirects; then
	skip "a guest's counters" "this QEMU's counters cannot tell the guest's work from the host's, or overflow too late"
else
	HS_SECONDS=60 hs exec --quiet --cpu max --icount "$progs/pmu_threads" exact
	relay "$out" "counters"
	is "$status" 0 "counters: status 0" || diag "$err"
fi

HS_SECONDS=60 hs exec --harts 2 "$progs/flood"
relay "$out" "hyperscope"
lines=$(grep -c "gets signal\|which is not there" <<<"$err")
ok $((lines > 60 || lines < 1)) "a program that crashes 300 times does not fill the host's log" ||
	diag "$lines lines"
done_testing
