#!/bin/bash
# SPDX-License-Identifier: MIT
#
# probe.t - what `scripts/hyperscope probe` says of machines that differ in one thing each; and that
# a trace site that is off is one no-op in the kernel that runs.
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"

hs probe
is "$status" 0 "a platform is probed"
like "$out" '^H extension +yes' "it has the H extension"
like "$out" '^hgatp Sv39x4 +yes' "and a mode of hgatp"
like "$out" '^VMIDLEN +[0-9]+ ' "the width of its VMID"
like "$out" '^Sstc +yes' "Sstc"
like "$out" '^SBI +[0-9]+\.[0-9]+ +OpenSBI' "the version of SBI and who implements it"
like "$out" '^harts +2$' "two harts"

hs probe --cpu rv64,sstc=off --harts 3
like "$out" '^Sstc +no' "a platform without Sstc"
like "$out" '^harts +3$' "three harts"

hs probe --cpu rv64,h=false
like "$out" '^H extension +no' "a platform without the H extension is probed all the same"
unlike "$out" '^hgatp' "and its hgatp is not touched"

# With no event on, nothing is ever written over the 4-byte no-op that a site is as built.
run=$("${CROSS_COMPILE:-riscv64-linux-gnu-}objdump" -d "$O/kernel/src/kvm/run.c.o" |
	grep -cP '\t00000013 +\tnop')
ok $((run >= 4 ? 0 : 1)) "the sites of trace events in KVM_RUN are no-ops as built"
diag "$run of them"

done_testing
