#!/bin/bash
# SPDX-License-Identifier: MIT
#
# history.slow.t - reintroduce past bugs of this project one by one, and check that the test that
# came with each bug's fix detects the bug. docs/history.md describes the bugs.
#
# usage: tests/native/history.slow.t                reintroduce every bug
#        tests/native/history.slow.t --patch NAME   print one bug as a patch for git apply
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

names=()
mistake()	# NAME FILE SUBSTITUTION PROGRAM
{
	names+=("$1")
	if [ -z "$wanted" ]; then
		mutant "$@"
	elif [ "$wanted" = "$1" ]; then
		cd "$HS_TOP" || exit 125
		file=$(ls src/kvm/"$2" src/kvm/*/"$2" 2>/dev/null)
		perl -0pe "$3" "$file" | diff -u --label "a/$file" --label "b/$file" "$file" -
		[ $? = 1 ] || { echo "history: the substitution of $1 no longer changes $2" >&2; exit 1; }
		exit 0
	fi
}

wanted=
if [ $# -gt 0 ]; then
	[ $# = 2 ] && [ "$1" = --patch ] || { echo "usage: tests/native/history.slow.t [--patch NAME]" >&2; exit 2; }
	wanted=$2
else
	. "$HS_TOP/tests/native/mutants.sh"
	unbroken test_vmid test_run test_sbi test_sbi_susp test_sbi_sta test_notifier test_mmio test_lazy_put \
		test_pieces test_fp test_pmu_events test_sbi_fwft test_fault test_restart test_onereg
fi

mistake vmid-width vmid.c 's/if \(len < bits_of\(vmid_max\)\)\n(\s+set_vmid_len\()len\);\n.*?;\n/$1MIN(vmid_len, len));\n/s' test_vmid
mistake awake-host vcpu.c 's/csr_swap\(hvip, 0\)/csr_read(hvip)/' test_run
mistake lost-wire irq.c 's/~\(BIT\(IRQ_VS_SOFT\) \| BIT\(IRQ_VS_TIMER\)\)/~VS_LINES/' test_sbi_susp
mistake lost-ipi hsm.c 's/(static void reset_later.*?)\tvcpu_drop_irqs\(vcpu\);\n/$1/s; s/(\tif \(reset\))\n(\t\tvcpu_reset\(vcpu, pc, opaque\);)/$1 {\n\t\tvcpu_drop_irqs(vcpu);\n$2\n\t}/' test_sbi
mistake store-behind-slot memslot.c 's/(bool memslot_store_begin.*?)return vcpu->slots == [^;]*;/$1return true;/s' test_sbi_sta
mistake leaf-comes-back gstage_fault.c 's/u64 size = gstage_size\(level\);(\s+hva_t start)/u64 size = PAGE_SIZE + 0 * level;$1/' test_notifier
mistake fetch-of-given-page unpriv.c 's/\ttlb_flush_vm_local\(vcpu->kvm\);/\t;/' test_mmio
mistake signal-while-fetched run.c 's/if \(!\(READ_ONCE\(vcpu->requests\) & BIT\(REQ_HOST\)\) && hv_host_needed\(\)\)/if (0)/' test_lazy_put
mistake spinning-idle halt_poll.c 's/ && !line_is_pending\(\)//; s/static bool line_is_pending/static __attribute__((unused)) bool line_is_pending/' test_run
mistake slice-for-a-lock wfi.c 's/hv_hart_wanted\(\) \|\| //' test_run
mistake large-leaf-too-soon gstage_fault.c 's/ \|\| !READ_ONCE\(gs->huge\)//' test_pieces
mistake lost-rounding fp.c 's/fp_save_fcsr\(&vcpu->fp\);//' test_fp
mistake counter-delegates pmu.c 's/fp_delegate\(vcpu\);/csr_write(hedeleg, vcpu->hedeleg);/' test_pmu_events
mistake bare-remembered vmid.c 's/\ttrace_kvm_fence_gvma\(0, ~0ULL, 0\);\n\thfence_gvma_vmid\(0\);\n//' test_vmid
mistake few-vmids vmid.c 's/\tif \(!vmid_chosen\)\n\t\tdisable_if_few\(\);\n//' test_vmid
mistake old-setting fwft.c 's/\(\(vcpu->henvcfg \^ henvcfg\) & \(ENVCFG_ADUE \| ENVCFG_PMM\)\)/(0)/' test_sbi_fwft
mistake fault-for-ever gstage_fault.c 's/vcpu->spurious_gfn == gfn/0/' test_fault
mistake forgotten-table gstage.c 's/\*old = table;/(void)table;/' test_fault
mistake answer-after-reset vcpu.c 's/\tvcpu->completion\.complete = NULL;[^\n]*\n//' test_restart
mistake old-start-wins hsm.c 's/(void hsm_settle.*?)READ_ONCE\(vcpu->hsm_reset\)/$1hsm_start_is_pending(vcpu)/s' test_onereg
mistake timer-left-behind timer.c 's/\tif \(compare != TIMER_NEVER\)\n\t\tops->set\(vcpu, compare\);\n//' test_onereg

if [ "$wanted" ]; then
	echo "history: no bug is named '$wanted'; the names are ${names[*]}" >&2
	exit 2
fi
missing=
for name in "${names[@]}"; do
	grep -q "^### $name: " "$HS_TOP/docs/history.md" || missing+=" $name"
done
is "$missing" "" "docs/history.md describes each bug"
if [ "$(git -C "$HS_TOP" rev-parse --is-shallow-repository 2>/dev/null)" = false ]; then
	missing=
	for commit in $(grep -oE '`[0-9a-f]{7}`' "$HS_TOP/docs/history.md" | tr -d '`'); do
		git -C "$HS_TOP" merge-base --is-ancestor "$commit" HEAD 2>/dev/null || missing+=" $commit"
	done
	is "$missing" "" "every commit that docs/history.md names exists"
else
	skip "every commit that docs/history.md names exists" "this is not a git checkout with its history"
fi
done_testing
