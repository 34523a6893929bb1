// SPDX-License-Identifier: MIT
/*
 * switch_model.c - the world switch and the FP unit, without a world: the guest is a function.
 */
#include "native.h"
#include "native_host.h"
#include "kvm_asm.h"

void (*native_guest)(struct kvm_vcpu *vcpu);
static struct fp_state fp_unit[HV_MAX_HARTS];

void native_trap(const struct hv_trap *trap)
{
	native_csr_poke(CSR_scause, trap->scause);
	native_csr_poke(CSR_stval, trap->stval);
	native_csr_poke(CSR_htval, trap->htval);
	native_csr_poke(CSR_htinst, trap->htinst);
}

void vcpu_switch(struct kvm_vcpu *vcpu)
{
	native_trap(&(struct hv_trap){ .scause = 24 });
	if (native_guest)
		native_guest(vcpu);
}

void vcpu_exit_vector(void)
{
	hv_panic("native machine: nothing jumps to the exit vector\n");
}

void fp_save(struct fp_state *fp)
{
	*fp = fp_unit[hv_hart()];
}

void fp_restore(const struct fp_state *fp)
{
	fp_unit[hv_hart()] = *fp;
}

void native_switch_reset(void)
{
	unsigned int i;

	native_guest = NULL;
	for (i = 0; i < HV_MAX_HARTS; i++)
		fp_unit[i] = (struct fp_state){ 0 };
}
