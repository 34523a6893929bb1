#!/bin/bash
# SPDX-License-Identifier: MIT
#
# logged.t - exactly the pages that are written are in KVM's log: pages of large and small leaves,
# first and second writes, cleared pages and others, with either walker, and with more than one page
# of bits
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --device logdev --mem 160M
payload logdev
options --device logdev --mem 64M --set gstage_huge=off --set gstage_walk=recursive
payload logdev seed=271828
done_testing
