#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Four VMs that differ in gstage_walk and gstage_huge get the same 10^6 random steps.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

program=$O/tests/native/test_gstage_vms
needs_built "$program"
HS_STEPS=1000000 timeout "$(scaled 300)" "$program" >"$tmp/out" 2>&1
ok $? "10^6 steps end in the same tables, logs and pages" || diag "$(tail -n 20 "$tmp/out")"
done_testing
