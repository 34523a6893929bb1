// SPDX-License-Identifier: MIT
/*
 * tlb.h - how much a fence drops: the contract of the two variants of toggle tlb_flush.
 *
 * tlb_range.c drops the translations of the addresses that changed and keeps the rest;
 * tlb_all.c drops all that the hart has of the VMID, whatever changed. tlb.c knows who has to
 * fence, and when; these know what a fence is.
 */
#ifndef KVM_TLB_H
#define KVM_TLB_H

#include "kvm.h"
#include "request.h"

struct tlb_ops {
	const char *name;

	/* On this hart, under the VMID in hgatp: drop what the fence names, or more. */
	void (*fence)(struct kvm *vm, const struct hfence *fence);

	/*
	 * The request that makes a vCPU drop what the fence names, or more: REQ_HFENCE if the fence
	 * is in its queue now, else a request that needs no queue. Any thread.
	 */
	enum vcpu_request (*request_for)(struct kvm_vcpu *vcpu, const struct hfence *fence);

	/* The fence that a change of leaves in [start, end) needs; false: a fence of all addresses. */
	bool (*range_for)(gpa_t start, gpa_t end, struct hfence *fence);
};

extern const struct tlb_ops tlb_range_ops, tlb_all_ops;

void tlb_init(void); /* once, before any VM */

/* Fences on this hart, for the VM's VMID (tlb.c). */
void tlb_flush_vm_local(struct kvm *vm);   /* G- and VS-stage, all of the VM */
void tlb_flush_vvma_local(struct kvm *vm); /* VS-stage, all of the VM */
void tlb_fence_local(struct kvm *vm, const struct hfence *fence);
/*
 * Everywhere: return when no vCPU uses a translation of the VM from before the call.
 * Any thread; spins; mmu_lock not held.
 */
void tlb_flush_vm(struct kvm *vm);
/* The fences that gstage_take_pending_flush() says are due; then retired tables are freed. As above. */
void tlb_flush_pending(struct kvm *vm, const struct gstage_pending_flush *pending);
/* Any thread. The vCPU does the fence before it runs its guest again, and is kicked for it. */
void vcpu_request_fence(struct kvm_vcpu *vcpu, const struct hfence *fence);
/* Its own thread, loaded: do the fences among the requests, queued ones included. */
void tlb_serve(struct kvm_vcpu *vcpu, unsigned long requests);

#endif
