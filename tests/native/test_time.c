// SPDX-License-Identifier: MIT
/*
 * test_time.c - the time CSR goes back, as after hibernation, and guest time continues.
 */
#include "vcpu/irq.h"
#include "vcpu/timer.h"
#include "vcpu/wfi.h"
#include "regs.h"

/* Let the time CSR go back, and tell the core. */
static void go_back_to(u64 ticks)
{
	u64 before = hv_time();

	native_time_set(ticks);
	kvm_time_went_back(before - ticks);
}

static void guest_time_continues(void **state)
{
	(void)state;
	native_time_set(900000);
	assert_int_equal(set(TIMER(time), 5000000), 0);
	native_time_set(900400);
	go_back_to(70);
	assert_int_equal(value_of(TIMER(time)), 5000400);
	native_time_set(80);
	assert_int_equal(value_of(TIMER(time)), 5000410);
	go_back_to(3);
	assert_int_equal(value_of(TIMER(time)), 5000410);
}

static void the_timer_of_the_guest_is_due_at_the_same_guest_time(void **state)
{
	(void)state;
	native_time_set(900000);
	vm.vcpu->csrs.vsie = BIT(IRQ_S_TIMER);
	assert_int_equal(set(TIMER(compare), value_of(TIMER(time)) + 1000), 0);
	assert_int_equal(set(TIMER(state), KVM_RISCV_TIMER_STATE_ON), 0);
	native_time_set(900400);
	go_back_to(70);
	assert_int_equal(timer_host_deadline(vm.vm, value_of(TIMER(compare))), 670);
	native_time_set(669);
	assert_false(vcpu_has_irq(vm.vcpu));
	native_time_set(670);
	assert_true(vcpu_has_irq(vm.vcpu));
}

static void every_vm_has_its_own_time(void **state)
{
	struct native_vm other;
	u64 time, time_of_other;

	(void)state;
	native_time_set(900000);
	native_vm_open(&other);
	native_time_set(900400);
	time = timer_guest_time(vm.vm);
	time_of_other = timer_guest_time(other.vm);
	assert_int_equal(time_of_other, 400);
	assert_int_not_equal(time, time_of_other);
	go_back_to(70);
	assert_int_equal(timer_guest_time(vm.vm), time);
	assert_int_equal(timer_guest_time(other.vm), time_of_other);
	native_vm_free(&other);
}

static struct kvm_vcpu *sleeper, *other;
static bool ended_early, ended_late;

/* Set the VM's clock back by 600 ticks, with an ioctl of another vCPU than the one whose timer is on. */
static void set_clock_back(void)
{
	vm.vcpu = other;
	assert_int_equal(set(TIMER(time), value_of(TIMER(time)) - 600), 0);
	vm.vcpu = sleeper;
}

/* Let the timer be due 1000 ticks after 900000. */
static void begin_timer(bool sstc)
{
	native_time_set(900000);
	sleeper = vm.vcpu;
	other = native_vcpu_make(&vm, 4);
	if (!sstc)
		assert_int_equal(set(ISA(KVM_RISCV_ISA_EXT_SSTC), 0), 0);
	assert_int_equal(set(TIMER(compare), value_of(TIMER(time)) + 1000), 0);
	assert_int_equal(set(TIMER(state), KVM_RISCV_TIMER_STATE_ON), 0);
}

static void while_the_vcpu_sleeps(bool begins)
{
	u32 wakes;

	if (!begins)
		return;
	set_clock_back();
	native_time_set(901000);
	ended_early = sleeper->sleep_cond(sleeper);
	wakes = native_single_wakes;
	native_time_set(901600);
	ended_late = native_single_wakes > wakes && sleeper->sleep_cond(sleeper);
}

static void a_clock_that_is_set_back_loses_no_wake_up(void **state)
{
	(void)state;
	begin_timer(true);
	sleeper->csrs.vsie = BIT(IRQ_S_TIMER);
	vcpu_load(sleeper);
	native_wait_hook = while_the_vcpu_sleeps;
	vcpu_wfi(sleeper);
	native_wait_hook = NULL;
	vcpu_put(sleeper);
	assert_false(ended_early);
	assert_true(ended_late);
}

static void a_clock_that_is_set_back_delays_the_sbi_timer(void **state)
{
	(void)state;
	begin_timer(false);
	set_clock_back();
	native_time_set(901000);
	assert_int_equal(value_of(GENERAL(sip)), 0);
	native_time_set(901600);
	assert_int_equal(value_of(GENERAL(sip)), BIT(IRQ_S_TIMER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(guest_time_continues),
		TEST(the_timer_of_the_guest_is_due_at_the_same_guest_time),
		TEST(every_vm_has_its_own_time),
		TEST(a_clock_that_is_set_back_loses_no_wake_up),
		TEST(a_clock_that_is_set_back_delays_the_sbi_timer),
	};

	return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
