// SPDX-License-Identifier: MIT
/*
 * tlb.c - TLB fences: make all vCPUs drop translations that have changed, and wait for them.
 *
 * On this hart, tlb_fence_local() and the other *_local() functions fence; toggle tlb_flush (tlb.h)
 * decides how much a fence drops. For other harts, a request is set for each vCPU, which fences
 * before it enters the guest again. What happens to a vCPU that is in its guest depends on the
 * fence:
 *
 *  - If it is for a few pages of the G-stage, the firmware executes it on the vCPU's hart, under
 *    the vCPU's VMID (fence_pages_remotely()). The guest does not exit to the core.
 *  - Otherwise, it is kicked, and the requester waits until it has left the guest.
 *
 * A hart that ran a vCPU earlier, but does not run it now, keeps old translations. No vCPU of the
 * VM uses them: vcpu_load() fences if the vCPU was last loaded on another hart, or if another vCPU
 * of the VM has been loaded on this hart since.
 *
 * G-stage fences name the VMID; VS-stage fences act on the VMID in hgatp, so the vCPU must be
 * loaded (H §3.2).
 */
#include "hv/trace.h"
#include "mmu/hfence.h"
#include "mmu/tlb.h"
#include "request.h"

#define FENCE_ALL (~0ULL)

void vcpu_request_fence(struct kvm_vcpu *vcpu, const struct hfence *fence, struct hv_kicks *kicks)
{
	vcpu_request_gather(vcpu, vcpu->kvm->tlb->request_for(vcpu, fence), kicks);
}

/* Harts on which the firmware is to execute one G-stage fence, and the VMID for it. */
struct remote_fence {
	struct hv_hartmask harts;
	unsigned long vmid, start, size;
};

static void remote_fence_send(struct remote_fence *remote)
{
	if (!hartmask_is_empty(&remote->harts))
		hv_remote_fence(SBI_RFENCE_REMOTE_HFENCE_GVMA_VMID, &remote->harts, remote->start,
				remote->size, remote->vmid);
	hartmask_clear_all(&remote->harts);
}

/* Add a hart. One call is enough unless VMIDs differ, which they do only after a rollover. */
static void remote_fence_add(struct remote_fence *remote, unsigned int hart, unsigned long vmid)
{
	if (remote->vmid != vmid)
		remote_fence_send(remote);
	remote->vmid = vmid;
	hartmask_set(&remote->harts, hart);
}

/* Fence on this hart if the calling thread has loaded a vCPU of the VM. Returns this vCPU, or NULL. */
static const struct kvm_vcpu *fence_own(struct kvm *vm, const struct hfence *fence)
{
	const struct hv_sched_hook *hook;
	const struct kvm_vcpu *vcpu = NULL;

	hv_pin();
	hook = hv_sched_hook_get();
	if (hook)
		vcpu = container_of(hook, struct kvm_vcpu, sched_hook);
	if (vcpu && vcpu->kvm == vm)
		tlb_fence_local(vm, fence);
	else
		vcpu = NULL;
	hv_unpin();
	return vcpu;
}

/*
 * Do a G-stage fence for a few pages of memory or of a device, without stopping any vCPU. Returns true
 * if some vCPU was in its guest. As in a kick (request.c), each vCPU's request is set before its mode
 * is read, so
 *
 *  - a vCPU that is found OUTSIDE sees the request, and fences, before it enters or uses HLV;
 *  - a vCPU that is found in its guest has written `hart` and `vmid` before. If it is still there
 *    at the remote fence, the fence is for its hart and its VMID. If it has left the guest since,
 *    perhaps for another hart or VMID, it sees the request at its next entry.
 *
 * The call returns when the harts have executed the fence: no access through an old translation
 * follows, and earlier ones are assumed to be complete. H §3.2 does not say so, but every host relies
 * on it for its own tables (mm_flush_tlb()). What a vCPU does in HS mode meanwhile needs no
 * translation: the fast path does not access guest memory.
 *
 * A vCPU that is OUTSIDE may be loaded. Until it enters, its hart may walk the guest's own tables
 * through old translations, and find whatever the caller writes to the page of such a table. The
 * G-stage fence does not drop the VS-stage translation that results (H §3.2), so drop all of them. If
 * the vCPU has entered before this request is set, it has executed the G-stage fence before the caller
 * writes to the page. The calling thread's own vCPU fences at once instead.
 *
 * A fence by address suffices because only leaves have changed. The request stays pending until the
 * vCPU's next exit, and then costs one more fence.
 */
