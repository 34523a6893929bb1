// SPDX-License-Identifier: MIT
/*
 * test_pmu.c - the guest's performance counters: which exist, and what they count.
 *
 * Overflow, snapshots and firmware events are tested in test_pmu_events.c.
 */
#include "pmu_calls.h"

/* ---- counters and events ------------------------------------------------------------------ */

static void counter_numbers_match_their_csrs(void **state)
{
	unsigned long i;

	(void)state;
	assert_int_equal(pmu(SBI_PMU_NUM_COUNTERS, 0, 0, 0, 0).value, NR);
	for (i = 0; i < NR; i++) {
		struct sbiret ret = pmu(SBI_PMU_COUNTER_GET_INFO, i, 0, 0, 0);
		unsigned long info = (unsigned long)ret.value;

		assert_int_equal(ret.error, i == 1 ? SBI_ERR_INVALID_PARAM : 0);
		if (i == 1)
			continue;
		assert_int_equal(FIELD_GET(SBI_PMU_INFO_WIDTH, info), 63);
		assert_int_equal(info >> 63, i >= NR_HW);
		if (i < NR_HW)
			assert_int_equal(FIELD_GET(SBI_PMU_INFO_CSR, info), CSR_cycle + i);
	}
	assert_int_equal(pmu(SBI_PMU_COUNTER_GET_INFO, NR, 0, 0, 0).error, SBI_ERR_INVALID_PARAM);
	assert_int_equal(pmu(SBI_PMU_COUNTER_GET_INFO, ~0UL, 0, 0, 0).error, SBI_ERR_INVALID_PARAM);
	assert_int_equal(pmu(SBI_PMU_EVENT_GET_INFO + 1, 0, 0, 0, 0).error, SBI_ERR_NOT_SUPPORTED);
}

static void without_hardware_counters_there_is_no_extension(void **state)
{
	unsigned long enabled;

	one_vm_end(state);
	make(ISA_MAX, 0, 64);
	assert_int_equal(sbi_ext_get(vcpu, KVM_RISCV_SBI_EXT_PMU, &enabled), -ENOENT);
	assert_int_equal(sbi_ext_set(vcpu, KVM_RISCV_SBI_EXT_PMU, 1), -ENOENT);
	assert_int_equal(sbi_probe(vcpu, SBI_EXT_PMU), 0);
	assert_int_equal(pmu(SBI_PMU_NUM_COUNTERS, 0, 0, 0, 0).error, SBI_ERR_NOT_SUPPORTED);
	vcpu->sbi_ext = ~0U;
	assert_int_equal(pmu(SBI_PMU_NUM_COUNTERS, 0, 0, 0, 0).error, SBI_ERR_NOT_SUPPORTED);
}

static void user_space_can_switch_the_extension_off(void **state)
{
	unsigned long enabled;

	(void)state;
	assert_int_equal(sbi_ext_get(vcpu, KVM_RISCV_SBI_EXT_PMU, &enabled), 0);
	assert_int_equal(enabled, 1);
	assert_int_equal(sbi_ext_set(vcpu, KVM_RISCV_SBI_EXT_PMU, 0), 0);
	assert_int_equal(sbi_probe(vcpu, SBI_EXT_PMU), 0);
	assert_int_equal(pmu(SBI_PMU_NUM_COUNTERS, 0, 0, 0, 0).error, SBI_ERR_NOT_SUPPORTED);
}

static void remake_with(bool *quirk)
{
	one_vm_end(NULL);
	native_reset();
	native_isa_set(ISA_MAX);
	native_pmu_set(HARDWARE, 64);
	*quirk = true;
	native_core_start();
	native_vm_make(&vm, 0);
	vcpu = vm.vcpu;
}

static void sscofpmf_needs_lcofi_in_hvien(void **state)
{
	(void)state;
	remake_with(&native_quirks.no_lcofi);
	assert_true(isa_host_has(KVM_RISCV_ISA_EXT_SSCOFPMF));
	assert_false(isa_has(vcpu, KVM_RISCV_ISA_EXT_SSCOFPMF));
	assert_false(isa_may_enable(KVM_RISCV_ISA_EXT_SSCOFPMF));
	start_at(configured(CYCLES, 0), ~0ULL);
	native_pmu_happen(CYCLES, 5);
	assert_int_equal(vcpu->irq_pending & BIT(IRQ_PMU_OVF), 0);
	assert_true(vcpu->pmu->overflown & BIT(PMU_CYCLE));
}

