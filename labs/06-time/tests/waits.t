#!/bin/bash
# SPDX-License-Identifier: MIT
#
# waits.t - a WFI ends for what its vCPU may be interrupted by, and for nothing else; by either timer.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
HS_SECONDS=10	# a vCPU that is never woken waits for ever; a run takes one second
for timer in sstc hrtimer; do
	options --icount --harts 1 --smp 2 --set timer=$timer
	payload lab06 part=waits
	[ "$tests_failed" = 0 ] || break	# the other may hang, too
done
done_testing
