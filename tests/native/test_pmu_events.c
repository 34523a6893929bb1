// SPDX-License-Identifier: MIT
/*
 * test_pmu_events.c - the guest's counters: overflow, snapshots and firmware events.
 */
#include <pthread.h>
#include "pmu_calls.h"
#include "race.h"

/* ---- overflow --------------------------------------------------------------------------------------- */

static void an_overflow_interrupts_the_guest(void **state)
{
	long n = configured(CYCLES, 0);

	(void)state;
	csr_write(vsie, BIT(IRQ_PMU_OVF));
	start_at(n, (u64)-10);
	native_pmu_happen(CYCLES, 9);
	assert_int_equal(vcpu->irq_pending & BIT(IRQ_PMU_OVF), 0);
	native_pmu_happen(CYCLES, 4);
	assert_true(vcpu->requests & BIT(REQ_IRQ));
	vcpu_flush_irqs(vcpu);
	assert_true(csr_read(hvip) & BIT(IRQ_PMU_OVF));
	assert_int_equal(value_of(n), 3);
	/* The guest clears the bit in its sip, an alias of hvip, and gets no more interrupts. */
	csr_clear(hvip, BIT(IRQ_PMU_OVF));
	native_pmu_happen(CYCLES, 100);
	native_migrate(1);
	vcpu_flush_irqs(vcpu);
	assert_int_equal(csr_read(hvip) & BIT(IRQ_PMU_OVF), 0);
	/* After a restart, the counter can overflow again. */
	stop(n, 0);
	start_at(n, ~0ULL);
	native_pmu_happen(CYCLES, 1);
	vcpu_flush_irqs(vcpu);
	assert_true(csr_read(hvip) & BIT(IRQ_PMU_OVF));
}

static void a_late_overflow_still_wakes_the_guest(void **state)
{
	(void)state;
	native_pmu_late(true);
	csr_write(vsie, BIT(IRQ_PMU_OVF));
	start_at(configured(CYCLES, 0), ~0ULL);
	native_pmu_happen(CYCLES, 2);
	assert_int_equal(vcpu->irq_pending, 0);
	vcpu_put(vcpu);
	assert_true(vcpu_has_irq(vcpu));
	vcpu_load(vcpu);
}

static void sip_carries_the_interrupt_to_a_restored_vcpu(void **state)
{
	struct kvm_one_reg reg = {
		.id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CSR |
		      KVM_REG_RISCV_CSR_REG(sip),
		.addr = NATIVE_USER_BASE,
	};
	u64 *value = native_user(NATIVE_USER_BASE);

	(void)state;
	vcpu_put(vcpu);
	*value = ~0ULL;
	assert_int_equal(onereg_set(vcpu, &reg), 0);
	assert_int_equal(vcpu->csrs.hvip,
			 BIT(IRQ_VS_SOFT) | BIT(IRQ_VS_TIMER) | BIT(IRQ_VS_EXT) | BIT(IRQ_PMU_OVF));
	assert_int_equal(onereg_get(vcpu, &reg), 0);
	assert_int_equal(*value,
			 BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER) | BIT(IRQ_S_EXT) | BIT(IRQ_PMU_OVF));
	vcpu_load(vcpu);
}

/* ---- snapshot ---------------------------------------------------------------------------------------- */

static long shmem(unsigned long low, unsigned long high, unsigned long flags)
{
	return pmu(SBI_PMU_SNAPSHOT_SET_SHMEM, low, high, flags, 0).error;
}

static void a_snapshot_needs_a_writable_page(void **state)
{
	(void)state;
	assert_int_equal(
		native_set_slot(vm.vm, 1, 0x10000000, 0x10000, NATIVE_USER_BASE, KVM_MEM_READONLY),
		0);
	*SNAP_WORD = 77;
	assert_int_equal(shmem(SNAPSHOT + 8, 0, 0), SBI_ERR_INVALID_PARAM);
	assert_int_equal(shmem(SNAPSHOT, 0, 1), SBI_ERR_INVALID_PARAM);
	assert_int_equal(shmem(SNAPSHOT, 1, 0), SBI_ERR_INVALID_ADDRESS);
	assert_int_equal(shmem(0x10000000, 0, 0), SBI_ERR_INVALID_ADDRESS);
	assert_int_equal(shmem(0, 0, 0), SBI_ERR_INVALID_ADDRESS);
	assert_int_equal(shmem(~0UL - 0xfff, 0, 0), SBI_ERR_INVALID_ADDRESS);
	assert_int_equal(*SNAP_WORD, 77);
	assert_int_equal(stop(0, SBI_PMU_STOP_TAKE_SNAPSHOT), SBI_ERR_NO_SHMEM);
	assert_int_equal(pmu(SBI_PMU_COUNTER_START, 0, 1, SBI_PMU_START_INIT_SNAPSHOT, 0).error,
			 SBI_ERR_NO_SHMEM);
	assert_int_equal(shmem(SNAPSHOT, 0, 0), SBI_SUCCESS);
	assert_int_equal(*SNAP_WORD, 0);
	/* A refused call keeps the current area; an address of all ones disables it. */
	assert_int_equal(shmem(8, 0, 0), SBI_ERR_INVALID_PARAM);
	assert_int_equal(stop(0, SBI_PMU_STOP_TAKE_SNAPSHOT), SBI_SUCCESS);
	assert_int_equal(shmem(~0UL, ~0UL, 0), SBI_SUCCESS);
	assert_int_equal(stop(0, SBI_PMU_STOP_TAKE_SNAPSHOT), SBI_ERR_NO_SHMEM);
}

