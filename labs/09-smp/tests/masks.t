#!/bin/bash
# SPDX-License-Identifier: MIT
#
# masks.t - each form of a hart mask selects the right harts, for IPIs and fences. In the first run,
# the harts are stopped, so that their requests can be examined; in the second run, they are
# running.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --icount --harts 3 --vcpus 6
payload lab09 part=masks
options --vcpus 3
payload sbi_harts
done_testing
