#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The cost of a guest's memory, in instructions, grows with the number of pages that the guest
# touches and not with the size of the memory, up to 64 GiB. The exception is copying the dirty log,
# which has one bit per page. The test counts the instructions of faults, dirty-log harvests, aging,
# unmapping and freeing, with each walker. `make walk-cost` prints the cost of the same operations
# as a table, per page.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/kvm/claims.sh"

HS_SECONDS=60 hs exec --quiet --icount "$O/tests/kvm/linear"
claims "iterative"
HS_SECONDS=60 hs exec --quiet --icount --set gstage_walk=recursive "$O/tests/kvm/linear"
claims "recursive"
done_testing
