// SPDX-License-Identifier: MIT
/*
 * tlb.c - TLB fences: make all vCPUs drop translations that have changed, and wait for them.
 *
 * On this hart, tlb_fence_local() and the other *_local() functions fence; toggle tlb_flush (tlb.h)
 * decides how much a fence drops. On other harts, the vCPUs fence: tlb_flush_vm() sets a request
 * for each vCPU and waits until the vCPU has left the guest; the vCPU fences before it enters
 * again. A hart that ran a vCPU earlier, but does not run it now, keeps old translations. No vCPU
 * of the VM uses them: vcpu_load() fences if the vCPU was last loaded on another hart, or if
 * another vCPU of the VM has been loaded on this hart since.
 *
 * G-stage fences name the VMID; VS-stage fences act on the VMID in hgatp, so the vCPU must be
 * loaded (H §3.2). The alternative, an SBI remote fence from the notifier, would not stop any vCPU,
 * but after a rollover, the notifier would have to know which vCPUs still run under an old VMID,
 * and under which one.
 */
#include "hv/trace.h"
#include "mmu/hfence.h"
#include "mmu/tlb.h"
#include "request.h"

#define FENCE_ALL (~0ULL)

void vcpu_request_fence(struct kvm_vcpu *vcpu, const struct hfence *fence)
{
	vcpu_request(vcpu, vcpu->kvm->tlb->request_for(vcpu, fence));
}

/*
 * Make all vCPUs do the fence (NULL: drop everything), and wait. Returns true if some vCPU was in
 * its guest.
 */
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
	trace_kvm_remote_fence(SBI_RFENCE_REMOTE_HFENCE_GVMA_VMID, ~0UL, fence ? fence->start : 0,
			       fence ? fence->size : FENCE_ALL, READ_ONCE(vm->gstage.vmid));
	__atomic_fetch_add(&vm->stats.remote_tlb_flush_requests, 1, __ATOMIC_RELAXED);
	/*
	 * Order the change of the table before the read of the list of vCPUs: a vCPU that is added
	 * later begins with a fence, and then walks the changed table.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (fence_and_wait(vm, fence))
		__atomic_fetch_add(&vm->stats.remote_tlb_flush, 1, __ATOMIC_RELAXED);
}

void tlb_flush_vm(struct kvm *vm)
{
	flush_everywhere(vm, NULL);
}

void tlb_flush_pending(struct kvm *vm, const struct gstage_pending_flush *pending)
{
	struct hfence fence;

	if (!pending->fence)
		return;
	if (!pending->all && vm->tlb->range_for(pending->start, pending->end, &fence))
		flush_everywhere(vm, &fence);
	else
		flush_everywhere(vm, NULL);
	gstage_fenced(&vm->gstage);
	if (!pending->retired)
		return;
	/*
	 * The fences above do not wait for a vCPU that is loaded but outside its guest. Its hart
	 * may walk the tables speculatively, as if for an HLV, so cached pointers to retired tables
	 * must be dropped there, too.
	 */
	hv_remote_fence(SBI_RFENCE_REMOTE_HFENCE_GVMA, ~0UL >> (BITS_PER_LONG - hv_nr_harts()), 0,
			~0UL, 0);
	gstage_free_retired(pending->retired);
}

/*
 * Return the VMID under which the loaded vCPU runs, which is the one that a fence has to name. The
 * VM may have a newer VMID by now. vmid_update() loads it and drops everything before the next
 * entry, but until then, HLV still uses the old one.
 */
static unsigned long loaded_vmid(void)
{
	return FIELD_GET(HGATP_VMID, csr_read(hgatp));
}

void tlb_flush_vm_local(struct kvm *vm)
{
	unsigned long vmid = loaded_vmid();

	trace_kvm_fence_gvma(0, FENCE_ALL, vmid);
	hfence_gvma_vmid(vmid);
	tlb_flush_vvma_local(vm);
}

void tlb_flush_vvma_local(struct kvm *vm)
{
	trace_kvm_fence_vvma(0, FENCE_ALL, 0, READ_ONCE(vm->gstage.vmid));
	hfence_vvma_all();
}

void tlb_fence_local(struct kvm *vm, const struct hfence *fence)
{
	vm->tlb->fence(vm, fence);
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