static void sscofpmf_needs_filtered_interrupts(void **state)
{
	one_vm_end(state);
	make("h sscofpmf", HARDWARE, 64);
	assert_true(isa_host_has(KVM_RISCV_ISA_EXT_SSCOFPMF));
	assert_false(isa_has(vcpu, KVM_RISCV_ISA_EXT_SSCOFPMF));
	assert_false(isa_may_enable(KVM_RISCV_ISA_EXT_SSCOFPMF));
	assert_false(isa_may_disable(KVM_RISCV_ISA_EXT_SSCOFPMF));
	assert_int_equal(native_csr_writes(CSR_hvien), 0);
	/* There are counters, but their overflow does not cause an interrupt. */
	start_at(configured(CYCLES, 0), ~0ULL);
	native_pmu_happen(CYCLES, 5);
	assert_int_equal(vcpu->irq_pending & BIT(IRQ_PMU_OVF), 0);
	assert_true(vcpu->pmu->overflown & BIT(PMU_CYCLE));
}

/* ---- which counter counts what --------------------------------------------------------- */

static void cycles_and_instructions_have_counters_of_their_own(void **state)
{
	(void)state;
	assert_int_equal(configured(CYCLES, 0), PMU_CYCLE);
	assert_int_equal(configured(INSTRET, 0), PMU_INSTRET);
	/* The cycle counter is in use, so an hpmcounter is chosen. */
	assert_int_equal(configured(CYCLES, 0), 3);
	assert_int_equal(configured(NATIVE_PMU_CACHE, 0), 4);
	assert_int_equal(configured(FW(SBI_PMU_FW_SET_TIMER), 0), NR_HW);
	/* The mask selects counters, and the base says where the mask begins. */
	assert_int_equal(pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, 5, 2, 0, INSTRET).value, 6);
	assert_int_equal(pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, 6, 1, 0, CYCLES).error,
			 SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, 0, 1, 0, NATIVE_PMU_CACHE).error,
			 SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, 0, 0x7f, 0, FW(0)).error,
			 SBI_ERR_NOT_SUPPORTED);
}

static void unknown_events_are_not_supported(void **state)
{
	static const unsigned long events[] = {
		0,       3,      0x1234,     0x10000,  0x2ffff0, 0x30000,
		0xe0001, FW(22), FW(0xffff), 0x100001, ~0UL,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(events); i++)
		assert_int_equal(pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, 0, ALL, 0, events[i]).error,
				 SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(vcpu->pmu->configured, 0);
}

#define INFO ((struct sbi_pmu_event_info *)native_user(NATIVE_USER_BASE + 0x4000))

static long info(unsigned long offset, unsigned long high, unsigned long count, unsigned long flags)
{
	return pmu(SBI_PMU_EVENT_GET_INFO, NATIVE_GUEST_BASE + 0x4000 + offset, high, count, flags)
		.error;
}

static void event_info_tells_which_events_can_be_counted(void **state)
{
	static const struct {
		u32 event, output;
	} events[] = {
		{ CYCLES, 1 },
		{ INSTRET, 1 },
		{ NATIVE_PMU_CACHE, 1 },
		{ 0x20000, 1 },
		{ FW(0), 1 },
		{ FW(21), 1 },
		{ FW(22), 0 },
		{ 0, 0 },
		{ 0x30000, 0 },
		{ 0x40000, 0 },
		{ FW(0xffff), 0 },
		{ 0x1234, 0 },
		{ 0x100000 | CYCLES, 0 },
	};
	unsigned int i;

	(void)state;
	/* All of the hart's counters are in use: the answers are the same. */
	for (i = 0; i < HARDWARE; i++)
		start_at(configured(CYCLES, 0), 100);
	native_pmu_happen(CYCLES, 7);
	for (i = 0; i < ARRAY_SIZE(events); i++)
		INFO[i] = (struct sbi_pmu_event_info){ events[i].event, ~0U, 0x1234 };
	INFO[i].output = ~0U;
	assert_int_equal(info(0, 0, i, 0), SBI_SUCCESS);
	for (i = 0; i < ARRAY_SIZE(events); i++) {
		assert_int_equal(INFO[i].event, events[i].event);
		assert_int_equal(INFO[i].output, events[i].output);
		assert_int_equal(INFO[i].data, 0x1234);
	}
	assert_int_equal(INFO[i].output, ~0U);
	assert_int_equal(native_pmu_lent(0), HARDWARE);
	native_pmu_happen(CYCLES, 3);
	assert_int_equal(value_of(PMU_CYCLE), 110);
}

