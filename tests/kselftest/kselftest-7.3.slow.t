#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kselftest-7.3.slow.t - the KVM selftests of Linux 7.3, with few iterations, have the same results
# as those recorded on Linux KVM. `make kselftest VERSION=7.3` runs them in full.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

[ -e "$O/kselftest_7_3/version" ] || skip_all "$O/kselftest_7_3 is missing: scripts/hyperscope setup kselftest-7.3 builds it"
"$HS_TOP/scripts/hyperscope" kselftest --out "$O" --version 7.3 --short --no-instructions --timeout "$(scaled 120)"
