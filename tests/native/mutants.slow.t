#!/bin/bash
# SPDX-License-Identifier: MIT
#
# mutants.slow.t - check that the native tests can fail. Build the core with one rule broken in one
# place: most rules of docs/locking.md have mutants, and so have fences, the dirty log, lifetimes,
# the FP and vector units, and the exit paths. The rule's test has to detect the mutant.
#
# A mutant is a file of src/kvm, a Perl substitution that must change it, and the program that has
# to fail: because of a claim, a sanitizer or the native host, or because it hangs (mutants.sh).
# Part of rule 14 has no mutant: enter_own() has to read the generation again after the VMID. If
# enter_own() did not, only an HLV right after a preemption could use another VM's translation,
# because vmid_update() repairs the VMID before each entry.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

. "$HS_TOP/tests/native/mutants.sh"
unbroken test_aplic_claim test_bus test_device_page test_dirty_log test_exits test_fault test_fp test_guest_file \
	test_guest_irq test_imsic_guest test_irqfd test_kick test_lazy_put test_memslot test_mmio test_nacl \
	test_nacl_features test_nested test_notifier test_pieces test_plic test_pmu_events test_pmu_state \
	test_race_life test_race_memory test_sbi test_sbi_legacy test_shadow test_shadow_cases test_shadow_protect \
	test_shadow_reverse test_shadow_tlb test_shadow_unprotect test_time test_tlb_flush test_vmid

# ---- faults, invalidations, fences ----
mutant "rule 1: mmu_lock is held while the page is looked up" gstage_fault.c \
	's/(ret = hv_user_page_look\(.*?;)/spin_lock(&vcpu->kvm->gstage.mmu_lock); $1 spin_unlock(&vcpu->kvm->gstage.mmu_lock);/s' \
	test_fault
mutant "rule 2: a fault does not compare inval_seq" gstage_fault.c \
	's/return gs->inval_seq != seq;/return false;/' test_fault
mutant "rule 3: a fault does not check for invalidations in progress" gstage_fault.c \
	's/if \(gs->inval_count && /if (0 && /' test_fault
mutant "rule 3: a fault checks its page instead of its whole leaf" gstage_fault.c \
	's/u64 size = gstage_size\(level\);(\s+hva_t start)/u64 size = PAGE_SIZE + 0 * level;$1/' \
	test_notifier
mutant "rule 4: an invalidation does not fence" notifier.c \
	's/tlb_flush_pending\(vm, &pending\);/gstage_fenced(&vm->gstage); gstage_free_retired(pending.retired);/' \
	test_race_memory
mutant "rule 4: an invalidation does not change inval_count" notifier.c \
	's/gs->inval_count\+\+;//; s/gs->inval_count--;//' test_fault
mutant "rule 4: the end of an invalidation does not change inval_seq" notifier.c \
	's/gstage_invalidated\(gs\);//' test_fault
mutant "rule 5: a new memory map does not change inval_seq" memslot.c \
	's/gstage_invalidated\(&vm->gstage\);//' test_fault
mutant "rule 5: a new memory map leaves stale pages mapped" memslot.c \
	's/unmap_stale\(vm, u\);/(void)unmap_stale;/' test_race_memory
mutant "rule 8: a notifier callback takes slots_lock" notifier.c \
	's/(spin_lock\(&gs->mmu_lock\);\n\tgs->no_sleep)/hv_mutex_lock(&vm->slots_lock); hv_mutex_unlock(&vm->slots_lock); $1/' \
	test_fault
mutant "dirty log: a write fault does not mark its page" gstage_fault.c \
	's/dirty_log_mark\(.*?\);/;/s' test_race_memory
mutant "dirty log: a page of bits with a mark counts as clean" dirty_log.c \
	's/\*entry \|= BITS_DIRTY;(\n\tword)/$1/' test_dirty_log
mutant "dirty log: a mark is lost if no page of bits can be allocated" dirty_log.c \
	's/\*entry = BITS_DIRTY;(\n\treturn false)/$1/' test_dirty_log
mutant "dirty log: clearing some bits of a full page of bits clears all" dirty_log.c \
	's/if \(!mask_covers\(.*?\)\)\n/if (0)\n/' test_dirty_log
mutant "dirty log: reading the log does not flush" dirty_log.c \
	's/if \(take\)\n\t\tflush_protected\(vm\);//' test_dirty_log
mutant "dirty log: clearing the log does not flush" dirty_log.c \
	's/if \(apply\)\n\t\tflush_protected\(vm\);//' test_dirty_log
mutant "fence.i: a page is executable before the host has fenced" gstage_fault.c \
	's/flags &= ~PTE_X;/;/' test_icache
mutant "fence.i: a fetch does not ask the host for an executable page" gstage_fault.c \
	's/if \(!fault->fetch\)\n\t\t\tflags/if (1)\n\t\t\tflags/' test_icache
mutant "fence.i: a store takes the permission to execute from a stale page" gstage_fault.c \
	's/pte = keep_x\(.*?;/;/' test_icache
mutant "the walk of the guest's tables does not look for a signal afterwards" vsstage.c 's/\tvcpu_set_request\(vcpu, REQ_HOST\);.*?\n//' test_vsstage
mutant "fence.i: the walk ignores that a leaf is not executable" vsstage.c \
	's/fault->fetch \? PTE_X : 0/0/' test_icache
mutant "fence.i: a nested guest's fetch is content with a leaf that is not executable" shadow.c \
	's/fault->fetch && !fault->implicit \? PTE_X : //' test_shadow
mutant "nested: a shadow leaf for a load may be without R and X" shadow.c 's/PTE_X : PTE_R \| PTE_X/PTE_X : PTE_V/' test_shadow_cases
mutant "nested: the walk for a fetch needs X" shadow.c 's/fault->fetch && !fault->implicit/fault->fetch/' test_shadow_cases
mutant "nested: a load that MXR permits does not make the VM's own leaf executable" nested_fault.c \
	's/!\(walk->pte & PTE_R\), /false, /' test_shadow_cases
mutant "an access of L2 to a register of its file that does not exist is illegal" nested_exit.c \
	's/(if \(nested_file_access.*?\)\)\n\t\treturn )false/$1(vcpu_inject_trap(vcpu, EXC_ILLEGAL_INST, vcpu->guest.sepc, insn), true)/s' test_guest_file
mutant "reserved registers of an IMSIC do not exist" irqchip/aia.c 's/select >= IMSIC_EIDELIVERY && /0 \&\& /' test_guest_file
mutant "an invalidation of all addresses unmaps nothing" notifier.c 's/\tend = MIN\(end, .*\n//' test_notifier
mutant "a fault that frees a table does not look for a signal" gstage_fault.c 's/if \(pending->retired\)/if (0)/' test_notifier
mutant "a timer that fires early is not armed again" timer.c 's/now < compare/0/' test_time
mutant "a fast load that wakes a thread does not end the run" fastpath.c 's/\tvcpu_request\(vcpu, REQ_HOST\); \/\* a load of.*\n//' test_aplic_claim
mutant "a legacy SBI call changes a1" sbi.c 's/if \(gpr\[GPR_A7\] > SBI_LEGACY_SHUTDOWN\)/if (1)/' test_sbi_legacy
mutant "a refused event of the PMU stops the counter" sbi_pmu.c 's/if \(was_started\)\n\t\t\tpmu_start/if (0)\n\t\t\tpmu_start/' test_pmu_state
mutant "fence.i: HLVX is content with a leaf that is not executable" gstage_fault.c \
	's/vcpu->nested\.unpriv == UNPRIV_FETCH/0/' test_shadow_cases
mutant "guest files: the registers are read before the page is unmapped" imsic_guest.c \
	's/\tunmap_page\(imsic\);\n(.*?)(\timsic->file_hart = IMSIC)/$1\tspin_unlock(&imsic->lock);\n\tunmap_page(imsic);\n\tspin_lock(&imsic->lock);\n$2/s' \
	test_imsic_guest
mutant "guest files: the registers are read before all stores have arrived" imsic_guest.c \
	's/\twait_for_stores\(imsic\);\n//' test_imsic_guest
mutant "guest files: the core does not wait for its own store" imsic_guest.c \
	's/\twhile \(!\(csr_read\(vsireg\) & bit\)\)\n\t\thv_cpu_relax\(\);\n//' test_imsic_guest
mutant "guest files: the highest id is lost" imsic_guest.c \
	's/if \(!was_pending\)\n/if (1)\n/' test_imsic_guest
mutant "guest files: the id that the core stores stays pending" imsic_guest.c \
	's/if \(!was_pending\)\n/if (0)\n/' test_imsic_guest
mutant "guest files: the page is unmapped without a fence" imsic_guest.c \
	's/\ttlb_flush_page_at_once\(.*?;\n//' test_imsic_guest
