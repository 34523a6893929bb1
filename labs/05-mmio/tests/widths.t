#!/bin/bash
# SPDX-License-Identifier: MIT
#
# widths.t - with instructions from htinst, accesses to a device work with every width, register,
# offset and instruction length, and so do stores that the kernel handles itself
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
. "$HS_TOP/labs/05-mmio/accesses.sh"
accesses htinst
if qemu_older 8.2; then
	skip "instructions are taken from htinst" "QEMU $(qemu_version) does not write htinst"
else
	is "$(fetched)" 0 "no instruction is fetched"
fi
done_testing
