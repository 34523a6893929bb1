#!/bin/bash
# SPDX-License-Identifier: MIT
#
# fetch.t - with instructions fetched from guest memory, accesses to a device work with every width,
# register, offset and instruction length, and so do stores that the kernel handles itself
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
. "$HS_TOP/labs/05-mmio/accesses.sh"
accesses fetch
is "$(fetched)" 1 "no instruction is taken from htinst"
done_testing