mutant "guest files: the page is mapped before the registers are written" imsic_guest.c \
	's/(\tspin_lock\(&imsic->lock\);\n\tif \(READ_ONCE\(vcpu->hsm_stopped)/\tmap_page(imsic);\n$1/' \
	test_imsic_guest
mutant "guest files: ids that the VM does not have stay in the file" imsic_guest.c \
	's/words = words_of_file\(\);/words = nr_words ? nr_words : words_of_file();/' test_imsic_guest
mutant "guest files: a hart's file is not cleared before the first guest uses it" imsic_guest.c \
	's/if \(!initialized\[hart\]\)/if (0)/' test_imsic_guest
mutant "guest files: a vCPU that is put keeps the file" imsic_guest.c \
	's/\tselect_file\(vcpu, 0\);\n//' test_imsic_guest
mutant "fences: a range is invalidated without sfence.inval.ir" tlb_range.c \
	's/sfence_inval_ir\(\);//g' test_tlb_flush
mutant "fences: a vCPU in its guest is not fenced by the firmware" tlb.c \
	's/remote_fence_send\(&remote\);(\n\treturn reached)/$1/' test_race_memory
mutant "fences: the VS-stage translations of a vCPU outside of its guest are kept" tlb.c \
	's/vcpu_set_request\(vcpu, REQ_HFENCE_ALL\);/;/' test_tlb_flush
mutant "fences: the calling thread's own vCPU is not fenced" tlb.c \
	's/\ttlb_fence_local\(vm, fence\);\n\telse/\t;\n\telse/' test_fault
mutant "fences: the mode is read before the request is set" tlb.c \
	's/(kvm_for_each_vcpu\(i, vcpu, vm\)\n\t\tif \(vcpu != own\)\n\t\t\tvcpu_set_request\(.*?;\n)(.*?)(\tremote_fence_send)/$2\t$1$3/s' test_race_memory
mutant "fences: the remote fence names another VMID" tlb.c \
	's/(READ_ONCE\(vcpu->hart\), )READ_ONCE\(vcpu->vmid\)/$1READ_ONCE(vcpu->vmid) + 1/' test_race_memory
mutant "rule 5: the removal of a slot does not wait for stores by the host" memslot.c \
	's/pending\.all \|= u->old != NULL;//' test_memslot
mutant "rule 4: an invalidation does not search slots that were added to a chunk" memslot_map.c \
	's/(for \(i = 0; i < count; i\+\+\)\n\t\t)chunk_set_hull\(chunk\[i\]\);/$1(void)chunk[i];/' test_memslot
mutant "rule 4: an invalidation does not search a chunk from which a slot was removed" memslot_map.c \
	's/\tchunk_set_hull\(chunk\);\n(\tslots = copy)/$1/' test_memslot
mutant "fences: tlb_flush=all does not execute a G-stage fence" tlb_all.c \
	's/hfence_gvma_vmid\(vmid\);//' test_tlb_flush

# ---- long changes in pieces ----
mutant "rule 21: a range is not announced between two pieces" gstage.c \
	's/(\tspin_unlock\(&gs->mmu_lock\);\n\tgstage_yield\(.*?\tspin_lock\(&gs->mmu_lock\);)/\tunsigned int n = gs->inval_count; gs->inval_count = 0;\n$1 gs->inval_count = n;/s' \
	test_pieces
mutant "rule 21: the hart is not yielded between two pieces" gstage.c 's/gstage_yield\(pending\.no_sleep\)/gstage_yield(true)/' test_pieces
mutant "rule 8: the first pause sleeps although the host does not permit it" notifier.c \
	's/gs->no_sleep = !may_sleep;/(void)may_sleep;/' test_pieces
mutant "rule 8: the second pause sleeps although the host does not permit it" gstage.c \
	's/\tgs->no_sleep = pending\.no_sleep;\n//' test_pieces
mutant "rule 8: the freeing of tables sleeps although the host does not permit it" tlb.c \
	's/pending->retired, pending->no_sleep/pending->retired, false/' test_pieces
mutant "rule 8: no thread yields after an invalidation that must not" notifier.c \
	's/\tgs->no_sleep = false;\n//' test_pieces
mutant "rule 21: the changes of a piece count as fenced" gstage.c \
	's/(void gstage_pause.*?gstage_take_pending_flush\(gs\);\n)(.*?)\tgstage_fenced\(gs\);/$1\tif (pending.fence) gstage_fenced(gs);\n$2/s' \
	test_pieces
mutant "rule 21: the pending flush of a piece is lost" gstage.c \
	's/(void gstage_pause.*?)if \(pending\.end\)/$1if (0)/s' test_pieces
mutant "rule 21: tables that a piece has retired are lost" gstage.c \
	's/retire_again\(gs, pending\.retired\);/(void)retire_again;/' test_pieces
mutant "rule 21: a table is freed although a leaf was mapped in it between two pieces" gstage.c \
	's/first < range->from && !table_is_empty\(gs, \*ptep\)/(void)table_is_empty, 0/' test_pieces
mutant "rule 21: the whole range is one piece" gstage.c \
	's/(\.from = start,\s+\.what = what)/$1, .at_once = true/' test_pieces
mutant "rule 5: an invalidation does not search the slot being removed" notifier.c 's/if \(vm->removed_slot\)/if (0)/' test_pieces
mutant "dirty log: a mark made between two pieces is lost" dirty_log.c \
	's/if \(any && !take\)\n\t\t\*entry \|= BITS_DIRTY/*entry = bits_page(*entry) | (any && !take)/' test_pieces

mutant "rule 4: only the last change of a table of level 0 is flushed" gstage.c \
	's/first = first \? first : p;/first = p;/' test_notifier

# ---- entry and kick ----
mutant "rule 9: requests are not checked after IN_GUEST is stored" run.c \
	's/if \(READ_ONCE\(vcpu->requests\)\) \{(\s+__atomic_store_n)/if (0) {$1/' test_kick
mutant "rule 9: the run loop does not check for signals after an exit" exit.c \
	's/vcpu_set_request\(vcpu, REQ_HOST\);//' test_race_life
mutant "rule 9: no fence between storing IN_GUEST and the last check" run.c \
	's/(mode, VCPU_IN_GUEST.*?)__atomic_thread_fence\(__ATOMIC_SEQ_CST\);/$1/s' test_kick
mutant "rule 9: the fence precedes storing IN_GUEST" run.c \
	's/(\t__atomic_store_n\(&vcpu->mode, VCPU_IN_GUEST.*?;\n)(\t__atomic_thread_fence\(.*?;\n)/$2$1/' test_kick
mutant "rule 10: a kick does not execute a fence" request.c \
	's/(void kick\(.*?)__atomic_thread_fence\(__ATOMIC_SEQ_CST\);/$1/s' test_kick
mutant "rule 10: a kick executes only a release fence" request.c \
	's/(void kick\(.*?__ATOMIC_)SEQ_CST/$1RELEASE/s' test_kick
mutant "rule 10: a vCPU that falls asleep does not execute a fence" vcpu.c \
	's/(VCPU_ASLEEP\);\s+)__atomic_thread_fence\(__ATOMIC_SEQ_CST\);/$1/' test_kick
mutant "rule 10: a vCPU that begins to idle does not execute a fence" halt_poll.c \
	's/__atomic_thread_fence\(__ATOMIC_SEQ_CST\);//' test_kick
mutant "rule 10: a running vCPU is not kicked" request.c \
	's/kick_or_gather\(READ_ONCE\(vcpu->hart\), kicks\);//' test_kick
mutant "rule 10: an idle hart is not kicked" request.c \
	's/kick_hart\(vcpu, &vcpu->blocking,.*?;/;/s' test_kick
mutant "rule 10: an idling vCPU does not check its condition again" halt_poll.c \
	's/while \(found && !check_as_idle\(vcpu, over\) && /while (found && /' test_kick
mutant "rule 10: only the first of several kicks is sent" request.c \
	's/if \(kicks\)\n/if (kicks \&\& kicks->count)\n\t\treturn;\n\tif (kicks)\n/' test_kick
mutant "rule 10: a sleeping vCPU is not woken" request.c \
	's/hv_wake_all\(&vcpu->waitq, kicks\);/;/' test_race_life
mutant "rule 10: an interrupt line is raised without a request" irq.c \
	's/vcpu_request_gather\(vcpu, REQ_IRQ, kicks\);//' test_race_life
mutant "rule 11: a requester does not wait for the vCPU" request.c \
	's/(!= VCPU_OUTSIDE) &&/$1 \&\& 0 \&\&/' test_race_memory
mutant "rule 12: HLVX does not count as an entry" unpriv.c \
	's/(__atomic_store_n\(&vcpu->mode, VCPU_)IN_GUEST/$1OUTSIDE/' test_race_memory
mutant "HSM: a start does not set a request" hsm.c \
	's/if \(stopped\)\n\t\tvcpu_request\(vcpu, REQ_HSM\);//' test_race_life

# ---- harts and VMIDs ----
mutant "rule 13: a vCPU that moves to another hart does not drop translations" vcpu.c \
	's/tlb_flush_vm_local\(vm\);//' test_race_memory
