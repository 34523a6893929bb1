#!/bin/bash
# SPDX-License-Identifier: MIT
#
# modes.t - the guest continues in the mode that it left, VS or VU, and where it stopped
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --set fastpath=off
payload exits
done_testing
