#!/bin/bash
# SPDX-License-Identifier: MIT
#
# sstc.t - with Sstc, no guest timer fires early or late or is lost if two vCPUs share one hart
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --icount --harts 1 --vcpus 2 --set timer=sstc
payload lab06 part=timers
done_testing