mutant "rule 14: a hart keeps translations of an earlier generation" vmid.c \
	's/if \(hart_generation\[hart\] != now\) \{/if (0) {/' test_vmid
mutant "rule 15: a put leaves hgatp loaded" vmid.c \
	's/(void gstage_vcpu_put.*?)csr_write\(hgatp, 0\);/$1/s' test_vmid
mutant "rule 15: no fence after MODE changes under VMID 0" vmid.c \
	's/hfence_gvma_vmid\(0\);//' test_vmid

# ---- lifetimes ----
mutant "lifetime: a vCPU does not hold its VM" api.c 's/vm_hold\(vm\);//' test_race_life
mutant "lifetime: an eventfd is put before it is signaled" ioeventfd.c \
	's/hv_event_signal\((.*?), 1\);/hv_event_put($1); hv_event_signal($1, 1);/' test_race_life
mutant "rule 24: a removal does not wait for stores" bus.c 's/\twait_for_stores\(vm\);/\tif (!vm) wait_for_stores(vm);/' test_bus

# ---- lazy put ----
mutant "rule 20: a vCPU's other ioctls do not finish its put" api_vcpu.c 's/vcpu_finish_put\(vcpu\);/;/' test_lazy_put
mutant "rule 20: destroying a VM does not finish the put of its vCPUs" create.c 's/vcpu_finish_put\(vcpu\);/(void)vcpu;/' test_lazy_put
mutant "rule 20: another thread's vCPU counts as this thread's" run.c \
	's/(READ_ONCE\(vcpu->put_pending\) > PUT_NONE) && hook == &vcpu->sched_hook/$1/' test_lazy_put
mutant "rule 20: another thread's vCPU without its units counts as this thread's" lazy_put.c \
	's/hook == &vcpu->sched_hook && (READ_ONCE\(vcpu->put_pending\) ==)/$1/' test_lazy_put
mutant "rule 20: the vCPU that the thread ran before is not put" lazy_put.c 's/hook->out\(hook\); \/\*/\/*/' test_lazy_put
mutant "rule 20: the put counts as finished before the state is in memory" run.c \
	's/(hook = hv_sched_hook_get\(\);\n)/$1\tif (vcpu->put_pending && hook != &vcpu->sched_hook) { WRITE_ONCE(vcpu->put_pending, false); vcpu_load(vcpu); return; }\n/' \
	test_lazy_put

# ---- FP and vector ----
mutant "FP: the unit counts as valid although the vCPU has run on another hart" fp.c \
	's/return vcpu->fp_hart == hv_hart\(\) && /return /' test_fp
mutant "FP: the unit counts as valid although the host has used it" fp.c \
	's/ && hv_fp_is_of\(vcpu\)//' test_fp
mutant "FP: the core uses the unit without hv_fp_take()" fp.c 's/hv_fp_take\(vcpu\);//' test_fp
mutant "FP: a write by ONE_REG leaves the unit valid" onereg.c 's/fp_forget\(vcpu\);//' test_fp
mutant "FP: the host takes the units before the guest's registers are saved" fp.c \
	's/\tvcpu->fp_ops->put\(vcpu\);\n(\tfp_forget)/$1/' test_fp
mutant "FP: the unit counts as valid although the host has given it to a program" fp.c \
	's/\tfp_forget\(vcpu\);\n(\tvcpu->fp_released)/$1/' test_fp
mutant "FP: the registers that the host has put are put again" fp.c 's/\(void\)vcpu;/fp_save(vcpu);/' test_fp
mutant "FP: a reset leaves the unit valid" fp.c \
	's/(void fp_reset.*?\{\n)\tfp_forget\(vcpu\);/$1/s' test_fp
mutant "FP: fcsr is not saved if the unit is Clean" fp.c 's/fp_save_fcsr\(&vcpu->fp\);//' test_fp
mutant "FP: illegal instructions stay delegated" fp.c \
	's/hedeleg &= ~BIT\(EXC_ILLEGAL_INST\);/(void)vcpu;/' test_fp
mutant "FP: a trap fills the wrong unit" fp_lazy_trap.c 's/vector = false;/fp = false;/' test_fp
mutant "FP: with FP and vector off, each illegal instruction traps into the core" fp_lazy_trap.c \
	's/if \(!fp && !vector\)/if (!(vsstatus & (SSTATUS_FS | SSTATUS_VS)) || (!fp && !vector))/' test_fp
mutant "vector: the unit counts as valid although the vCPU has moved to another hart" vector.c \
	's/vcpu->vector_hart == hv_hart\(\) && //' test_fp
mutant "vector: the unit counts as valid although another vCPU has used it" vector.c \
	's/ && unit_of\[hv_hart\(\)\] == vcpu//' test_fp
mutant "vector: the core uses the unit without hv_vector_take()" vector.c 's/hv_vector_take\(\);//' test_fp
mutant "vector: the unit counts as valid although the host has used it" vector.c \
	's/unit_of\[hv_hart\(\)\] = NULL;//' test_fp
mutant "vector: a changed unit is not loaded again after the host used it" vector.c \
	's/vcpu_set_request\(vcpu, REQ_VECTOR\);//' test_fp
mutant "vector: illegal instructions stay delegated after the host used the unit" vector.c \
	's/fp_delegate\(vcpu\);/;/' test_fp
mutant "vector: vcsr is not saved if the unit is Clean" vector.c \
	's/vector_save_csrs\(&vcpu->vector\);//' test_fp
mutant "FP: a started counter delegates the first use of FP" pmu.c \
	's/fp_delegate\(vcpu\);/csr_write(hedeleg, vcpu->hedeleg);/' test_pmu_events
for variant in eager lazy_save lazy_trap; do
	mutant "FP: $variant saves nothing" fp_$variant.c \
		's/fp_save(_changed)?\(vcpu\);/fp_set_state(vcpu, FS_OFF);/' test_fp
done

# ---- exit paths ----
mutant "fast path: WFI in VU is executed" fastpath.c \
	's/ \|\|\s+!\(csr_read\(sstatus\) & SSTATUS_SPP\)//' test_exits
mutant "fast path: a disabled SBI extension answers" fastpath.c \
	's/return vcpu->sbi_ext >> ext & 1;/return vcpu || ext;/' test_exits
mutant "fast path: a fence for other vCPUs is executed for this one only" fastpath.c \
	's/return sbi_names_only\(.*?\);/return vcpu;/s' test_exits
mutant "fast path: the vCPU counts as outside" fastpath.c \
	's/(#include "kvm.h")/$1\n#include "request.h"/; s/(vcpu->stats.exits\+\+;)/$1 vcpu->mode = VCPU_OUTSIDE;/' test_kick
mutant "fast path: an exit is not counted" fastpath.c 's/vcpu->stats.exits\+\+;//' test_exits
mutant "fast path: a load is not sign-extended" fastpath.c \
	's/\(unsigned long\)\(s32\)data;/(u32)data;/' test_exits
mutant "fast path: a misaligned access is carried out" fastpath.c \
	's/ \|\|\s+\(csr_read\(stval\) & 3\)//' test_exits
mutant "fast path: an access uses an old memory map" fastpath.c \
	's/ \|\|\s+vcpu->slots != __atomic_load_n\(&vm->slots, __ATOMIC_ACQUIRE\)//' test_device_page
mutant "fast path: a load signals an ioeventfd" fastpath.c \
	's/return is_store \? (fast_bus\(.*?\)) : declined\(vcpu\);/return $1;/' test_device_page
mutant "fast path: a store to an ioeventfd leaves no events" fastpath.c \
	's/trace_any\(\) \|\| //' test_device_page
mutant "fast path: wfi=native, and the irqchip wakes a thread" mmio.c \
	's/ && !vcpu->wfi_native//' test_device_page
mutant "switch=full: a CSR is not saved" vcpu.c \
	's/csrs->vsscratch = csr_read\(vsscratch\);//' test_exits
mutant "switch=full: FP is not put" vcpu.c 's/vcpu->fp_ops->put\(vcpu\);//' test_exits

