// SPDX-License-Identifier: MIT
/*
 * test_pmu_owned.c - the guest's counters on a host, such as Linux, where a counter is prepared for
 * one thread.
 */
#include <pthread.h>
#include "hv/kvm_pmu.h"
#include "pmu_calls.h"
#include "uapi/onereg.h"

static int setup_owned(void **state)
{
	setup(state);
	native_pmu_owned(true);
	return 0;
}

#define OWNED(claim) cmocka_unit_test_setup_teardown(claim, setup_owned, one_vm_end)

static u64 seen;

/* Read counter 0 after the guest's work, 6 cycles, then end the run. */
static void working_guest(struct kvm_vcpu *v)
{
	(void)v;
	native_pmu_happen(CYCLES, 6);
	seen = pmu_read(vcpu->pmu, PMU_CYCLE);
	host_interrupt();
}

static void *run(void *arg)
{
	unsigned int hart = *(unsigned int *)arg;

	native_hart_set(hart);
	native_guest = working_guest;
	native_signal_set(false);
	assert_int_equal(native_run(vcpu), -EINTR);
	return NULL;
}

/* Run the vCPU in another thread, on `hart`; then the calling thread has it loaded again. */
static void run_in_thread(unsigned int hart)
{
	pthread_t thread;

	vcpu_put(vcpu);
	pthread_create(&thread, NULL, run, &hart);
	pthread_join(thread, NULL);
	vcpu_load(vcpu);
}

static void a_counter_follows_its_vcpu_to_another_thread(void **state)
{
	long n = configured(CYCLES, 0);

	(void)state;
	start_at(n, 100);
	native_pmu_happen(CYCLES, 5);
	run_in_thread(1);
	assert_int_equal(seen, 111);
	run_in_thread(0);
	assert_int_equal(seen, 117);
	assert_int_equal(native_pmu_prepared(), 1);
	/* Loaded by this thread, but not prepared for it yet. */
	assert_int_equal(native_pmu_lent(0), 0);
	assert_true(vcpu->requests & BIT(REQ_PMU));
	pmu_serve(vcpu);
	native_pmu_happen(CYCLES, 1);
	assert_int_equal(value_of(n), 118);
}

static void an_overflow_is_not_lost_in_another_thread(void **state)
{
	(void)state;
	start_at(configured(CYCLES, 0), (u64)-3);
	native_pmu_late(true);
	assert_int_equal(vcpu->irq_pending & BIT(IRQ_PMU_OVF), 0);
	run_in_thread(1);
	assert_true(vcpu->irq_pending & BIT(IRQ_PMU_OVF));
}

/* pmu_serve() has to start the counter once, not twice: the load has started it already. */
static void serving_starts_each_counter_once(void **state)
{
	long n = configured(CYCLES, SBI_PMU_CFG_AUTO_START);

	(void)state;
	native_migrate(1);
	pmu_serve(vcpu);
	assert_int_equal(native_pmu_lent(1), 1);
	native_pmu_happen(CYCLES, 2);
	assert_int_equal(value_of(n), 2);
}

/* The hart has fewer counters, so one cannot be prepared at each load. The guest runs nevertheless. */
static void a_counter_that_cannot_be_prepared_does_not_keep_the_guest_from_running(void **state)
{
	(void)state;
	start_at(configured(CYCLES, 0), 0);
	native_pmu_set(0, 64);
	run_in_thread(1);
	assert_int_equal(seen, 0);
	assert_false(vcpu->requests & ~(BIT(REQ_PMU) | BIT(REQ_HOST)));
	native_pmu_set(HARDWARE, 64);
	run_in_thread(1);
	assert_int_equal(seen, 6);
}

static int set(u64 num, u64 value)
{
	struct kvm_one_reg reg = {
		.id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_HS_PMU | num,
		.addr = NATIVE_USER_BASE + 0x8000,
	};
	int err;

	memcpy(native_user(NATIVE_USER_BASE + 0x8000), &value, sizeof(value));
	vcpu_put(vcpu);
	err = onereg_set(vcpu, &reg);
	vcpu_load(vcpu);
	return err;
}

