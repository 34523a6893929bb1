#!/bin/bash
# SPDX-License-Identifier: MIT
#
# guest-registers.t - each kind of exit preserves the 31 registers of the guest
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
payload lab02
options --set fastpath=off
payload lab02
done_testing
