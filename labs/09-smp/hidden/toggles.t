#!/bin/bash
# SPDX-License-Identifier: MIT
#
# toggles.t - kicks, masks, fences and the variant's call work with other toggles: on the slow path
# with switch=full, and without fence queues and VMIDs
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --icount --harts 3 --vcpus 6 --set fastpath=off --set switch=full
payload lab09 part=masks $(variant --line)
payload lab09_run part=running $(variant --line)
options --icount --harts 3 --vcpus 6 --set tlb_flush=all --set vmid=flush
payload lab09_kick
payload lab09_list flush=all $(variant --line)
payload lab09_run part=running flush=all $(variant --line)
done_testing
