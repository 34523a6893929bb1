#!/bin/bash
# SPDX-License-Identifier: MIT
#
# lazy-save.t - fp=lazy_save saves only changed registers, and loses none
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --harts 2 --vcpus 2 --set fp=lazy_save
payload lab08 policy=1
options --harts 1 --vcpus 2 --set fp=lazy_save --set halt_poll_ns=0
payload fp
done_testing
