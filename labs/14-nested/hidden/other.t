#!/bin/bash
# SPDX-License-Identifier: MIT
#
# other.t - random accesses, drawn from the instructor's key, have the right outcomes, and what L2 writes
# is in the dirty log; L2 does not write to a page that the VM's own table does not let it write to
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
seed=$(variant seed)
options --nested --device logdev --memory 64M
payload lab14 do=random log=1 seed=$seed
options --nested --set gstage_walk=recursive
under "gstage_walk=recursive"
payload lab14 do=random seed=$((seed + 1))
options --nested --set zero_page=1
under "zero_page=1"
payload lab14 do=zero
done_testing
