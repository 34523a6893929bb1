#!/bin/bash
# SPDX-License-Identifier: MIT
#
# waits.t - a WFI ends for the interrupts that its vCPU has enabled, and for no others
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
for timer in sstc hrtimer; do
	options --icount --harts 1 --vcpus 2 --set timer=$timer
	payload lab06 part=waits
done
# Each vCPU has its own hart, so that it is woken from another hart. Polling is off, because harts
# take turns under --icount: a vCPU that polls would use up its hart's turn before the sender runs.
options --icount --harts 2 --vcpus 2 --boot kvm.halt_poll_ns=0
payload lab06 part=waits
done_testing
