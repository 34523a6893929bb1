#!/bin/bash
# SPDX-License-Identifier: MIT
#
# lines.t - no interrupt is lost or taken twice by a vCPU that polls and idles, by one that sleeps
# because another vCPU runs on its hart, or by one that idles in VS mode
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --set wfi=trap
payload lab07_lines part=2
options --harts 1 --vcpus 2 --set halt_poll_ns=0
payload lab07_lines part=2
options --set wfi=native
payload lab07_lines part=4
done_testing
