// SPDX-License-Identifier: MIT
/*
 * test_watchdog.c - the watchdog ends a guest that only takes faults in its trap handler, and no
 * guest that waits there. The guest is a model of the registers that a fault sets. An interrupt that
 * KVM has forgotten is reported again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "vmm.h"

#define HANDLER 0x80001000ul
#define PERIODS 5

static struct machine machine;
static struct vcpu *const vcpu = &machine.vcpus[0];
static struct trap_sample now;
static unsigned int ended; /* calls of machine_stop() */

/* ---- stubs of the rest of the VMM ---- */

void registers_sample(const struct vcpu *of, struct trap_sample *sample)
{
	(void)of;
	*sample = now;
}

void registers_set_stval(const struct vcpu *of, unsigned long stval)
{
	(void)of;
	now.stval = stval;
}

void vcpu_kick(struct vcpu *of)
{
	(void)of;
}

void machine_stop(struct machine *m, enum stop_reason reason, int status)
{
	(void)m, (void)status;
	ended += reason == STOP_WATCHDOG;
}

static bool interrupted;

int kvm_call_named(int fd, unsigned long request, const char *name, unsigned long arg)
{
	(void)fd, (void)name;
	if (request == KVM_INTERRUPT)
		interrupted = ((struct kvm_interrupt *)arg)->irq == (u32)KVM_INTERRUPT_SET;
	return 0;
}

/* ---- guests: each takes a fault, or does something else, between two samples ---- */

static void faults_at_once(void)
{
	now = (struct trap_sample){ HANDLER + 4, HANDLER, HANDLER + 8, 2, 0 };
}

/* Each fault stores below the previous one. */
static void faults_at_other_addresses(void)
{
	static unsigned long sp = 0x1000;

	now = (struct trap_sample){ HANDLER, HANDLER, HANDLER + 8, 15, sp -= 256 };
}

static void waits(void)
{
	if (!now.stvec)
		now = (struct trap_sample){ HANDLER + 4, HANDLER, HANDLER + 8, 13, 0x1234 };
}

/* Run the guest for some periods. Returns the number of ticks until it was ended, or 0. */
static unsigned int run(void (*guest)(void), bool parks)
{
	now = vcpu->sample = (struct trap_sample){ 0 };
	watchdog_forget(vcpu);
	machine.options.vcpus = 1;
	ended = 0;
	for (unsigned int ticks = 1; ticks <= PERIODS * WATCHDOG_SAMPLES; ticks++) {
		guest();
		if (atomic_exchange(&vcpu->sample_wanted, false))
			watchdog_sample(vcpu);
		if (parks)
			watchdog_forget(vcpu);
		watchdog_tick(&machine);
		if (ended)
			return ticks;
	}
	watchdog_forget(vcpu);
	return 0;
}

/* ---- claims ---- */

static void a_guest_that_only_faults_in_its_handler_is_ended_after_a_period(void **state)
{
	(void)state;
	assert_in_range(run(faults_at_once, false), WATCHDOG_SAMPLES, WATCHDOG_SAMPLES + 2);
	assert_in_range(run(faults_at_other_addresses, false), WATCHDOG_SAMPLES,
			WATCHDOG_SAMPLES + 2);
}

static void a_guest_that_waits_in_its_handler_after_a_fault_is_not_ended(void **state)
{
	(void)state;
	assert_int_equal(run(waits, false), 0);
	assert_int_equal(now.stval, 0x1234);
}

/* As for a save that fails, after which the guest continues. */
static void a_guest_that_is_stopped_meanwhile_keeps_its_registers(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < WATCHDOG_SAMPLES; i++) {
		now = (struct trap_sample){ 0 };
		waits();
		for (unsigned int n = 0; n <= i; n++)
			watchdog_sample(vcpu);
		watchdog_forget(vcpu);
		assert_int_equal(now.stval, 0x1234);
	}
	assert_int_equal(run(waits, true), 0);
}

/* KVM of Linux forgets the level of a vCPU's interrupt when the guest starts the vCPU. */
static void a_raised_interrupt_that_kvm_has_forgotten_is_reported_again(void **state)
{
	(void)state;
	irq_set_level(&machine, 5, true);
	bus_write(&machine.bus, PLIC_BASE + 4 * 5, 1, 4);
	bus_write(&machine.bus, PLIC_BASE + 0x2080, 1 << 5, 4);
	assert_true(interrupted);
	interrupted = false;
	bus_write(&machine.bus, PLIC_BASE + 0x2080, 1 << 5, 4);
	assert_true(interrupted);
	interrupted = false;
	bus_write(&machine.bus, PLIC_BASE + 0x201000, 0, 4);
	assert_true(interrupted);
	interrupted = false;
	watchdog_tick(&machine);
	assert_true(interrupted);
	bus_write(&machine.bus, PLIC_BASE + 0x201000, 1, 4);
	assert_false(interrupted);
	watchdog_tick(&machine);
	assert_false(interrupted);
}

static int build(void **state)
{
	(void)state;
	machine.options.vcpus = 1;
	irqchip_init(&machine);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guest_that_only_faults_in_its_handler_is_ended_after_a_period),
		cmocka_unit_test(a_guest_that_waits_in_its_handler_after_a_fault_is_not_ended),
		cmocka_unit_test(a_guest_that_is_stopped_meanwhile_keeps_its_registers),
		cmocka_unit_test(a_raised_interrupt_that_kvm_has_forgotten_is_reported_again),
	};

	return cmocka_run_group_tests_name("watchdog", tests, build, NULL);
}
