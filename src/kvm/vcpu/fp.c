// SPDX-License-Identifier: MIT
/*
 * fp.c - move FP state between memory and the unit; the code that all variants of toggle fp share.
 *
 * The host keeps one word per hart that says whose values the hart's FP unit holds: a user thread's
 * or a vCPU's (hv_fp_take()). vcpu->fp_hart is the last hart whose unit the vCPU used, the only one
 * that may still hold its registers; it is FP_NO_HART if code other than a put has written vcpu->fp
 * since. Both records must agree (fp_is_resident()): a hart's word may name a vCPU that has used
 * another hart's unit since, and a new vCPU may have the address of an old one.
 */
#include "kvm_asm.h"
#include "toggle.h"
#include "vcpu/fp.h"
#include "vcpu/vector.h"

#define FP_LAZY_SAVE 1 /* an index into toggle fp's values (toggle.def) */

void fp_restore(struct kvm_vcpu *vcpu)
{
	/* lab 8: write fp_restore: take the unit for this vCPU, and load it from memory */
	hv_pin();
	hv_fp_take(vcpu);
	fp_restore_regs(&vcpu->fp);
	vcpu->fp_hart = hv_hart();
	fp_set_state(vcpu, FS_CLEAN);
	hv_unpin();
	/* lab 8 end */
	if (trace_kvm_fpu_enabled())
		trace_kvm_fpu(1, vcpu->loaded && !vcpu->put_pending);
}

void fp_save(struct kvm_vcpu *vcpu)
{
	/* lab 8: write fp_save: save all registers to memory */
	fp_save_regs(&vcpu->fp);
	fp_set_state(vcpu, FS_OFF);
	/* lab 8 end */
	trace_kvm_fpu(0, false);
}

void fp_save_clean(struct kvm_vcpu *vcpu)
{
	/* lab 8: write fp_save_clean: save only fcsr to memory */
	fp_save_fcsr(&vcpu->fp);
	fp_set_state(vcpu, FS_OFF);
	/* lab 8 end */
}

bool fp_is_resident(const struct kvm_vcpu *vcpu)
{
	/* lab 8: write fp_is_resident: do the vCPU's and the host's records both agree? */
	return vcpu->fp_hart == hv_hart() && hv_fp_is_of(vcpu);
	/* lab 8 end */
}

bool fp_is_disabled(const struct kvm_vcpu *vcpu)
{
	return fp_present(vcpu) && fp_state(vcpu) == FS_OFF;
}

bool vector_is_disabled(const struct kvm_vcpu *vcpu)
{
	return vector_present(vcpu) && vector_state(vcpu) == FS_OFF;
}

void fp_delegate(const struct kvm_vcpu *vcpu)
{
	/* lab 8: write fp_delegate: load hedeleg without the exceptions of a disabled unit */
	unsigned long hedeleg = vcpu->hedeleg;

	if (fp_is_disabled(vcpu) || vector_is_disabled(vcpu))
		hedeleg &= ~BIT(EXC_ILLEGAL_INST);
	csr_write(hedeleg, hedeleg);
	/* lab 8 end */
}

static bool traps_arrive; /* written once, by fp_init() */

bool fp_traps_arrive(void)
{
	return traps_arrive;
}

void fp_init(void)
{
	traps_arrive = redirect_probe() == EXC_ILLEGAL_INST;
	if (traps_arrive)
		return;
	toggle_set_initial(TOGGLE_fp, FP_LAZY_SAVE);
	hv_log("kvm: a guest's illegal instruction reaches us with V still set (QEMU 10.0.13 does "
	       "that): fp is lazy_save by default\n");
}

void fp_vcpu_init(struct kvm_vcpu *vcpu)
{
	/* ORDER: the values of toggle fp (toggle.def) */
	static const struct fp_ops *const variants[] = {
		&fp_eager_ops,
		[FP_LAZY_SAVE] = &fp_lazy_save_ops,
		&fp_lazy_trap_ops,
	};

	vcpu->fp_ops = variants[vcpu->kvm->toggle[TOGGLE_fp]];
}

/*
 * kvm_units_release() replaces the variant by these functions until the units are loaded again, even if
 * the vCPU is put before. A put has nothing left to save. A load goes back to the variant.
 */
static void released_load(struct kvm_vcpu *vcpu)
{
	vcpu->fp_ops = vcpu->fp_released;
	vcpu->fp_ops->load(vcpu);
}

static void released_put(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
}

static const struct fp_ops released_ops = {
	.name = "released",
	.load = released_load,
	.put = released_put,
};

/* L2's registers are never in the units here: KVM_RUN puts its vCPU at once (nested.c). */
void kvm_units_release(void)
{
	struct hv_sched_hook *hook = hv_sched_hook_get();
	struct kvm_vcpu *vcpu;

	if (!hook)
		return;
	vcpu = container_of(hook, struct kvm_vcpu, sched_hook);
	if (vcpu->put_pending != PUT_PENDING || !(vcpu->guest.sstatus & (SSTATUS_FS | SSTATUS_VS)))
		return;
	vcpu->fp_ops->put(vcpu);
	fp_forget(vcpu);
	vcpu->fp_released = vcpu->fp_ops;
	vcpu->fp_ops = &released_ops;
	WRITE_ONCE(vcpu->put_pending, PUT_PENDING_UNITS_OUT);
}

void fp_reset(struct kvm_vcpu *vcpu)
{
	fp_forget(vcpu);
	vcpu->fp = (struct fp_state){ 0 };
	vector_reset(vcpu);
}

void fp_forget(struct kvm_vcpu *vcpu)
{
	vcpu->fp_hart = FP_NO_HART;
	vcpu->vector_hart = FP_NO_HART;
}
