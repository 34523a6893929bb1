// SPDX-License-Identifier: MIT
/*
 * tlb_range.c - a fence drops what it names, page by page (toggle tlb_flush=range).
 *
 * If a fence names more than FENCE_MAX_PAGES pages, or if a vCPU's queue is full, all addresses are
 * fenced. With Svinval, several pages are invalidated between one pair of fences, so the hart need
 * not wait for each page. For a single page, Svinval would take three instructions instead of one,
 * so it is not used.
 *
 * The alternative is tlb_all.c. Locks: fence_lock guards the queue. Spec: H §3.2.
 */
#include "hv/trace.h"
#include "mmu/hfence.h"
#include "mmu/tlb.h"
#include "request.h"

/* Beyond this many pages, one fence of all addresses costs less than one fence per page. */
#define FENCE_MAX_PAGES 64

#define FENCE_ALL (~0ULL)

static bool has_svinval; /* true if every hart has Svinval; written once */

void tlb_init(void)
{
	has_svinval = hv_isa_has("svinval");
}

/*
 * Round *start down to a page boundary, and return how many pages to fence from there on. Returns 0
 * if all addresses have to be fenced.
 */
static u64 fence_pages(u64 *start, u64 size)
{
	/* lab 9: write fence_pages: find the first page of the range, and the number of pages */
	u64 end;

	if (__builtin_add_overflow(*start, size, &end) || size > FENCE_MAX_PAGES * PAGE_SIZE)
		return 0;
	*start = ALIGN_DOWN(*start, (u64)PAGE_SIZE);
	return (end - *start + PAGE_SIZE - 1) >> PAGE_SHIFT;
	/* lab 9 end */
}

static bool by_svinval(u64 pages)
{
	return pages > 1 && has_svinval;
}

static void fence_gvma(const struct hfence *fence)
{
	unsigned long vmid = tlb_loaded_vmid();
	u64 gpa = fence->start, n = fence_pages(&gpa, fence->size);

	trace_kvm_fence_gvma(gpa, n ? fence->size : FENCE_ALL, vmid);
	if (!n) {
		hfence_gvma_vmid(vmid);
	} else if (by_svinval(n)) {
		sfence_w_inval();
		for (; n; n--, gpa += PAGE_SIZE)
			hinval_gvma_vmid_gpa(vmid, gpa);
		sfence_inval_ir();
	} else {
		for (; n; n--, gpa += PAGE_SIZE)
			hfence_gvma_vmid_gpa(vmid, gpa);
	}
}

static void fence_vvma_any_asid(u64 gva, u64 n)
{
	if (!n) {
		hfence_vvma_all();
	} else if (by_svinval(n)) {
		sfence_w_inval();
		for (; n; n--, gva += PAGE_SIZE)
			hinval_vvma_gva((gva_t)gva);
		sfence_inval_ir();
	} else {
		for (; n; n--, gva += PAGE_SIZE)
			hfence_vvma_gva((gva_t)gva);
	}
}

static void fence_vvma_asid(unsigned long asid, u64 gva, u64 n)
{
	if (!n) {
		hfence_vvma_asid(asid);
	} else if (by_svinval(n)) {
		sfence_w_inval();
		for (; n; n--, gva += PAGE_SIZE)
			hinval_vvma_asid_gva(asid, (gva_t)gva);
		sfence_inval_ir();
	} else {
		for (; n; n--, gva += PAGE_SIZE)
			hfence_vvma_asid_gva(asid, (gva_t)gva);
	}
}

static void range_fence(struct kvm *vm, const struct hfence *fence)
{
	u64 gva = fence->start, n;

	if (fence->kind == HFENCE_GVMA) {
		fence_gvma(fence);
		return;
	}
	n = fence_pages(&gva, fence->size);
	trace_kvm_fence_vvma(gva, n ? fence->size : FENCE_ALL, fence->asid,
			     READ_ONCE(vm->gstage.vmid));
	if (fence->kind == HFENCE_VVMA)
		fence_vvma_any_asid(gva, n);
	else
		fence_vvma_asid(fence->asid, gva, n);
}

static enum vcpu_request range_request_for(struct kvm_vcpu *vcpu, const struct hfence *fence)
{
	/* lab 9: write range_request_for: queue the fence, or pick a request that needs no queue */
	enum vcpu_request req = REQ_HFENCE;

	spin_lock(&vcpu->fence_lock);
	if (vcpu->fence_count < HFENCE_QUEUE_SIZE)
		vcpu->fences[vcpu->fence_count++] = *fence;
	else
		req = fence->kind == HFENCE_GVMA ? REQ_TLB_FLUSH : REQ_HFENCE_ALL;
	spin_unlock(&vcpu->fence_lock);
	return req;
	/* lab 9 end */
}

static bool range_hull_for(gpa_t start, gpa_t end, struct hfence *fence)
{
	*fence = (struct hfence){ .kind = HFENCE_GVMA, .start = start, .size = end - start };
	return fence->size <= FENCE_MAX_PAGES * PAGE_SIZE;
}

const struct tlb_ops tlb_range_ops = {
	.name = "range",
	.fence = range_fence,
	.request_for = range_request_for,
	.range_for = range_hull_for,
};
