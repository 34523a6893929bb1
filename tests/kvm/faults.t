#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A fault costs the same among thousands of memory slots as among few, and so does a store to one of
# a thousand ioeventfds. Guest memory is allocated 2 MiB at a time while plenty is free, and
# otherwise page by page.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/kvm/claims.sh"

HS_SECONDS=60 hs exec --quiet --icount --ram 256M "$O/tests/kvm/faults"
claims "faults"
hs exec --quiet --icount "$O/tests/kvm/stores"
claims "stores"
done_testing
