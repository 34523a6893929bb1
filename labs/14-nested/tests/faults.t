#!/bin/bash
# SPDX-License-Identifier: MIT
#
# faults.t - L1 gets the faults in its own table, with htval, htinst, stval and hstatus; other faults
# are handled by L0 or are access faults
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --nested
payload lab14 do=faults
done_testing
