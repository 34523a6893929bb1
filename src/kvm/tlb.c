// SPDX-License-Identifier: MIT
/*
 * tlb.c - fences: when a translation changes, who has to forget it, and when that is done.
 *
 * On this hart: tlb_fence_local() and its relatives, by the fence instructions. On
 * the others: tlb_flush_vm() sets a request for each vCPU and waits until each has
 * left the guest; it fences before it enters again. A hart that a vCPU has only run on
 * earlier keeps old translations, but no vCPU of the VM uses them: vcpu_load() fences
 * when the vCPU was elsewhere in between, or another vCPU of the VM was here.
 *
 * G-stage fences name the VMID; VS-stage fences act on the VMID in hgatp, so the vCPU
 * must be loaded (H §3.2). The alternative, an SBI remote fence from the notifier, stops
 * no vCPU but would have to know under which VMID each still runs across a rollover.
 */
#include "kvm.h"
#include "hfence.h"
#include "hv/trace.h"

/* From here on one fence of everything costs less than one for each page. */
#define FENCE_MAX_PAGES 64

#define FENCE_ALL (~0ULL)

void vcpu_request_fence(struct kvm_vcpu *vcpu, const struct hfence *fence)
{
	enum vcpu_request req = REQ_HFENCE;

	spin_lock(&vcpu->fence_lock);
	if (vcpu->fence_count < HFENCE_QUEUE_SIZE)
		vcpu->fences[vcpu->fence_count++] = *fence;
	else
		req = fence->kind == HFENCE_GVMA ? REQ_TLB_FLUSH : REQ_HFENCE_ALL;
	spin_unlock(&vcpu->fence_lock);
	vcpu_request(vcpu, req);
}

/* All vCPUs do the fence, or drop everything (NULL). True: some vCPU was in its guest. */
static bool fence_and_wait(struct kvm *vm, const struct hfence *fence)
{
	struct kvm_vcpu *vcpu;
	bool reached = false;
	unsigned int i;

	if (!fence)
		return vm_request_all_and_wait(vm, REQ_TLB_FLUSH);
	kvm_for_each_vcpu(i, vcpu, vm) {
		vcpu_request_fence(vcpu, fence);
		reached |= READ_ONCE(vcpu->mode) != VCPU_OUTSIDE;
	}
	kvm_for_each_vcpu(i, vcpu, vm) {
		vcpu_wait_request(vcpu, REQ_HFENCE);
		vcpu_wait_request(vcpu, REQ_TLB_FLUSH);
	}
	return reached;
}

static void flush_everywhere(struct kvm *vm, const struct hfence *fence)
{
	trace_kvm_remote_fence(SBI_RFENCE_HFENCE_GVMA_VMID, ~0UL, fence ? fence->start : 0,
			       fence ? fence->size : FENCE_ALL, READ_ONCE(vm->gstage.vmid));
	__atomic_fetch_add(&vm->stats.remote_tlb_flush_requests, 1, __ATOMIC_RELAXED);
	/*
	 * The table's change before the look at who is there: a vCPU that is listed only later
	 * begins with a fence, and then walks the changed table.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (fence_and_wait(vm, fence))
		__atomic_fetch_add(&vm->stats.remote_tlb_flush, 1, __ATOMIC_RELAXED);
}

void tlb_flush_vm(struct kvm *vm)
{
	flush_everywhere(vm, NULL);
}

void tlb_settle(struct kvm *vm, const struct gstage_debt *debt)
{
	struct hfence fence = {
		.kind = HFENCE_GVMA,
		.start = debt->start,
		.size = debt->end - debt->start,
	};

	if (!debt->fence)
		return;
	if (debt->all || fence.size > FENCE_MAX_PAGES * PAGE_SIZE)
		flush_everywhere(vm, NULL);
	else
		flush_everywhere(vm, &fence);
	gstage_fenced(&vm->gstage);
	if (!debt->retired)
		return;
	/*
	 * A vCPU that is loaded and not in its guest was not waited for, and its hart may walk for
	 * an HLV that is never made: what still points to a retired table must go there, too.
	 */
	hv_remote_fence(SBI_RFENCE_HFENCE_GVMA, ~0UL >> (BITS_PER_LONG - hv_nr_harts()), 0, ~0UL,
			0);
	gstage_free_retired(debt->retired);
}

