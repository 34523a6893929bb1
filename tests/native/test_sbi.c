// SPDX-License-Identifier: MIT
/*
 * test_sbi.c - SBI calls made by a running guest, through the whole loop of KVM_RUN.
 *
 * The guest is a script of calls, one for each entry. Payloads test calls on the real machine
 * (tests/guest/sbi.c). This file covers what the payloads do not: the states of other vCPUs, wrong
 * answers from user space, and arbitrary arguments.
 */
#include "sbi_guest.h"

/* ---- base, and missing functions ----------------------------------------------------------- */

static void a_call_returns_after_the_ecall(void **state)
{
	struct call c = made(CALL(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION, 0));

	(void)state;
	assert_int_equal(c.error, SBI_SUCCESS);
	assert_int_equal(c.value, 3 << 24);
	assert_int_equal(vm.vcpu->guest.sepc, PC + 4);
}

static void probe_follows_user_spaces_settings(void **state)
{
	(void)state;
	assert_int_equal(made(CALL(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, SBI_EXT_TIME)).value, 1);
	assert_int_equal(made(CALL(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, SBI_EXT_DBCN)).value, 0);
	vm.vcpu->sbi_ext |= BIT(KVM_RISCV_SBI_EXT_DBCN);
	vm.vcpu->sbi_ext &= ~BIT(KVM_RISCV_SBI_EXT_TIME);
	assert_int_equal(made(CALL(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, SBI_EXT_TIME)).value, 0);
	assert_int_equal(made(CALL(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, SBI_EXT_DBCN)).value, 1);
	assert_int_equal(made(CALL(SBI_EXT_TIME, SBI_TIME_SET_TIMER, 0)).error,
			 SBI_ERR_NOT_SUPPORTED);
}

