#!/bin/bash
# SPDX-License-Identifier: MIT
#
# irqchips.t - a guest is saved and restored with each interrupt controller, and with more vCPUs than
# the two harts have guest interrupt files. irqchips.slow.t has the other numbers of vCPUs.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/guest/irqchips.sh"

saves_and_restores user_plic/1 kernel_plic/8 aia_emul/4 aia_hwaccel/8

HS_SECONDS=60 hs exec --quiet "${one_file[@]}" --memory 256M --file "$O/guest-payloads/bench.bin" \
	"$O/vmm" --irqchip aia_emul --testdev --memory 32M --append only=msi_irqfd /bench.bin
is "$status:$(grep -c '^bench,msi_irqfd,' <<<"$out")" 0:1 \
	"in the sandbox, too, the test device sends MSIs to an IMSIC" || diag "$out$err"
done_testing
