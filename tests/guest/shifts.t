#!/bin/bash
# SPDX-License-Identifier: MIT
#
# shifts.t - vCPUs race with each other at an icount shift at which QEMU switches harts after few
# instructions. shifts.slow.t tries more shifts.
# Time-out: 300 seconds.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/guest/shifts.sh"
need_files

vm "shift 10: harts, 3 vCPUs" harts --vcpus 3 rounds=30
vm "shift 10: sbi_harts" sbi_harts --vcpus 3
BOOT_SECONDS=120 boot hyperscope --harts 2 --icount-shift 10
done_testing
