#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kselftest.t - Linux's own KVM selftests, each with few iterations, have the same results as those
# recorded on Linux KVM. `make kselftest` runs the selftests in full.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

[ -e "$O/kselftest/version" ] || skip_all "$O/kselftest is missing: scripts/hyperscope setup kselftest builds it"
only=()
if grep -qw timer=hrtimer <<<"${HYPERSCOPE_SET:-}"; then
	diag "without arch_timer, which is skipped if the guest has no Sstc"
	mapfile -t only < <(sed -nE 's/^([a-z][a-z_-]+) *\|.*/\1/p' "$HS_TOP/tests/kselftest/programs" |
		grep -vx arch_timer | sort -u)
fi
"$HS_TOP/scripts/hyperscope" kselftest --out "$O" --short --no-instructions --timeout "$(scaled 60)" "${only[@]}"
