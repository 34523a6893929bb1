#!/bin/bash
# SPDX-License-Identifier: MIT
#
# modes.t - the guest continues where it stopped, in the mode (VS or VU) that it was in
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --set fastpath=off
payload exits
done_testing