static void unknown_calls_are_not_supported(void **state)
{
	static const unsigned long exts[] = { 0x9,         0xf,          0x11,
					      SBI_EXT_PMU, SBI_EXT_SUSP, SBI_EXT_FWFT,
					      0x7ffffff,   0xa000000,    ANY };
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(exts); i++)
		assert_int_equal(made(CALL(exts[i], 0, 0)).error, SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(made(CALL(SBI_EXT_BASE, 7, 0)).error, SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(made(CALL(SBI_EXT_HSM, 4, 0)).error, SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(made(CALL(SBI_EXT_RFENCE, 7, 0)).error, SBI_ERR_NOT_SUPPORTED);
	for (i = SBI_RFENCE_REMOTE_HFENCE_GVMA_VMID; i <= SBI_RFENCE_REMOTE_HFENCE_VVMA; i++)
		assert_int_equal(made(CALL(SBI_EXT_RFENCE, i, 1, 0)).error, SBI_ERR_NOT_SUPPORTED);
}

/* ---- calls forwarded to user space ----------------------------------------------------------- */

static void a_forwarded_call_is_answered_at_the_next_run(void **state)
{
	struct call c = CALL(SBI_EXT_EXPERIMENTAL_START + 5, 7, 1, 2, 3, 4);
	struct kvm_run *run = vm.vcpu->run;

	(void)state;
	assert_int_equal(run_script(&c, 1), 0);
	assert_int_equal(run->exit_reason, KVM_EXIT_RISCV_SBI);
	assert_int_equal(run->riscv_sbi.extension_id, SBI_EXT_EXPERIMENTAL_START + 5);
	assert_int_equal(run->riscv_sbi.function_id, 7);
	assert_int_equal(run->riscv_sbi.args[3], 4);
	assert_int_equal(vm.vcpu->guest.sepc, PC);
	memset(&run->riscv_sbi, 0x55, sizeof(run->riscv_sbi));
	run->riscv_sbi.ret[0] = 11;
	run->riscv_sbi.ret[1] = 22;
	assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_int_equal(c.error, 11);
	assert_int_equal(c.value, 22);
	assert_int_equal(vm.vcpu->guest.sepc, PC + 4);
}

/* Only user space knows whether a vendor extension exists. */
static void a_probe_of_a_vendor_extension_is_forwarded(void **state)
{
	struct call c = CALL(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, SBI_EXT_VENDOR_START + 9);

	(void)state;
	assert_int_equal(run_script(&c, 1), 0);
	assert_int_equal(vm.vcpu->run->riscv_sbi.extension_id, SBI_EXT_BASE);
	assert_int_equal(vm.vcpu->run->riscv_sbi.args[0], SBI_EXT_VENDOR_START + 9);
	vm.vcpu->run->riscv_sbi.ret[0] = 0;
	vm.vcpu->run->riscv_sbi.ret[1] = 1;
	assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_int_equal(c.value, 1);
	vm.vcpu->sbi_ext &= ~BIT(KVM_RISCV_SBI_EXT_VENDOR);
	assert_int_equal(made(c).value, 0);
}

static void immediate_exit_completes_the_call_without_an_entry(void **state)
{
	struct call c = CALL(SBI_EXT_VENDOR_START, 0, 0);

	(void)state;
	run_script(&c, 1);
	vm.vcpu->run->immediate_exit = 1;
	assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_int_equal(script_at, 1); /* the guest did not run */
	assert_int_equal(vm.vcpu->guest.sepc, PC + 4);
	assert_int_equal((long)vm.vcpu->guest.gpr[GPR_A0], SBI_ERR_NOT_SUPPORTED);
	vm.vcpu->run->immediate_exit = 0;
	assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_int_equal(vm.vcpu->guest.sepc, PC + 4);
}

static void a_reset_stops_every_vcpu_and_exits_to_user_space(void **state)
{
	struct call c = CALL(SBI_EXT_SRST, 0, SBI_SRST_TYPE_COLD_REBOOT, SBI_SRST_REASON_SYSFAIL);

	(void)state;
	assert_int_equal(run_script(&c, 1), 0);
	assert_int_equal(vm.vcpu->run->exit_reason, KVM_EXIT_SYSTEM_EVENT);
	assert_int_equal(vm.vcpu->run->system_event.type, KVM_SYSTEM_EVENT_RESET);
	assert_int_equal(vm.vcpu->run->system_event.data[0], SBI_SRST_REASON_SYSFAIL);
	assert_true(hsm_is_stopped(vm.vcpu));
	assert_true(hsm_is_stopped(second));
}

/* SBI §10: a reserved type or reason is an invalid parameter, and nothing is reset. */
static void a_reset_with_a_reserved_type_or_reason_is_refused(void **state)
{
	static const unsigned long bad[][2] = {
		{ SBI_SRST_TYPE_WARM_REBOOT + 1, SBI_SRST_REASON_NONE },
		{ 0xf0000000, SBI_SRST_REASON_NONE },
		{ SBI_SRST_TYPE_SHUTDOWN, SBI_SRST_REASON_SYSFAIL + 1 },
		{ SBI_SRST_TYPE_COLD_REBOOT, 0xe0000000 }
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(made(CALL(SBI_EXT_SRST, 0, bad[i][0], bad[i][1])).error,
				 SBI_ERR_INVALID_PARAM);
}

/* ---- other vCPUs -------------------------------------------------------------------------------- */

static void an_ipi_reaches_the_vcpus_of_its_mask(void **state)
{
	(void)state;
	assert_int_equal(made(CALL(SBI_EXT_IPI, 0, 2, 0)).error, SBI_SUCCESS);
	assert_true(second->irq_pending & BIT(IRQ_VS_SOFT));
	assert_false(vm.vcpu->irq_pending & BIT(IRQ_VS_SOFT));
	assert_int_equal(made(CALL(SBI_EXT_IPI, 0, 1, 0)).error, SBI_SUCCESS);
	assert_true(vm.vcpu->irq_pending & BIT(IRQ_VS_SOFT));
	/* A base of -1 selects all harts, whatever the mask. */
	vm.vcpu->irq_pending = second->irq_pending = 0;
	assert_int_equal(made(CALL(SBI_EXT_IPI, 0, 0, ANY)).error, SBI_SUCCESS);
	assert_true(second->irq_pending & BIT(IRQ_VS_SOFT));
	assert_true(vm.vcpu->irq_pending & BIT(IRQ_VS_SOFT));
	assert_int_equal(made(CALL(SBI_EXT_IPI, 0, 4, 0)).error, SBI_ERR_INVALID_PARAM);
	assert_int_equal(made(CALL(SBI_EXT_IPI, 0, 1, 77)).error, SBI_ERR_INVALID_PARAM);
}

/* Access gva to find out whether this hart's TLB has a VS-stage translation for it. */
static bool is_cached(gva_t gva)
{
	unsigned int before = native_walks.vs_misses;
	struct hv_trap trap;
	u64 data;

	native_guest_access(gva, NATIVE_LOAD, &data, 8, &trap);
	return native_walks.vs_misses == before;
}

/*
 * Map the first gigabyte of virtual addresses to guest memory by a gigapage, and access gva to
 * cache the translation. Then empty the guest's table, which is at NATIVE_GUEST_BASE + 0x4000.
 */
static void cache_translation(gva_t gva)
{
	struct hv_trap trap;
	hpa_t hpa;
	u64 data;

	csr_write(vsatp, FIELD_PREP(SATP_MODE, SATP_MODE_SV39) |
				 (NATIVE_GUEST_BASE + 0x4000) >> PAGE_SHIFT);
	*(pte_t *)native_user(NATIVE_USER_BASE + 0x4000) =
		pte_make(NATIVE_GUEST_BASE, PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | PTE_D);
	while (native_guest_access(gva, NATIVE_LOAD, &data, 8, &trap)) {
		assert_int_equal(exit_gstage_fault(vm.vcpu, &trap), RESUME_GUEST);
		native_gstage_access(NATIVE_GUEST_BASE, NATIVE_LOAD, &hpa);
	}
	*(pte_t *)native_user(NATIVE_USER_BASE + 0x4000) = 0;
	assert_true(is_cached(gva));
}

static unsigned int fence_step;
static bool still_cached;
static struct call fence_call;

static void fencing_guest(struct kvm_vcpu *vcpu)
{
	if (fence_step++ == 0) {
		cache_translation(0x5000);
		memcpy(&vcpu->guest.gpr[GPR_A0], fence_call.args, sizeof(fence_call.args));
		vcpu->guest.gpr[GPR_A6] = fence_call.fid;
		vcpu->guest.gpr[GPR_A7] = SBI_EXT_RFENCE;
		native_trap(&(struct hv_trap){ .scause = EXC_ECALL_VS });
		return;
	}
	still_cached = is_cached(0x5000);
	native_signal_set(true);
	native_trap(&(struct hv_trap){ .scause = CAUSE_IRQ_FLAG | IRQ_S_TIMER });
}

static bool dropped_by(struct call call)
{
	fence_call = call;
	fence_step = 0;
	native_guest = fencing_guest;
	native_signal_set(false);
	assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_int_equal((long)vm.vcpu->guest.gpr[GPR_A0], SBI_SUCCESS);
	return !still_cached;
}

/* The TLB drops nothing by itself. The gigapage is one entry, of ASID 0. */
static void a_remote_fence_is_done_before_the_guest_continues(void **state)
{
	(void)state;
	assert_true(dropped_by(CALL(0, SBI_RFENCE_REMOTE_SFENCE_VMA, 1, 0, 0, 0)));
	assert_true(dropped_by(CALL(0, SBI_RFENCE_REMOTE_SFENCE_VMA, 1, 0, 0x5000, 0x1000)));
	assert_true(dropped_by(CALL(0, SBI_RFENCE_REMOTE_SFENCE_VMA, 1, 0, 0, ANY)));
	assert_true(dropped_by(CALL(0, SBI_RFENCE_REMOTE_SFENCE_VMA, 0, ANY, 0x4fff, 2)));
	assert_true(dropped_by(CALL(0, SBI_RFENCE_REMOTE_SFENCE_VMA, 1, 0, 0x5000, 0x40000000)));
	vm.vcpu->guest.gpr[GPR_A4] = 0;
	assert_true(dropped_by(CALL(0, SBI_RFENCE_REMOTE_SFENCE_VMA_ASID, 1, 0, 0, 0)));
	assert_true(dropped_by(CALL(0, SBI_RFENCE_REMOTE_SFENCE_VMA_ASID, 1, 0, 0x5000, 0x1000)));
}

static void a_remote_fence_spares_other_translations(void **state)
{
	unsigned int before;

	(void)state;
	assert_false(dropped_by(CALL(0, SBI_RFENCE_REMOTE_SFENCE_VMA, 1, 0, 0x80000000, 0x1000)));
	before = native_fences.fence_i;
	assert_false(dropped_by(CALL(0, SBI_RFENCE_REMOTE_FENCE_I, 1, 0)));
	assert_int_equal(native_fences.fence_i, before + 1);
	/* A fence for another vCPU does not affect this one. */
	assert_false(dropped_by(CALL(0, SBI_RFENCE_REMOTE_SFENCE_VMA, 2, 0, 0, 0)));
}

static void an_overflowing_fence_queue_becomes_a_full_fence(void **state)
{
	struct call calls[40];
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		calls[i] = CALL(SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_SFENCE_VMA, 2, 0, i * PAGE_SIZE,
				PAGE_SIZE);
	run_script(calls, ARRAY_SIZE(calls));
	assert_true(second->requests & BIT(REQ_HFENCE_ALL));
	assert_int_equal(second->fence_count, HFENCE_QUEUE_SIZE);
}

static void a_hart_is_started_once_and_its_state_reported(void **state)
{
	struct call calls[] = {
		CALL(SBI_EXT_HSM, SBI_HSM_HART_GET_STATUS, 1),
		CALL(SBI_EXT_HSM, SBI_HSM_HART_START, 1, NATIVE_GUEST_BASE + 0x2000, 0xabc),
		CALL(SBI_EXT_HSM, SBI_HSM_HART_START, 1, NATIVE_GUEST_BASE, 0),
		CALL(SBI_EXT_HSM, SBI_HSM_HART_GET_STATUS, 1),
		CALL(SBI_EXT_HSM, SBI_HSM_HART_START, 9, NATIVE_GUEST_BASE, 0),
		CALL(SBI_EXT_HSM, SBI_HSM_HART_START, 1, 0x1000, 0),
	};

	(void)state;
	hsm_power_off(second);
	run_script(calls, ARRAY_SIZE(calls));
	assert_int_equal(calls[0].value, SBI_HSM_STOPPED);
	assert_int_equal(calls[1].error, SBI_SUCCESS);
	assert_int_equal(calls[2].error, SBI_ERR_ALREADY_AVAILABLE);
	assert_int_equal(calls[3].value, SBI_HSM_START_PENDING);
	assert_int_equal(calls[4].error, SBI_ERR_INVALID_PARAM);
	assert_int_equal(calls[5].error, SBI_ERR_INVALID_ADDRESS);
	assert_int_equal(second->start_pc, NATIVE_GUEST_BASE + 0x2000);
	assert_int_equal(second->start_opaque, 0xabc);
}

/* Run the second vCPU until it has served its requests; a pending signal ends KVM_RUN. */
static void run_second(void)
{
	script_at = script_len = 0;
	native_guest = scripted_guest;
	native_signal_set(true);
	assert_int_equal(native_run(second), -EINTR);
	native_signal_set(false);
}

/*
 * An IPI has to arrive if it is sent after the vCPU was started, even if the vCPU's thread has not
 * seen the start yet.
 */
static void an_ipi_before_the_first_instruction_is_not_lost(void **state)
{
	struct call calls[] = {
		CALL(SBI_EXT_IPI, 0, 2, 0), /* sent to a stopped hart: the start drops it */
		CALL(SBI_EXT_HSM, SBI_HSM_HART_START, 1, NATIVE_GUEST_BASE + 0x2000, 0xabc),
		CALL(SBI_EXT_HSM, SBI_HSM_HART_GET_STATUS, 1),
		CALL(SBI_EXT_IPI, 0, 2, 0),
	};

	(void)state;
	hsm_power_off(second);
	run_script(calls, 2);
	assert_int_equal(calls[1].error, SBI_SUCCESS);
	run_second();
	assert_int_equal(second->guest.sepc, NATIVE_GUEST_BASE + 0x2000);
	assert_int_equal(second->guest.gpr[GPR_A0], 1);
	assert_int_equal(second->guest.gpr[GPR_A1], 0xabc);
	assert_false(second->csrs.hvip & BIT(IRQ_VS_SOFT));

	hsm_power_off(second);
	run_script(calls, ARRAY_SIZE(calls));
	assert_int_equal(calls[2].value, SBI_HSM_START_PENDING);
	run_second();
	assert_true(second->csrs.hvip & BIT(IRQ_VS_SOFT));
	run_script(&calls[2], 1);
	assert_int_equal(calls[2].value, SBI_HSM_STARTED);
}

static void let_thread_run(bool begins)
{
	(void)begins;
	native_hart_wanted = 0;
}

/* Each call but a probe is said to wake a thread that needs the hart. */
static void want_the_hart(enum trace_event_nr event, const u64 *args)
{
	if (event == TRACE_kvm_sbi_call && args[0] == SBI_EXT_BASE)
		assert_int_equal(native_hart_wanted, 0);
	else if (event == TRACE_kvm_sbi_call)
		native_hart_wanted = 1;
}

static void the_hart_is_yielded_to_a_thread_that_a_call_has_woken(void **state)
{
	struct call calls[] = {
		CALL(SBI_EXT_IPI, 0, 2, 0),
		CALL(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION),
		CALL(SBI_EXT_HSM, SBI_HSM_HART_START, 1, NATIVE_GUEST_BASE, 0),
		CALL(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION),
	};

	(void)state;
	hsm_power_off(second);
	native_event_hook = want_the_hart;
	native_wait_hook = let_thread_run;
	run_script(calls, ARRAY_SIZE(calls));
	native_wait_hook = NULL;
	assert_int_equal(calls[2].error, SBI_SUCCESS);
}

/* ---- random calls ---------------------------------------------------------------------------- */

static void any_call_ends_in_an_answer_an_exit_or_a_trap(void **state)
{
	static const unsigned long exts[] = { SBI_EXT_BASE,
					      SBI_EXT_TIME,
					      SBI_EXT_IPI,
					      SBI_EXT_RFENCE,
					      SBI_EXT_DBCN,
					      SBI_EXT_SRST,
					      0,
					      1,
					      2,
					      3,
					      4,
					      5,
					      6,
					      7,
					      SBI_EXT_EXPERIMENTAL_END,
					      SBI_EXT_PMU,
					      SBI_EXT_STA,
					      SBI_EXT_SUSP,
					      SBI_EXT_FWFT };
	u64 bits = 0x2545f4914f6cdd1dULL;
	unsigned int i, j;

	(void)state;
	vm.vcpu->sbi_ext = ~0U;
	for (i = 0; i < 20000; i++) {
		struct call c = { 0 };
		int ret;

		for (j = 0; j < 6; j++) {
			bits ^= bits << 13;
			bits ^= bits >> 7;
			bits ^= bits << 17;
			if (j < 4)
				c.args[j] = bits & 1 ? bits : bits >> 58;
		}
		c.ext = exts[bits % ARRAY_SIZE(exts)];
		c.fid = bits >> 20 & 7;
		vm.vcpu->guest.sepc = PC;
		ret = run_script(&c, 1);
		assert_true(ret == -EINTR || ret == 0);
		if (ret == 0)
			assert_true(vm.vcpu->run->exit_reason == KVM_EXIT_RISCV_SBI ||
				    vm.vcpu->run->exit_reason == KVM_EXIT_SYSTEM_EVENT);
		hsm_power_on(vm.vcpu);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_call_returns_after_the_ecall),
		TEST(probe_follows_user_spaces_settings),
		TEST(unknown_calls_are_not_supported),
		TEST(a_forwarded_call_is_answered_at_the_next_run),
		TEST(a_probe_of_a_vendor_extension_is_forwarded),
		TEST(immediate_exit_completes_the_call_without_an_entry),
		TEST(a_reset_with_a_reserved_type_or_reason_is_refused),
		TEST(a_reset_stops_every_vcpu_and_exits_to_user_space),
		TEST(an_ipi_reaches_the_vcpus_of_its_mask),
		TEST(a_remote_fence_is_done_before_the_guest_continues),
		TEST(a_remote_fence_spares_other_translations),
		TEST(an_overflowing_fence_queue_becomes_a_full_fence),
		TEST(a_hart_is_started_once_and_its_state_reported),
		TEST(an_ipi_before_the_first_instruction_is_not_lost),
		TEST(the_hart_is_yielded_to_a_thread_that_a_call_has_woken),
		TEST(any_call_ends_in_an_answer_an_exit_or_a_trap),
	};

	return cmocka_run_group_tests_name("SBI", tests, NULL, NULL);
}
