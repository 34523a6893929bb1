// SPDX-License-Identifier: MIT
/*
 * test_machine.c - a guest whose vCPUs start and stop each other all the time delays neither a save
 * nor a signal without a limit, and a guest that ends while it is stopped for a save is not saved. The
 * vCPUs are threads that only park, and KVM is a model of the HSM state of vCPU 0: it is stopped whenever
 * it parks, and was started whenever the main thread asks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "vmm.h"

#define LIMIT_S 60 /* after this time, SIGALRM ends the test */

static struct machine machine;
static pthread_t main_thread;
static unsigned int resumes; /* how often vCPU 0 has left machine_vcpu_park() */
static unsigned int given_up, finished;
static void (*guest)(void); /* called when vCPU 0 runs */

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;

	va_start(args, request);
	if (request == KVM_GET_MP_STATE)
		va_arg(args, struct kvm_mp_state *)->mp_state =
			fd == 0 && !pthread_equal(pthread_self(), main_thread)
				? KVM_MP_STATE_STOPPED
				: KVM_MP_STATE_RUNNABLE;
	va_end(args);
	return 0;
}

/* ---- the rest of the VMM, as far as machine.c calls it here ---- */

static void *run_vcpu(void *arg)
{
	struct vcpu *vcpu = arg;

	for (;;) {
		machine_vcpu_park(vcpu);
		if (vcpu->id == 0) {
			resumes++;
			guest();
		}
		while (!machine.stopping)
			usleep(1000);
	}
	return NULL;
}

void vcpu_create(struct vcpu *vcpu, struct machine *m, unsigned int id)
{
	vcpu->machine = m;
	vcpu->id = id;
	vcpu->fd = (int)id;
	vcpu->run = calloc(1, sizeof(*vcpu->run));
}

void vcpu_start_thread(struct vcpu *vcpu)
{
	assert_int_equal(pthread_create(&vcpu->thread, NULL, run_vcpu, vcpu), 0);
}

void save_give_up(struct machine *m, const char *why)
{
	(void)m, (void)why;
	given_up++;
}

bool save_finish(struct machine *m)
{
	(void)m;
	finished++;
	return true;
}

int kvm_call_named(int fd, unsigned long request, const char *name, unsigned long arg)
{
	(void)fd, (void)request, (void)name, (void)arg;
	return 0;
}

int kvm_capability(const struct machine *m, unsigned int capability)
{
	(void)m, (void)capability;
	return 0;
}

void uart_init(struct uart *uart, struct machine *m)
{
	(void)uart, (void)m;
}

void uart_reset(struct uart *uart)
{
	(void)uart;
}

void vcpu_kick(struct vcpu *vcpu)
{
	(void)vcpu;
}

void watchdog_forget(struct vcpu *vcpu)
{
	(void)vcpu;
}

void load_open(const struct machine *m)
{
	(void)m;
}

void registers_dump(struct vcpu *vcpu)
{
	(void)vcpu;
}

#define STUB(name)                   \
	void name(struct machine *m) \
	{                            \
		(void)m;             \
	}
STUB(kvm_open)
STUB(irqchip_init)
STUB(irqchip_start)
STUB(irqchip_reset)
STUB(syscon_init)
STUB(console_start)
STUB(restore)
STUB(save_start_alarm)
STUB(save_abandon)

void console_listen(void)
{
}

void console_reset(void)
{
}

void console_flush(void)
{
}

void marker(const char *format, ...)
{
	(void)format;
}

/* In place of the functions that machine.c does not call here (rules.mk). */
void not_called(void);
void not_called(void)
{
	abort();
}

/* ---- claims ---- */

static void save_then_power_off(void)
{
	if (resumes == 1)
		machine_stop(&machine, STOP_SAVE, STATUS_POWEROFF);
	if (given_up)
		machine_stop(&machine, STOP_POWEROFF, 7);
}

static void a_save_is_given_up_if_vcpus_start_each_other_all_the_time(void **state)
{
	(void)state;
	guest = save_then_power_off;
	assert_int_equal(machine_run(&machine), 7);
	assert_int_equal(given_up, 1);
	assert_int_equal(finished, 0);
	assert_true(resumes > 10);
}

static void save_and_signal(void)
{
	if (resumes == 1)
		machine_stop(&machine, STOP_SAVE, STATUS_POWEROFF);
	for (int i = 0; resumes == 3 && i < 2; i++) { /* as timeout(1) does */
		kill(getpid(), SIGTERM);
		usleep(10000);
	}
}

static void a_signal_that_is_sent_twice_ends_the_machine_meanwhile(void **state)
{
	(void)state;
	guest = save_and_signal;
	resumes = given_up = 0;
	assert_int_equal(machine_run(&machine), 128 + SIGTERM);
	assert_int_equal(given_up, 0);
	assert_in_range(resumes, 3, 5);
}

static enum stop_reason end;

static void save_and_end(void)
{
	machine_stop(&machine, STOP_SAVE, STATUS_POWEROFF);
	machine_stop(&machine, end, 7);
}

static void a_guest_that_ends_while_it_is_stopped_for_a_save_is_not_saved(void **state)
{
	static const enum stop_reason ends[] = { STOP_POWEROFF, STOP_VCPU, STOP_PANIC };

	(void)state;
	guest = save_and_end;
	for (unsigned int i = 0; i < ARRAY_SIZE(ends); i++) {
		end = ends[i];
		given_up = finished = 0;
		assert_int_equal(machine_run(&machine), 7);
		assert_int_equal(given_up + finished, 0);
	}
}

static int build(void **state)
{
	(void)state;
	alarm(LIMIT_S);
	main_thread = pthread_self();
	machine.options = (struct options){
		.vcpus = 2,
		.ram_size = SZ_2M,
		.restore = "file",
		.save = "file",
		.no_sandbox = true,
	};
	machine_create(&machine);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_save_is_given_up_if_vcpus_start_each_other_all_the_time),
		cmocka_unit_test(a_guest_that_ends_while_it_is_stopped_for_a_save_is_not_saved),
		cmocka_unit_test(a_signal_that_is_sent_twice_ends_the_machine_meanwhile),
	};

	return cmocka_run_group_tests_name("machine", tests, build, NULL);
}
