// SPDX-License-Identifier: MIT
/*
 * test_pmu_state.c - a guest's counters are saved and restored by ONE_REG (hv/kvm_pmu.h), and are
 * cleared by a reset.
 */
#include "hv/kvm_pmu.h"
#include "pmu_calls.h"
#include "uapi/onereg.h"

#define HVA      (NATIVE_USER_BASE + 0x8000)
#define ID(num)  (KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_HS_PMU | (num))
#define PAST_ALL (1ULL << NR)

static int get(u64 num, u64 *value)
{
	struct kvm_one_reg reg = { .id = ID(num), .addr = HVA };
	int err;

	vcpu_put(vcpu);
	err = onereg_get(vcpu, &reg);
	vcpu_load(vcpu);
	*value = *(u64 *)native_user(HVA);
	return err;
}

static int set(u64 num, u64 value)
{
	struct kvm_one_reg reg = { .id = ID(num), .addr = HVA };
	int err;

	memcpy(native_user(HVA), &value, sizeof(value));
	vcpu_put(vcpu);
	err = onereg_set(vcpu, &reg);
	vcpu_load(vcpu);
	return err;
}

static u64 reg_of(long counter, unsigned int field)
{
	return (u64)KVM_HS_PMU_COUNTER(counter, field);
}

static u64 saved(u64 num)
{
	u64 value;

	assert_int_equal(get(num, &value), 0);
	return value;
}

/* Save all registers, make another VM with the same harts, and restore the registers there. */
static void migrate_to_another_vm(void **state)
{
	u64 value[KVM_HS_PMU_COUNT];
	bool exists[KVM_HS_PMU_COUNT];
	unsigned int i;

	for (i = 0; i < KVM_HS_PMU_COUNT; i++)
		exists[i] = !get(i, &value[i]);
	one_vm_end(state);
	setup(state);
	for (i = 0; i < KVM_HS_PMU_COUNT; i++) {
		if (exists[i])
			assert_int_equal(set(i, value[i]), 0);
	}
}

static void a_guest_saved_while_it_counts_keeps_its_counts(void **state)
{
	long cycles = configured(CYCLES, 0), cache = configured(NATIVE_PMU_CACHE, 0);
	long set_timer = configured(FW(SBI_PMU_FW_SET_TIMER), 0);
	u64 value;

	start_at(cycles, 100);
	start_at(cache, ~0ULL - 1);
	start_at(set_timer, 7);
	stop(configured(INSTRET, 0), 0);
	native_pmu_happen(CYCLES, 5);
	pmu_count(vcpu, SBI_PMU_FW_SET_TIMER);
	assert_int_equal(pmu(SBI_PMU_SNAPSHOT_SET_SHMEM, SNAPSHOT, 0, 0, 0).error, SBI_SUCCESS);

	migrate_to_another_vm(state);
	assert_int_equal(csr_read(hcounteren), COUNTEREN_TM);
	assert_int_equal(value_of(cycles), 105);
	assert_int_equal(value_of(set_timer), 8);
	native_pmu_happen(CYCLES, 6);
	pmu_count(vcpu, SBI_PMU_FW_SET_TIMER);
	assert_int_equal(value_of(cycles), 111);
	assert_int_equal(value_of(set_timer), 9);
	assert_true(reads(PMU_INSTRET, &value));
	assert_false(vcpu->irq_pending & BIT(IRQ_PMU_OVF));
	native_pmu_happen(NATIVE_PMU_CACHE, 3);
	assert_true(vcpu->irq_pending & BIT(IRQ_PMU_OVF));
	assert_int_equal(stop(cycles, SBI_PMU_STOP_TAKE_SNAPSHOT), SBI_SUCCESS);
	assert_int_equal(stop(cycles, 0), SBI_ERR_ALREADY_STOPPED);
	assert_int_equal(SNAP_WORD[1], 111);
}

static void a_counted_illegal_instruction_exits_after_the_restore(void **state)
{
	configured(FW(SBI_PMU_FW_ILLEGAL_INSN), SBI_PMU_CFG_AUTO_START);
	migrate_to_another_vm(state);
	assert_false(csr_read(hedeleg) & BIT(EXC_ILLEGAL_INST));
	assert_int_equal(set(KVM_HS_PMU_STARTED, 0), 0);
	assert_true(csr_read(hedeleg) & BIT(EXC_ILLEGAL_INST));
}

