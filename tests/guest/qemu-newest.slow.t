#!/bin/bash
# SPDX-License-Identifier: MIT
#
# qemu-newest.slow.t - test files of this folder and of others pass on Debian's newest QEMU, which
# `scripts/hyperscope setup qemu-newest` fetches. There is one claim per file.
#
# Time-out: 3600 seconds.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
export QEMU=$O/qemu_newest/qemu-system-riscv64
[ -x "$QEMU" ] || skip_all "$QEMU is missing: run scripts/hyperscope setup qemu-newest"
diag "$("$QEMU" --version | head -n 1)"

cd "$HS_TOP" || exit 1
for file in tests/guest/{payloads,payloads-cpus,machines,irqchips,save,shifts,spinning}.t tests/kvm-api/*.t \
	tests/kselftest/kselftest.t tests/boot/{linux,interrupts,crash}.t tests/linux-abi/{abi,files}.t; do
	case $file in *.slow.t) continue ;; esac
	passes "$file" "$file" "QEMU=$QEMU $file"
done
done_testing
