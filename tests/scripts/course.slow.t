#!/bin/bash
# SPDX-License-Identifier: MIT
#
# course.slow.t - every lab works: its solution gets all points, its starter builds and stops at a named
# function, and another student's solution does not pass.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
export HYPERSCOPE_SET=
said=$("$HS_TOP/scripts/hyperscope" course --out "$O" 2>"$tmp/err")
status=$?
relay "$said"
[ $status = 0 ] && [ "$tests_run" -ge 3 ] && ! grep -v '^course: lab ' "$tmp/err"
ok $? "scripts/hyperscope course runs to completion" || diag "status $status" "$(tail -n 3 "$tmp/err")"
done_testing
