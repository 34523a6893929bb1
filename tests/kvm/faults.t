#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A fault costs the same among thousands of memory slots, and a store to an ioeventfd among a thousand
# of them; guest memory comes by 2 MiB while there is plenty, and by the page when there is little.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/kvm/claims.sh"

HS_SECONDS=60 hs exec --quiet --icount --ram 256M "$O/tests/kvm/faults"
claims "faults"
hs exec --quiet --icount "$O/tests/kvm/stores"
claims "stores"
done_testing
