// SPDX-License-Identifier: MIT
/*
 * tlb_all.c - a fence drops all G-stage or all VS-stage translations of the VMID (toggle
 * tlb_flush=all).
 *
 * Whatever has changed, one instruction per stage is enough, and there is no queue to fill and
 * drain. The price is that the hart has to walk the tables again for every page that the guest
 * still uses. The alternative is tlb_range.c. Spec: H §3.2.
 */
#include "hv/trace.h"
#include "mmu/hfence.h"
#include "mmu/tlb.h"
#include "request.h"

#define FENCE_ALL (~0ULL)

static void all_fence(struct kvm *vm, const struct hfence *fence)
{
	unsigned long vmid = tlb_loaded_vmid();

	if (fence->kind == HFENCE_GVMA) {
		trace_kvm_fence_gvma(0, FENCE_ALL, vmid);
		hfence_gvma_vmid(vmid);
	} else {
		tlb_flush_vvma_local(vm);
	}
}

static enum vcpu_request all_request_for(struct kvm_vcpu *vcpu, const struct hfence *fence)
{
	(void)vcpu;
	return fence->kind == HFENCE_GVMA ? REQ_TLB_FLUSH : REQ_HFENCE_ALL;
}

bool tlb_all_range_for(gpa_t start, gpa_t end, struct hfence *fence)
{
	(void)start;
	(void)end;
	(void)fence;
	return false;
}

const struct tlb_ops tlb_all_ops = {
	.name = "all",
	.fence = all_fence,
	.request_for = all_request_for,
	.range_for = tlb_all_range_for,
};
