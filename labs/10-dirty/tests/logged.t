#!/bin/bash
# SPDX-License-Identifier: MIT
#
# logged.t - each page that is written is in KVM's log, and no other: pages of large leaves and of small
# ones, first and second writes, what is cleared and what is not; by either walker. Of memory whose bits
# are more than one page of them.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --device logdev --mem 160M
payload logdev
options --device logdev --mem 64M --set gstage_huge=off --set gstage_walk=recursive
payload logdev seed=271828
done_testing
