#!/bin/bash
# SPDX-License-Identifier: MIT
#
# lazy-trap.t - fp=lazy_trap loads registers when they are used or expected to be used, and no vCPU
# sees another's registers
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
! spoils_redirects || skip_all "$spoiled_redirects"
options --harts 2 --vcpus 2 --set fp=lazy_trap
payload lab08 policy=2
options --harts 1 --vcpus 2 --set fp=lazy_trap --set halt_poll_ns=0
payload fp
done_testing
