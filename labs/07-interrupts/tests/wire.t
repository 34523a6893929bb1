#!/bin/bash
# SPDX-License-Identifier: MIT
#
# wire.t - eventfds raise the lines of your variant's numbers, and lowering signals resample eventfds
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --device wire
payload lab07_lines part=3 $(variant --line)
done_testing
