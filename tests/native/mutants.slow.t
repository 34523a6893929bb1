#!/bin/bash
# SPDX-License-Identifier: MIT
#
# mutants.slow.t - the native tests can fail: for each rule of docs/locking.md, and for the ownership of
# the FP unit, the core is built with the rule broken in one place, and the test for that rule has to
# detect it.
#
# A mutant is a file of src/kvm, a Perl substitution that must change it, and the program that has to
# fail: by a claim, a sanitizer, the native host, or by hanging (mutants.sh). One rule is left out, that
# enter_own() reads the generation again: without it, only an HLV right after a preemption could use
# another VM's translation, because vmid_update() repairs it before each entry.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

. "$HS_TOP/tests/native/mutants.sh"
unbroken test_dirty_log test_exits test_fault test_fp test_kick test_lazy_put test_notifier test_pieces test_pmu_events test_race_life test_race_memory test_tlb_flush test_vmid

# ---- faults, invalidations, fences ----
mutant "1, a spinning lock held while the page is looked up" gstage_fault.c \
	's/(ret = hv_user_page_look\(.*?;)/spin_lock(&vcpu->kvm->gstage.mmu_lock); $1 spin_unlock(&vcpu->kvm->gstage.mmu_lock);/s' \
	test_fault
mutant "2, a fault does not compare the number" gstage_fault.c \
	's/return gs->inval_seq != seq;/return false;/' test_fault
mutant "3, a fault does not check for invalidations in progress" gstage_fault.c \
	's/if \(gs->inval_count && /if (0 && /' test_fault
mutant "3, a fault compares its page and not its whole leaf" gstage_fault.c \
	's/u64 size = gstage_size\(level\);(\s+hva_t start)/u64 size = PAGE_SIZE + 0 * level;$1/' \
	test_notifier
mutant "4, an invalidation does not fence" notifier.c \
	's/tlb_flush_pending\(vm, &pending\);/gstage_fenced(&vm->gstage); gstage_free_retired(pending.retired);/' \
	test_race_memory
mutant "4, an invalidation does not announce itself" notifier.c \
	's/gs->inval_count\+\+;//; s/gs->inval_count--;//' test_fault
mutant "4, the end of an invalidation does not change the number" notifier.c \
	's/gstage_invalidated\(gs\);//' test_fault
mutant "5, a new map does not change the number" memslot.c \
	's/gstage_invalidated\(&vm->gstage\);//' test_fault
mutant "5, a new map leaves stale pages mapped" memslot.c \
	's/unmap_stale\(vm, u\);/(void)unmap_stale;/' test_race_memory
mutant "8, a notifier callback takes slots_lock" notifier.c \
	's/(spin_lock\(&gs->mmu_lock\);\n\tif \(opens\))/hv_mutex_lock(&vm->slots_lock); hv_mutex_unlock(&vm->slots_lock); $1/' \
	test_fault
mutant "dirty log: a write does not mark" gstage_fault.c \
	's/dirty_log_mark\(.*?\);/;/s' test_race_memory
mutant "dirty log: a page of bits with a mark counts as clean" dirty_log.c \
	's/\*entry \|= BITS_DIRTY;(\n\tword)/$1/' test_dirty_log
mutant "dirty log: without memory a mark is lost" dirty_log.c \
	's/\*entry = BITS_DIRTY;(\n\treturn false)/$1/' test_dirty_log
mutant "dirty log: clearing some bits of a full page clears all" dirty_log.c \
	's/if \(!mask_covers\(.*?\)\)\n/if (0)\n/' test_dirty_log
mutant "a range of pages is invalidated without the last fence" tlb_range.c \
	's/sfence_inval_ir\(\);//g' test_tlb_flush
mutant "a fence of everything drops nothing" tlb_all.c \
	's/hfence_gvma_vmid\(vmid\);//' test_tlb_flush

# ---- long changes in pieces ----
mutant "21, a range is not announced between two pieces" gstage.c \
	's/(\tspin_unlock\(&gs->mmu_lock\);\n\thv_poll_interrupts\(\);\n\tspin_lock\(&gs->mmu_lock\);)/\tunsigned int n = gs->inval_count; gs->inval_count = 0;\n$1 gs->inval_count = n;/' \
	test_pieces
mutant "21, changes of a piece count as fenced" gstage.c \
	's/(void gstage_pause.*?gstage_take_pending_flush\(gs\);\n)(.*?)\tgstage_fenced\(gs\);/$1\tif (pending.fence) gstage_fenced(gs);\n$2/s' \
	test_pieces
mutant "21, changes of a piece lose their pending flush" gstage.c \
	's/(void gstage_pause.*?)if \(pending\.end\)/$1if (0)/s' test_pieces