/*
 * The VMID under which the loaded vCPU runs. The VM may have got a newer one by now: then
 * vmid_update() drops everything before the next entry, but HLV comes before that.
 */
static unsigned long vmid_here(void)
{
	return FIELD_GET(HGATP_VMID, csr_read(hgatp));
}

void tlb_flush_vm_local(struct kvm *vm)
{
	unsigned long vmid = vmid_here();

	trace_kvm_fence_gvma(0, FENCE_ALL, vmid);
	hfence_gvma_vmid(vmid);
	tlb_flush_vvma_local(vm);
}

void tlb_flush_vvma_local(struct kvm *vm)
{
	trace_kvm_fence_vvma(0, FENCE_ALL, 0, READ_ONCE(vm->gstage.vmid));
	hfence_vvma_all();
}

/* Pages to fence one by one from *start; 0: fence everything. */
static u64 fence_pages(u64 *start, u64 size)
{
	u64 end;

	if (__builtin_add_overflow(*start, size, &end) || size > FENCE_MAX_PAGES * PAGE_SIZE)
		return 0;
	*start = ALIGN_DOWN(*start, (u64)PAGE_SIZE);
	return (end - *start + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

static void fence_gvma(u64 start, u64 size)
{
	unsigned long vmid = vmid_here();
	u64 n = fence_pages(&start, size);

	trace_kvm_fence_gvma(start, n ? size : FENCE_ALL, vmid);
	if (!n)
		hfence_gvma_vmid(vmid);
	for (; n; n--, start += PAGE_SIZE)
		hfence_gvma_vmid_gpa(vmid, start);
}

static void fence_vvma(struct kvm *vm, const struct hfence *fence)
{
	bool any_asid = fence->kind == HFENCE_VVMA;
	u64 start = fence->start;
	u64 n = fence_pages(&start, fence->size);

	trace_kvm_fence_vvma(start, n ? fence->size : FENCE_ALL, fence->asid,
			     READ_ONCE(vm->gstage.vmid));
	if (!n && any_asid)
		hfence_vvma_all();
	else if (!n)
		hfence_vvma_asid(fence->asid);
	for (; n; n--, start += PAGE_SIZE) {
		if (any_asid)
			hfence_vvma_gva((gva_t)start);
		else
			hfence_vvma_asid_gva(fence->asid, (gva_t)start);
	}
}

void tlb_fence_local(struct kvm *vm, const struct hfence *fence)
{
	if (fence->kind == HFENCE_GVMA)
		fence_gvma(fence->start, fence->size);
	else
		fence_vvma(vm, fence);
}

void tlb_serve(struct kvm_vcpu *vcpu, unsigned long requests)
{
	struct hfence fences[HFENCE_QUEUE_SIZE];
	unsigned int count, i;

	if (requests & BIT(REQ_TLB_FLUSH))
		tlb_flush_vm_local(vcpu->kvm);
	if (requests & BIT(REQ_HFENCE_ALL))
		tlb_flush_vvma_local(vcpu->kvm);
	if (!(requests & BIT(REQ_HFENCE)))
		return;

	spin_lock(&vcpu->fence_lock);
	count = vcpu->fence_count;
	for (i = 0; i < count; i++)
		fences[i] = vcpu->fences[i];
	vcpu->fence_count = 0;
	spin_unlock(&vcpu->fence_lock);
	for (i = 0; i < count; i++)
		tlb_fence_local(vcpu->kvm, &fences[i]);
}