static void values_go_to_and_from_the_snapshot(void **state)
{
	unsigned long both = BIT(PMU_CYCLE) | BIT(PMU_INSTRET);

	(void)state;
	configured(CYCLES, 0);
	configured(INSTRET, 0);
	assert_int_equal(shmem(SNAPSHOT, 0, 0), SBI_SUCCESS);
	SNAP_WORD[1 + PMU_CYCLE] = (u64)-2;
	SNAP_WORD[1 + PMU_INSTRET] = 500;
	SNAP_WORD[1 + 3] = 99;
	assert_int_equal(pmu(SBI_PMU_COUNTER_START, 0, both, SBI_PMU_START_INIT_SNAPSHOT, 0).error,
			 SBI_SUCCESS);
	native_pmu_happen(CYCLES, 10);
	native_pmu_happen(INSTRET, 10);
	assert_int_equal(pmu(SBI_PMU_COUNTER_STOP, 0, both, SBI_PMU_STOP_TAKE_SNAPSHOT, 0).error,
			 SBI_SUCCESS);
	assert_int_equal(SNAP_WORD[0], BIT(PMU_CYCLE));
	assert_int_equal(SNAP_WORD[1 + PMU_CYCLE], 8);
	assert_int_equal(SNAP_WORD[1 + PMU_INSTRET], 510);
	assert_int_equal(SNAP_WORD[1 + 3], 99);
	/* A counter's position in the snapshot is relative to the call's base. */
	start_at(PMU_INSTRET, ~0ULL);
	native_pmu_happen(INSTRET, 1);
	stop(PMU_INSTRET, SBI_PMU_STOP_TAKE_SNAPSHOT);
	assert_int_equal(SNAP_WORD[0], 1);
	assert_int_equal(SNAP_WORD[1], 0);
	stop(PMU_INSTRET, SBI_PMU_STOP_TAKE_SNAPSHOT | SBI_PMU_STOP_RESET);
	assert_int_equal(SNAP_WORD[0], 0);
}

/* Layout of the snapshot, SBI §11: the bitmap must be zero. */
static void without_sscofpmf_a_snapshot_shows_no_overflow(void **state)
{
	long n;

	one_vm_end(state);
	make("h sscofpmf", HARDWARE, 64); /* without Ssaia, the vCPU has no Sscofpmf */
	assert_false(isa_has(vcpu, KVM_RISCV_ISA_EXT_SSCOFPMF));
	n = configured(CYCLES, 0);
	assert_int_equal(shmem(SNAPSHOT, 0, 0), SBI_SUCCESS);
	start_at(n, ~0ULL);
	native_pmu_happen(CYCLES, 5);
	SNAP_WORD[0] = 77;
	assert_int_equal(stop(n, SBI_PMU_STOP_TAKE_SNAPSHOT), SBI_SUCCESS);
	assert_int_equal(SNAP_WORD[0], 0);
	assert_int_equal(SNAP_WORD[1], 4);
}

static void a_snapshot_in_a_deleted_slot_fails_the_call(void **state)
{
	long n = configured(CYCLES, 0);

	(void)state;
	assert_int_equal(
		native_set_slot(vm.vm, 1, 0x10000000, 0x10000, NATIVE_USER_BASE + 0x100000, 0), 0);
	assert_int_equal(shmem(0x10000000, 0, 0), SBI_SUCCESS);
	assert_int_equal(native_set_slot(vm.vm, 1, 0, 0, 0, 0), 0);
	assert_int_equal(pmu(SBI_PMU_COUNTER_START, 0, 1, SBI_PMU_START_INIT_SNAPSHOT, 0).error,
			 SBI_ERR_FAILED);
	assert_int_equal(native_pmu_lent(0), 0);
	start_at(n, 5);
	assert_int_equal(stop(n, SBI_PMU_STOP_TAKE_SNAPSHOT), SBI_ERR_FAILED);
	/* The counter is stopped nevertheless. */
	assert_int_equal(native_pmu_lent(0), 0);
	assert_int_equal(stop(n, 0), SBI_ERR_ALREADY_STOPPED);
}

