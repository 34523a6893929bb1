// SPDX-License-Identifier: MIT
/*
 * fp_lazy_trap.c - FP and vector registers are loaded at the first use, and saved if they changed.
 *
 * A load leaves a unit Off (FS, VS), with two exceptions. If this hart's unit still holds the
 * vCPU's registers from an earlier turn, they are used as they are. If the vCPU changed the
 * registers in its last turn, it is expected to do so again, so vcpu_load() loads them at once: a
 * trap costs many times as much as moving them. Otherwise, the first instruction that needs the
 * unit traps; the unit is loaded, and the instruction runs again.
 *
 * Until all units that the vCPU has are loaded, illegal instructions are not delegated, because the
 * first use of a unit looks like one. The handler does not decode the instruction. Once no unit is
 * Off, the guest's illegal instructions trap directly into the guest, with the hardware's stval.
 *
 * A put saves the registers that changed, and leaves them in the unit. So memory is always up to
 * date after a put, and no other hart has to be asked for registers when the vCPU moves or when
 * ONE_REG reads them.
 */
#include "vcpu/fp.h"
#include "vcpu/vector.h"

static void lazy_trap_load(struct kvm_vcpu *vcpu)
{
	/* lab 8: write lazy_trap_load: use resident units, load expected ones, leave others off */
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
	/* lab 8: write lazy_trap_put: save what has changed, and expect it in the next turn */
	vcpu->fp_expected = fp_state(vcpu) == FS_DIRTY;
	vcpu->vector_expected = vector_state(vcpu) == FS_DIRTY;
	fp_save_changed(vcpu);
	vector_save_changed(vcpu);
	/* lab 8 end */
}

/*
 * The instruction can only need a unit that is Off here and that the guest has switched on
 * (vsstatus). If that holds for both units, load FP first; a vector instruction then traps once
 * more. If it holds for neither, the instruction is illegal for the guest, too. In that case, load
 * every unit that is Off: the instruction then traps once more, into the guest, and later illegal
 * instructions go to the guest directly.
 */
static bool lazy_trap_first_use(struct kvm_vcpu *vcpu)
{
	/* lab 8: write lazy_trap_first_use: load the disabled unit that may have been needed */
	unsigned long vsstatus = csr_read(vsstatus);
	bool fp, vector;

	hv_pin();
	fp = fp_is_disabled(vcpu);
	vector = vector_is_disabled(vcpu);
	if (!fp && !vector) {
		hv_unpin();
		return false;
	}
	if (fp && (vsstatus & SSTATUS_FS))
		vector = false;
	else if (vector && (vsstatus & SSTATUS_VS))
		fp = false;
	if (fp)
		fp_restore(vcpu);
	if (vector)
		vector_restore(vcpu);
	fp_delegate(vcpu);
	hv_unpin();
	return true;
	/* lab 8 end */
}

const struct fp_ops fp_lazy_trap_ops = {
	.name = "lazy_trap",
	.load = lazy_trap_load,
	.put = lazy_trap_put,
	.first_use = lazy_trap_first_use,
};
