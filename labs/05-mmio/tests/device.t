#!/bin/bash
# SPDX-License-Identifier: MIT
#
# device.t - your variant's device does what labs/05-mmio/YOURS.md says
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --device labdev
payload lab05_device $(variant --line)
done_testing
