// SPDX-License-Identifier: MIT
/*
 * sbi_rfence.c - SBI §8: fences on other vCPUs.
 *
 * A target other than the caller fences before it next enters; if it is in its guest, it is kicked
 * out. The call returns when each of these targets is outside its guest or has fenced, so that none
 * of them can still use what the fence drops. The caller itself fences at once.
 *
 * Hypervisor fences (FID 3 to 6) exist only for a vCPU with H, and drop more than they name.
 */
#include "kvm_asm.h"
#include "mmu/shadow.h"
#include "mmu/tlb.h"
#include "request.h"
#include "sbi/sbi.h"
#include "vcpu/pmu.h"

struct fence_call {
	const struct kvm_vcpu *caller;
	struct hfence fence;
	unsigned int event; /* SBI_PMU_FW_*_SENT; a target counts event + 1 (*_RECEIVED) */
	struct hv_kicks kicks;
};

static void queue_fence(struct kvm_vcpu *target, void *arg)
{
	struct fence_call *call = arg;

	/* lab 9: write queue_fence: a remote sfence.vma for one target, which may be the caller */
	pmu_count(target, call->event + 1);
	if (target == call->caller)
		tlb_fence_local(target->kvm, &call->fence);
	else
		vcpu_request_fence(target, &call->fence, &call->kicks);
	/* lab 9 end */
}

static void queue_fence_i(struct kvm_vcpu *target, void *arg)
{
	struct fence_call *call = arg;

	/* lab 9: write queue_fence_i: a remote fence.i for one target, which may be the caller */
	pmu_count(target, call->event + 1);
	if (target == call->caller)
		local_fence_i();
	else
		vcpu_request_gather(target, REQ_FENCE_I, &call->kicks);
	/* lab 9 end */
}

static void wait_fence(struct kvm_vcpu *target, void *arg)
{
	const struct fence_call *call = arg;

	/* lab 9: write wait_fence: wait until this target has fenced or is outside its guest */
	if (target == call->caller)
		return;
	vcpu_wait_request(target, REQ_HFENCE);
	vcpu_wait_request(target, REQ_HFENCE_ALL);
	vcpu_wait_request(target, REQ_FENCE_I);
	/* lab 9 end */
}

/* Fence the vCPUs that a mask names. If the mask names only the caller, no search is needed. */
static long fence_harts(struct kvm_vcpu *vcpu, unsigned long mask, unsigned long base,
			void (*queue)(struct kvm_vcpu *target, void *arg), struct fence_call *call)
{
	/* lab 9: write fence_harts: queue the fence for every target, then wait for each */
	long error;

	pmu_count(vcpu, call->event);
	if (sbi_names_only(vcpu, mask, base)) {
		queue(vcpu, call);
		return SBI_SUCCESS;
	}
	error = sbi_for_each_hart(vcpu, mask, base, queue, call);
	hv_kicks_send(&call->kicks);
	sbi_for_each_hart(vcpu, mask, base, wait_fence, call);
	return error;
	/* lab 9 end */
}

/*
 * Fill in the fence that the guest's call asks for. `range` contains the call's start, size and
 * ASID. All addresses are fenced if start and size are both 0 or size is ~0 (SBI §8).
 */
static void fill_fence(struct hfence *fence, unsigned long fid, const unsigned long *range)
{
	/* lab 9: write fill_fence: set kind, range and ASID from the guest's call */
	bool asid = fid == SBI_RFENCE_REMOTE_SFENCE_VMA_ASID;
	bool all = (!range[0] && !range[1]) || range[1] == ~0UL;

	fence->kind = asid ? HFENCE_VVMA_ASID : HFENCE_VVMA;
	fence->start = range[0];
	fence->size = all ? ~0ULL : range[1];
	fence->asid = asid ? range[2] : 0;
	/* lab 9 end */
}

static bool mask_names(const struct kvm_vcpu *vcpu, unsigned long mask, unsigned long base)
{
	return base == ~0UL || (vcpu->id >= base && vcpu->id - base < BITS_PER_LONG &&
				(mask & BIT(vcpu->id - base)));
}

