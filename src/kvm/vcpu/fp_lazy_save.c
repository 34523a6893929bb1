// SPDX-License-Identifier: MIT
/*
 * fp_lazy_save.c - FP and vector registers move at every load, and at a put if they changed.
 *
 * Hardware tracks changes: FS and VS are Clean after the load, and become Dirty when the guest
 * writes a register. Nothing traps. A guest that does not use FP or vectors pays only for the
 * loads, and for fcsr and the vector CSRs, which every put saves (fp.h).
 */
#include "vcpu/fp.h"
#include "vcpu/vector.h"

static void lazy_save_load(struct kvm_vcpu *vcpu)
{
	/* lab 8: write lazy_save_load: load each unit that the vCPU has */
	if (fp_present(vcpu))
		fp_restore(vcpu);
	if (vector_present(vcpu))
		vector_restore(vcpu);
	/* lab 8 end */
}

static void lazy_save_put(struct kvm_vcpu *vcpu)
{
	/* lab 8: write lazy_save_put: save what has changed */
	fp_save_changed(vcpu);
	vector_save_changed(vcpu);
	/* lab 8 end */
}

const struct fp_ops fp_lazy_save_ops = {
	.name = "lazy_save",
	.load = lazy_save_load,
	.put = lazy_save_put,
};
