#!/bin/bash
# SPDX-License-Identifier: MIT
#
# plic.t - the PLIC's rules one by one, and random operations compared with a model
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --device wire
payload lab07 own=0
done_testing