static void a_snapshot_marks_its_page_dirty(void **state)
{
	struct kvm_dirty_log log = { .slot = 0,
				     .dirty_bitmap = (void *)(NATIVE_USER_BASE + (64UL << 20)) };

	(void)state;
	native_user_map(NATIVE_USER_BASE + (64UL << 20), 0x1000, 0);
	assert_int_equal(native_set_slot(vm.vm, 0, NATIVE_GUEST_BASE, NATIVE_GUEST_SIZE,
					 NATIVE_USER_BASE, KVM_MEM_LOG_DIRTY_PAGES),
			 0);
	assert_int_equal(shmem(SNAPSHOT, 0, 0), SBI_SUCCESS);
	assert_int_equal(kvm_vm_ioctl_get_dirty_log(vm.vm, &log), 0);
	assert_int_equal(*(u64 *)native_user(NATIVE_USER_BASE + (64UL << 20)), BIT(3));
}

/* ---- firmware events ---------------------------------------------------------------------------------- */

static void firmware_events_count_only_in_started_counters(void **state)
{
	long a = configured(FW(SBI_PMU_FW_SET_TIMER), 0),
	     b = configured(FW(SBI_PMU_FW_SET_TIMER), 0);
	long other = configured(FW(SBI_PMU_FW_IPI_SENT), SBI_PMU_CFG_AUTO_START);

	(void)state;
	call(SBI_EXT_TIME, SBI_TIME_SET_TIMER, ~0UL, 0, 0, 0, 0);
	assert_int_equal(start_at(a, 40), SBI_SUCCESS);
	call(SBI_EXT_TIME, SBI_TIME_SET_TIMER, ~0UL, 0, 0, 0, 0);
	assert_int_equal(start_at(b, 0), SBI_SUCCESS);
	call(SBI_EXT_TIME, SBI_TIME_SET_TIMER, ~0UL, 0, 0, 0, 0);
	assert_int_equal(stop(a, 0), SBI_SUCCESS);
	call(SBI_LEGACY_SET_TIMER, 0, ~0UL, 0, 0, 0, 0);
	assert_int_equal(value_of(a), 42);
	assert_int_equal(value_of(b), 2);
	assert_int_equal(value_of(other), 0);
	assert_int_equal(native_pmu_lent(0), 0);
}

static void sent_calls_count_at_the_sender_and_the_receiver(void **state)
{
	static const struct {
		unsigned long ext, fid, event;
	} calls[] = {
		{ SBI_EXT_IPI, SBI_IPI_SEND_IPI, SBI_PMU_FW_IPI_SENT },
		{ SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_FENCE_I, SBI_PMU_FW_FENCE_I_SENT },
		{ SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_SFENCE_VMA, SBI_PMU_FW_SFENCE_VMA_SENT },
		{ SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_SFENCE_VMA_ASID,
		  SBI_PMU_FW_SFENCE_VMA_ASID_SENT },
		{ SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_HFENCE_GVMA_VMID,
		  SBI_PMU_FW_HFENCE_GVMA_VMID_SENT },
		{ SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_HFENCE_GVMA, SBI_PMU_FW_HFENCE_GVMA_SENT },
		{ SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_HFENCE_VVMA_ASID,
		  SBI_PMU_FW_HFENCE_VVMA_ASID_SENT },
		{ SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_HFENCE_VVMA, SBI_PMU_FW_HFENCE_VVMA_SENT },
	};
	struct kvm_vcpu *first = vcpu, *second = native_vcpu_make(&vm, 1);
	unsigned int i;
	long sent, got, here;

	(void)state;
	vcpu_put(first);
	native_h_add(first);
	native_h_add(second);
	vcpu_load(first);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		sent = configured(FW(calls[i].event), SBI_PMU_CFG_AUTO_START);
		here = configured(FW(calls[i].event + 1), SBI_PMU_CFG_AUTO_START);
		vcpu_put(first);
		vcpu = second;
		vcpu_load(second);
		got = configured(FW(calls[i].event + 1), SBI_PMU_CFG_AUTO_START);
		vcpu_put(second);
		vcpu = first;
		vcpu_load(first);
		call(calls[i].ext, calls[i].fid, 2, 0, 0, 0x1000, 0);
		call(calls[i].ext, calls[i].fid, 3, 0, 0, 0x1000, 0);
		assert_int_equal(value_of(sent), 2);
		assert_int_equal(value_of(here), 1);
		assert_int_equal(pmu_read(second->pmu, (unsigned int)got), 2);
		/* The caller alone. */
		call(calls[i].ext, calls[i].fid, 1, 0, 0, 0x1000, 0);
		assert_int_equal(value_of(sent), 3);
		assert_int_equal(value_of(here), 2);
	}
}

