// SPDX-License-Identifier: MIT
/*
 * test_nested.c - values of H and VS CSRs: after user space has removed an extension, and after writes.
 */
#include "one_vm.h"
#include "mmu/shadow.h"
#include "vcpu/nested.h"

static void set_extension(unsigned int ext, bool on)
{
	isa_set_put(&vm.vcpu->isa, ext, on);
	vcpu_isa_changed(vm.vcpu);
}

static int setup(void **state)
{
	(void)state;
	one_vm_ready("h sstc svinval zicbom", 0);
	assert_int_equal(shadow_create(vm.vcpu), 0);
	set_extension(KVM_RISCV_ISA_EXT_H, true);
	return 0;
}

static void without_h_no_instruction_traps_for_hstatus(void **state)
{
	const unsigned long traps = HSTATUS_VTVM | HSTATUS_VTSR;

	(void)state;
	for (unsigned int v = 0; v < 2; v++) {
		assert_int_equal(nested_reg_set(vm.vcpu, CSR_hstatus, HSTATUS_SPV | traps), 0);
		nested_set_v(vm.vcpu, v);
		assert_int_not_equal(vm.vcpu->guest.hstatus & traps, 0);
		set_extension(KVM_RISCV_ISA_EXT_H, false);
		assert_int_equal(vm.vcpu->guest.hstatus & traps, 0);
		set_extension(KVM_RISCV_ISA_EXT_H, true);
	}
}

static void a_removed_extension_takes_its_bit_of_henvcfg_along(void **state)
{
	u64 henvcfg;

	(void)state;
	assert_int_equal(nested_reg_set(vm.vcpu, CSR_henvcfg, ENVCFG_STCE | ENVCFG_CBCFE), 0);
	set_extension(KVM_RISCV_ISA_EXT_SSTC, false);
	assert_true(nested_reg_get(vm.vcpu, CSR_henvcfg, &henvcfg));
	assert_true(henvcfg == ENVCFG_CBCFE);
}

/* QEMU keeps bit 0 of what L2 writes to its sepc. L1's next write has to clear it. */
static void a_write_of_vsepc_clears_bit_0(void **state)
{
	u64 vsepc;

	(void)state;
	vm.vcpu->nested.vsepc = 0x1235;
	assert_int_equal(nested_reg_set(vm.vcpu, CSR_vsepc, 0x4321), 0);
	assert_true(nested_reg_get(vm.vcpu, CSR_vsepc, &vsepc));
	assert_true(vsepc == 0x4320);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_h_no_instruction_traps_for_hstatus),
		TEST(a_removed_extension_takes_its_bit_of_henvcfg_along),
		TEST(a_write_of_vsepc_clears_bit_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
