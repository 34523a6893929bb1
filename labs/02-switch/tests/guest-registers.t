#!/bin/bash
# SPDX-License-Identifier: MIT
#
# guest-registers.t - a guest finds each of its 31 registers as it left it, over each kind of exit.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
payload lab02
options --set fastpath=off
payload lab02
done_testing
