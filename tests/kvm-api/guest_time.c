// SPDX-License-Identifier: MIT
/*
 * guest_time.c - what Linux sees of a guest that computes: its time is guest time, and it delays RCU
 * about as long as a program does.
 *
 * Runs on Linux with two CPUs: with the module or kvm.ko.
 */
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
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

static void compute_in_program(void)
{
	for (;;)
		__asm__ volatile("");
}

static void compute_in_guest(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu;

	vm_load(&vm, spin);
	vcpu = vcpu_new(&vm, 0);
	vcpu_run(&vcpu);
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

/* Return the median time of synchronize_rcu() in ms, while a child computes on CPU 1. */
static double rcu_ms(void (*compute)(void))
{
	double times[ROUNDS], start;
	pid_t child = fork();
	int i;

	if (child == 0) {
		stay_on(1);
		compute();
		_exit(1);
	}
	must(child > 0, "fork");
	sleep_ms(1000);
	for (i = 0; i < ROUNDS; i++) {
		start = now_ms();
		must(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0, "membarrier");
		times[i] = now_ms() - start;
	}
	must(kill(child, SIGKILL) == 0 && waitpid(child, &i, 0) == child && WIFSIGNALED(i),
	     "the child computes until it is killed");
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
	double program, guest;
	unsigned long before;

	stay_on(0);
	program = rcu_ms(compute_in_program);
	before = guest_ticks();
	guest = rcu_ms(compute_in_guest);
	printf("# RCU: %.1f ms beside a program, %.1f ms beside a guest\n", program, guest);
	ok(guest < 2 * program + 10, "a guest delays RCU about as long as a program does");
	printf("# guest time: %lu ticks\n", guest_ticks() - before);
	ok(guest_ticks() - before > 10,
	   "the time of a guest that computes is in the guest column of /proc/stat");
	return tap_done();
}
