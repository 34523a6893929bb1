#!/bin/bash
# SPDX-License-Identifier: MIT
#
# restored.t - a guest that uses all kinds of state is unchanged after it has been stopped, saved
# and restored; so is a guest that was saved while it wrote; and a restore sets all registers, in
# the right order
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --icount --harts 2 --device testdev --vcpus 3 --memory 32M
saved --save-rounds 0
payload save
options --icount --harts 2 --vcpus 2 --memory 32M
saved --save-on writing
payload save_dirty until=input rounds=1000000
options --icount --harts 1 --device logdev --vcpus 1 --memory 32M
saved --save-on saving --save-rounds 0
payload lab10 do=order
done_testing
