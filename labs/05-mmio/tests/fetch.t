#!/bin/bash
# SPDX-License-Identifier: MIT
#
# fetch.t - loads and stores of a device by every width, register, offset and length, and those that the kernel takes, by the instruction as it is fetched.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
. "$HS_TOP/labs/05-mmio/accesses.sh"
accesses fetch
is "$(grep -c 'kvm_mmio_insn: .*fetched=0' <<<"$told")" 0 "no instruction is taken from htinst"
done_testing
