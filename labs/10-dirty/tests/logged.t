#!/bin/bash
# SPDX-License-Identifier: MIT
#
# logged.t - KVM's log contains exactly the pages that are written. This is tested for large and
# small leaves, first and second writes, and cleared and other pages, with either walker, and with a
# log that has more than one page of bits.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --device logdev --mem 160M
payload logdev
options --device logdev --mem 64M --set gstage_huge=off --set gstage_walk=recursive
payload logdev seed=271828
done_testing