# ---- guest memory that is mapped in the kernel ----
mutant "rule 27: the notifier does not unmap pages from the kernel" notifier.c 's/unmapped = guest_map_unmap\(vm, start, end\);//' test_nacl
mutant "rule 27: the notifier does not wait for a section" notifier.c 's/if \(unmapped\)/if (0)/' test_race_memory
mutant "rule 27: a second invalidation does not wait" guest_map.c 's/if \(map->hva >= end/if (!map->mapped || map->hva >= end/' test_nacl
mutant "rule 27: a page that is being invalidated is mapped" guest_map.c 's/if \(gs->inval_count && hva/if (0 \&\& hva/' test_nacl
mutant "rule 27: a page is mapped that has changed since the look-up" guest_map.c 's/if \(gs->inval_seq != seq\)/if (0)/' test_nacl
mutant "rule 27: registers of a device are mapped" guest_map.c 's/hv_user_page_get\(/hv_user_page_look(/; s/hv_user_page_put\(.*?;/;/' test_nacl
mutant "rule 27: a section does not say that it is in the guest" guest_map.c 's/!memslot_store_begin\(vcpu\) \|\| //' test_race_memory
mutant "rule 27: another memory map leaves the pages mapped" memslot.c 's/\tguest_map_set\(vcpu, vcpu->map.gpa\);\n//' test_nacl
mutant "rule 27: a store is not in the dirty log" guest_map.c 's/if \(!map->logged\)/if (1)/' test_nacl
mutant "NACL: only fences of one type are executed" nacl.c 's/FIELD_GET\(TYPE, config\) >= TYPE_VVMA/FIELD_GET(TYPE, config)/' test_nacl
mutant "NACL: a fence of the VS-stage drops nothing" nacl.c 's/\t\t\tshadow_fence_vvma\(.*?;\n/\t\t\t;\n/' test_nacl
mutant "NACL: a fence of the VS-stage is for all VMIDs" nacl.c 's/shadow_fence_vvma\(vcpu, FIELD_GET\(ENTRY_VMID, config\)\)/shadow_fence_vvma(vcpu, SHADOW_ANY_VMID)/' test_nacl
mutant "NACL: a fence of one VMID is for all" nacl.c 's/type & TYPE_VMID \?/0 ?/' test_nacl
mutant "NACL: a fence has only the first of its pages" nacl.c 's/\(\(number \+ count\) << shift\)/((number + 1) << shift)/' test_nacl
mutant "NACL: a fence has a page more" nacl.c 's/\(\(number \+ count\) << shift\)/((number + count + 1) << shift)/' test_nacl
mutant "NACL: the order of a fence is ignored" nacl.c 's/ \+ \(unsigned int\)FIELD_GET\(ORDER, config\)//' test_nacl
mutant "NACL: the range of a fence may overflow" nacl.c 's/ \|\| count > max - number//' test_nacl
mutant "NACL: only the last of several fences is executed" nacl.c 's/if \(fences == 1\)/if (fences)/' test_nacl
mutant "NACL: the register is accepted without the toggle" nacl.c 's/!nacl_permitted\(vcpu\) \|\| //' test_nacl
mutant "NACL: the register is accepted with a swap, but without AUTOSWAP_CSR" nacl.c 's/swap > nacl_permits\(.*?\)\)/swap > 1)/' test_nacl
mutant "NACL: the toggle omits no feature" nacl.c 's/all & ~BIT\(value - 2\)/all/' test_nacl_features
mutant "NACL: the toggle omits the wrong feature" nacl.c 's/~BIT\(value - 2\)/~BIT(value - 1)/' test_nacl_features
mutant "NACL: an absent feature is probed as present" sbi_nacl.c 's/nacl_permits\(vcpu, \(u32\)args\[0\]\)/(u32)args[0] < NACL_FEATURES/' test_nacl_features
mutant "NACL: the function of an absent feature is executed" sbi_nacl.c 's/!nacl_has\(vcpu, feature\)/!nacl_is_on(vcpu)/' test_nacl_features
mutant "NACL: the function of an absent feature has the wrong error" sbi_nacl.c 's/nacl_permits\(vcpu, feature\) \? //; s/ : SBI_ERR_NOT_SUPPORTED;/;/' test_nacl_features
mutant "NACL: without the memory, a function has the wrong error" sbi_nacl.c 's/nacl_permits\(vcpu, feature\) \? SBI_ERR_NO_SHMEM : //' test_nacl_features
mutant "NACL: sync_sret applies CSRs without SYNC_CSR" nacl.c 's/\tif \(nacl_has\(vcpu, NACL_SYNC_CSR\)\)\n//' test_nacl_features
mutant "NACL: sync_sret executes fences without SYNC_HFENCE" nacl.c 's/\tif \(nacl_has\(vcpu, NACL_SYNC_HFENCE\)\)\n//' test_nacl_features
mutant "NACL: sync_sret swaps hstatus without AUTOSWAP_CSR" nacl.c 's/\tif \(nacl_has\(vcpu, NACL_AUTOSWAP_CSR\)\)\n//' test_nacl_features
mutant "NACL: an exit swaps hstatus without AUTOSWAP_CSR" nested.c 's/ && nacl_has\(vcpu, NACL_AUTOSWAP_CSR\)//' test_nacl_features
mutant "NACL: a mark keeps a value without SYNC_CSR" nacl.c 's/nacl_has\(vcpu, NACL_SYNC_CSR\) && any_dirty/any_dirty/' test_nacl_features
mutant "NACL: marks of CSRs are not found" nacl.c 's/WORDS \/ BITS_PER_LONG\)/WORDS \/ BITS_PER_LONG \/ 2)/' test_nacl_features

# ---- nested virtualization: Ssaia ----
mutant "nested: L2 uses L1's registers of Ssaia" nested.c 's/\tif \(vcpu->has_aia\) \{\n/\tif (0) {\n/' test_nested
mutant "nested: what L1 has written to siselect is lost" nested.c 's/\t\taia_put\(vcpu\);/\t\t;/' test_nested
mutant "nested: L1 gets L2's registers of Ssaia" nested.c 's/\t\taia_load\(vcpu\);/\t\t;/' test_nested
mutant "nested: what L2 has written to siselect is lost" nested.c 's/\t\tn->vsiselect = csr_read\(vsiselect\);/\t\t;/' test_nested
mutant "nested: vstopi is L1's" nested_insn.c 's/\tnested_enter\(vcpu\);\n(\tvalue = csr_read\(vstopi\);)/$1/' test_nested
mutant "nested: vstopi can be written" nested_insn.c 's/\t\tif \(access->write_mask\)\n\t\t\treturn false;\n(\t\t\*old = read_vstopi)/$1/' test_nested
mutant "nested: vstopi exists without Ssaia" nested_insn.c 's/\tif \(!vcpu->has_aia\)\n\t\treturn false;\n//' test_nested
mutant "nested: an interrupt in hvictl does not end a WFI" nested_irq.c 's/ \|\| nested_has_virtual_irq\(n\)//' test_nested
mutant "nested: one in hvictl does not end a WFI of L1" nested.c 's/ \|\|\s+nested_has_virtual_irq\(n\)//' test_nested
mutant "nested: without Ssaia, hvictl stays" nested_csr.c 's/\t\tn->hvictl = 0;/\t\t;/' test_nested
mutant "nested: hvictl holds any value" nested_csr.c 's/\t\t\*writable = HVICTL_WRITABLE;\n//' test_nested
mutant "nested: hviprio1 holds any value" nested_csr.c 's/\t\t\*writable = aia_holds.hviprio1;\n//' test_nested
mutant "nested: hvien has a bit without Sscofpmf" nested_csr.c 's/vcpu->has_aia && isa_has\(vcpu, KVM_RISCV_ISA_EXT_SSCOFPMF\)/vcpu->has_aia/' test_nested
mutant "nested: a removed Sscofpmf leaves its bit in hvip" nested_csr.c 's/\tn->hvip &= VS_LINES \| n->hvien_writable;\n//' test_nested
mutant "nested: after a reset, hvien stays 0" nested.c 's/,\s+\.hvien_writable = n->hvien_writable//' test_nested
mutant "nested: hip shows the bits of hvien" nested_irq.c 's/\(vcpu->nested.hvip & VS_LINES\)/(vcpu->nested.hvip)/' test_nested
mutant "nested: vsip shows the bits that hvien lacks" nested_csr.c 's/\(n->hvip & n->hvien\)/n->hvip \& BIT(IRQ_PMU_OVF)/' test_nested
mutant "nested: vsie shows the bits that hvien lacks" nested_csr.c 's/\(n->vsie & n->hvien\)/n->vsie/' test_nested
mutant "nested: L2 has L1's hvien" nested.c 's/csr_swap\(hvien, \(unsigned long\)n->hvien\)/csr_read(hvien)/' test_nested
mutant "nested: L1 has L2's hvien" nested.c 's/\tif \(vcpu->has_aia\)\n\t\tcsr_write\(hvien, vcpu->nested.own_hvien\);\n//' test_nested
mutant "nested: a WFI of L1 does not look for an interrupt of hvien" nested.c 's/ \|\|\s+nested_has_local_irq\(n\)//' test_nested
mutant "nested: an interrupt of hvien does not end a WFI of L1" nested_irq.c 's/ \|\| \(!n->v && nested_has_local_irq\(n\)\)//' test_nested
mutant "nested: L2 does not get the interrupts of hvien" nested.c 's/n->hvip & \(n->hideleg \| n->hvien\)/n->hvip \& n->hideleg/' test_nested
mutant "nested: L2 cannot clear an interrupt of hvien" nested.c 's/\(delegated & BIT\(IRQ_VS_SOFT\)\) \| n->hvien/delegated \& BIT(IRQ_VS_SOFT)/' test_nested
mutant "nested: what L2 writes to sie for an interrupt of hvien is lost" nested.c 's/\tn->vsie = vsie & n->hvien;\n//' test_nested
mutant "nested: L2's sie loses the bits of hvien" nested.c 's/ >> 1 \| n->vsie\)/ >> 1)/' test_nested