static void injected_traps_are_counted(void **state)
{
	const struct {
		unsigned long cause, event;
		const u64 *stat;
	} traps[] = {
		{ EXC_ILLEGAL_INST, SBI_PMU_FW_ILLEGAL_INSN, &vcpu->stats.instr_illegal_exits },
		{ EXC_LOAD_MISALIGNED, SBI_PMU_FW_MISALIGNED_LOAD,
		  &vcpu->stats.load_misaligned_exits },
		{ EXC_STORE_MISALIGNED, SBI_PMU_FW_MISALIGNED_STORE,
		  &vcpu->stats.store_misaligned_exits },
		{ EXC_LOAD_ACCESS_FAULT, SBI_PMU_FW_ACCESS_LOAD, &vcpu->stats.load_access_exits },
		{ EXC_STORE_ACCESS_FAULT, SBI_PMU_FW_ACCESS_STORE,
		  &vcpu->stats.store_access_exits },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(traps); i++) {
		struct hv_trap trap = { .scause = traps[i].cause };
		long n = configured(FW(traps[i].event), 0);

		exit_dispatch(vcpu, &trap);
		start_at(n, 0);
		exit_dispatch(vcpu, &trap);
		assert_int_equal(csr_read(vscause), traps[i].cause);
		assert_int_equal(value_of(n), 1);
		assert_int_equal(*traps[i].stat, 2);
		stop(n, SBI_PMU_STOP_RESET);
	}
}

static void illegal_instructions_exit_only_while_they_are_counted(void **state)
{
	long n = configured(FW(SBI_PMU_FW_ILLEGAL_INSN), 0);

	(void)state;
	assert_true(csr_read(hedeleg) & BIT(EXC_ILLEGAL_INST));
	start_at(n, 0);
	assert_false(csr_read(hedeleg) & BIT(EXC_ILLEGAL_INST));
	native_migrate(1);
	assert_false(csr_read(hedeleg) & BIT(EXC_ILLEGAL_INST));
	stop(n, 0);
	assert_true(csr_read(hedeleg) & BIT(EXC_ILLEGAL_INST));
}

/* With lazy_trap, the default, FP is off and its first use has to trap into the core. */
static void a_counter_leaves_the_first_use_of_fp_undelegated(void **state)
{
	struct hv_trap trap = { .scause = EXC_ILLEGAL_INST };
	long n = configured(FW(SBI_PMU_FW_IPI_RECEIVED), 0);

	(void)state;
	vcpu_put(vcpu);
	isa_set_put(&vcpu->isa, KVM_RISCV_ISA_EXT_F, true);
	isa_set_put(&vcpu->isa, KVM_RISCV_ISA_EXT_D, true);
	vcpu_load(vcpu);
	assert_false(csr_read(hedeleg) & BIT(EXC_ILLEGAL_INST));
	start_at(n, 0);
	assert_false(csr_read(hedeleg) & BIT(EXC_ILLEGAL_INST));
	stop(n, 0);
	assert_false(csr_read(hedeleg) & BIT(EXC_ILLEGAL_INST));
	assert_int_equal(exit_dispatch(vcpu, &trap), RESUME_GUEST);
	assert_true(csr_read(hedeleg) & BIT(EXC_ILLEGAL_INST));
}

#define SENT 20000

static void *send(void *arg)
{
	unsigned int i;

	for (i = 0; i < SENT; i++)
		pmu_count(arg, SBI_PMU_FW_IPI_RECEIVED);
	return NULL;
}

/* Other threads count while the counter's owner starts, stops and reads the counter. */
static void other_threads_count_concurrently_with_the_owner(void **state)
{
	long n = configured(FW(SBI_PMU_FW_IPI_RECEIVED), SBI_PMU_CFG_AUTO_START);
	pthread_t threads[2];
	unsigned int i;
	u64 last = 0;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, send, vcpu);
	for (i = 0; i < 500; i++) {
		assert_int_equal(stop(n, i & 1 ? SBI_PMU_STOP_RESET : 0), SBI_SUCCESS);
		if (i & 1) /* without an event, it could not be read */
			assert_int_equal(configured(FW(SBI_PMU_FW_IPI_RECEIVED), 0), n);
		assert_true(value_of(n) >= last);
		last = value_of(n);
		pmu(SBI_PMU_COUNTER_START, (unsigned long)n, 1, 0, 0);
	}
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	assert_in_range(value_of(n), last, 2 * SENT);
}

