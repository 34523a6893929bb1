// SPDX-License-Identifier: MIT
/*
 * test_time.c - the time CSR goes back, as after hibernation, and guest time continues.
 */
#include "vcpu/irq.h"
#include "vcpu/timer.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(guest_time_continues),
		TEST(the_timer_of_the_guest_is_due_at_the_same_guest_time),
		TEST(every_vm_has_its_own_time),
	};

	return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
