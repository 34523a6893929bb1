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
	 * Any thread. What to ask of a vCPU so that it drops what the fence names, or more:
	 * REQ_HFENCE if the fence is in its queue now, or a request that needs no queue.
	 */
	enum vcpu_request (*ask)(struct kvm_vcpu *vcpu, const struct hfence *fence);

	/* The fence that changed leaves of [start, end) are due; false: one of everything. */
	bool (*of_change)(gpa_t start, gpa_t end, struct hfence *fence);
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
/* The fences that gstage_owe() says are due; then retired tables are freed. As above. */
void tlb_settle(struct kvm *vm, const struct gstage_debt *debt);
/* Any thread. The vCPU does the fence before it runs its guest again, and is kicked for it. */
void vcpu_request_fence(struct kvm_vcpu *vcpu, const struct hfence *fence);
/* Its own thread, loaded: do the fences among the requests, queued ones included. */
void tlb_serve(struct kvm_vcpu *vcpu, unsigned long requests);

#endif
