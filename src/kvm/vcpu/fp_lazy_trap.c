// SPDX-License-Identifier: MIT
/*
 * fp_lazy_trap.c - FP and vector registers move when first needed, and when they changed.
 *
 * A load leaves FS and VS Off, unless this hart's unit still holds the vCPU's registers from an
 * earlier turn. The first instruction that wants a unit traps, finds it filled and runs again. A
 * vCPU that changed its registers in its last turn is believed to go on with that, and gets them
 * at the load: a trap costs many times what moving them does. Until all that the vCPU has is in,
 * illegal instructions are not delegated, for that is what such a trap looks like. Nothing
 * decodes the instruction: once nothing is Off any more the guest takes its own illegal
 * instructions by itself, with the hardware's stval.
 *
 * A put saves what changed and leaves it standing in the unit: memory is always right, so nobody
 * ever has to ask another hart for registers, when the vCPU moves or is read by ONE_REG.
 */
#include "vcpu/fp.h"
#include "vcpu/vector.h"

static void lazy_trap_load(struct kvm_vcpu *vcpu)
{
	/* lab 8: write lazy_trap_load: what is here is used, what is expected comes in, the rest is away */
	if (fp_present(vcpu) && fp_is_resident(vcpu))
		fp_set_state(vcpu, FS_CLEAN);
	else if (fp_present(vcpu) && vcpu->fp_expected)
		fp_restore(vcpu);
	if (vector_present(vcpu) && vector_is_resident(vcpu))
		vector_set_state(vcpu, FS_CLEAN);
	else if (vector_present(vcpu) && vcpu->vector_expected)
		vector_restore(vcpu);
	fp_delegate(vcpu);
	/* lab 8 end */
}

static void lazy_trap_put(struct kvm_vcpu *vcpu)
{
	/* lab 8: write lazy_trap_put: what has changed goes out, and is expected in the next turn */
	vcpu->fp_expected = fp_state(vcpu) == FS_DIRTY;
	vcpu->vector_expected = vector_state(vcpu) == FS_DIRTY;
	fp_save_changed(vcpu);
	vector_save_changed(vcpu);
	/* lab 8 end */
}

/*
 * What the guest has switched on itself is what its instruction may have wanted, FP first: a
 * vector instruction traps once more. If it has none of it on, the instruction is illegal for the
 * guest, too: then all that is away comes in, so that it traps once more, into the guest, and those
 * that follow are the guest's from the start.
 */
static bool lazy_trap_first_use(struct kvm_vcpu *vcpu)
{
	/* lab 8: write lazy_trap_first_use: what is away and may have been wanted comes in */
	unsigned long vsstatus = csr_read(vsstatus);
	bool fp = fp_is_disabled(vcpu), vector = vector_is_disabled(vcpu);

	if (!fp && !vector)
		return false;
	if (fp && (vsstatus & SSTATUS_FS))
		vector = false;
	else if (vector && (vsstatus & SSTATUS_VS))
		fp = false;
	if (fp)
		fp_restore(vcpu);
	if (vector)
		vector_restore(vcpu);
	fp_delegate(vcpu);
	return true;
	/* lab 8 end */
}

const struct fp_ops fp_lazy_trap_ops = {
	.name = "lazy_trap",
	.load = lazy_trap_load,
	.put = lazy_trap_put,
	.first_use = lazy_trap_first_use,
};
