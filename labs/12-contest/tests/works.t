#!/bin/bash
# SPDX-License-Identifier: MIT
#
# works.t - guests find everything as before: calls, traps, devices, memory, time.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
for name in sbi exits timer mmio; do
	payload $name
done
done_testing