static void wrong_requests_for_event_info_are_refused(void **state)
{
	(void)state;
	INFO[0] = (struct sbi_pmu_event_info){ CYCLES, ~0U, 0 };
	assert_int_equal(info(0, 0, 1, 1), SBI_ERR_INVALID_PARAM);
	assert_int_equal(info(8, 0, 1, 0), SBI_ERR_INVALID_PARAM);
	assert_int_equal(info(0, 0, 0, 0), SBI_ERR_INVALID_PARAM);
	assert_int_equal(info(0, 1, 1, 0), SBI_ERR_INVALID_ADDRESS);
	assert_int_equal(info(0, 0, ~0UL, 0), SBI_ERR_FAILED);
	assert_int_equal(INFO[0].output, ~0U);
	assert_int_equal(info(NATIVE_GUEST_SIZE, 0, 1, 0), SBI_ERR_INVALID_ADDRESS);
	/* Guest memory that can only be read. */
	assert_int_equal(
		native_set_slot(vm.vm, 1, 0x10000000, 0x1000, NATIVE_USER_BASE, KVM_MEM_READONLY),
		0);
	assert_int_equal(pmu(SBI_PMU_EVENT_GET_INFO, 0x10000000, 0, 1, 0).error,
			 SBI_ERR_INVALID_ADDRESS);
}

static void more_counters_than_the_hart_has_cannot_count_at_once(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < HARDWARE; i++)
		assert_int_equal(start_at(configured(CYCLES, 0), 0), SBI_SUCCESS);
	assert_int_equal(native_pmu_lent(0), HARDWARE);
	assert_int_equal(pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, 0, ALL, 0, INSTRET).error,
			 SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(stop(0, SBI_PMU_STOP_RESET), SBI_SUCCESS);
	assert_int_equal(configured(INSTRET, 0), PMU_INSTRET);
}

static void skip_match_reconfigures_a_counter(void **state)
{
	long n = configured(CYCLES, SBI_PMU_CFG_AUTO_START);

	(void)state;
	native_pmu_happen(CYCLES, 7);
	assert_int_equal(
		pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, 0, 1, SBI_PMU_CFG_SKIP_MATCH, CYCLES).value,
		n);
	assert_int_equal(native_pmu_lent(0), 0);
	assert_int_equal(value_of(n), 7);
	pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, 0, 1, SBI_PMU_CFG_SKIP_MATCH | SBI_PMU_CFG_CLEAR_VALUE,
	    CYCLES);
	assert_int_equal(value_of(n), 0);
	assert_int_equal(
		pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, 0, 1, SBI_PMU_CFG_SKIP_MATCH, FW(0)).error,
		SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(
		pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, 3, 1, SBI_PMU_CFG_SKIP_MATCH, CYCLES).error,
		SBI_ERR_FAILED);
}

static void inhibit_flags_exclude_the_guests_modes(void **state)
{
	struct hv_pmc *hw;

	(void)state;
	hw = &vcpu->pmu->counters[configured(CYCLES, SBI_PMU_CFG_UINH)].hw;
	assert_int_equal(hw->inhibit, HV_PMC_NOT_IN_VU);
	hw = &vcpu->pmu->counters[configured(CYCLES, SBI_PMU_CFG_SINH | SBI_PMU_CFG_MINH)].hw;
	assert_int_equal(hw->inhibit, HV_PMC_NOT_IN_VS);
	/* Filters for nested guests, which the guest cannot have, are ignored. */
	hw = &vcpu->pmu->counters[configured(CYCLES, SBI_PMU_CFG_VUINH | SBI_PMU_CFG_VSINH)].hw;
	assert_int_equal(hw->inhibit, 0);
}

/* ---- start, stop, read ---------------------------------------------------------------------- */

