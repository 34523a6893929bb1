// SPDX-License-Identifier: MIT
/*
 * fp_eager.c - FP registers move at every load, and at every put if they changed.
 *
 * Nothing ever traps: the guest finds its registers in the unit from the first
 * instruction on. The price is 33 loads for each load of a vCPU, also for one that never
 * uses FP. Another vCPU's or program's values never stay behind in the unit.
 */
#include "fp.h"
#include "kvm_asm.h"

static void eager_load(struct kvm_vcpu *vcpu)
{
	/* F without D leaves D's instructions usable: there is no switch between the two. */
	if (!(vcpu->isa & (1ULL << KVM_RISCV_ISA_EXT_D | 1ULL << KVM_RISCV_ISA_EXT_F))) {
		fp_set_state(vcpu, FS_OFF);
		return;
	}
	fp_restore(&vcpu->fp);
	fp_set_state(vcpu, FS_CLEAN);
	trace_kvm_fpu(1);
}

static void eager_put(struct kvm_vcpu *vcpu)
{
	if (!fp_is_dirty(vcpu)) {
		if (vcpu->guest.sstatus & SSTATUS_FS)
			fp_save_fcsr(&vcpu->fp); /* fp.h says why */
		return;
	}
	fp_save(&vcpu->fp);
	fp_set_state(vcpu, FS_CLEAN);
	trace_kvm_fpu(0);
}

const struct fp_ops fp_eager_ops = {
	.name = "eager",
	.load = eager_load,
	.put = eager_put,
};
