#!/bin/bash
# SPDX-License-Identifier: MIT
#
# own.t - your variant's two PLIC registers work: one returns the status, and the other claims in
# your variant's order
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --device wire
payload lab07 own=1 $(variant --line)
done_testing
