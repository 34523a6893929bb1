#!/bin/bash
# SPDX-License-Identifier: MIT
#
# waits.t - a WFI ends for what its vCPU may be interrupted by, and for nothing else.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
for timer in sstc hrtimer; do
	options --icount --harts 1 --smp 2 --set timer=$timer
	payload lab06 part=waits
done
# On a hart each: who wakes is another hart. They take turns in this count, so nobody may poll.
options --icount --harts 2 --smp 2 --boot kvm.halt_poll_ns=0
payload lab06 part=waits
done_testing
