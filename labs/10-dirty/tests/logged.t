#!/bin/bash
# SPDX-License-Identifier: MIT
#
# logged.t - KVM's log contains exactly the pages that were written: with large and with small
# leaves, with either walker, for first and repeated writes, after clearing only a part of the log,
# and if the log has more than one page of bits
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --device logdev --memory 160M
payload logdev
options --device logdev --memory 64M --set gstage_huge=off --set gstage_walk=recursive
payload logdev seed=271828
done_testing