static void count_received(struct kvm_vcpu *target, void *arg)
{
	const unsigned int *event = arg;

	pmu_count(target, *event + 1);
}

/*
 * A fence for translations of the guest's own guests: every vCPU drops all translations, and its
 * shadow tables (mmu/shadow.h), before it uses them again. The fast path calls this for a fence
 * that names only the caller; it must not wait (fastpath.c). Not inlined, so that other fences do
 * not pay for it.
 */
static __attribute__((noinline)) long hypervisor_fence(struct kvm_vcpu *vcpu, unsigned long fid,
						       unsigned long mask, unsigned long base)
{
	/* ORDER: FIDs, from 3 on */
	static const u8 events[] = { SBI_PMU_FW_HFENCE_GVMA_VMID_SENT, SBI_PMU_FW_HFENCE_GVMA_SENT,
				     SBI_PMU_FW_HFENCE_VVMA_ASID_SENT,
				     SBI_PMU_FW_HFENCE_VVMA_SENT };
	unsigned int event;
	long error;

	if (!vcpu->has_h || fid > SBI_RFENCE_REMOTE_HFENCE_VVMA)
		return SBI_ERR_NOT_SUPPORTED;
	event = events[fid - SBI_RFENCE_REMOTE_HFENCE_GVMA_VMID];
	pmu_count(vcpu, event);
	if (sbi_names_only(vcpu, mask, base)) {
		count_received(vcpu, &event);
		if (vcpu->shadow) /* the next use drops VS-stage translations, too */
			shadow_fence(vcpu, SHADOW_ANY_VMID, 0, ~0ULL);
		return SBI_SUCCESS;
	}
	error = sbi_for_each_hart(vcpu, mask, base, count_received, &event);
	if (!error)
		tlb_flush_vm(vcpu->kvm);
	return error;
}

static long remote_fence(struct kvm_vcpu *vcpu, unsigned long fid, unsigned long mask,
			 unsigned long base, const unsigned long *range)
{
	struct fence_call call;

	call.caller = vcpu;
	call.kicks.count = 0;

	if (trace_group_rfence()) {
		trace_kvm_remote_fence(fid, mask, range[0], range[1], base);
		/*
		 * Trace the caller's own fence.i here, so that a single no-op serves this event and
		 * the one above while both are off.
		 */
		if (fid == SBI_RFENCE_REMOTE_FENCE_I && mask_names(vcpu, mask, base))
			trace_kvm_fence_i(READ_ONCE(vcpu->kvm->gstage.vmid));
	}
	switch (fid) {
	case SBI_RFENCE_REMOTE_FENCE_I:
		call.event = SBI_PMU_FW_FENCE_I_SENT;
		return fence_harts(vcpu, mask, base, queue_fence_i, &call);
	case SBI_RFENCE_REMOTE_SFENCE_VMA:
	case SBI_RFENCE_REMOTE_SFENCE_VMA_ASID:
		call.event = fid == SBI_RFENCE_REMOTE_SFENCE_VMA ? SBI_PMU_FW_SFENCE_VMA_SENT
								 : SBI_PMU_FW_SFENCE_VMA_ASID_SENT;
		fill_fence(&call.fence, fid, range);
		return fence_harts(vcpu, mask, base, queue_fence, &call);
	default:
		return hypervisor_fence(vcpu, fid, mask, base);
	}
}

int sbi_rfence(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	const unsigned long *gpr = vcpu->guest.gpr;

	(void)ext;
	ret->error = remote_fence(vcpu, fid, gpr[GPR_A0], gpr[GPR_A1], &gpr[GPR_A2]);
	return RESUME_GUEST;
}

void sbi_rfence_legacy(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long mask,
		       unsigned long base)
{
	unsigned long fid = ext - SBI_LEGACY_REMOTE_FENCE_I + SBI_RFENCE_REMOTE_FENCE_I;

	remote_fence(vcpu, fid, mask, base, &vcpu->guest.gpr[GPR_A1]);
}
