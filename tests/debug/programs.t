#!/bin/bash
# SPDX-License-Identifier: MIT
#
# programs.t - payloads in VMs, and programs that test /dev/kvm and the host's system calls, on the
# debug kernel, which panics if it finds a mistake. debug.slow.t runs all functional tests on it.
#
# Time-out: 300 seconds.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/guest/payloads.sh"
fixes "other toggles are tested by tests/toggles" all
need_files

programs=(kvm-api/{run,regs,reset,edges,sbi} kvm/l2_page
	linux-abi/{memory,process,thread,signal,jobctl,futex,vm,shortage,hugetlb,file_io,file_wait,file_race,directories})
make -s -f "$HS_TOP/Makefile" O="$O" debug-kernel "${programs[@]/#/$O/tests/}" >"$tmp/out" 2>&1
ok $? "the debug kernel and the programs can be built" || diag "$(tail -n 5 "$tmp/out")"
export HYPERSCOPE_KERNEL=debug

mkdir -p "$tmp/old/debug"
cp "$O/debug/hyperscope.bin" "$tmp/old/debug/" && touch -d 2000-01-01 "$tmp/old/debug/hyperscope.bin"
echo "kvm.o: $HS_TOP/src/kvm/kvm.h" >"$tmp/old/debug/kvm.d"
hs exec --quiet --out "$tmp/old" "$O/tests/progs/ends" exit 3
like "$status $err" "^3 hyperscope: .*debug/hyperscope.bin is older than .*src/kvm/kvm.h: run make DEBUG=1 to update it$" \
	"a debug kernel that is older than a file that it was built from is reported"

vm sbi sbi
vm timer timer
vm exits exits
vm mmio mmio --testdev
vm fp fp --vcpus 2
vm "harts, with H" harts --vcpus 2 --nested rounds=5
vm sbi_harts sbi_harts --vcpus 3
vm mmio_changed mmio_changed --testdev
vm hostile hostile --vcpus 2 --testdev
vm nested nested --nested
boot hyperscope

files=()
for name in "${programs[@]}"; do files+=(--file "$O/tests/$name:/t/${name#*/}"); done
HS_SECONDS=100 hs exec --quiet --harts 2 --env HS_OURS=1 "${files[@]}" "$O/tests/linux-abi/suite" "${programs[@]/#*\///t/}"
is "$status" 0 "programs that test /dev/kvm and system calls pass" ||
	diag "$(grep -A 2 '^not ok' <<<"$out")" "$(grep -A 12 -i panic <<<"$err")"
done_testing
