#!/bin/bash
# SPDX-License-Identifier: MIT
#
# works.t - guests find everything as before: calls, traps, devices, memory, time.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
# Exits are not accounted, as in the bench: a way that is taken only then is taken here.
options --boot exitstat=0
for name in contest sbi exits timer mmio; do
	payload $name
done
options --boot exitstat=auto
payload sbi
done_testing
