// SPDX-License-Identifier: MIT
/*
 * test_sbi_legacy.c - SBI v0.1's calls, whose hart mask is in the guest's memory.
 */
#include "sbi_guest.h"

static void a_fault_on_a_legacy_mask_is_injected_at_the_ecall(void **state)
{
	struct call c = CALL(SBI_LEGACY_SEND_IPI, 0, 0x123450);

	(void)state;
	native_unpriv_trap(&(struct hv_trap){ .scause = EXC_LOAD_PAGE_FAULT, .stval = 0x123450 });
	run_script(&c, 1);
	assert_int_equal(vm.vcpu->csrs.vscause, EXC_LOAD_PAGE_FAULT);
	assert_int_equal(vm.vcpu->csrs.vstval, 0x123450);
	assert_int_equal(vm.vcpu->csrs.vsepc, PC);
}

/* The first call finds that the page is not mapped, and the host maps it. */
static void a_legacy_mask_may_be_at_an_odd_address(void **state)
{
	struct call c = CALL(SBI_LEGACY_SEND_IPI, 0, NATIVE_GUEST_BASE + 0x3001);
	struct call calls[] = { c, c };
	u8 *bytes = native_user(NATIVE_USER_BASE + 0x3000);

	(void)state;
	bytes[0] = 1; /* not part of the mask */
	bytes[1] = 2;
	run_script(calls, ARRAY_SIZE(calls));
	assert_true(second->irq_pending & BIT(IRQ_VS_SOFT));
	assert_false(vm.vcpu->irq_pending & BIT(IRQ_VS_SOFT));
}

/* The host cannot provide the page: KVM_RUN must fail instead of retrying forever. */
static void a_legacy_mask_without_host_memory_fails_the_run(void **state)
{
	struct call c = CALL(SBI_LEGACY_SEND_IPI, 0, NATIVE_GUEST_BASE + 0x3000);

	(void)state;
	native_user_unmap(NATIVE_USER_BASE + 0x3000, PAGE_SIZE);
	native_unpriv_trap(&(struct hv_trap){ .scause = EXC_LOAD_GUEST_PAGE_FAULT,
					      .stval = NATIVE_GUEST_BASE + 0x3000,
					      .htval = (NATIVE_GUEST_BASE + 0x3000) >> 2 });
	assert_int_equal(run_script(&c, 1), -EFAULT);
	assert_int_equal(script_at, 1);
	assert_true(vm.vcpu->requests & BIT(REQ_HOST));
}

static u64 class_at_answer;

static void note_class(enum trace_event_nr event, const u64 *args)
{
	(void)args;
	if (event == TRACE_kvm_sbi_return)
		class_at_answer = trace_exit_class_of(&vm.vcpu->exit_clock);
}

static void a_legacy_call_has_its_successors_exit_class(void **state)
{
	static const struct {
		unsigned long ext;
		u64 class;
	} calls[] = { { SBI_LEGACY_SET_TIMER, EXIT_SBI_TIME },
		      { SBI_LEGACY_CLEAR_IPI, EXIT_SBI_IPI },
		      { SBI_LEGACY_SEND_IPI, EXIT_SBI_IPI },
		      { SBI_LEGACY_REMOTE_FENCE_I, EXIT_SBI_RFENCE },
		      { SBI_LEGACY_REMOTE_SFENCE_VMA_ASID, EXIT_SBI_RFENCE },
		      { SBI_EXT_STA, EXIT_SBI_OTHER } };

	(void)state;
	native_event_hook = note_class;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		made(CALL(calls[i].ext, 0, 0));
		assert_int_equal(class_at_answer, calls[i].class);
	}
}

/* SBI §5: the result is 0 if no IPI was pending, and positive otherwise. */
static void clear_ipi_tells_whether_an_ipi_was_pending(void **state)
{
	struct call call = CALL(SBI_LEGACY_CLEAR_IPI, 0, 0);

	(void)state;
	assert_int_equal(made(call).error, 0);
	vcpu_set_irq(vm.vcpu, IRQ_VS_SOFT);
	vcpu_set_irq(vm.vcpu, IRQ_VS_EXT);
	assert_int_equal(made(call).error, 1);
	assert_int_equal(made(call).error, 0);
	/* One that the guest has been shown is in hvip. */
	vcpu_set_irq(vm.vcpu, IRQ_VS_SOFT);
	vcpu_flush_irqs(vm.vcpu);
	assert_int_equal(made(call).error, 1);
	assert_int_equal(made(call).error, 0);
}

/* User space answers with a0 only, as for a call that returns one value. */
static void a_forwarded_legacy_call_keeps_a1(void **state)
{
	static const unsigned long exts[] = { SBI_LEGACY_CONSOLE_PUTCHAR,
					      SBI_LEGACY_CONSOLE_GETCHAR };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(exts); i++) {
		struct call c = CALL(exts[i], 0, 'x', 0x1234);

		assert_int_equal(run_script(&c, 1), 0);
		assert_int_equal(vm.vcpu->run->exit_reason, KVM_EXIT_RISCV_SBI);
		vm.vcpu->run->riscv_sbi.ret[0] = 7;
		assert_int_equal(native_run(vm.vcpu), -EINTR);
		assert_int_equal(c.error, 7);
		assert_int_equal(c.value, 0x1234);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fault_on_a_legacy_mask_is_injected_at_the_ecall),
		TEST(a_legacy_mask_may_be_at_an_odd_address),
		TEST(a_legacy_mask_without_host_memory_fails_the_run),
		TEST(a_legacy_call_has_its_successors_exit_class),
		TEST(clear_ipi_tells_whether_an_ipi_was_pending),
		TEST(a_forwarded_legacy_call_keeps_a1),
	};

	return cmocka_run_group_tests_name("legacy SBI", tests, NULL, NULL);
}