static void no_count_is_lost_when_threads_count_at_the_same_time(void **state)
{
	long n = configured(FW(SBI_PMU_FW_IPI_RECEIVED), SBI_PMU_CFG_AUTO_START);
	pthread_t threads[2];
	unsigned int i;
	u64 round;

	(void)state;
	for (round = 1; race_round(round); round++) {
		for (i = 0; i < ARRAY_SIZE(threads); i++)
			pthread_create(&threads[i], NULL, send, vcpu);
		for (i = 0; i < ARRAY_SIZE(threads); i++)
			pthread_join(threads[i], NULL);
		assert_int_equal(value_of(n), 2 * SENT * round);
	}
}

/* ---- random calls ---------------------------------------------------------------------------- */

static u64 bits = 0x2545f4914f6cdd1dULL;

static u64 any(void)
{
	bits ^= bits << 13;
	bits ^= bits >> 7;
	bits ^= bits << 17;
	return bits;
}

/* Return a random argument, usually of a kind that some call expects. */
static unsigned long any_argument(void)
{
	switch (any() % 6) {
	case 0:
		return any();
	case 1:
		return any() % 70;
	case 2:
		return BIT(any() % 64);
	case 3:
		return FW(any() % 30);
	case 4:
		return SNAPSHOT & any();
	default:
		return any() % 4;
	}
}

static unsigned int started_in_hardware(void)
{
	return (unsigned int)__builtin_popcountll(vcpu->pmu->started & ((1ULL << NR_HW) - 1));
}

/* In the second half, the counters are prepared for the thread, and are not usable otherwise. */
static void random_calls_leave_the_counters_consistent(void **state)
{
	unsigned int i;
	u64 value;

	(void)state;
	for (i = 0; i < 100000; i++) {
		native_pmu_owned(i >= 50000);
		if (i == 50000)
			pmu_serve(vcpu);
		pmu(any() % 9, any_argument(), any_argument(), any_argument(), any_argument());
		if (i % 7 == 0)
			native_pmu_happen(CYCLES, any() >> any() % 64);
		if (i % 11 == 0)
			reads(any() % 32, &value);
		if (i % 101 == 0)
			native_migrate(any() & 1);
		if (i % 1009 == 0)
			vcpu_reset(vcpu, NATIVE_GUEST_BASE, 0);
		assert_int_equal(native_pmu_lent(hv_hart()), started_in_hardware());
		assert_int_equal(vcpu->pmu->started & ~vcpu->pmu->configured, 0);
	}
}

static void a_vcpu_without_memory_for_counters_is_not_made(void **state)
{
	struct kvm_vcpu *other;
	unsigned long objects = native_objects_in_use(), pages = native_pages_in_use();
	unsigned int nth;

	(void)state;
	for (nth = 1; nth <= 3; nth++) {
		native_fail_alloc(nth);
		assert_int_equal(vcpu_create(vm.vm, 5, &other), -ENOMEM);
		assert_int_equal(native_objects_in_use(), objects);
		assert_int_equal(native_pages_in_use(), pages);
	}
	native_fail_alloc(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_overflow_interrupts_the_guest),
		TEST(a_late_overflow_still_wakes_the_guest),
		TEST(sip_carries_the_interrupt_to_a_restored_vcpu),
		TEST(a_snapshot_needs_a_writable_page),
		TEST(values_go_to_and_from_the_snapshot),
		TEST(without_sscofpmf_a_snapshot_shows_no_overflow),
		TEST(a_snapshot_in_a_deleted_slot_fails_the_call),
		TEST(a_snapshot_marks_its_page_dirty),
		TEST(firmware_events_count_only_in_started_counters),
		TEST(sent_calls_count_at_the_sender_and_the_receiver),
		TEST(injected_traps_are_counted),
		TEST(illegal_instructions_exit_only_while_they_are_counted),
		TEST(a_counter_leaves_the_first_use_of_fp_undelegated),
		TEST(other_threads_count_concurrently_with_the_owner),
		TEST(no_count_is_lost_when_threads_count_at_the_same_time),
		TEST(random_calls_leave_the_counters_consistent),
		TEST(a_vcpu_without_memory_for_counters_is_not_made),
	};

	return cmocka_run_group_tests_name("PMU events", tests, NULL, NULL);
}
