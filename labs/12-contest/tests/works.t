#!/bin/bash
# SPDX-License-Identifier: MIT
#
# works.t - everything works as before for guests: calls, traps, devices, memory, time
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
# As in the benchmark, do not account exits, so that the paths that are taken only without
# accounting are tested.
options --boot exitstat=0
for name in contest sbi exits timer mmio; do
	payload $name
done
options --boot exitstat=auto
payload sbi
done_testing