mutant "nested: a restored vsie does not change whether a WFI of L1 asks" onereg_csr.c 's/\t\tnested_choose_exits\(vcpu\);\n//' test_nested
mutant "nested: a write of hstatus does not change what traps" nested_csr.c 's/case CSR_hedeleg:/case CSR_hedeleg: case CSR_hstatus:/' test_nested
mutant "nested: no interrupt is looked for after a write of hie" nested_csr.c 's/case CSR_hedeleg:/case CSR_hedeleg: case CSR_hie:/' test_nested
mutant "nested: no interrupt is looked for after a write of hvip" nested_csr.c 's/return csr_access_result\(access, vcpu->nested.hvip\) == vcpu->nested.hvip;/return true;/' test_nested
mutant "nested: no interrupt is looked for after a write of hideleg" nested_csr.c 's/case CSR_hedeleg:/case CSR_hedeleg: case CSR_hideleg:/' test_nested
mutant "nested: the fast path executes a CSR access in VU" fastpath.c \
	's/(vcpu_fast_csr.*?) \|\| !\(csr_read\(sstatus\) & SSTATUS_SPP\)/$1/s' test_exits
mutant "nested: the fast path takes another instruction for a CSR access" fastpath.c \
	's/ \|\| !insn_is_csr\(insn\)//' test_exits
mutant "nested: the fast path does not look for an interrupt of VS" fastpath.c \
	's/ \|\|\s+vcpu->nested.checks\)/)/' test_exits
mutant "nested: the fast path handles every CSR access" fastpath.c \
	's/!nested_csr_is_quiet\(vcpu, &access\) \|\|//' test_exits
mutant "nested: the fast path does not count a CSR access" fastpath.c \
	's/vcpu->stats.csr_exit_kernel\+\+;//' test_exits
mutant "nested: the fast path writes x0" fastpath.c \
	's/\tif \(access.rd\)\n\t\t(vcpu->guest.gpr\[access.rd\])/\t$1/' test_exits
mutant "NACL: the fast path does not update the memory" fastpath.c \
	's/\(access.write_mask && nacl_is_on\(vcpu\)\) \|\| //' test_nacl
mutant "nested: L2 has the exit vector of L1" nested.c \
	's/\tvcpu->exit_vector = vcpu->nested_host.vectors->l2;\n//' test_nested
mutant "nested: after L2, L1 has the exit vector of L2" nested.c \
	's/\tvcpu->exit_vector = vcpu->nested_host.vectors->l1;\n//' test_nested
mutant "nested: a vCPU with H has the exit vector of one without" nested.c \
	's/vcpu->has_h \? vectors->l1 : //' test_nested

# ---- nested virtualization: guest interrupt files ----
mutant "file: an MSI does not change hgeip" imsic_nested.c 's/(imsic_word_changed\(&imsic->file, id \/ 64\);\n)\tdrive\(imsic, self\);\n(\tspin_unlock)/$1$2/' test_guest_file
mutant "file: a write of a register does not change hgeip" imsic_nested.c 's/(imsic_file_access\(.*?;\n)\tdrive\(imsic, self\);\n/$1/' test_guest_file
mutant "file: a claim does not change hgeip" imsic_nested.c 's/\t\tdrive\(imsic, self\);\n(\t\})/$1/' test_guest_file
mutant "file: a reset does not change hgeip" imsic_nested.c 's/\tdrive\(imsic, NULL\);\n//' test_guest_file
mutant "file: all files have one bit of hgeip" imsic_nested.c 's/guest = \(u8\)\(i \+ 1\)/guest = 1/' test_guest_file
mutant "file: a vCPU has one file too many" aia_device.c 's/BITS_PER_LONG\) - 1\)/BITS_PER_LONG))/' test_guest_file
mutant "file: there are files without Smstateen" aia_device.c 's/ \|\|\s+!isa_host_has\(KVM_RISCV_ISA_EXT_SMSTATEEN\)//' test_guest_irq
mutant "file: an attribute is always of the vCPU's own file" aia_device.c 's/KVM_DEV_HS_AIA_IMSIC_GET_GUEST\(type\)/0/' test_guest_file
mutant "file: the APLIC sends to the vCPU's own file" irqchip/aia.c 's/if \(target & TARGET_GUEST\)/if (0)/' test_guest_file
mutant "file: a store to a guest page goes to user space" irqchip/aia.c 's/imsic = guest \? search\(aia, page - guest\) : NULL;/imsic = NULL;/' test_guest_file
mutant "file: an odd register reads as 0" irqchip/aia.c 's/err == -EINVAL && !\(select & 1\)/err == -EINVAL/' test_guest_file
mutant "file: an MSI does not cause a check of L1's interrupts" nested_file.c 's/\tvcpu_set_request\(vcpu, REQ_NESTED_IRQ\);\n//' test_guest_irq
mutant "file: an MSI does not wake L1" nested_file.c 's/\tvcpu_request\(vcpu, REQ_IRQ\);\n//' test_guest_irq
mutant "file: L2 sees an interrupt that is not delegated" nested_file.c 's/ & n->hideleg & BIT/ \& BIT/' test_guest_file
mutant "file: L2 keeps an interrupt that its file no longer has" nested_file.c 's/\telse\n\t\tcsr_clear\(hvip, BIT\(IRQ_VS_EXT\)\);\n//' test_guest_file
mutant "file: stopi of L2 does not show the interrupt" nested_file.c 's/line \? 1UL : 0UL/0UL/' test_guest_file
mutant "file: L2 does not see an interrupt at its entry" nested.c 's/\tif \(nested_file\(n\)\)\n\t\tnested_show_file\(vcpu\);\n//' test_guest_file
mutant "file: L2 does not see an interrupt that arrives" nested_irq.c 's/\tif \(n->v && nested_file\(n\)\)\n\t\tnested_update_file\(vcpu\);\n(\tpending = pending_s)/$1/' test_guest_file
mutant "nested: seed is virtual without Zkr" nested_exit.c 's/return !isa_has\(vcpu, KVM_RISCV_ISA_EXT_ZKR\)/return false/' test_nested
mutant "nested: Svinval is virtual without the extension" nested_exit.c 's/return !isa_has\(vcpu, KVM_RISCV_ISA_EXT_SVINVAL\)/return false/' test_nested
mutant "nested: a fault of L0's fetch has no GVA" insn.c 's/\tvcpu->guest.hstatus \|= HSTATUS_GVA;.*?\n//' test_nested
mutant "nested: a table that the host cannot read is outside memory" shadow.c 's/err == -ENXIO \? -EIO : -EFAULT/-EIO/' test_nested
mutant "file: hstateen0.IMSIC is ignored" nested_exit.c 's/HSTATEEN0_IMSIC \| //' test_guest_file
mutant "file: hstateen0.CSRIND is ignored" nested_exit.c 's/ \| \(csr == CSR_stopei \? 0 : HSTATEEN0_CSRIND\)//' test_guest_file
mutant "file: a file that does not exist can be restored" nested_csr.c 's/ \? -EINVAL : 0;\n(\tif \(csr == CSR_hgatp)/ ? 0 : 0;\n$1/' test_guest_irq
mutant "file: hgeie can be restored for a file that does not exist" nested_csr.c 's/ \|\| csr == CSR_hgeie//' test_guest_file
mutant "file: a vCPU that loses Ssaia keeps its files" nested_file.c 's/if \(!vcpu->has_h \|\| !vcpu->has_aia\)\n\t\tnr = 0;//' test_guest_irq
mutant "watch: L1's stopi does not trap" nested_irq.c 's/watched \? hstateen0 & ~HSTATEEN0_AIA : hstateen0/hstateen0/' test_guest_file
mutant "watch: L1's stopi lacks the interrupt" nested_irq.c 's/if \(!pending \|\| /if (1 || /' test_guest_file
mutant "watch: no timer" nested_irq.c 's/\thv_timer_start\(.*?;\n//' test_guest_irq
mutant "watch: a load does not watch again" nested.c 's/\telse if \(vcpu->nested.watched\)\n\t\tnested_set_watched\(vcpu, true\);\n//' test_guest_irq
mutant "watch: the checks never become rarer" nested_irq.c 's/\t\tw->period_us \*= 2;\n/\t\t;\n/' test_guest_irq
mutant "watch: each exit moves the next check" nested_irq.c 's/\t\} else if \(READ_ONCE\(w->armed\)\) \{\n\t\treturn;\n//' test_guest_irq
mutant "watch: L1 is checked once" nested.c 's/\tWRITE_ONCE\(vcpu->nested_host.watch.armed, false\);\n//' test_guest_irq
mutant "SBI: a suspended L1 does not wake for SGEI" sbi_hsm.c 's/if \(vcpu->nested.on\)/if (0)/' test_guest_irq
mutant "watch: L1 is watched for ever" nested_irq.c 's/\t\tnested_set_watched\(vcpu, false\);\n//' test_guest_file
mutant "watch: L1 stays watched while L2 runs" nested.c 's/\t\tnested_set_watched\(vcpu, false\);\n/\t\t;\n/' test_guest_file
mutant "watch: a write of hgeie is not noticed" nested_csr.c 's/\t\tnested_choose_checks\(n\);\n(\t\tbreak;)/$1/' test_guest_file
mutant "watch: a write of hie is not noticed" nested_csr.c 's/\tif \(row->chooses\)\n\t\tnested_choose_checks\(n\);\n//' test_guest_file
mutant "SGEI comes after VSEI" irq.c 's/IRQ_S_GEXT,\s+IRQ_VS_EXT,/IRQ_VS_EXT, IRQ_S_GEXT,/' test_guest_file

