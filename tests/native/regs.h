// SPDX-License-Identifier: MIT
/*
 * regs.h - access a vCPU's registers by id, for the tests of ONE_REG.
 */
#ifndef NATIVE_REGS_H
#define NATIVE_REGS_H

#include "one_vm.h"

#define HVA NATIVE_USER_BASE

static inline int setup(void **state)
{
	(void)state;
	native_reset();
	native_harts_set(ONE_VM_HARTS);
	native_isa_set("h i m a f d c v sstc svinval zicbom zicboz smstateen ssaia zba");
	native_core_start();
	native_user_map(HVA, 1 << 20, 0);
	native_vm_open(&vm);
	vm.vcpu = native_vcpu_make(&vm, 3);
	return 0;
}

static inline int get(u64 id, u64 *value)
{
	struct kvm_one_reg reg = { .id = id, .addr = HVA };
	int err;

	memset(native_user(HVA), 0, 8);
	err = onereg_get(vm.vcpu, &reg);
	*value = *(u64 *)native_user(HVA);
	return err;
}

static inline int set(u64 id, u64 value)
{
	struct kvm_one_reg reg = { .id = id, .addr = HVA };

	memcpy(native_user(HVA), &value, 8);
	return onereg_set(vm.vcpu, &reg);
}

static inline u64 value_of(u64 id)
{
	u64 value;

	assert_int_equal(get(id, &value), 0);
	return value;
}

#define U64_REG       (KVM_REG_RISCV | KVM_REG_SIZE_U64)
#define U32_REG       (KVM_REG_RISCV | KVM_REG_SIZE_U32)
#define CORE(reg)     (U64_REG | KVM_REG_RISCV_CORE | KVM_REG_RISCV_CORE_REG(reg))
#define GENERAL(reg)  (U64_REG | KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_REG(reg))
#define TIMER(reg)    (U64_REG | KVM_REG_RISCV_TIMER | KVM_REG_RISCV_TIMER_REG(reg))
#define CONFIG(reg)   (U64_REG | KVM_REG_RISCV_CONFIG | KVM_REG_RISCV_CONFIG_REG(reg))
#define CONFIG_ZICBOP (U64_REG | KVM_REG_RISCV_CONFIG | KVM_COMPAT_CONFIG_ZICBOP_BLOCK_SIZE)
#define ISA(ext)      (U64_REG | KVM_REG_RISCV_ISA_EXT | KVM_REG_RISCV_ISA_SINGLE | (ext))
#define SBI(ext)      (U64_REG | KVM_REG_RISCV_SBI_EXT | KVM_REG_RISCV_SBI_SINGLE | (ext))
#define V_CSR(reg)    (U64_REG | KVM_REG_RISCV_VECTOR | KVM_REG_RISCV_VECTOR_CSR_REG(reg))
#define V_REG(n)      (V_SIZE | KVM_REG_RISCV_VECTOR | KVM_REG_RISCV_VECTOR_REG(n))
#define V_SIZE        (KVM_REG_RISCV | KVM_REG_SIZE_U128) /* NATIVE_VLENB bytes */
#define AIA(reg)      (GENERAL(sstatus) | KVM_REG_RISCV_CSR_AIA | KVM_REG_RISCV_CSR_AIA_REG(reg))
#define STATEEN       (GENERAL(sstatus) | KVM_REG_RISCV_CSR_SMSTATEEN)
#define F_REG(n)      (U32_REG | KVM_REG_RISCV_FP_F | (n))
#define D_REG(n)      (U64_REG | KVM_REG_RISCV_FP_D | (n))

#endif