static void a_counter_counts_from_start_to_stop(void **state)
{
	long n = configured(CYCLES, 0);

	(void)state;
	native_pmu_happen(CYCLES, 100);
	assert_int_equal(value_of(n), 0);
	assert_int_equal(pmu(SBI_PMU_COUNTER_START, 0, 1, 0, 55).error, SBI_SUCCESS);
	native_pmu_happen(CYCLES, 10);
	assert_int_equal(value_of(n), 10);
	native_pmu_happen(INSTRET, 10);
	assert_int_equal(stop(n, 0), SBI_SUCCESS);
	native_pmu_happen(CYCLES, 100);
	assert_int_equal(value_of(n), 10);
	assert_int_equal(start_at(n, 1000), SBI_SUCCESS);
	native_pmu_happen(CYCLES, 1);
	assert_int_equal(value_of(n), 1001);
	/* Stopping the guest's counter gives the hardware counter back. */
	assert_int_equal(stop(n, SBI_PMU_STOP_RESET), SBI_SUCCESS);
	assert_int_equal(native_pmu_lent(0), 0);
}

static void starting_or_stopping_twice_is_an_error(void **state)
{
	long n = configured(CYCLES, 0), m = configured(INSTRET, 0);

	(void)state;
	assert_int_equal(stop(n, 0), SBI_ERR_ALREADY_STOPPED);
	assert_int_equal(start_at(n, 5), SBI_SUCCESS);
	assert_int_equal(start_at(n, 7), SBI_ERR_ALREADY_STARTED);
	assert_int_equal(value_of(n), 5);
	/* The other counter in the set is started nevertheless. */
	assert_int_equal(pmu(SBI_PMU_COUNTER_START, 0, ALL, 0, 0).error, SBI_ERR_ALREADY_STARTED);
	native_pmu_happen(INSTRET, 3);
	assert_int_equal(value_of(m), 3);
	assert_int_equal(stop(n, SBI_PMU_STOP_RESET), SBI_SUCCESS);
	/* A counter without an event is skipped. */
	assert_int_equal(stop(n, 0), SBI_SUCCESS);
	assert_int_equal(start_at(n, 0), SBI_SUCCESS);
	assert_int_equal(pmu(SBI_PMU_COUNTER_STOP, 0, ALL, SBI_PMU_STOP_RESET, 0).error,
			 SBI_SUCCESS);
	assert_int_equal(native_pmu_lent(0), 0);
}

static void sets_with_invalid_counters_are_refused(void **state)
{
	static const unsigned long sets[][2] = {
		{ 0, 0 },    { 0, BIT(NR) }, { NR, 1 },        { NR - 1, 2 },
		{ ~0UL, 1 }, { ~0UL, 2 },    { 63, 1 },        { 64, 1 },
		{ 1, ~0UL }, { 0, ~0UL },    { 1UL << 63, 1 },
	};
	static const unsigned long fids[] = { SBI_PMU_COUNTER_CONFIG_MATCHING,
					      SBI_PMU_COUNTER_START, SBI_PMU_COUNTER_STOP };
	unsigned int i, f;

	(void)state;
	configured(CYCLES, 0);
	for (i = 0; i < ARRAY_SIZE(sets); i++) {
		for (f = 0; f < ARRAY_SIZE(fids); f++)
			assert_int_equal(pmu(fids[f], sets[i][0], sets[i][1], 0, CYCLES).error,
					 SBI_ERR_INVALID_PARAM);
	}
	assert_int_equal(vcpu->pmu->configured, 1);
	assert_int_equal(native_pmu_lent(0), 0);
	assert_int_equal(pmu(SBI_PMU_COUNTER_FW_READ, 0, 0, 0, 0).error, SBI_ERR_INVALID_PARAM);
	assert_int_equal(pmu(SBI_PMU_COUNTER_FW_READ, 1, 0, 0, 0).error, SBI_ERR_INVALID_PARAM);
	assert_int_equal(pmu(SBI_PMU_COUNTER_FW_READ, NR, 0, 0, 0).error, SBI_ERR_INVALID_PARAM);
	assert_int_equal(pmu(SBI_PMU_COUNTER_FW_READ_HI, NR, 0, 0, 0).error, SBI_ERR_INVALID_PARAM);
	assert_int_equal(pmu(SBI_PMU_COUNTER_FW_READ, NR_HW, 0, 0, 0).error, SBI_ERR_INVALID_PARAM);
	assert_int_equal(pmu(SBI_PMU_COUNTER_FW_READ_HI, NR_HW, 0, 0, 0).error,
			 SBI_ERR_INVALID_PARAM);
	assert_int_equal(configured(FW(SBI_PMU_FW_SET_TIMER), 0), NR_HW);
	assert_int_equal(pmu(SBI_PMU_COUNTER_FW_READ, NR_HW, 0, 0, 0).error, SBI_SUCCESS);
	assert_int_equal(pmu(SBI_PMU_COUNTER_FW_READ_HI, NR_HW, 0, 0, 0).error, SBI_SUCCESS);
}