# ---- nested virtualization: HLV and HSV ----
mutant "HLV: a fence does not see that L2's table is loaded" nested.c 's/\tvcpu->loaded = VCPU_LINES_HELD; .*\n//' test_shadow
mutant "HLV: the vCPU does not become L1's again" nested.c 's/(csr_write\(vsstatus, vcpu->csrs.vsstatus\);\n)\tvcpu->loaded = VCPU_LOADED;\n/$1/' test_shadow
mutant "HLV: L1 gets L2's vsstatus" nested.c 's/\tcsr_write\(vsstatus, vcpu->csrs.vsstatus\);\n//' test_shadow
mutant "HLV: L1 gets L2's vsatp" nested.c 's/\tcsr_write\(vsatp, vcpu->csrs.vsatp\);\n//' test_shadow
mutant "HLV: L1 gets L2's henvcfg" nested.c 's/(csr_write\(vsatp, 0\);\n)\tcsr_write64\(henvcfg, vcpu->henvcfg\);\n/$1/' test_shadow
mutant "HLV: L1 keeps L2's table" nested.c 's/\tshadow_put\(vcpu, vcpu->nested.hgatp\);\n//' test_shadow
mutant "HLV: an access that has trapped is not repeated" nested_insn.c 's/ \|\| !access_lazily\(vcpu, &hlv\)/ || (access_lazily(vcpu, \&hlv), 0)/' test_shadow
mutant "HLV: a store goes to L1's memory" nested.c 's/\tshadow_load\(vcpu, n->hgatp\);\n(\tcsr_write\(vsatp, n->vsatp\);\n\})/$1/' test_shadow

# ---- nested virtualization: the shadow table ----
mutant "shadow: flushes are taken from a statistic, which user space can clear" shadow_reverse.c \
	's/vm->flushes \+ 1, __ATOMIC_RELAXED/vm->stats.remote_tlb_flush_requests + 1, __ATOMIC_RELAXED/' test_shadow
