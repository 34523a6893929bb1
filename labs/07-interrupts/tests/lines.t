#!/bin/bash
# SPDX-License-Identifier: MIT
#
# lines.t - no interrupt is lost or doubled: for a vCPU that polls and idles, for one that sleeps because
# another one has its hart, and for one that idles in VS mode
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --set wfi=trap
payload lab07_lines part=2
options --harts 1 --smp 2 --set halt_poll_ns=0
payload lab07_lines part=2
options --set wfi=native
payload lab07_lines part=4
done_testing
