// SPDX-License-Identifier: MIT
/*
 * nacl_guest.h - a vCPU with H and the memory that its guest shares by SBI NACL, for test_nacl*.c.
 */
#ifndef NATIVE_NACL_GUEST_H
#define NATIVE_NACL_GUEST_H

#include "sbi_guest.h"
#include "hv/kvm_hext.h"
#include "mmu/shadow.h"
#include "toggle.h"
#include "vcpu/nacl.h"
#include "vcpu/nested.h"

#define AREA     0x8000UL /* offset of the shared memory in the guest's memory */
#define AREA_GPA (NATIVE_GUEST_BASE + AREA)
#define AREA_HVA (NATIVE_USER_BASE + AREA)
#define DIRTY    (0xf80 / 8)
#define CSRS     (0x1000 / 8)

/* Fields of a fence's first word. */
#define FENCE        BIT(63)
#define TYPE(type)   ((unsigned long)(type) << 56)
#define ORDER(order) ((unsigned long)(order) << 48)
#define VMID(vmid)   ((unsigned long)(vmid) << 16)

#define NACL(fid, ...) CALL(SBI_EXT_NACL, fid, __VA_ARGS__)

static inline int setup_h(void **state)
{
	setup(state);
	native_h_add(vm.vcpu);
	return 0;
}

#define H_TEST(claim) cmocka_unit_test_setup_teardown(claim, setup_h, one_vm_end)

static inline unsigned long *word(unsigned long index)
{
	return (unsigned long *)native_user(AREA_HVA + index / 512 * PAGE_SIZE) + index % 512;
}

static inline unsigned long *csr_word(unsigned int csr)
{
	return word(CSRS + NACL_INDEX(csr));
}

static inline void put(unsigned int csr, unsigned long value)
{
	*csr_word(csr) = value;
	*word(DIRTY + NACL_INDEX(csr) / 64) |= BIT(NACL_INDEX(csr) % 64);
}

static inline void begin(void)
{
	assert_int_equal(made(NACL(SBI_NACL_SET_SHMEM, AREA_GPA)).error, SBI_SUCCESS);
}

static inline void nothing(void)
{
	made(CALL(SBI_EXT_BASE, 0, 0));
}

static inline int reg(bool set, u64 *value)
{
	struct kvm_one_reg r = { .id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CSR |
				       KVM_REG_RISCV_CSR_HEXT | KVM_HS_HEXT_NACL,
				 .addr = NATIVE_USER_BASE + 0x100 };
	int err;

	memcpy(native_user(NATIVE_USER_BASE + 0x100), value, 8);
	err = set ? onereg_set(vm.vcpu, &r) : onereg_get(vm.vcpu, &r);
	memcpy(value, native_user(NATIVE_USER_BASE + 0x100), 8);
	return err;
}

static inline int reg_is(u64 expected)
{
	u64 value = 0;

	return !reg(false, &value) && value == expected;
}

static inline int reg_to(u64 value)
{
	return reg(true, &value);
}

/* Has the shadow table been forgotten since the last call? Afterwards, it belongs to VMID 5. */
static inline bool forgotten(void)
{
	struct shadow_table *table = vm.vcpu->shadow->current;
	bool result = !table->hgatp;

	table->hgatp = FIELD_PREP(HGATP_VMID, 5);
	return result;
}

#endif
