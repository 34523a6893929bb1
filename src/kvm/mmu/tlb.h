// SPDX-License-Identifier: MIT
/*
 * tlb.h - how much a fence drops: the interface of the two variants of toggle tlb_flush.
 *
 * tlb_range.c drops the translations of the addresses that the fence names, unless there are too
 * many. tlb_all.c drops all G-stage or all VS-stage translations that the hart has cached for the
 * VMID. A VM with a shadow table uses a third variant (shadow_tlb.c). tlb.c, whose functions are
 * also declared here, decides which harts have to fence, and when.
 */
#ifndef KVM_TLB_H
#define KVM_TLB_H

#include "kvm.h"
#include "request.h"

struct tlb_ops {
	const char *name;

	/*
	 * Drop the translations that the fence names, or more, on this hart, for the VMID in hgatp.
	 * While L2's CSRs are loaded, shadow_tlb.c does so for L1's VMID, but later: before L1 runs.
	 */
	void (*fence)(struct kvm *vm, const struct hfence *fence);

	/*
	 * Return the request that makes a vCPU drop the translations that the fence names, or more:
	 * REQ_HFENCE if the fence is in the vCPU's queue now, otherwise a request that needs no
	 * queue. Any thread.
	 */
	enum vcpu_request (*request_for)(struct kvm_vcpu *vcpu, const struct hfence *fence);

	/*
	 * Fill in the fence that a change of leaves in [start, end) needs. Returns false if all
	 * addresses must be fenced.
	 */
	bool (*range_for)(gpa_t start, gpa_t end, struct hfence *fence);

	/*
	 * NULL, or called between the change that a flush is for and the flush. `pending` is NULL for
	 * tlb_flush_vm().
	 */
	void (*flushed)(struct kvm *vm, const struct gstage_pending_flush *pending);
};

extern const struct tlb_ops tlb_range_ops, tlb_all_ops;
bool tlb_all_range_for(gpa_t start, gpa_t end, struct hfence *fence); /* of tlb_all_ops */

void tlb_init(void); /* once, before any VM */

/* Fence on this hart, for the VMID in hgatp: a vCPU of the VM is loaded or being loaded (tlb.c). */
void tlb_flush_vm_local(struct kvm *vm);   /* all G- and VS-stage translations */
void tlb_flush_vvma_local(struct kvm *vm); /* all VS-stage translations */
void tlb_fence_local(struct kvm *vm, const struct hfence *fence);
/*
 * Make all vCPUs of the VM drop all translations. Returns when none of them can use a translation
 * from before the call anymore. Any thread may call this function, without mmu_lock. It spins.
 */
void tlb_flush_vm(struct kvm *vm);
/*
 * Do the fences of a pending flush, then free the retired tables. Same context as tlb_flush_vm().
 */
void tlb_flush_pending(struct kvm *vm, const struct gstage_pending_flush *pending);
/*
 * Make all vCPUs of the VM drop the translations of a device's page, without waiting for another
 * vCPU's thread. For the scheduler's hook: the host may hold a lock that such a thread waits for.
 */
void tlb_flush_page_at_once(struct kvm *vm, gpa_t gpa);
/*
 * Any thread. Make the vCPU fence before it next runs its guest; kick it if it is in the guest.
 * `kicks`: as for vcpu_request_gather().
 */
void vcpu_request_fence(struct kvm_vcpu *vcpu, const struct hfence *fence, struct hv_kicks *kicks);
/*
 * Do the TLB fences that `requests` asks for, including those in the vCPU's queue. Called by the
 * vCPU's own thread, with the vCPU loaded.
 */
void tlb_serve(struct kvm_vcpu *vcpu, unsigned long requests);

/*
 * Return the VMID under which the loaded vCPU runs, or, while L2's CSRs are loaded, L2: the one that
 * a fence has to name. The VM may have a newer VMID by now. vmid_update() loads it and drops
 * everything before the next entry, but until then, HLV still uses the old one.
 */
static inline unsigned long tlb_loaded_vmid(void)
{
	return FIELD_GET(HGATP_VMID, csr_read(hgatp));
}

/*
 * Return how many entries shadow_log has got, among them one for each flush of the VM's own table. No
 * order is needed. If shadow_put() reads an old count, the request for the flush is still pending; if
 * it reads the new one, its fence orders later walks after the change.
 */
static inline unsigned long tlb_flushes(const struct kvm *kvm)
{
	return __atomic_load_n(&kvm->flushes, __ATOMIC_RELAXED);
}

#endif
