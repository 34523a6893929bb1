// SPDX-License-Identifier: MIT
/*
 * sbi_watch.c - let a guest examine the requests of another vCPU. Given; nothing to write.
 *
 * No real hypervisor lets its guest do that. This one does, so that a test, which is a guest, can
 * observe requests without a race: a stopped vCPU does not serve its requests, so they stay
 * pending. The mode of a stopped vCPU can be set to any value, because its thread sleeps.
 */
#include "exit/exit.h"
#include "vcpu/hsm.h"
#include "request.h"
#include "sbi/sbi_watch.h"

#define ASKED                                                                        \
	(BIT(REQ_IRQ) | BIT(REQ_TLB_FLUSH) | BIT(REQ_HFENCE) | BIT(REQ_HFENCE_ALL) | \
	 BIT(REQ_FENCE_I))
#define VMS 64

_Static_assert(REQ_TLB_FLUSH == 6 && REQ_FENCE_I == 9, "as in tests/guest/lab09.h");

/*
 * VMs that take_turn() loads into a hart, with the calling VM's G-stage table. Their guests never
 * run.
 */
static struct kvm others[VMS];
static struct kvm_vcpu other_vcpus[VMS];

/*
 * The WATCH_LET_GO calls since the wait began, as bits. Bit 0: a call with a1 = 0 or 1, which
 * should have ended the wait. Bit 1: a call with a1 = 2, so the wait ended too late. Bit 2: at one
 * of these calls, each stopped vCPU had a request.
 */
static u32 let_go;

static long fence_field(struct kvm_vcpu *target, unsigned long n, unsigned long field)
{
	const struct hfence *fence = &target->fences[n % HFENCE_QUEUE_SIZE];
	const u64 fields[] = { fence->kind, fence->start, fence->size, fence->asid };

	return (long)fields[field % ARRAY_SIZE(fields)];
}

static void forget(struct kvm_vcpu *target)
{
	__atomic_fetch_and(&target->requests, ~(unsigned long)ASKED, __ATOMIC_SEQ_CST);
	target->fence_count = 0;
	target->irq_changed = target->irq_pending = 0;
}

/*
 * Pretend that the target is on this hart, with mode a[1] and blocking a[2], and send it request
 * a[3]. Return in ret->value the target's new mode, the new blocking << 4, bit 8 if this hart got
 * an interrupt, and bit 9 if the request is set. SBI_ERR_FAILED means that an interrupt was already
 * pending; the caller should try again.
 */
static long stage_kick(struct kvm_vcpu *target, const unsigned long *a, struct sbiret *ret)
{
	u32 mode = target->mode, blocking = target->blocking, hart = target->hart;

	if (csr_read(sip) & BIT(IRQ_S_SOFT))
		return SBI_ERR_FAILED;
	target->hart = hv_hart();
	target->blocking = (u32)a[2];
	__atomic_store_n(&target->mode, (u32)a[1], __ATOMIC_SEQ_CST);
	vcpu_request(target, (enum vcpu_request)a[3]);
	ret->value = (long)(target->mode | target->blocking << 4 |
			    (csr_read(sip) & BIT(IRQ_S_SOFT) ? 0x100 : 0) |
			    (target->requests >> a[3] & 1) << 9);
	__atomic_store_n(&target->mode, mode, __ATOMIC_SEQ_CST);
	target->blocking = blocking;
	target->hart = hart;
	__atomic_fetch_and(&target->requests, ~BIT(a[3]), __ATOMIC_SEQ_CST);
	return SBI_SUCCESS;
}

/* Return how the wait ended (let_go), and set the vCPU's mode back to outside. */
static long ended(struct kvm_vcpu *target)
{
	long how = __atomic_load_n(&let_go, __ATOMIC_SEQ_CST);

	__atomic_store_n(&target->mode, VCPU_OUTSIDE, __ATOMIC_SEQ_CST);
	return how;
}

static long stage_wait(struct kvm_vcpu *target, unsigned long req)
{
	long how;

	__atomic_store_n(&let_go, 0, __ATOMIC_SEQ_CST);
	__atomic_fetch_or(&target->requests, BIT(req), __ATOMIC_SEQ_CST);
	__atomic_store_n(&target->mode, VCPU_IN_GUEST, __ATOMIC_SEQ_CST);
	vcpu_wait_request(target, (enum vcpu_request)req);
	how = ended(target);
	__atomic_fetch_and(&target->requests, ~BIT(req), __ATOMIC_SEQ_CST);
	return how;
}

/*
 * Like stage_wait(), but wait with vm_request_all_and_wait(). Bit 3 of the result is the return
 * value of that function.
 */
static long stage_all(struct kvm_vcpu *target, unsigned long req, bool in_guest)
{
	bool reached;

	__atomic_store_n(&let_go, 0, __ATOMIC_SEQ_CST);
	target->hart = hv_hart();
	if (in_guest)
		__atomic_store_n(&target->mode, VCPU_IN_GUEST, __ATOMIC_SEQ_CST);
	reached = vm_request_all_and_wait(target->kvm, (enum vcpu_request)req);
	return ended(target) | (reached ? 8 : 0);
}

