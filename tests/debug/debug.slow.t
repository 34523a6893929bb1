#!/bin/bash
# SPDX-License-Identifier: MIT
#
# debug.slow.t - run the functional test files in QEMU, except slow ones, on the debug kernel, which
# panics if it finds a mistake; make each allocation of some workloads fail; and compare the order of
# locks that programs use with the declared one. left-out lists test files that are not run.
#
# Time-out: 7200 seconds.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
fixes "other toggles are tested by tests/toggles" all
here=$HS_TOP/tests/debug
cd "$HS_TOP" || exit 1

make -s -f "$HS_TOP/Makefile" O="$O" debug-kernel >"$tmp/out" 2>&1
ok $? "the debug kernel can be built" || diag "$(tail -n 5 "$tmp/out")"
needs_built "$O/debug/hyperscope.bin" "$O/tests/debug/fail_alloc"
export HYPERSCOPE_KERNEL=debug

HS_SECONDS=180 hs exec --quiet --cpu max "$O/tests/debug/fail_alloc"
relay "$(grep -v '^# site ' <<<"$out")"
is "$status" 0 "fail_alloc, which makes allocations fail, runs to its end" || diag "$err"
is "$("$here/alloc-sites" "$O/debug/hyperscope.elf" <<<"$out" 2>&1 | grep '^src/' | LC_ALL=C sort -u)" \
	"$(sed -n 's/^\(src[^ ]*\) .*/\1/p' "$here/unreached" | LC_ALL=C sort -u)" \
	"each allocation fails in some workload, or is listed in unreached"

files=()
for name in memory userfaultfd hugetlb process thread signal_process jobctl futex vm hostile; do
	files+=(--file "$O/tests/linux-abi/$name:/abi/$name")
done
HS_SECONDS=60 hs exec --boot debug.locks=1 "${files[@]}" "$O/tests/linux-abi/suite" \
	$(printf '%s\n' "${files[@]}" | sed -n 's/.*://p')
tr -d '\r' <<<"$err" | sed -n 's/^host: lock order: //p' >"$tmp/learned"
[ "$(wc -l <"$tmp/learned")" -ge 50 ]
ok $? "the debug kernel prints the order in which locks were taken" || diag "$err"
is "$(PYTHONPATH=scripts python3 -B - "$tmp/learned" <<'EOF'
import re
import sys
from hs.lock_classes import levels
known = levels()
for line in open(sys.argv[1], encoding="utf-8"):
    outer, inner = (re.sub(r" \S+$", "", part) for part in line.strip().split(" > "))
    if known[outer][0] > known[inner][0] or known[outer][0] == known[inner][0] and not (outer == inner and known[outer][1]):
        print(line, end="")
EOF
)" "" "the printed orders of locks agree with docs/locking.md"

unlike "$(grep -v '^#' "$here/left-out" | while read -r f _; do [ -f "$f" ] || echo "$f"; done)" . \
	"each file in left-out exists"
for f in tests/{boot,guest,kvm,kvm-api,kselftest,linux-abi}/*.t; do
	case $f in *.slow.t) continue ;; esac
	grep -q "^$f " "$here/left-out" || passes "$f" "$f on the debug kernel" "HYPERSCOPE_KERNEL=debug $f"
done
done_testing
