#!/bin/bash
# SPDX-License-Identifier: MIT
#
# works.t - everything works as before for guests: calls, traps, devices, memory, time
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
# Exits are not accounted, as in the benchmark, so that a path that is taken only then is tested.
options --boot exitstat=0
for name in contest sbi exits timer mmio; do
	payload $name
done
options --boot exitstat=auto
payload sbi
done_testing
