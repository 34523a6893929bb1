#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-module-memory.slow.t - four VMs of two vCPUs on the Linux module share half of the memory that they use: Linux swaps
# (zram) and merges pages (KSM), while Debian's kernel runs hackbench and cyclictest in each VM. No byte of the guests' files is
# wrong.
#
# usage: linux-module-memory.slow.t [debug]   debug: on a debug kernel, which takes some ten times as long. ROUNDS=N (4)
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/linux.sh"
linux=${1:-stable}
case $linux in
stable) module=$O/hyperscope.ko ;;
debug) module=$O/hyperscope_debug.ko ;;
*) echo "$0: $1: must be debug, or nothing" >&2; exit 2 ;;
esac
[ -e "$module" ] || skip_all "$module is missing: run 'make linux-module${1:+ KERNEL=$1}'"
[ -d "$O/rt_tests" ] || skip_all "$O/rt_tests is missing: run 'scripts/hyperscope setup apps'"
rounds=$(rounds_or 4) || exit

"$HS_TOP/tests/guest/four-vms" "$tmp/vms" || exit 2
files=()
for file in vmm vmlinux initrd run; do
	files+=(--file "$tmp/vms/$file:/vms/$file")
done
# The debug kernel contains zram. It is so slow that khugepaged, whose priority is the lowest, blocks RCU for longer than Linux
# allows, so it gets no work.
seconds=10000 memory=3G before='echo never >/sys/kernel/mm/transparent_hugepage/enabled'
if [ "$linux" = stable ]; then
	seconds=1000 memory=2G before=true
	for file in "$O"/linux_headers/modules/*; do
		files+=(--file "$file:/vms/swap/${file##*/}")
	done
fi
on_module "four VMs" $((seconds + 450)) --linux "$linux" --memory $memory "${files[@]}" "$O/guest/busybox" \
	sh -c "$before && exec sh /vms/run \"\$@\"" run "${LIMIT:-184549376}" "$rounds" "$(scaled $seconds)"
done_testing