/* Return true if each stopped vCPU has a request. */
static bool all_asked(struct kvm *vm)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	kvm_for_each_vcpu(i, vcpu, vm) {
		if (hsm_is_stopped(vcpu) && !(READ_ONCE(vcpu->requests) & ASKED))
			return false;
	}
	return true;
}

static void end_wait(struct kvm_vcpu *target, unsigned long how)
{
	__atomic_fetch_or(&let_go, (how == 2 ? 2 : 1) | (all_asked(target->kvm) ? 4 : 0),
			  __ATOMIC_SEQ_CST);
	if (how != 1)
		__atomic_store_n(&target->mode, VCPU_OUTSIDE, __ATOMIC_SEQ_CST);
	if (how != 0)
		__atomic_fetch_and(&target->requests, ~(unsigned long)ASKED, __ATOMIC_SEQ_CST);
}

static unsigned long vmid_after(struct kvm_vcpu *vcpu)
{
	unsigned long vmid;

	gstage_vcpu_load(vcpu);
	vmid = FIELD_GET(HGATP_VMID, csr_read(hgatp));
	return vmid == vcpu->vmid ? vmid : vmid | WATCH_UNANNOUNCED;
}

/*
 * Load VM `number`, then the calling VM again. Return the VMIDs of both VMs: that of VM `number`
 * shifted left by 16, ORed with that of the calling VM. WATCH_UNANNOUNCED is added to a VMID that
 * is not in vcpu->vmid.
 */
static long take_turn(struct kvm_vcpu *vcpu, unsigned long number)
{
	struct kvm_vcpu *other = &other_vcpus[number];
	struct kvm *vm = &others[number];
	unsigned long vsatp = csr_swap(vsatp, 0), vmids;
	unsigned int i;

	vm->gstage.hgatp = vcpu->kvm->gstage.hgatp;
	vm->gstage.root = vcpu->kvm->gstage.root;
	vm->gstage.levels = vcpu->kvm->gstage.levels;
	for (i = 0; i < ARRAY_SIZE(vm->toggle); i++)
		vm->toggle[i] = vcpu->kvm->toggle[i];
	vm->tlb = vcpu->kvm->tlb;
	other->kvm = vm;
	vmids = vmid_after(other) << 16;
	vmids |= vmid_after(vcpu);
	csr_write(vsatp, vsatp);
	return (long)vmids;
}

static long watch_vcpu(struct kvm_vcpu *target, unsigned long fid, struct sbiret *ret,
		       const unsigned long *a)
{
	switch (fid) {
	case WATCH_ASKED:
		ret->value = (long)((target->requests & ASKED) | (unsigned long)target->fence_count
									 << 16);
		return SBI_SUCCESS;
	case WATCH_FENCE:
		ret->value = fence_field(target, a[1], a[2]);
		return SBI_SUCCESS;
	case WATCH_FORGET:
		forget(target);
		return SBI_SUCCESS;
	case WATCH_KICK:
		return a[3] < BITS_PER_LONG ? stage_kick(target, a, ret) : SBI_ERR_INVALID_PARAM;
	case WATCH_WAIT:
		ret->value = stage_wait(target, a[1] % BITS_PER_LONG);
		return SBI_SUCCESS;
	case WATCH_ALL:
		ret->value = stage_all(target, a[1] % BITS_PER_LONG, a[2]);
		return SBI_SUCCESS;
	case WATCH_STAGE:
		__atomic_store_n(&let_go, 0, __ATOMIC_SEQ_CST);
		target->hart = hv_hart();
		__atomic_store_n(&target->mode, VCPU_IN_GUEST, __ATOMIC_SEQ_CST);
		return SBI_SUCCESS;
	case WATCH_ENDED:
		ret->value = ended(target);
		return SBI_SUCCESS;
	case WATCH_LET_GO:
		end_wait(target, a[1]);
		return SBI_SUCCESS;
	default:
		return SBI_ERR_NOT_SUPPORTED;
	}
}

int sbi_watch(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	const unsigned long *a = &vcpu->guest.gpr[GPR_A0];
	struct kvm_vcpu *target;

	(void)ext;
	if (fid == WATCH_TURN) {
		if (a[0] >= VMS)
			ret->error = SBI_ERR_INVALID_PARAM;
		else
			ret->value = take_turn(vcpu, a[0]);
		return RESUME_GUEST;
	}
	target = vm_find_vcpu(vcpu->kvm, a[0]);
	if (!target || !hsm_is_stopped(target))
		ret->error = SBI_ERR_INVALID_PARAM;
	else
		ret->error = watch_vcpu(target, fid, ret, a);
	return RESUME_GUEST;
}
