#!/bin/bash
# SPDX-License-Identifier: MIT
#
# debug.slow.t - run the functional test files in QEMU, except slow ones, on the debug kernel, which
# panics if it finds a mistake; make each allocation of some workloads fail; and find declared levels
# of locks that no program needs. left-out lists test files that are not run, unreached allocations
# that do not fail, and not-nested locks whose level is not confirmed.
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

# ---- the order of locks that programs use ----
learn()	# TITLE HS-OPTIONS...: run programs, and add the pairs of locks that they take to $tmp/learned
{
	HS_SECONDS=200 hs exec --boot debug.locks=1 --env HS_OURS=1 "${@:2}"
	is "$status" 0 "$1: the programs pass on the debug kernel" ||
		diag "$(grep -A 2 '^not ok' <<<"$out")" "$(tail -n 15 <<<"$err")"
	tr -d '\r' <<<"$err" | sed -n 's/^host: lock order: //p' >>"$tmp/learned"
}

suite()	# TITLE FOLDER NAME...: the same for programs of a folder, in one boot
{
	local name files=() names=()
	for name in "${@:3}"; do files+=(--file "$O/tests/$2/$name:/t/$name") names+=("/t/$name"); done
	learn "$1" --harts 2 "${files[@]}" "$O/tests/linux-abi/suite" "${names[@]}"
}

suite "processes" linux-abi memory process thread signal signal_process jobctl futex userfaultfd hostile page_idle limits vm hugetlb
suite "files" linux-abi file_io file_killed file_wait file_race directories file_tree file_socket file_tty file_leak memory_random \
	shortage shortage_memory seccomp zero_page rseq
truncate -s 16M "$tmp/disk"
learn "a disk" --disk "$tmp/disk" "$O/tests/linux-abi/file_disk"
suite "/dev/kvm" kvm-api errors caps ring run regs reset ids lacks debug bus stats edges sbi lazy_put logged tally
learn "an AIA" --harts 2 --cpu max "$O/tests/kvm-api/aia"
learn "an AIA with direct delivery" --harts 2 --machine aia "$O/tests/kvm-api/aia_direct"
learn "guest memory" --harts 2 "$O/tests/kvm/pages"
learn "guest memory that changes" --harts 2 "$O/tests/kvm/stress" 5
learn "random system calls" --harts 2 "$O/tests/syscalls/program" 300 1
PYTHONPATH=scripts python3 -B -c '
import re
import sys
from hs.lock_classes import levels
known, pairs = levels(), {tuple(re.sub(r" \S+$", "", lock) for lock in line.strip().split(" > ")) for line in sys.stdin}
nested = {lock for pair in pairs for lock in pair}
print("\n".join(sorted(set(known) - nested) + ["%s (nests)" % lock for lock in known if known[lock][1] and (lock, lock) not in pairs]))
' <"$tmp/learned" >"$tmp/unused"
# lock.c panics if a pair contradicts the levels. This is the other direction: are the levels needed?
is "$(cat "$tmp/unused")" "$(grep -v '^#' "$here/not-nested" | sed -E 's/^(\S+( \(\S+\))?) .*/\1/' | LC_ALL=C sort)" \
	"each lock is taken under another or has another taken under it, or is listed in not-nested"

unlike "$(grep -v '^#' "$here/left-out" | while read -r f _; do [ -f "$f" ] || echo "$f"; done)" . \
	"each file in left-out exists"
for f in tests/{boot,guest,kvm,kvm-api,kselftest,linux-abi}/*.t; do
	case $f in *.slow.t) continue ;; esac
	grep -q "^$f " "$here/left-out" || passes "$f" "$f on the debug kernel" "HYPERSCOPE_KERNEL=debug $f"
done
done_testing
