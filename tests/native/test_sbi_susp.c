// SPDX-License-Identifier: MIT
/*
 * test_sbi_susp.c - system suspend: which vCPU may call it, and where the guest resumes.
 */
#include "sbi_guest.h"

#define SUSPEND(...) CALL(SBI_EXT_SUSP, SBI_SUSP_SYSTEM_SUSPEND, __VA_ARGS__)

static void the_last_vcpu_may_suspend_the_system(void **state)
{
	struct call c = SUSPEND(0, NATIVE_GUEST_BASE + 0x2000, 0x99);

	(void)state;
	vm.vcpu->sbi_ext |= BIT(KVM_RISCV_SBI_EXT_SUSP);
	hsm_power_on(second);
	assert_int_equal(made(c).error, SBI_ERR_DENIED);
	hsm_power_off(second);
	assert_int_equal(made(SUSPEND(1, PC)).error, SBI_ERR_INVALID_PARAM);
	assert_int_equal(made(SUSPEND(0x80000000, PC)).error, SBI_ERR_INVALID_PARAM);
	assert_int_equal(made(SUSPEND(0, 0x1000)).error, SBI_ERR_INVALID_ADDRESS);
	assert_int_equal(made(SUSPEND(0, ANY)).error, SBI_ERR_INVALID_ADDRESS);
	assert_int_equal(made(CALL(SBI_EXT_SUSP, 1, 0)).error, SBI_ERR_NOT_SUPPORTED);
	vm.vcpu->csrs.vsatp = FIELD_PREP(SATP_MODE, SATP_MODE_SV39) | 5;
	vcpu_set_irq(vm.vcpu, IRQ_VS_EXT);
	vcpu_set_irq(vm.vcpu, IRQ_VS_SOFT);
	assert_int_equal(run_script(&c, 1), 0);
	assert_int_equal(vm.vcpu->run->exit_reason, KVM_EXIT_RISCV_SBI);
	assert_int_equal(vm.vcpu->run->riscv_sbi.extension_id, SBI_EXT_SUSP);
	assert_int_equal(vm.vcpu->run->riscv_sbi.args[1], NATIVE_GUEST_BASE + 0x2000);

	/* A pending IPI is dropped; the external line keeps the level that user space gave it. */
	assert_true(vm.vcpu->irq_pending & BIT(IRQ_VS_EXT));
	assert_false(vm.vcpu->irq_pending & BIT(IRQ_VS_SOFT));
	vcpu_clear_irq(vm.vcpu, IRQ_VS_EXT);

	/*
	 * An interrupt arrives, and the next KVM_RUN resumes the guest at the address that its call
	 * gave.
	 */
	vcpu_set_irq(vm.vcpu, IRQ_VS_EXT);
	script_at = script_len = 0;
	assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_int_equal(vm.vcpu->guest.sepc, NATIVE_GUEST_BASE + 0x2000);
	assert_int_equal(vm.vcpu->guest.gpr[GPR_A0], 0);
	assert_int_equal(vm.vcpu->guest.gpr[GPR_A1], 0x99);
	assert_int_equal(vm.vcpu->csrs.vsatp, 0);
	assert_true(vm.vcpu->csrs.hvip & BIT(IRQ_VS_EXT));
}

static u64 core_reg(unsigned long num)
{
	struct kvm_one_reg r = {
		.id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE | num,
		.addr = NATIVE_USER_BASE + 0x100,
	};

	assert_int_equal(onereg_get(vm.vcpu, &r), 0);
	return *(u64 *)native_user(NATIVE_USER_BASE + 0x100);
}

/* Neither the VMM's reads of registers nor its answer to the call changes the resumed state. */
static void registers_read_during_suspend_are_those_of_the_resume(void **state)
{
	struct call c = SUSPEND(0, NATIVE_GUEST_BASE + 0x2000, 0x99);

	(void)state;
	vm.vcpu->sbi_ext |= BIT(KVM_RISCV_SBI_EXT_SUSP);
	hsm_power_off(second);
	assert_int_equal(run_script(&c, 1), 0);
	assert_int_equal(vm.vcpu->run->exit_reason, KVM_EXIT_RISCV_SBI);
	assert_int_equal(core_reg(KVM_REG_RISCV_CORE_REG(regs.pc)), NATIVE_GUEST_BASE + 0x2000);
	assert_int_equal(core_reg(KVM_REG_RISCV_CORE_REG(regs.a1)), 0x99);
	vm.vcpu->run->riscv_sbi.ret[0] = 0x55;
	vm.vcpu->run->riscv_sbi.ret[1] = 0x66;
	script_at = script_len = 0;
	assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_int_equal(vm.vcpu->guest.sepc, NATIVE_GUEST_BASE + 0x2000);
	assert_int_equal(vm.vcpu->guest.gpr[GPR_A0], 0);
	assert_int_equal(vm.vcpu->guest.gpr[GPR_A1], 0x99);
}

static struct call fwft(unsigned long fid, unsigned long value, unsigned long flags)
{
	return made(CALL(SBI_EXT_FWFT, fid, SBI_FWFT_AD_HW_UPDATING, value, flags));
}

/* SBI FWFT: only a reset of the hart, such as a start by HSM, clears settings and locks. */
static void firmware_features_survive_a_suspend(void **state)
{
	struct call c = SUSPEND(0, PC, 0);

	one_vm_end(state);
	one_vm_ready("h f d svadu svade", PC);
	second = native_vcpu_make(&vm, 1);
	vm.vcpu->sbi_ext |= BIT(KVM_RISCV_SBI_EXT_SUSP);
	hsm_power_off(second);
	assert_int_equal(sbi_ext_set(vm.vcpu, KVM_RISCV_SBI_EXT_FWFT, 1), 0);
	assert_int_equal(fwft(SBI_FWFT_SET, 1, SBI_FWFT_LOCK).error, SBI_SUCCESS);
	assert_int_equal(run_script(&c, 1), 0);
	assert_int_equal(vm.vcpu->run->exit_reason, KVM_EXIT_RISCV_SBI);
	assert_int_equal(fwft(SBI_FWFT_GET, 0, 0).value, 1);
	assert_true(csr_read(henvcfg) & ENVCFG_ADUE);
	assert_int_equal(fwft(SBI_FWFT_SET, 0, 0).error, SBI_ERR_DENIED_LOCKED);
	/* A start follows the suspend before the guest has resumed. */
	assert_int_equal(run_script(&c, 1), 0);
	hsm_power_off(vm.vcpu);
	assert_true(hsm_start(vm.vcpu, PC, 0));
	assert_int_equal(fwft(SBI_FWFT_GET, 0, 0).value, 0);
	assert_int_equal(fwft(SBI_FWFT_SET, 0, 0).error, SBI_SUCCESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_last_vcpu_may_suspend_the_system),
		TEST(registers_read_during_suspend_are_those_of_the_resume),
		TEST(firmware_features_survive_a_suspend),
	};

	return cmocka_run_group_tests_name("SBI, suspend", tests, NULL, NULL);
}
