#!/bin/bash
# SPDX-License-Identifier: MIT
#
# slices.slow.t - two vCPUs that share a hart make progress even if a time slice (1000 instructions) is
# shorter than a switch between them. The debug kernel is used because its switches take longer.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/guest/payloads.sh"
need_files
make -s -f "$HS_TOP/Makefile" O="$O" debug-kernel >"$tmp/out" 2>&1
ok $? "the debug kernel can be built" || diag "$(tail -n 5 "$tmp/out")"
export HYPERSCOPE_KERNEL=debug

vm "slices of 1 ms" harts --vcpus 2 rounds=5
BOOT_SECONDS=60 boot hyperscope --harts 1 --icount-shift 10 --boot sched.slice_ms=1
done_testing
