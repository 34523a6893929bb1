// SPDX-License-Identifier: MIT
/*
 * switch_model.c - the world switch, the FP and the vector unit, without a world: the guest is a function.
 */
#include <string.h>
#include "native.h"
#include "native_host.h"
#include "kvm_asm.h"

void (*native_guest)(struct kvm_vcpu *vcpu);
static struct fp_state fp_unit[HV_MAX_HARTS];
static struct {
	struct vector_state state;
	u8 bytes[32 * NATIVE_VLENB];
} vector_unit[HV_MAX_HARTS];

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

struct fp_state *native_fp_unit(void)
{
	return &fp_unit[hv_hart()];
}

struct vector_state *native_vector_unit(void)
{
	return &vector_unit[hv_hart()].state;
}

void fp_save(struct fp_state *fp)
{
	*fp = fp_unit[hv_hart()];
}

void fp_save_fcsr(struct fp_state *fp)
{
	fp->fcsr = fp_unit[hv_hart()].fcsr;
}

void fp_restore(const struct fp_state *fp)
{
	fp_unit[hv_hart()] = *fp;
}

void vector_save(struct vector_state *vector)
{
	u8 *regs = vector->regs;

	memcpy(regs, vector_unit[hv_hart()].bytes, sizeof(vector_unit[0].bytes));
	*vector = vector_unit[hv_hart()].state;
	vector->regs = regs;
}

void vector_save_csrs(struct vector_state *vector)
{
	u8 *regs = vector->regs;

	*vector = vector_unit[hv_hart()].state;
	vector->regs = regs;
}

void vector_restore(const struct vector_state *vector)
{
	memcpy(vector_unit[hv_hart()].bytes, vector->regs, sizeof(vector_unit[0].bytes));
	vector_unit[hv_hart()].state = *vector;
	vector_unit[hv_hart()].state.regs = vector_unit[hv_hart()].bytes;
}

void native_switch_reset(void)
{
	unsigned int i;

	native_guest = NULL;
	for (i = 0; i < HV_MAX_HARTS; i++) {
		fp_unit[i] = (struct fp_state){ 0 };
		memset(&vector_unit[i], 0, sizeof(vector_unit[i]));
		vector_unit[i].state.regs = vector_unit[i].bytes;
	}
}