mutant "21, tables that a piece has retired are lost" gstage.c \
	's/retire_again\(gs, pending\.retired\);/(void)retire_again;/' test_pieces
mutant "21, a table is freed with a leaf mapped between two pieces" gstage.c \
	's/first < range->from && !table_is_empty\(gs, \*ptep\)/(void)table_is_empty, 0/' test_pieces
mutant "21, the whole range is one piece" gstage.c \
	's/(\.from = start,\s+\.what = what)/$1, .at_once = true/' test_pieces
mutant "5, an invalidation does not check the slot being removed" notifier.c 's/if \(vm->removed_slot\)/if (0)/' test_pieces
mutant "dirty log: a mark between two pieces is lost" dirty_log.c \
	's/if \(any && !take\)\n\t\t\*entry \|= BITS_DIRTY/*entry = bits_page(*entry) | (any && !take)/' test_pieces

# ---- entry and kick ----
mutant "9, requests are not checked after IN_GUEST" run.c \
	's/if \(READ_ONCE\(vcpu->requests\)\) \{(\s+__atomic_store_n)/if (0) {$1/' test_kick
mutant "9, an exit does not check for signals" exit.c \
	's/vcpu_set_request\(vcpu, REQ_HOST\);//' test_race_life
mutant "9, no fence between IN_GUEST and the last check" run.c \
	's/(mode, VCPU_IN_GUEST.*?)__atomic_thread_fence\(__ATOMIC_SEQ_CST\);/$1/s' test_kick
mutant "9, the fence precedes IN_GUEST" run.c \
	's/(\t__atomic_store_n\(&vcpu->mode, VCPU_IN_GUEST.*?;\n)(\t__atomic_thread_fence\(.*?;\n)/$2$1/' test_kick
mutant "10, a kick does not fence" request.c \
	's/(void kick\(.*?)__atomic_thread_fence\(__ATOMIC_SEQ_CST\);/$1/s' test_kick
mutant "10, a kick has only a release fence" request.c \
	's/(void kick\(.*?__ATOMIC_)SEQ_CST/$1RELEASE/s' test_kick
mutant "10, a vCPU that falls asleep does not fence" vcpu.c \
	's/(VCPU_ASLEEP\);\s+)__atomic_thread_fence\(__ATOMIC_SEQ_CST\);/$1/' test_kick
mutant "10, a vCPU that begins to idle does not fence" halt_poll.c \
	's/__atomic_thread_fence\(__ATOMIC_SEQ_CST\);//' test_kick
mutant "10, a running vCPU is not kicked" request.c \
	's/hv_hart_kick\(READ_ONCE\(vcpu->hart\)\);//' test_kick
mutant "10, an idle hart is not kicked" request.c \
	's/kick_hart\(vcpu, &vcpu->blocking,.*?;/;/s' test_kick
mutant "10, an idling vCPU does not check again" halt_poll.c \
	's/while \(found && !check_as_idle\(vcpu, over\) && /while (found && /' test_kick
mutant "10, a sleeping vCPU is not woken" request.c \
	's/hv_wake_all\(&vcpu->waitq\);/;/' test_race_life
mutant "10, a line is marked without a request" irq.c \
	's/vcpu_request\(vcpu, REQ_IRQ\);//' test_race_life
mutant "11, nobody waits for a vCPU" request.c \
	's/(!= VCPU_OUTSIDE) &&/$1 \&\& 0 \&\&/' test_race_memory
mutant "12, HLVX does not count as an entry" unpriv.c \
	's/(__atomic_store_n\(&vcpu->mode, VCPU_)IN_GUEST/$1OUTSIDE/' test_race_memory
mutant "a start leaves no request" hsm.c \
	's/if \(stopped\)\n\t\tvcpu_request\(vcpu, REQ_HSM\);//' test_race_life

# ---- harts and VMIDs ----
mutant "13, a vCPU that moves to another hart drops nothing" vcpu.c \
	's/tlb_flush_vm_local\(vm\);//' test_race_memory
mutant "14, a hart does not drop a generation" vmid.c \
	's/if \(hart_generation\[hart\] != now\) \{/if (0) {/' test_vmid
mutant "15, a put leaves hgatp loaded" vmid.c \
	's/(void gstage_vcpu_put.*?)csr_write\(hgatp, 0\);/$1/s' test_vmid
mutant "15, no fence after MODE changes under VMID 0" vmid.c \
	's/hfence_gvma_vmid\(0\);//' test_vmid

# ---- lives ----
mutant "a vCPU does not hold its VM" api.c 's/vm_hold\(vm\);//' test_race_life
mutant "an eventfd is put while it may be signalled" ioeventfd.c \
	's/hv_event_signal\((.*?), 1\);/hv_event_put($1); hv_event_signal($1, 1);/' test_race_life

