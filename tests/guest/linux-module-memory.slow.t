#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-module-memory.slow.t - four VMs of two vCPUs on the Linux module share half of the memory that they use: Linux swaps
# (zram) and merges pages (KSM), while Debian's kernel runs hackbench and cyclictest in each VM. No byte of the guests' files is
# wrong.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/linux.sh"
[ -e "$O/hyperscope.ko" ] || skip_all "$O/hyperscope.ko is missing: run 'make linux-module'"
[ -d "$O/rt_tests" ] || skip_all "$O/rt_tests is missing: run 'scripts/hyperscope setup apps'"
rounds=$(rounds_or 4) || exit

"$HS_TOP/tests/guest/four-vms" "$tmp/vms" || exit 2
files=()
for file in vmm vmlinux initrd run; do
	files+=(--file "$tmp/vms/$file:/vms/$file")
done
for file in "$O"/linux_headers/modules/*; do
	files+=(--file "$file:/vms/swap/${file##*/}")
done
on_module "four VMs" 1450 --memory 2G "${files[@]}" "$O/guest/busybox" sh /vms/run "${LIMIT:-184549376}" "$rounds" "$(scaled 1000)"
done_testing
