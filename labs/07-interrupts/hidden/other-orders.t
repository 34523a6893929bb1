#!/bin/bash
# SPDX-License-Identifier: MIT
#
# other-orders.t - PLIC operations drawn from the instructor's key give the right results, and
# lines, traps, eventfds and MSIs work on the slow path
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
# The device makes eventfds while the guest runs, which the sandbox does not allow.
options --device wire --no-sandbox --set switch=full --set fastpath=off
payload lab07 own=1 count=4000 $(variant --line)
payload lab07 own=0 count=2000 $(variant --line)
payload lab07_lines part=3 $(variant --line)
options --harts 1 --vcpus 2 --set switch=full --set fastpath=off
payload lab07_lines part=2
payload lab07_lines part=1
options --set irqchip=aia_emul --set switch=full --set fastpath=off
payload lab07_msi count=2000 $(variant --line)
done_testing