# ---- lazy put ----
mutant "20, other ioctls do not finish the put" api_vcpu.c 's/vcpu_finish_put\(vcpu\);/;/' test_lazy_put
mutant "20, destroying a VM does not finish the put" create.c 's/vcpu_finish_put\(vcpu\);/(void)vcpu;/' test_lazy_put
mutant "20, another thread's vCPU counts as this thread's" lazy_put.c \
	's/vcpu->put_pending && hook == &vcpu->sched_hook/vcpu->put_pending/' test_lazy_put
mutant "20, a thread's other vCPU is not put" lazy_put.c 's/hook->out\(hook\); \/\*/\/*/' test_lazy_put
mutant "20, the put counts as finished before the state is in memory" lazy_put.c \
	's/(hook = hv_sched_hook_get\(\);\n)/$1\tif (vcpu->put_pending && hook != &vcpu->sched_hook) { WRITE_ONCE(vcpu->put_pending, false); vcpu_load(vcpu); return; }\n/' \
	test_lazy_put

# ---- FP and vector ----
mutant "FP: the unit's owner counts, though the vCPU ran on another hart since" fp.c \
	's/return vcpu->fp_hart == hv_hart\(\) && /return /' test_fp
mutant "FP: the unit counts as unchanged though the host used it" fp.c \
	's/ && hv_fp_is_of\(vcpu\)//' test_fp
mutant "FP: the host is not asked for the unit" fp.c 's/hv_fp_take\(vcpu\);//' test_fp
mutant "FP: a write by ONE_REG leaves the unit valid" onereg.c 's/fp_forget\(vcpu\);//' test_fp
mutant "FP: a reset leaves the unit valid" fp.c \
	's/(void fp_reset.*?\{\n)\tfp_forget\(vcpu\);/$1/s' test_fp
mutant "FP: a Clean unit loses fcsr" fp.c 's/fp_save_fcsr\(&vcpu->fp\);//' test_fp
mutant "FP: illegal instructions stay delegated" fp.c \
	's/hedeleg &= ~BIT\(EXC_ILLEGAL_INST\);/(void)vcpu;/' test_fp
mutant "FP: a trap fills the wrong unit" fp_lazy_trap.c 's/vector = false;/fp = false;/' test_fp
mutant "FP: with FP and vector off each illegal instruction traps into the core" fp_lazy_trap.c \
	's/if \(!fp && !vector\)/if (!(vsstatus & (SSTATUS_FS | SSTATUS_VS)) || (!fp && !vector))/' test_fp
mutant "vector: the vCPU's hart counts, though it has moved since" vector.c \
	's/vcpu->vector_hart == hv_hart\(\) && //' test_fp
mutant "vector: the unit counts as unchanged though another vCPU used it" vector.c \
	's/ && unit_of\[hv_hart\(\)\] == vcpu//' test_fp
mutant "vector: a Clean unit loses vcsr" vector.c \
	's/vector_save_csrs\(&vcpu->vector\);//' test_fp
mutant "FP: a counter delegates the first use" pmu.c \
	's/fp_delegate\(vcpu\);/csr_write(hedeleg, vcpu->hedeleg);/' test_pmu_events
for variant in eager lazy_save lazy_trap; do
	mutant "FP: $variant saves nothing" fp_$variant.c \
		's/fp_save(_changed)?\(vcpu\);/fp_set_state(vcpu, FS_OFF);/' test_fp
done

# ---- the ways of an exit ----
mutant "fast path: WFI in VU is executed" fastpath.c \
	's/ \|\|\s+!\(csr_read\(sstatus\) & SSTATUS_SPP\)//' test_exits
mutant "fast path: an extension that is off answers" fastpath.c \
	's/return vcpu->sbi_ext >> ext & 1;/return vcpu || ext;/' test_exits
mutant "fast path: a fence for other vCPUs is done for this one only" fastpath.c \
	's/return sbi_names_only\(.*?\);/return vcpu;/s' test_exits
mutant "fast path: the vCPU counts as outside" fastpath.c \
	's/(#include "kvm.h")/$1\n#include "request.h"/; s/(vcpu->stats.exits\+\+;)/$1 vcpu->mode = VCPU_OUTSIDE;/' test_kick
mutant "fast path: an exit is not counted" fastpath.c 's/vcpu->stats.exits\+\+;//' test_exits
mutant "switch=full: a CSR is not saved" vcpu.c \
	's/csrs->vsscratch = csr_read\(vsscratch\);//' test_exits
mutant "switch=full: FP is not put" vcpu.c 's/vcpu->fp_ops->put\(vcpu\);//' test_exits

done_testing