static void a_vcpu_that_never_used_its_pmu_stays_so(void **state)
{
	migrate_to_another_vm(state);
	assert_int_equal(csr_read(hcounteren), COUNTEREN_CY | COUNTEREN_TM | COUNTEREN_IR);
	assert_int_equal(set(KVM_HS_PMU_CLAIMED, 1), 0);
	assert_int_equal(csr_read(hcounteren), COUNTEREN_TM);
	assert_int_equal(set(KVM_HS_PMU_CLAIMED, 0), 0);
	assert_int_equal(csr_read(hcounteren), COUNTEREN_CY | COUNTEREN_TM | COUNTEREN_IR);
}

static void wrong_values_are_refused_and_change_nothing(void **state)
{
	long n = configured(CYCLES, SBI_PMU_CFG_AUTO_START), fw = NR_HW;
	const struct {
		u64 num, value;
		int err;
	} wrong[] = {
		{ KVM_HS_PMU_LAYOUT, 0, -EINVAL },
		{ KVM_HS_PMU_LAYOUT, saved(KVM_HS_PMU_LAYOUT) + 1, -EINVAL },
		{ KVM_HS_PMU_CONFIGURED, BIT(PMU_TIME) | BIT(PMU_CYCLE), -EINVAL },
		{ KVM_HS_PMU_CONFIGURED, PAST_ALL | BIT(PMU_CYCLE), -EINVAL },
		{ KVM_HS_PMU_CONFIGURED, BIT(PMU_INSTRET) | BIT(PMU_CYCLE), -EINVAL },
		{ KVM_HS_PMU_CONFIGURED, 0, -EINVAL }, /* it counts */
		{ KVM_HS_PMU_STARTED, BIT(PMU_INSTRET), -EINVAL },
		{ KVM_HS_PMU_STARTED, ~0ULL, -EINVAL },
		{ KVM_HS_PMU_OVERFLOWN, BIT(PMU_INSTRET), -EINVAL },
		{ KVM_HS_PMU_SNAPSHOT, SNAPSHOT + 8, -EINVAL },
		{ KVM_HS_PMU_CLAIMED, 2, -EINVAL },
		{ reg_of(n, KVM_HS_PMU_EVENT), INSTRET, -EBUSY },
		{ reg_of(n, KVM_HS_PMU_DATA), 1, -EBUSY },
		{ reg_of(n, KVM_HS_PMU_INHIBIT), 1, -EBUSY },
		{ reg_of(PMU_INSTRET, KVM_HS_PMU_EVENT), CYCLES, -EINVAL },
		{ reg_of(PMU_INSTRET, KVM_HS_PMU_INHIBIT), 4, -EINVAL },
		{ reg_of(3, KVM_HS_PMU_EVENT), FW(1), -EINVAL },
		{ reg_of(3, KVM_HS_PMU_EVENT), 1ULL << 20 | CYCLES, -EINVAL },
		{ reg_of(fw, KVM_HS_PMU_EVENT), CYCLES, -EINVAL },
		{ reg_of(fw, KVM_HS_PMU_EVENT), FW(SBI_PMU_FW_COUNT), -EINVAL },
		{ reg_of(PMU_TIME, KVM_HS_PMU_VALUE), 0, -ENOENT },
		{ reg_of(NR, KVM_HS_PMU_VALUE), 0, -ENOENT },
		{ KVM_HS_PMU_LAYOUT + 1, 0, -ENOENT },
		{ KVM_HS_PMU_COUNT, 0, -ENOENT },
	};
	u64 before, after;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		bool exists = !get(wrong[i].num, &before);

		assert_int_equal(set(wrong[i].num, wrong[i].value), wrong[i].err);
		assert_int_equal(exists, wrong[i].err != -ENOENT);
		if (exists) {
			assert_int_equal(get(wrong[i].num, &after), 0);
			assert_int_equal(after, before);
		}
	}
	assert_int_equal(value_of(n), 0);
}