mutant "shadow: a pending flush is not reported" tlb.c 's/\treport_flush\(vm, pending\);\n\tif/\tif/' test_shadow
mutant "shadow: a flush that L1 asks for is not reported" tlb.c 's/\treport_flush\(vm, NULL\);\n//' test_shadow_reverse
mutant "protect: a page of L1's table stays writable" shadow_protect.c 's/PTE_PPN \| GSTAGE_LEAF_WRITE/PTE_PPN/' test_shadow_protect
mutant "protect: a protected page is not marked" shadow_protect.c 's/\) \| PTE_SOURCE\);/));/' test_shadow_protect
mutant "protect: the loss of W is not fenced" shadow_protect.c 's/gstage_note_change\(own, page, 0\)/(void)0/' test_shadow_protect
mutant "protect: a page that becomes writable is not recorded" shadow_protect.c 's/if \(!err && \(\*old/if (0 \&\& (*old/' test_shadow_unprotect
mutant "protect: a mark that is lost without W is not recorded" shadow_protect.c 's/\) && !\(pte & PTE_SOURCE\)/) \&\& (pte \& PTE_W)/' test_shadow_unprotect
mutant "protect: tables with protected pages may be replaced" shadow_protect.c 's/pte \| PTE_KEEP\)/pte)/' test_shadow_unprotect
mutant "protect: a leaf below is not fenced" shadow_protect.c 's/if \(leaf.pte\)\n\t\ttlb_fence_local.*?;/;/' test_shadow_unprotect
mutant "protect: a leaf below maps the first page of the larger one" shadow_protect.c 's/ \+ ALIGN_DOWN\(offset, gstage_size\(leaf.level\)\)/ + 0 * offset/' test_shadow_unprotect
mutant "protect: a write above level 0 removes one block" shadow_protect.c 's/if \(FIELD_GET\(LEVEL, source->page\)\)/if (0)/' test_shadow_protect
mutant "protect: an emptied table has its former sources" shadow.c 's/if \(table->nr_sources\)/if (0)/' test_shadow_protect
mutant "protect: a table is never tracked again" shadow_protect.c 's/\ttable->untracked = false;\n//' test_shadow_protect
mutant "protect: sources have no bound" shadow_protect.c 's/table->nr_sources == SOURCES_USED/0/' test_shadow_protect
mutant "protect: a source may have two addresses" shadow_protect.c 's/source->base != base \|\|/0 ||/' test_shadow_protect
mutant "protect: a source may have two levels" shadow_protect.c 's/FIELD_GET\(LEVEL, source->page\) != level/0/' test_shadow_protect
mutant "protect: pages are protected while the reverse map is incomplete" shadow_protect.c 's/table->incomplete \|\| //' test_shadow_protect
mutant "protect: a page that cannot be protected counts as protected" shadow_protect.c 's/ \|\| !protect\(vcpu->kvm, page, table\)/ || (protect(vcpu->kvm, page, table), 0)/' test_shadow_protect
mutant "protect: a table does not know its own protection" shadow_protect.c 's/ \|\| flush->by == table;/;/' test_shadow_unprotect
mutant "protect: another table's protection does not count" shadow_protect.c 's/stays = !flush->by \|\|.*?;/stays = true;/' test_shadow_unprotect
mutant "protect: the mark is not looked at" shadow_protect.c 's/ && \(leaf.pte & PTE_SOURCE\);/;/' test_shadow_unprotect
mutant "protect: a page is not found among the sources" shadow_protect.c 's/\tif \(one\) \{/\tif (0) {/' test_shadow_unprotect
mutant "protect: a range is not looked up among the sources" shadow_protect.c 's/for \(source = sources; !one && /for (source = sources; 0 \&\& /' test_shadow_unprotect
mutant "protect: an HLV waits for a search" shadow_protect.c 's/\tif \(!one && !pauses\)\n\t\treturn false;\n//' test_shadow_protect
mutant "protect: one page of a written source is removed" shadow_protect.c 's/source->base, gstage_size\(1\)/source->base, PAGE_SIZE/' test_shadow_protect
mutant "protect: a written source stays" shadow_protect.c 's/\tsource->page = USED;\n//' test_shadow_protect
mutant "protect: what is removed is not fenced" shadow_protect.c 's/(source->page = USED;\n)\tshadow_tlb_change\(vcpu, table\);\n/$1/; s/\tshadow_tlb_change\(vcpu, table\);\n(\tif \(!table->nr_written)/$1/' test_shadow_protect
mutant "protect: a fence is executed again and again" shadow_protect.c 's/\ttable->fenced = false;\n//' test_shadow_protect
mutant "protect: a fence of a table that is not tracked does nothing" shadow_protect.c 's/if \(table->untracked\)/if (0)/' test_shadow_protect
mutant "protect: nothing asks for a fence of L1" shadow.c 's/\tvcpu_set_request\(vcpu, REQ_SHADOW\);\n//' test_shadow_protect
mutant "protect: a fence by SBI is forgotten" shadow_reverse.c 's/table->fenced = true;/;/' test_shadow_protect
mutant "protect: an HLV ignores a fence by the fast path" unpriv.c 's/ \| BIT\(REQ_SHADOW\)//' test_shadow_protect
mutant "protect: an HLV looks at flushes only" shadow_reverse.c 's/ \|\| table->fenced\)/)/' test_shadow_protect
mutant "protect: a fence does not look for pending flushes" shadow_reverse.c 's/\(!unfenced && shadow/(shadow/' test_shadow_unprotect
mutant "protect: a page that another thread protects is not fenced" shadow_protect.c 's/if \(protects\) (.*\n)/if (protects \&\& pending.all) $1/' test_shadow_unprotect
mutant "protect: a walk adds no source" shadow.c 's/if \(vcpu->shadow->protects\)/if (0)/' test_shadow_protect
mutant "protect: a table that is to be forgotten is fenced" shadow.c 's/for_each_shadow_table\(table, vcpu->shadow\) table->hgatp = 0;/shadow_fence(vcpu, SHADOW_ANY_VMID, 0, ~0ULL); (void)table;/' test_shadow_protect
mutant "reverse: a flush that L1 asks for is compared" shadow_reverse.c 's/if \(flush\[i\].what == SHADOW_BY_L1\)/if (0)/' test_shadow_reverse
mutant "reverse: no vCPU is asked to compare" shadow_reverse.c 's/\tkvm_for_each_vcpu\(i, vcpu, vm\)\n.*?;\n//s' test_shadow
mutant "reverse: a comparison removes nothing" shadow_reverse.c 's/\tc->changed \|= gstage_change_at_once\(.*?\n//' test_shadow
mutant "reverse: a comparison does not fence" shadow_reverse.c 's/if \(c->changed\)/if (0)/' test_shadow
mutant "reverse: a change of a table that is not loaded is not fenced later" shadow_tlb.c 's/(tlb_flush_vm_local\(vcpu->kvm\);\n\telse\n\t\t)table->hart = SHADOW_NO_HART;/$1;/' test_shadow
mutant "reverse: a change of the loaded table is not fenced" shadow_tlb.c 's/\ttlb_flush_vm_local\(vcpu->kvm\);\n(\telse\n\t\ttable->hart = SHADOW_NO_HART)/\t;\n$1/' test_shadow_reverse
mutant "reverse: W is not compared" shadow_reverse.c 's/if \(!\(leaf.pte & ~own.pte & PTE_W\)\)/if (1)/' test_shadow
mutant "reverse: a leaf that loses W is removed" shadow_reverse.c 's/what = GSTAGE_PROTECT/what = GSTAGE_UNMAP/' test_shadow_reverse
mutant "reverse: host addresses are not compared" shadow_reverse.c 's/ &&\s+gstage_leaf_hpa\(leaf, l2\) == gstage_leaf_hpa\(own, l1\)//' test_shadow_reverse
mutant "reverse: A is not compared" shadow_reverse.c 's/\(own->pte & PTE_A\) && //' test_shadow_reverse
mutant "reverse: a large entry is compared at its first page" shadow_reverse.c 's/own.level >= level &&\s+//' test_shadow_reverse
mutant "reverse: only the first page of a large entry is removed" shadow_reverse.c 's/l2, gstage_size\(level\), what/l2, PAGE_SIZE, what/' test_shadow_reverse
mutant "reverse: a table without memory for its entries counts as complete" shadow_reverse.c 's/\telse if \(err\)\n\t\ttable->incomplete = true;/\telse if (err)\n\t\t;/' test_shadow_reverse
mutant "reverse: an incomplete table is compared" shadow_reverse.c 's/if \(table->incomplete\)/if (0)/' test_shadow
mutant "reverse: a page at a second address is not noticed" shadow_reverse.c 's/(hpa\) \{\n\t\t)table->incomplete = true;/$1;/' test_shadow
mutant "reverse: an old copy of a page that is mapped elsewhere stays" shadow_reverse.c 's/\t\tgstage_change_at_once\(.*?\n\t\tshadow_tlb/\t\tshadow_tlb/' test_shadow_reverse
mutant "reverse: the removal of an old copy is not fenced" shadow_reverse.c 's/(\t\tgstage_change_at_once\(.*?\n)\t\tshadow_tlb_change\(vcpu, table\);\n/$1/' test_shadow_reverse
mutant "reverse: a block at a second address is not noticed" shadow_reverse.c 's/(old != pte && level\)\n\t\t)table->incomplete = true;/$1;/' test_shadow_reverse
mutant "reverse: a page that has moved counts as being at two addresses" shadow_reverse.c 's/if \(gstage_leaf_hpa\(&leaf, l2\) == hpa\)/if (1)/' test_shadow_reverse
mutant "reverse: pages of a block that are at a second address are not noticed" shadow_reverse.c 's/\t\tsame &= .*?\n//' test_shadow_reverse
mutant "reverse: entries for pages remain when a block is mapped" shadow_reverse.c 's/\t\tentries\[i\] = pte;\n//' test_shadow_reverse
mutant "reverse: too many flushes are compared" shadow_reverse.c 's/if \(now - since > SHADOW_FLUSHES\)/if (0)/' test_shadow_reverse
mutant "reverse: one flush more than there are is compared" shadow_reverse.c 's/if \(now - since > SHADOW_FLUSHES\)/if (now - since > SHADOW_FLUSHES + 1)/' test_shadow_reverse
mutant "reverse: one flush less than there are is compared" shadow_reverse.c 's/i < now - since; i\+\+/i + 1 < now - since; i++/' test_shadow
mutant "reverse: a piece is skipped" shadow_reverse.c 's/c->from = MAX\(c->from, l1\)/c->from = l1 + PAGE_SIZE/' test_shadow_reverse
mutant "reverse: what is left after a piece is not compared" shadow_reverse.c 's/\treturn !c->stops;/\treturn true;/' test_shadow_reverse
mutant "reverse: a comparison before an entry ends after one piece" shadow_reverse.c 's/if \(!pauses \|\| /if (1 || /' test_shadow_reverse
mutant "reverse: a comparison is never at once" shadow_reverse.c 's/if \(!pauses \|\| /if (/' test_shadow_reverse
mutant "reverse: only the current table is compared" shadow_reverse.c 's/if \(table->hgatp && /if (table == vcpu->shadow->current \&\& /' test_shadow_reverse
mutant "reverse: a new table begins with the flushes of its predecessor" shadow.c 's/\t\ttable->flushes = tlb_flushes\(vcpu->kvm\);\n//' test_shadow_reverse
mutant "reverse: an HLV does not wait for a comparison" unpriv.c 's/\t\t\tshadow_serve_now\(vcpu\);\n/\t\t\t;\n/' test_shadow_reverse
mutant "reverse: a dropped table stays incomplete" shadow.c 's/\ttable->incomplete = false;\n//' test_shadow_reverse
mutant "reverse: the reverse map is not bounded" shadow_reverse.c 's/ && reverse->tables < SHADOW_TABLES//' test_shadow_reverse
mutant "reverse: a full reverse map is never emptied" shadow.c 's/\ttable->clears \|= .*?\n//' test_shadow_reverse
mutant "reverse: a pause does not look for signals afterwards" shadow_reverse.c 's/\tvcpu_set_request\(vcpu, REQ_HOST\);.*?\n//' test_shadow_reverse
mutant "reverse: without memory, that of the reverse map is not freed" shadow.c 's/\ttable->clears = true;\n//' test_shadow_cases
mutant "reverse: the root keeps its pointers to freed tables" shadow_reverse.c 's/\t\tmemset\(page, 0, PAGE_SIZE\);\n//' test_shadow_reverse
mutant "shadow: the VM's own table does not limit writes" shadow.c 's/ && \(own->pte & PTE_W\)\)/)/' test_shadow
mutant "shadow: L1's table does not limit writes" shadow.c 's/if \(\(walk->pte & PTE_W\) && \(walk->pte & PTE_D\) && /if (/' test_shadow
mutant "shadow: L1's table does not limit fetches" shadow.c 's/\(walk->pte & own->pte & \(PTE_R \| PTE_X\)\)/(own->pte & (PTE_R | PTE_X))/' test_shadow
mutant "shadow: a leaf is as large as L1's" shadow.c 's/MIN\(MIN\(walk->level, own->level\), gs->levels - 1\)/walk->level/' test_shadow
mutant "shadow: a leaf is as large as the VM's own" shadow.c 's/MIN\(MIN\(walk->level, own->level\), gs->levels - 1\)/own->level/' test_shadow
mutant "shadow: a misaligned large leaf is used" shadow.c 's/if \(!IS_ALIGNED\(base, size\)\)/if (0)/' test_shadow
mutant "shadow: reserved bits are ignored" shadow.c 's/if \(pte & PTE_RESERVED\)/if (0)/' test_shadow
mutant "shadow: A is ignored" shadow.c 's/ \|\| !\(pte & PTE_A\)\)/)/' test_shadow
mutant "shadow: D is ignored" shadow.c 's/fault->write \? \(pte & PTE_W\) && \(pte & PTE_D\)/fault->write ? (pte & PTE_W)/' test_shadow
mutant "shadow: a table that is dropped is not left" shadow_tlb.c 's/if \(!is_loaded\(table->old.root\)\)/if (1)/' test_shadow
mutant "shadow: the old root is not cleared" shadow.c 's/\t\tgstage_set\(&root\[i .*?\n//' test_shadow
mutant "shadow: a used entry of the root is not emptied" shadow.c 's/MIN\(table->used.first, root\)/table->used.first/' test_shadow
mutant "shadow: tables below the second level stay" shadow.c 's/if \(level > 1\) \{/if (0) {/' test_shadow
mutant "shadow: without memory, the fault is not reported" shadow.c 's/if \(err == -ENOMEM\)\n.*?;/if (err == -ENOMEM)\n\t\terr = 0;/s' test_shadow_cases
mutant "shadow: a reset keeps the translations" nested.c 's/\tshadow_forget\(vcpu\);\n//' test_shadow_cases
mutant "shadow: the table is not bounded" shadow.c 's/if \(table->gstage.tables >= SHADOW_TABLES\)/if (0)/' test_shadow_cases
mutant "shadow: a fence acts on one VMID only" shadow.c 's/\(vmid != SHADOW_ANY_VMID && /(/' test_shadow
mutant "shadow: a fence of another VMID removes leaves" shadow.c 's/vmid != FIELD_GET\(HGATP_VMID, table->hgatp\)/0/' test_shadow_cases
mutant "shadow: a fence removes the leaf of one page of a larger leaf of L1" shadow.c 's/\? gstage_size\(1\) : PAGE_SIZE/? PAGE_SIZE : PAGE_SIZE/' test_shadow
mutant "shadow: a fence always removes a block" shadow.c 's/\? gstage_size\(1\) : PAGE_SIZE/? gstage_size(1) : gstage_size(1)/' test_shadow_cases
mutant "shadow: a leaf of 1 GiB is fenced as a block" shadow.c 's/ \|\| table->from_huge//' test_shadow
mutant "shadow: a fence of two blocks removes leaves of the first" shadow.c 's/if \(start \/ block != last \/ block \|\| /if (/' test_shadow
mutant "shadow: a leaf that was split is not marked" shadow.c 's/ \|\|\s+\(\(old & PTE_V\) && gs->tables != tables\)//' test_shadow_cases
mutant "shadow: the first table is always replaced" shadow.c 's/if \(table->last_use < oldest->last_use\)/if (0)/' test_shadow_cases
mutant "shadow: a table that is replaced keeps its leaves" shadow.c 's/\t\tshadow_drop\(vcpu, table\);\n(\t\tgstage_set_mode)/$1/' test_shadow
mutant "shadow: a table keeps the mode of the one before" shadow.c 's/\t\tgstage_set_mode\(.*?\n//' test_shadow
mutant "shadow: a fence for all addresses acts on the current table only" shadow.c 's/\t\ttable->hgatp = 0;\n/\t\tvcpu->shadow->current->hgatp = 0;\n/' test_shadow_cases
mutant "shadow: without VMIDs, entering L2 keeps L1's translations" shadow_tlb.c 's/fences = vmid == vcpu->vmid \|\| /fences = /' test_shadow
mutant "shadow: without VMIDs, leaving L2 keeps its translations" shadow_tlb.c 's/\tshadow->own_fence \|= fences;\n//' test_shadow
mutant "shadow: the fast way uses a VMID of an old generation" shadow_tlb.c 's/ &&\s+table->gstage.vmid_generation == vcpu->vmid_generation//' test_shadow_tlb
mutant "shadow: the VMID of another table is used with its translations" shadow_tlb.c 's/ \|\| table->gstage.vmid_generation != generation//' test_shadow_tlb
mutant "shadow: a hart keeps what it has cached before the vCPU left it" shadow_tlb.c 's/table->hart [!=]= hv_hart\(\) (\|\||&&)/($1 eq "||" ? "table->hart == SHADOW_NO_HART ||" : "table->hart != SHADOW_NO_HART \&\&")/ge' test_shadow_tlb
mutant "shadow: a fence for L1 that arrives in L2 is forgotten" shadow_tlb.c 's/own_fence = true/own_fence = false/' test_shadow_tlb
mutant "shadow: L1's VMID is not fenced" shadow_tlb.c 's/!shadow->own_fence && //' test_shadow_tlb
mutant "shadow: a flush in L2 leaves L1's translations" shadow_tlb.c 's/ && shadow->own_flushes == flushes//' test_shadow
mutant "shadow: a table that is dropped keeps its translations" shadow_tlb.c 's/(old.root\)\) \{\n)\t\ttable->hart = SHADOW_NO_HART;\n/$1/' test_shadow_reverse
mutant "shadow: a leaf that is fenced stays cached" shadow.c 's/\ttable->hart = SHADOW_NO_HART;\n(\thv_unpin)/$1/' test_shadow
mutant "shadow: hfence.vvma drops nothing" nested_insn.c 's/\t\tshadow_fence_vvma\(.*?;\n/\t\t;\n/' test_shadow_tlb
mutant "shadow: hfence.vvma drops every guest's translations" shadow.c 's/vmid == FIELD_GET\(HGATP_VMID, table->hgatp\)/1/' test_shadow_tlb
mutant "shadow: a queued fence of the G-stage is replaced" shadow_tlb.c 's/\t\tgvma \|= .*?\n/\t\t;\n/' test_shadow_tlb
mutant "shadow: a fence of both stages leaves the VS-stage" shadow_tlb.c 's/fence->kind == HFENCE_GVMA && fence->size == ~0ULL/0/' test_shadow_tlb
mutant "shadow: a table gets a VMID although there are none" vmid.c 's/if \(vmid_shared\(vcpu->kvm\) \|\| max <=/if (max \&\& max <=/' test_shadow_tlb
mutant "shadow: a table gets one of too few VMIDs" vmid.c 's/ \|\| max <= hv_nr_harts\(\) \* VMIDS_NESTED//' test_shadow_tlb
mutant "guest files: a flush at once takes other changes with it" tlb.c \
	's/(\tflush_everywhere\(vm, &fence, false\);\n)(?=\}\n\nvoid tlb_flush_vm_local)/\tspin_lock(&vm->gstage.mmu_lock);\n\tgstage_take_pending_flush(&vm->gstage);\n\tspin_unlock(&vm->gstage.mmu_lock);\n$1\tgstage_fenced(&vm->gstage);\n/' test_shadow_cases

