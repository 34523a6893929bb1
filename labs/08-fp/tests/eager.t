#!/bin/bash
# SPDX-License-Identifier: MIT
#
# eager.t - fp=eager moves all registers in each turn, and no vCPU sees another's registers
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --harts 2 --vcpus 2 --set fp=eager
payload lab08 policy=0
options --harts 1 --vcpus 2 --set fp=eager --set halt_poll_ns=0
payload fp
done_testing
