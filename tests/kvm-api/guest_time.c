// SPDX-License-Identifier: MIT
/*
 * guest_time.c - what Linux sees of a guest that computes: its time is guest time, and it delays RCU
 * about as long as a program does. Two children compute in turn, a program and a guest, so other load
 * of the machine delays both.
 *
 * Runs on Linux with two CPUs: with the module or kvm.ko.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "vm.h"

#define ROUNDS 15

GUEST(spin, "1: j 1b\n");

static void stay_on(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	must(sched_setaffinity(0, sizeof(cpus), &cpus) == 0, "sched_setaffinity");
}

/* The children stop when they are ready to compute. */
static void compute_in_program(void)
{
	raise(SIGSTOP);
	for (;;)
		__asm__ volatile("");
}

static void compute_in_guest(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu;

	vm_load(&vm, spin);
	vcpu = vcpu_new(&vm, 0);
	raise(SIGSTOP);
	while (vcpu_run(&vcpu) == -1 && errno == EINTR) /* the child was stopped and continues */
		;
}

/* Wait until the child, which computes until it is killed, has stopped. */
static void wait_for_stop(pid_t child)
{
	int status;

	must(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status), "a child stops");
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Start a child that will compute on CPU 1, and is stopped. */
static pid_t stopped_child(void (*compute)(void))
{
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		stay_on(1);
		compute();
		_exit(1);
	}
	must(child > 0, "fork");
	wait_for_stop(child);
	return child;
}

/* Return the time of synchronize_rcu() in ms while only this child computes on CPU 1. */
static double rcu_ms(pid_t child)
{
	double start, end;

	must(kill(child, SIGCONT) == 0, "SIGCONT");
	sleep_ms(100);
	start = now_ms();
	must(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0, "membarrier");
	end = now_ms();
	must(kill(child, SIGSTOP) == 0, "SIGSTOP");
	wait_for_stop(child);
	return end - start;
}

static double median(double *times)
{
	qsort(times, ROUNDS, sizeof(times[0]), compare);
	return times[ROUNDS / 2];
}

/* Return the guest time of CPU 1 in ticks. */
static unsigned long guest_ticks(void)
{
	unsigned long ticks = 0;
	char line[256];
	FILE *f = fopen("/proc/stat", "r");

	must(f != NULL, "/proc/stat");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "cpu1 %*u %*u %*u %*u %*u %*u %*u %*u %lu", &ticks) == 1)
			break;
	fclose(f);
	return ticks;
}

int main(void)
{
	double in_program[ROUNDS], in_guest[ROUNDS], program, guest;
	pid_t computing_program, computing_guest;
	unsigned long before;
	int i;

	stay_on(0);
	before = guest_ticks();
	computing_program = stopped_child(compute_in_program);
	computing_guest = stopped_child(compute_in_guest);
	for (i = 0; i < ROUNDS; i++) {
		in_program[i] = rcu_ms(computing_program);
		in_guest[i] = rcu_ms(computing_guest);
	}
	program = median(in_program);
	guest = median(in_guest);
	printf("# RCU: %.1f ms beside a program, %.1f ms beside a guest\n", program, guest);
	ok(guest < 2 * program + 10, "a guest delays RCU about as long as a program does");
	printf("# guest time: %lu ticks\n", guest_ticks() - before);
	ok(guest_ticks() - before > 10,
	   "the time of a guest that computes is in the guest column of /proc/stat");
	return tap_done();
}
