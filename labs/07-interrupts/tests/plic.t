#!/bin/bash
# SPDX-License-Identifier: MIT
#
# plic.t - the PLIC follows its rules one by one, and answers random operations as a model does
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --device wire
payload lab07 own=0
done_testing
