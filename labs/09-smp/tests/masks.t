#!/bin/bash
# SPDX-License-Identifier: MIT
#
# masks.t - each form of a hart mask names those that it should, for IPIs and fences: harts that are
# stopped, whose requests can be looked at, and harts that run.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --icount --harts 3 --smp 6
payload lab09 part=masks
options --smp 3
payload sbi_harts
done_testing
