#!/bin/bash
# SPDX-License-Identifier: MIT
#
# With thousands of memory slots, a fault takes only the additional steps of a binary search. The
# same holds for a store to an ioeventfd with a thousand ioeventfds or zones of coalesced MMIO.
# Guest memory is allocated 2 MiB at a time while plenty of memory is free, and otherwise page by
# page.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/kvm/claims.sh"

HS_SECONDS=60 hs exec --quiet --icount --memory 256M "$O/tests/kvm/faults"
claims "faults"
hs exec --quiet --icount "$O/tests/kvm/stores"
claims "stores"
done_testing
