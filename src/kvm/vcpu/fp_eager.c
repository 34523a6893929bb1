// SPDX-License-Identifier: MIT
/*
 * fp_eager.c - FP and vector registers move at every load and at every put.
 *
 * Changes are not tracked, and nothing traps: the guest's registers are in the FP and vector units
 * from its first instruction on, and nothing relies on values that an earlier turn has left there.
 * The cost is the same for a guest that never uses these units.
 */
#include "vcpu/fp.h"
#include "vcpu/vector.h"

static void eager_load(struct kvm_vcpu *vcpu)
{
	/* lab 8: write eager_load: load each unit that the vCPU has */
	if (fp_present(vcpu))
		fp_restore(vcpu);
	if (vector_present(vcpu))
		vector_restore(vcpu);
	/* lab 8 end */
}

static void eager_put(struct kvm_vcpu *vcpu)
{
	/* lab 8: write eager_put: save each unit that is loaded */
	if (fp_state(vcpu) != FS_OFF)
		fp_save(vcpu);
	if (vector_state(vcpu) != FS_OFF)
		vector_save(vcpu);
	/* lab 8 end */
}

const struct fp_ops fp_eager_ops = {
	.name = "eager",
	.load = eager_load,
	.put = eager_put,
};
