#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Take the same 10^6 random steps on four VMs that differ in gstage_walk and gstage_huge, and check
# that their tables, dirty logs and pages agree.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

program=$O/tests/native/test_gstage_vms
needs_built "$program"
HS_STEPS=1000000 timeout "$(scaled 300)" "$program" >"$tmp/out" 2>&1
ok $? "four VMs with different variants agree on tables, dirty logs and pages during 10^6 steps" || diag "$(tail -n 20 "$tmp/out")"
done_testing
