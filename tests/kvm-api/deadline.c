// SPDX-License-Identifier: MIT
/*
 * deadline.c - a thread with SCHED_DEADLINE keeps its budget while its guest waits for a lock and other
 * threads want the hart.
 *
 * Runs on Linux whose harts have Zawrs: with the module or kvm.ko.
 */
#include <sched.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include "vm.h"

GUEST(waits, "li a0, 0\n"
	     "1: .word 0x00d00073\n" /* wrs.nto */
	     "addi a0, a0, 1\n"
	     "j 1b\n");

static void set_deadline(void)
{
	/* the kernel's struct sched_attr, which glibc has since 2.41 */
	const struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period; /* in ns */
	} attr = { .size = 48,
		   .policy = 6, /* SCHED_DEADLINE */
		   .runtime = 9000000,
		   .deadline = 10000000,
		   .period = 10000000 };

	must(syscall(SYS_sched_setattr, 0, &attr, 0) == 0, "sched_setattr");
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* Return how often the guest waits in half a second. */
static unsigned long count(const struct vcpu *vcpu)
{
	const struct itimerval half = { .it_value.tv_usec = 500000 };
	unsigned long before = get_reg(vcpu, R_A0);

	must(setitimer(ITIMER_REAL, &half, NULL) == 0, "setitimer");
	must(vcpu_run(vcpu) < 0 && errno == EINTR, "the guest waits until the signal");
	return get_reg(vcpu, R_A0) - before;
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	unsigned long alone, beside;
	struct vcpu vcpu;
	pid_t busy[2];
	struct vm vm;
	int i, n;

	sigaction(SIGALRM, &action, NULL);
	for (i = 0; i < 2; i++) {
		busy[i] = fork();
		must(busy[i] >= 0, "fork");
		if (busy[i] == 0) {
			raise(SIGSTOP);
			for (;;)
				__asm__ volatile("");
		}
		must(waitpid(busy[i], &n, WUNTRACED) == busy[i], "the child has stopped");
	}
	vm = vm_new();
	vm_load(&vm, waits);
	vcpu = vcpu_new(&vm, 0);
	set_deadline();
	alone = count(&vcpu);
	for (i = 0; i < 2; i++)
		kill(busy[i], SIGCONT);
	beside = count(&vcpu);
	for (i = 0; i < 2; i++)
		kill(busy[i], SIGKILL);
	printf("# the guest waited %lu times alone, %lu times beside busy threads\n", alone,
	       beside);
	ok(alone > 200 && beside > alone / 8,
	   "a deadline thread keeps its budget while its guest waits");
	return tap_done();
}
