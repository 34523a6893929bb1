// SPDX-License-Identifier: MIT
/*
 * onereg_vector.c - vector registers: vstart, vl, vtype, vcsr, vlenb, and v0 to v31.
 *
 * v0 to v31 are vlenb bytes long, so the size in their ids depends on the machine. On a machine
 * with another vlenb, a restore fails when it sets vlenb. The other registers accept any value:
 * when they are loaded into the unit, hardware turns a vtype that it does not support into vill.
 */
#include "uapi/onereg.h"
#include "vcpu/isa.h"
#include "vcpu/vector.h"

#define CSR(name) KVM_REG_RISCV_VECTOR_CSR_REG(name)
#define V(n)      KVM_REG_RISCV_VECTOR_REG(n)

static int vector_check(const struct kvm_vcpu *vcpu, u64 num, unsigned int size)
{
	bool wide = num >= V(0);

	if (!isa_has(vcpu, KVM_RISCV_ISA_EXT_V) || num > V(31))
		return -ENOENT;
	if (size != (wide ? vector_vlenb() : ULONG_SIZE))
		return -EINVAL;
	return num == CSR(datap) ? -ENOENT : 0;
}

/* Return where a vector CSR is kept. Not for vlenb, which is a constant of the machine. */
static unsigned long *vector_place(struct kvm_vcpu *vcpu, unsigned long num)
{
	switch (num) {
	case CSR(vstart):
		return &vcpu->vector.vstart;
	case CSR(vl):
		return &vcpu->vector.vl;
	case CSR(vtype):
		return &vcpu->vector.vtype;
	default:
		return &vcpu->vector.vcsr;
	}
}

static int vector_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	*value = num == CSR(vlenb) ? vector_vlenb() : *vector_place(vcpu, num);
	return 0;
}

static int vector_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	if (num == CSR(vlenb))
		return value == vector_vlenb() ? 0 : -EINVAL;
	*vector_place(vcpu, num) = (unsigned long)value;
	return 0;
}

static void *vector_wide(struct kvm_vcpu *vcpu, unsigned long num)
{
	return num < V(0) ? NULL : vcpu->vector.regs + (num - V(0)) * vector_vlenb();
}

static unsigned int vector_listed(const struct kvm_vcpu *vcpu, unsigned long num)
{
	if (!isa_has(vcpu, KVM_RISCV_ISA_EXT_V) || num == CSR(datap))
		return 0;
	return num < V(0) ? ULONG_SIZE : vector_vlenb();
}

const struct reg_group reg_group_vector = {
	.type = KVM_REG_RISCV_VECTOR,
	.check = vector_check,
	.get = vector_get,
	.set = vector_set,
	.listed = vector_listed,
	.count = V(31) + 1,
	.wide = vector_wide,
};