static void undefined_and_contradictory_flags_are_refused(void **state)
{
	unsigned int bit;

	(void)state;
	pmu(SBI_PMU_SNAPSHOT_SET_SHMEM, SNAPSHOT, 0, 0, 0);
	for (bit = 8; bit < 64; bit++)
		assert_int_equal(
			pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, 0, ALL, BIT(bit), CYCLES).error,
			SBI_ERR_INVALID_PARAM);
	configured(CYCLES, 0xfe); /* all that are defined, but SKIP_MATCH */
	for (bit = 2; bit < 64; bit++)
		assert_int_equal(stop(0, BIT(bit) | SBI_PMU_STOP_TAKE_SNAPSHOT),
				 SBI_ERR_INVALID_PARAM);
	assert_int_equal(vcpu->pmu->started, 1);
	assert_int_equal(stop(0, 0), SBI_SUCCESS);
	for (bit = 2; bit < 64; bit++)
		assert_int_equal(pmu(SBI_PMU_COUNTER_START, 0, 1, BIT(bit), 0).error,
				 SBI_ERR_INVALID_PARAM);
	/* SET_INIT and INIT_SNAPSHOT */
	assert_int_equal(pmu(SBI_PMU_COUNTER_START, 0, 1, 3, 0).error, SBI_ERR_INVALID_PARAM);
	assert_int_equal(vcpu->pmu->started, 0);
}

static void a_narrow_counter_keeps_its_width(void **state)
{
	long n;

	one_vm_end(state);
	make(ISA_MAX, HARDWARE, 40);
	n = configured(CYCLES, 0);
	assert_int_equal(FIELD_GET(SBI_PMU_INFO_WIDTH,
				   (unsigned long)pmu(SBI_PMU_COUNTER_GET_INFO, 0, 0, 0, 0).value),
			 39);
	assert_int_equal(start_at(n, ~0ULL), SBI_SUCCESS);
	assert_int_equal(value_of(n), (1ULL << 40) - 1);
	native_pmu_happen(CYCLES, 2);
	assert_int_equal(value_of(n), 1);
	assert_true(vcpu->irq_pending & BIT(IRQ_PMU_OVF));
}

/* ---- a vCPU that moves between harts ------------------------------------------------------ */

static void a_counter_migrates_with_its_vcpu(void **state)
{
	long n = configured(CYCLES, SBI_PMU_CFG_AUTO_START);

	(void)state;
	native_pmu_happen(CYCLES, 10);
	native_migrate(1);
	assert_int_equal(native_pmu_lent(0), 0);
	assert_int_equal(native_pmu_lent(1), 1);
	native_pmu_happen(CYCLES, 5);
	assert_int_equal(value_of(n), 15);
	vcpu_put(vcpu);
	assert_int_equal(native_pmu_lent(1), 0);
	native_pmu_happen(CYCLES, 1000); /* not counted for this vCPU */
	native_hart_set(0);
	vcpu_load(vcpu);
	assert_int_equal(value_of(n), 15);
	native_pmu_happen(CYCLES, 1);
	assert_int_equal(value_of(n), 16);
}

/* ---- CSRs -------------------------------------------------------------------------------------- */

