#!/bin/bash
# SPDX-License-Identifier: MIT
#
# wire.t - eventfds that raise lines, with your variant's numbers
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --device wire
payload lab07_lines part=3 $(variant --line)
done_testing
