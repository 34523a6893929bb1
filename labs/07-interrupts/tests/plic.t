#!/bin/bash
# SPDX-License-Identifier: MIT
#
# plic.t - the PLIC follows each of its rules, and random operations give the same results as in a
# model
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --device wire
payload lab07 own=0
done_testing
