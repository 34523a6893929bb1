// SPDX-License-Identifier: MIT
/*
 * guest_time.c - what Linux sees of a guest that computes: its time is guest time, and it delays RCU
 * no more than a program does. A guest that waits for an interrupt leaves its hart to any thread.
 *
 * Runs on Linux with two CPUs: with the module or kvm.ko.
 */
#include <fcntl.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "vm.h"

#define ROUNDS 25
#define WFI    "/sys/module/hyperscope/parameters/wfi"

GUEST(spin, "1: j 1b\n");
GUEST(idle, "csrw sie, zero\n1: wfi\nj 1b\n");

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

static void idle_in_guest(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu;

	vm_load(&vm, idle);
	vcpu = vcpu_new(&vm, 0);
	vcpu_run(&vcpu);
}

/* Start a child that calls fn() on CPU 1 until it is killed. */
static pid_t start(void (*fn)(void))
{
	pid_t child = fork();

	if (child == 0) {
		stay_on(1);
		fn();
		_exit(1);
	}
	must(child > 0, "fork");
	sleep_ms(1000);
	return child;
}

static void end(pid_t child)
{
	int status;

	must(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child &&
		     WIFSIGNALED(status),
	     "the child runs until it is killed");
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

static double median(double times[ROUNDS])
{
	qsort(times, ROUNDS, sizeof(times[0]), compare);
	return times[ROUNDS / 2];
}

/* Return the median time of synchronize_rcu() in ms, while a child computes on CPU 1. */
static double rcu_ms(void (*compute)(void))
{
	double times[ROUNDS], from;
	pid_t child = start(compute);
	int i;

	for (i = 0; i < ROUNDS; i++) {
		from = now_ms();
		must(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0, "membarrier");
		times[i] = now_ms() - from;
	}
	end(child);
	return median(times);
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

/*
 * Return the median time that a thread sleeps on CPU 1, in ms, if it wants to sleep for 1 ms. It has the lowest priority, so its
 * wake-up does not preempt the vCPU's thread, which seems to run while its guest waits (wfi=native).
 */
static double nap_ms(void)
{
	struct sched_param param = { 0 };
	double times[ROUNDS], from;

	stay_on(1);
	must(sched_setscheduler(0, SCHED_IDLE, &param) == 0, "SCHED_IDLE");
	for (int i = 0; i < ROUNDS; i++) {
		from = now_ms();
		sleep_ms(1);
		times[i] = now_ms() - from;
	}
	return median(times);
}

static void waiting_guest(void)
{
	int fd = open(WFI, O_WRONLY);
	double alone, beside;
	pid_t child;

	alone = nap_ms();
	if (fd >= 0)
		must(write(fd, "native", 6) == 6, WFI);
	child = start(idle_in_guest);
	beside = nap_ms();
	end(child);
	printf("# a sleep of 1 ms: %.1f ms alone, %.1f ms beside a guest\n", alone, beside);
	ok(beside < 1.5 * alone + 0.5, "a guest that waits leaves its hart to any thread");
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
	ok(guest < 2 * program + 10, "a guest delays RCU no more than a program does");
	printf("# guest time: %lu ticks\n", guest_ticks() - before);
	ok(guest_ticks() - before > 10, "Linux counts the guest's time as guest time");
	waiting_guest();
	return tap_done();
}
