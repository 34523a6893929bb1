#!/bin/bash
# SPDX-License-Identifier: MIT
#
# shifts.slow.t - vCPUs race with each other and with user space: at increasing icount shifts, with
# which QEMU switches harts after fewer and fewer instructions, and without icount.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/guest/shifts.sh"
need_files

for shift in 0 4 8 10; do
	race_payloads "shift $shift" --icount-shift $shift
	race_programs "shift $shift" --icount-shift $shift
done
race_payloads "no icount"
race_programs "no icount"
done_testing
