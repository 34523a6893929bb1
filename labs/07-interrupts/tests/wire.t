#!/bin/bash
# SPDX-License-Identifier: MIT
#
# wire.t - eventfds raise the lines that your variant's numbers select, and lowering these lines
# signals the resample eventfds
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
# The device makes eventfds while the guest runs, which the sandbox does not allow.
options --device wire --no-sandbox
payload lab07_lines part=3 $(variant --line)
done_testing