static void cycle_reads_the_harts_until_the_guest_uses_the_pmu(void **state)
{
	u64 value;

	(void)state;
	assert_int_equal(csr_read(hcounteren), COUNTEREN_CY | COUNTEREN_TM | COUNTEREN_IR);
	assert_true(reads(5, &value)); /* Zihpm: event counters read as 0 */
	assert_int_equal(value, 0);
	pmu(SBI_PMU_NUM_COUNTERS, 0, 0, 0, 0);
	assert_int_equal(csr_read(hcounteren), COUNTEREN_TM);
	assert_false(reads(PMU_CYCLE, &value));
	assert_int_equal(csr_read(vscause), EXC_ILLEGAL_INST);
	assert_false(reads(5, &value));
	native_migrate(1);
	assert_int_equal(csr_read(hcounteren), COUNTEREN_TM);
}

static void user_mode_reads_only_counters_in_scounteren(void **state)
{
	u64 value;

	(void)state;
	configured(CYCLES, 0);
	vcpu->guest.sstatus &= ~SSTATUS_SPP;
	csr_write(scounteren, 0);
	assert_false(reads(PMU_CYCLE, &value));
	vcpu->guest.sstatus &= ~SSTATUS_SPP;
	csr_write(scounteren, COUNTEREN_CY);
	assert_true(reads(PMU_CYCLE, &value));
}

static void time_is_emulated_if_hcounteren_lacks_tm(void **state)
{
	u64 value;

	(void)state;
	remake_with(&native_quirks.no_tm);
	assert_false(isa_has(vcpu, KVM_RISCV_ISA_EXT_SSTC)); /* stimecmp would trap, too */
	assert_false(isa_may_enable(KVM_RISCV_ISA_EXT_SSTC));
	native_time_set(hv_time() + 1000);
	assert_true(reads(PMU_TIME, &value));
	assert_int_equal(value, hv_time() + vm.vm->time_delta);
	vcpu->nested.v = true;
	vcpu->nested.htimedelta = 77;
	assert_true(reads(PMU_TIME, &value));
	assert_int_equal(value, hv_time() + vm.vm->time_delta + 77);
	vcpu->nested.v = false;
}

static void counters_cannot_be_written(void **state)
{
	static const unsigned long rests[] = {
		1 << 12 | 10 << 7,           /* csrrw a0, cycle, x0 */
		5 << 12 | 10 << 7,           /* csrrwi a0, cycle, 0 */
		2 << 12 | 10 << 7 | 1 << 15, /* csrrs a0, cycle, ra */
		7 << 12 | 10 << 7 | 1 << 15, /* csrrci a0, cycle, 1 */
	};
	unsigned int i;

	(void)state;
	configured(CYCLES, 0);
	vcpu->guest.gpr[GPR_RA] = 1;
	for (i = 0; i < ARRAY_SIZE(rests); i++) {
		struct hv_trap trap = { .scause = EXC_VIRTUAL_INST,
					.stval = (unsigned long)CSR_cycle << 20 | rests[i] | 0x73 };

		csr_write(vscause, 0);
		exit_virtual_inst(vcpu, &trap);
		assert_int_equal(csr_read(vscause), EXC_ILLEGAL_INST);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(counter_numbers_match_their_csrs),
		TEST(without_hardware_counters_there_is_no_extension),
		TEST(user_space_can_switch_the_extension_off),
		TEST(sscofpmf_needs_filtered_interrupts),
		TEST(sscofpmf_needs_lcofi_in_hvien),
		TEST(cycles_and_instructions_have_counters_of_their_own),
		TEST(unknown_events_are_not_supported),
		TEST(event_info_tells_which_events_can_be_counted),
		TEST(wrong_requests_for_event_info_are_refused),
		TEST(more_counters_than_the_hart_has_cannot_count_at_once),
		TEST(skip_match_reconfigures_a_counter),
		TEST(inhibit_flags_exclude_the_guests_modes),
		TEST(a_counter_counts_from_start_to_stop),
		TEST(starting_or_stopping_twice_is_an_error),
		TEST(sets_with_invalid_counters_are_refused),
		TEST(undefined_and_contradictory_flags_are_refused),
		TEST(a_narrow_counter_keeps_its_width),
		TEST(a_counter_migrates_with_its_vcpu),
		TEST(cycle_reads_the_harts_until_the_guest_uses_the_pmu),
		TEST(user_mode_reads_only_counters_in_scounteren),
		TEST(time_is_emulated_if_hcounteren_lacks_tm),
		TEST(counters_cannot_be_written),
	};

	return cmocka_run_group_tests_name("PMU", tests, NULL, NULL);
}
