#!/bin/bash
# SPDX-License-Identifier: MIT
#
# msi.t - an emulated IMSIC records MSIs, delivers the one with the highest priority, and gives the
# same results as a model in random operations
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --set irqchip=aia_emul
payload lab07_msi
done_testing
