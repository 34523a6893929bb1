#!/bin/bash
# SPDX-License-Identifier: MIT
#
# other-waits.t - timers and polling windows (with values drawn from the instructor's key) and waits
# are right with other settings of the toggles
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --icount --harts 1 --vcpus 2 --set fastpath=off
payload lab06 part=timers seed="$(variant seed)"
options --icount --harts 1 --vcpus 2 --set timer=hrtimer --set switch=full
payload lab06 part=timers seed="$(variant seed)"
options --icount --harts 1 --vcpus 2 --set fastpath=off --set switch=full
payload lab06 part=waits
options --icount --harts 1 --set poll_rule=own --set timer=hrtimer
payload lab06_window part=rule vectors="$(variant vectors)"
payload lab06_window part=windows waits="$(variant waits)"
done_testing
