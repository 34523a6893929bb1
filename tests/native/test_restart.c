// SPDX-License-Identifier: MIT
/*
 * test_restart.c - a vCPU is stopped or started again while user space handles its exit.
 */
#include "one_vm.h"

#define PC       (NATIVE_GUEST_BASE + 0x1000)
#define MMIO     0x10000000UL
#define START_PC (PC + 0x100)

static int setup(void **state)
{
	(void)state;
	return one_vm_ready("h i m a f d c sstc zkr", PC);
}

/* A guest that records its pc at each entry. It traps at the first entry; the next ends KVM_RUN. */
static struct hv_trap trap_once;
static unsigned int entered;
static unsigned long entered_at;

static void one_exit_guest(struct kvm_vcpu *vcpu)
{
	entered_at = vcpu->guest.sepc;
	if (entered++)
		host_interrupt();
	else
		native_trap(&trap_once);
}

/* Exits whose result is in a0: a load, a CSR access, an SBI call. */
static const struct hv_trap answered[] = {
	{ .scause = EXC_LOAD_GUEST_PAGE_FAULT,
	  .stval = MMIO,
	  .htval = MMIO >> 2,
	  .htinst = 0x2503 },
	{ .scause = EXC_VIRTUAL_INST, .stval = 0x01501573 },
	{ .scause = EXC_ECALL_VS },
};

/* Run the guest to its exit, and store the VMM's answer, which the next KVM_RUN would deliver. */
static void exit_and_answer(const struct hv_trap *trap)
{
	struct kvm_run *run = vm.vcpu->run;

	vm.vcpu->guest.sepc = PC;
	vm.vcpu->guest.gpr[GPR_A7] = SBI_EXT_EXPERIMENTAL_START;
	trap_once = *trap;
	entered = 0;
	native_guest = one_exit_guest;
	native_signal_set(false);
	assert_int_equal(native_run(vm.vcpu), 0);
	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		memset(run->mmio.data, 0x11, 8);
		break;
	case KVM_EXIT_RISCV_CSR:
		run->riscv_csr.ret_value = 0x11111111;
		break;
	default:
		assert_int_equal(run->exit_reason, KVM_EXIT_RISCV_SBI);
		run->riscv_sbi.ret[0] = 0x11111111;
	}
}

static u64 pc_by_one_reg(void)
{
	struct kvm_one_reg reg = { .id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE,
				   .addr = NATIVE_USER_BASE };

	assert_int_equal(onereg_get(vm.vcpu, &reg), 0);
	return *(u64 *)native_user(NATIVE_USER_BASE);
}

static void set_mp_state(u32 mp_state)
{
	memcpy(native_user(NATIVE_USER_BASE), &mp_state, sizeof(mp_state));
	assert_int_equal(native_ioctl(vm.vcpu_fd[0], KVM_SET_MP_STATE, NATIVE_USER_BASE), 0);
}

/* Enter the guest again; it records its pc and ends KVM_RUN. */
static void enter_again(void)
{
	native_signal_set(false);
	assert_int_equal(native_run(vm.vcpu), -EINTR);
}

static void an_answer_does_not_reach_a_restarted_guest(void **state)
{
	unsigned int i, reads;

	(void)state;
	for (i = 0; i < 2 * ARRAY_SIZE(answered); i++) {
		exit_and_answer(&answered[i / 2]);
		set_mp_state(KVM_MP_STATE_STOPPED);
		assert_true(hsm_start(vm.vcpu, START_PC, 77));
		/* Reading a register does not change what the guest finds. */
		for (reads = i % 2; reads; reads--)
			assert_int_equal(pc_by_one_reg(), START_PC);
		enter_again();
		assert_int_equal(entered_at, START_PC);
		assert_int_equal(vm.vcpu->guest.gpr[GPR_A0], vm.vcpu->id);
		assert_int_equal(vm.vcpu->guest.gpr[GPR_A1], 77);
	}
}

static void an_answer_survives_a_stop_of_the_vcpu(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(answered); i++) {
		exit_and_answer(&answered[i]);
		set_mp_state(KVM_MP_STATE_STOPPED);
		assert_int_equal(pc_by_one_reg(), PC);
		set_mp_state(KVM_MP_STATE_RUNNABLE);
		enter_again();
		assert_int_equal(entered_at, PC + 4);
		assert_int_equal(vm.vcpu->guest.gpr[GPR_A0], 0x11111111);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_does_not_reach_a_restarted_guest),
		TEST(an_answer_survives_a_stop_of_the_vcpu),
	};

	return cmocka_run_group_tests_name("exits, stops and restarts", tests, NULL, NULL);
}