static bool fence_pages_remotely(struct kvm *vm, const struct hfence *fence, bool memory)
{
	const struct kvm_vcpu *own = memory ? fence_own(vm, fence) : NULL;
	struct remote_fence remote;
	struct kvm_vcpu *vcpu;
	bool reached = false;
	unsigned int i;

	remote.vmid = 0;
	remote.start = (unsigned long)fence->start;
	remote.size = (unsigned long)fence->size;
	hartmask_clear_all(&remote.harts);
	kvm_for_each_vcpu(i, vcpu, vm)
		if (vcpu != own)
			vcpu_set_request(vcpu, vm->tlb->request_for(vcpu, fence));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	kvm_for_each_vcpu(i, vcpu, vm) {
		if (vcpu == own)
			continue;
		if (__atomic_load_n(&vcpu->mode, __ATOMIC_ACQUIRE) == VCPU_OUTSIDE) {
			if (memory)
				vcpu_set_request(vcpu, REQ_HFENCE_ALL);
			continue;
		}
		remote_fence_add(&remote, READ_ONCE(vcpu->hart), READ_ONCE(vcpu->vmid));
		reached = true;
	}
	remote_fence_send(&remote);
	return reached;
}

static void flush_everywhere(struct kvm *vm, const struct hfence *fence, bool memory)
{
	trace_kvm_remote_fence(SBI_RFENCE_REMOTE_HFENCE_GVMA_VMID, ~0UL, fence ? fence->start : 0,
			       fence ? fence->size : FENCE_ALL, READ_ONCE(vm->gstage.vmid));
	__atomic_fetch_add(&vm->stats.remote_tlb_flush_requests, 1, __ATOMIC_RELAXED);
	/*
	 * Order the change of the table before the read of the list of vCPUs: a vCPU that is added
	 * later begins with a fence, and then walks the changed table.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (fence ? fence_pages_remotely(vm, fence, memory)
		  : vm_request_all_and_wait(vm, REQ_TLB_FLUSH))
		__atomic_fetch_add(&vm->stats.remote_tlb_flush, 1, __ATOMIC_RELAXED);
}

/* Before the fence in flush_everywhere(), so before any request, and after the change of the table. */
static void report_flush(struct kvm *vm, const struct gstage_pending_flush *pending)
{
	if (vm->tlb->flushed)
		vm->tlb->flushed(vm, pending);
}

void tlb_flush_vm(struct kvm *vm)
{
	report_flush(vm, NULL);
	flush_everywhere(vm, NULL, true);
}

/*
 * Make every hart drop its cached pointers to tables that the VM has retired. The fences before
 * this one do not wait for a vCPU that is loaded but outside its guest, whose hart may walk the
 * tables speculatively, as if for an HLV; and a hart may keep pointers until a vCPU is loaded there
 * again. The table is unlinked, and a full fence has followed. So a hart that first writes hgatp
 * for this VM, or for a new VMID of it, after hart_vcpu, the vCPUs' VMIDs and the VM's VMID have
 * been read here walks without these tables.
 *
 * Under an old VMID, only a vCPU that is still loaded with it can walk: the hart drops everything
 * before it uses a VMID of a later generation (vmid.c).
 */
static void drop_table_pointers(struct kvm *vm)
{
	struct remote_fence remote;
	struct hv_hartmask harts;
	struct kvm_vcpu *vcpu;
	unsigned int i, hart;

	hartmask_clear_all(&harts);
	for (hart = 0; hart < hv_nr_harts(); hart++)
		if (READ_ONCE(vm->hart_vcpu[hart]))
			hartmask_set(&harts, hart);
	remote.vmid = READ_ONCE(vm->gstage.vmid);
	remote.start = 0;
	remote.size = ~0UL;
	remote.harts = harts;
	kvm_for_each_vcpu(i, vcpu, vm) {
		unsigned long vmid = READ_ONCE(vcpu->vmid);

		if (vmid == remote.vmid)
			continue;
		remote_fence_send(&remote);
		remote.vmid = vmid;
		remote.harts = harts;
	}
	remote_fence_send(&remote);
}

void tlb_flush_pending(struct kvm *vm, const struct gstage_pending_flush *pending)
{
	struct hfence fence;

	if (!pending->fence)
		return;
	report_flush(vm, pending);
	if (!pending->all && vm->tlb->range_for(pending->start, pending->end, &fence))
		flush_everywhere(vm, &fence, true);
	else
		flush_everywhere(vm, NULL, true);
	gstage_fenced(&vm->gstage);
	if (!pending->retired)
		return;
	drop_table_pointers(vm);
	gstage_free_retired(pending->retired, pending->no_sleep);
}

/*
 * A fence for everything takes the same way as one for a few pages: the firmware executes it, so
 * no vCPU has to leave its guest. The flush is not reported: no shadow table has a leaf of a device.
 */
void tlb_flush_page_at_once(struct kvm *vm, gpa_t gpa)
{
	struct hfence fence;

	if (!vm->tlb->range_for(gpa, gpa + PAGE_SIZE, &fence))
		fence = (struct hfence){ .kind = HFENCE_GVMA, .size = FENCE_ALL };
	flush_everywhere(vm, &fence, false);
}

void tlb_flush_vm_local(struct kvm *vm)
{
	unsigned long vmid = tlb_loaded_vmid();

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
