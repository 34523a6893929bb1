#!/bin/bash
# SPDX-License-Identifier: MIT
#
# spinning.t - vCPUs that share a hart yield it when they spin to wait for each other. Time is
# counted in instructions, so that a busy machine makes no difference.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/guest/payloads.sh"
! qemu_older 10.0 || skip_all "QEMU $(qemu_version): wrs.nto never traps"
need_files

vm "2 vCPUs" spinning --vcpus 2 limit_us=20
vm "4 vCPUs" spinning --vcpus 4 limit_us=20
toggle wfi native
vm "4 vCPUs, wfi=native" spinning --vcpus 4 limit_us=20
boot hyperscope --icount --harts 1
done_testing