static void a_counter_without_an_event_is_not_prepared(void **state)
{
	long n = configured(CYCLES, 0), m = configured(INSTRET, 0);

	(void)state;
	assert_int_equal(native_pmu_prepared(), 2);
	stop(n, SBI_PMU_STOP_RESET);
	assert_int_equal(native_pmu_prepared(), 1);
	pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, (unsigned long)m, 1, SBI_PMU_CFG_SKIP_MATCH, CYCLES);
	pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, (unsigned long)m, 1, SBI_PMU_CFG_SKIP_MATCH, INSTRET);
	assert_int_equal(native_pmu_prepared(), 1);
	assert_int_equal(set(KVM_HS_PMU_CONFIGURED, 0), 0);
	assert_int_equal(native_pmu_prepared(), 0);
	configured(CYCLES, SBI_PMU_CFG_AUTO_START);
	vcpu_reset(vcpu, NATIVE_GUEST_BASE, 0);
	assert_int_equal(native_pmu_prepared(), 0);
	assert_int_equal(pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, 0, ALL, 0, 0x1234).error,
			 SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(native_pmu_prepared(), 0);
	configured(CYCLES, SBI_PMU_CFG_AUTO_START); /* one_vm_end() checks that it does not stay */
}

/* The event that user space sets is prepared when the guest starts the counter. */
static void an_event_that_user_space_changes_is_prepared_anew(void **state)
{
	long n = configured(NATIVE_PMU_CACHE, 0);

	(void)state;
	assert_int_equal(set(KVM_HS_PMU_COUNTER(n, KVM_HS_PMU_EVENT), CYCLES), 0);
	assert_int_equal(set(KVM_HS_PMU_COUNTER(n, KVM_HS_PMU_INHIBIT), HV_PMC_NOT_IN_VU), 0);
	assert_int_equal(start_at(n, 0), SBI_SUCCESS);
	native_pmu_happen(CYCLES, 4);
	assert_int_equal(value_of(n), 4);
}

static void a_refused_event_leaves_the_counter_as_it_was(void **state)
{
	long n = configured(NATIVE_PMU_CACHE, 0);

	(void)state;
	assert_int_equal(
		pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, (unsigned long)n, 1, SBI_PMU_CFG_SKIP_MATCH, 3)
			.error,
		SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(native_pmu_prepared(), 0);
	assert_int_equal(start_at(n, 0), SBI_SUCCESS);
	native_pmu_happen(NATIVE_PMU_CACHE, 4);
	assert_int_equal(value_of(n), 4);
}

/* Preparing and releasing may sleep, so a signal may have arrived. */
static void a_signal_is_looked_for_after_each_change(void **state)
{
	long n;

	(void)state;
	n = configured(CYCLES, 0);
	assert_true(vcpu->requests & BIT(REQ_HOST));
	vcpu->requests = 0;
	start_at(n, 0);
	assert_true(vcpu->requests & BIT(REQ_HOST));
	vcpu->requests = 0;
	stop(n, SBI_PMU_STOP_RESET);
	assert_true(vcpu->requests & BIT(REQ_HOST));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OWNED(a_counter_follows_its_vcpu_to_another_thread),
		OWNED(an_overflow_is_not_lost_in_another_thread),
		OWNED(serving_starts_each_counter_once),
		OWNED(a_counter_that_cannot_be_prepared_does_not_keep_the_guest_from_running),
		OWNED(a_counter_without_an_event_is_not_prepared),
		OWNED(an_event_that_user_space_changes_is_prepared_anew),
		OWNED(a_refused_event_leaves_the_counter_as_it_was),
		OWNED(a_signal_is_looked_for_after_each_change),
	};

	return cmocka_run_group_tests_name("PMU with counters of threads", tests, NULL, NULL);
}
