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

void tlb_flush_vm(struct kvm *vm)
{
	trace_kvm_remote_fence(SBI_RFENCE_HFENCE_GVMA_VMID, ~0UL, 0, FENCE_ALL, vm->gstage.vmid);
	__atomic_fetch_add(&vm->stats.remote_tlb_flush_requests, 1, __ATOMIC_RELAXED);
	/*
	 * The table's change before the look at who is there: a vCPU that is listed only later
	 * begins with a fence, and then walks the changed table.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	vm_request_all_and_wait(vm, REQ_TLB_FLUSH);
	__atomic_fetch_add(&vm->stats.remote_tlb_flush, 1, __ATOMIC_RELAXED);
}

void tlb_flush_and_free(struct kvm *vm, bool changed, hpa_t retired)
{
	if (changed || retired)
		tlb_flush_vm(vm);
	gstage_free_retired(retired);
}

/*
 * The VMID to fence. If it is newer than the one in this hart's hgatp, so is, once it has
 * been read, the generation: vmid_update() then drops everything before the entry.
 */
static unsigned long vmid_of(const struct kvm *vm)
{
	return __atomic_load_n(&vm->gstage.vmid, __ATOMIC_ACQUIRE);
}

void tlb_flush_vm_local(struct kvm *vm)
{
	trace_kvm_fence_gvma(0, FENCE_ALL, READ_ONCE(vm->gstage.vmid));
	hfence_gvma_vmid(vmid_of(vm));
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

static void fence_gvma(struct kvm *vm, u64 start, u64 size)
{
	unsigned long vmid = vmid_of(vm);
	u64 n = fence_pages(&start, size);

	trace_kvm_fence_gvma(start, n ? size : FENCE_ALL, vm->gstage.vmid);
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

	trace_kvm_fence_vvma(start, n ? fence->size : FENCE_ALL, fence->asid, vm->gstage.vmid);
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
		fence_gvma(vm, fence->start, fence->size);
	else
		fence_vvma(vm, fence);
}