/* A guest's counters beyond the hart's do not count, and nothing else happens. */
static void more_started_counters_than_the_hart_has_do_no_harm(void **state)
{
	u64 all = BIT(NR_HW) - 1;
	long i;

	(void)state;
	for (i = PMU_FIRST_HPM; i < NR_HW; i++)
		assert_int_equal(set(reg_of(i, KVM_HS_PMU_EVENT), CYCLES), 0);
	assert_int_equal(set(reg_of(PMU_CYCLE, KVM_HS_PMU_EVENT), CYCLES), 0);
	assert_int_equal(set(reg_of(PMU_INSTRET, KVM_HS_PMU_EVENT), INSTRET), 0);
	assert_int_equal(set(KVM_HS_PMU_CONFIGURED, all & ~BIT(PMU_TIME)), 0);
	assert_int_equal(set(KVM_HS_PMU_STARTED, all & ~BIT(PMU_TIME)), 0);
	assert_int_equal(native_pmu_lent(0), HARDWARE);
	assert_int_equal(set(KVM_HS_PMU_STARTED, 0), 0);
	assert_int_equal(native_pmu_lent(0), 0);
	assert_int_equal(set(KVM_HS_PMU_CONFIGURED, 0), 0);
}

static void without_the_extension_there_are_no_registers(void **state)
{
	struct kvm_one_reg narrow = { .id = KVM_REG_RISCV | KVM_REG_SIZE_U32 |
					    KVM_REG_RISCV_HS_PMU | KVM_HS_PMU_CLAIMED,
				      .addr = HVA };
	u64 value;

	(void)state;
	assert_int_equal(onereg_get(vcpu, &narrow), -EINVAL);
	vcpu->sbi_ext &= ~BIT(KVM_RISCV_SBI_EXT_PMU);
	assert_int_equal(get(KVM_HS_PMU_LAYOUT, &value), -ENOENT);
	assert_int_equal(set(KVM_HS_PMU_CLAIMED, 1), -ENOENT);
}

static void a_reset_clears_all_counters(void **state)
{
	u64 value;

	(void)state;
	configured(CYCLES, SBI_PMU_CFG_AUTO_START);
	native_pmu_happen(CYCLES, 1);
	start_at(configured(INSTRET, 0), ~0ULL);
	native_pmu_happen(INSTRET, 1);
	assert_true(vcpu->irq_pending & BIT(IRQ_PMU_OVF));
	vcpu_flush_irqs(vcpu);
	configured(FW(SBI_PMU_FW_ILLEGAL_INSN), SBI_PMU_CFG_AUTO_START);
	pmu(SBI_PMU_SNAPSHOT_SET_SHMEM, SNAPSHOT, 0, 0, 0);
	vcpu_reset(vcpu, NATIVE_GUEST_BASE, 0);
	assert_int_equal(native_pmu_lent(0), 0);
	assert_int_equal(vcpu->pmu->configured | vcpu->pmu->started, 0);
	assert_int_equal(vcpu->pmu_events, 0);
	assert_int_equal((csr_read(hvip) | vcpu->irq_changed) & BIT(IRQ_PMU_OVF), 0);
	assert_true(csr_read(hedeleg) & BIT(EXC_ILLEGAL_INST));
	assert_int_equal(csr_read(hcounteren), COUNTEREN_CY | COUNTEREN_TM | COUNTEREN_IR);
	assert_int_equal(stop(0, SBI_PMU_STOP_TAKE_SNAPSHOT), SBI_ERR_NO_SHMEM);
	assert_false(reads(PMU_CYCLE, &value));
}

static void a_refused_event_leaves_the_counter_as_it_was(void **state)
{
	(void)state;
	assert_int_equal(pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, 0, 8, SBI_PMU_CFG_AUTO_START,
			     SBI_PMU_HW_INSTRUCTIONS)
				 .value,
			 3);
	assert_int_equal(vcpu->pmu->started, 8);
	/* The hart cannot count cache references. */
	assert_int_equal(
		pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, 0, 8, SBI_PMU_CFG_SKIP_MATCH, 3).error,
		SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(vcpu->pmu->started, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_refused_event_leaves_the_counter_as_it_was),
		TEST(a_guest_saved_while_it_counts_keeps_its_counts),
		TEST(a_counted_illegal_instruction_exits_after_the_restore),
		TEST(a_vcpu_that_never_used_its_pmu_stays_so),
		TEST(wrong_values_are_refused_and_change_nothing),
		TEST(more_started_counters_than_the_hart_has_do_no_harm),
		TEST(without_the_extension_there_are_no_registers),
		TEST(a_reset_clears_all_counters),
	};

	return cmocka_run_group_tests_name("state of the PMU", tests, NULL, NULL);
}
