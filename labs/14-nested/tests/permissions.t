#!/bin/bash
# SPDX-License-Identifier: MIT
#
# permissions.t - an access of L2 is permitted if L1's leaf permits it, whatever the shadow table has
# already, and so is an access by L2's page-table walk
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --nested
payload lab14 do=permissions
payload lab14 do=walks
done_testing