# ---- timers, counters, SBI calls, devices ----
mutant "timers: a vCPU sleeps without its timer" timer_sstc.c 's/hv_timer_start\(.*?;/;/' test_race_life
mutant "SBI: the caller's fence.i is not executed" sbi_rfence.c 's/local_fence_i\(\);/;/' test_sbi
mutant "SBI: the target of a hypervisor fence does not count it" sbi_rfence.c \
	's/\tpmu_count\(target, \*event \+ 1\);\n/\t(void)target; (void)event;\n/' test_pmu_events
mutant "NACL: the memory may begin in a read-only slot" guest_map.c 's/ \|\| \(slot->flags & KVM_MEM_READONLY\)//' test_nacl
mutant "NACL: the memory may end in a read-only slot" nacl.c 's/ && !\(slot->flags & KVM_MEM_READONLY\)//' test_nacl
mutant "guest files: the last one cannot be enabled" nested_file.c 's/GENMASK\(nr, 1\)/GENMASK(nr - 1, 1)/' test_guest_file
mutant "MMIO: mmio_decode=fetch has no effect" mmio.c \
	's/\(trap->htinst & 1\) && !vcpu->kvm->toggle\[TOGGLE_mmio_decode\]/trap->htinst & 1/' test_mmio
mutant "PLIC: an edge in service is not saved" plic.c 's/&plic->edge\[word\];\n\t\}/&plic->service[word];\n\t}/' test_plic
mutant "PMU: threads that count at the same time lose counts" pmu.c \
	's/__atomic_fetch_add\(&c->count, 1, __ATOMIC_RELAXED\)/WRITE_ONCE(c->count, READ_ONCE(c->count) + 1)/' test_pmu_events

# ---- irqfds ----
mutant "irqfds: an irqfd is taken off its eventfd after vm->lock has been released" irqfd.c \
	's/(list_del\(&irqfd->link\);\n)\thv_event_unwatch\(.*?;\n/$1/; s/\twhile \(__atomic_load_n\(&irqfd->users.*?;\n//s; s/(static void free_one\(struct irqfd \*irqfd\)\n\{\n)/$1\tif (irqfd->event) hv_event_unwatch(irqfd->event, &irqfd->watch);\n\twhile (__atomic_load_n(&irqfd->users, __ATOMIC_ACQUIRE)) ;\n/' \
	test_irqfd
mutant "irqfds: a removal does not wait for the thread that resamples" irqfd.c \
	's/\twhile \(__atomic_load_n\(&irqfd->users.*?;\n//s' test_irqfd
mutant "irqfds: a line stays high when the last irqfd that resamples it is removed" irqfd.c \
	's/\n\t+lower_if_last\(irqfd\);/\n(void)lower_if_last;/' test_irqfd
mutant "irqfds: a line falls with the first irqfd that resamples it" irqfd.c \
	's/last = last && .*?;/;/' test_irqfd
mutant "irqfds: another vCPU may signal an irqfd before its line falls" irqfd.c \
	's/(\tvm->irqchip->set_line\(vm, pin, false\);\n)(\tmark_rest_due.*?\n)/$2$1/' test_irqfd
mutant "irqfds: the removal of any irqfd lowers its line" irqfd.c \
	's/!removed->resample \|\| //' test_irqfd
done_testing
