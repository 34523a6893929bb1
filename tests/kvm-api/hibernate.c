// SPDX-License-Identifier: MIT
/*
 * hibernate.c - Linux hibernates and continues in the machine's next boot, and guest time continues.
 *
 * In the next boot, the time CSR counts from 0 again. Two guests wait for their timers: with Sstc, the
 * timer is in the hart, and without, it is a timer of the host, which is armed meanwhile.
 *
 * Runs on hyperscope's module only. The machine powers off in the middle, and
 * linux-module-power.slow.t starts it again.
 */
#include <time.h>
#include "vm.h"

#define TIMER(name) \
	(KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_TIMER | KVM_REG_RISCV_TIMER_REG(name))
#define SSTC                                                                                   \
	(KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_ISA_EXT | KVM_REG_RISCV_ISA_SINGLE | \
	 KVM_RISCV_ISA_EXT_SSTC)

#define GUESTS     2
#define LEAST_BACK 40 /* the time CSR must go back by so many seconds: twice the longest period */
#define COUNT      0x1000

/* Every a0 ticks of the time CSR, add 1 to the word at a1. The time of the next tick is behind it. */
GUEST(tick, "mv s0, a0\n"
	    "mv s1, a1\n"
	    "li s3, 0\n"
	    "li t0, 0x20\n" /* STIE: only then does the timer end a wfi */
	    "csrs sie, t0\n"
	    "1: rdtime s2\n"
	    "add s2, s2, s0\n"
	    "sd s3, 0(s1)\n"
	    "sd s2, 8(s1)\n"
	    "mv a0, s2\n"
	    "li a7, 0x54494d45\n" /* SBI set_timer */
	    "li a6, 0\n"
	    "ecall\n"
	    "2: wfi\n"
	    "rdtime t0\n"
	    "bltu t0, s2, 2b\n"
	    "addi s3, s3, 1\n"
	    "j 1b\n");

struct guest {
	const char *name, *clock_claim, *tick_claim;
	bool sstc;
	unsigned int period; /* seconds */
	struct vm vm;
	struct vcpu vcpu, clock; /* `clock` never runs, so its registers can always be read */
	uint64_t time;           /* guest time before Linux hibernates */
};

static struct guest guests[GUESTS] = {
	{
		.name = "with Sstc",
		.clock_claim = "with Sstc: guest time continues where it was",
		.tick_claim = "with Sstc: the guest's timer ticks soon",
		.sstc = true,
		.period = 1,
	},
	{
		.name = "without Sstc",
		.clock_claim = "without Sstc: guest time continues where it was",
		.tick_claim = "without Sstc: the guest's timer ticks soon",
		.period = 20, /* longer than Linux needs to save its state */
	},
};

static uint64_t word(const struct guest *g, size_t offset)
{
	return *(volatile uint64_t *)(g->vm.mem + offset);
}

static uint64_t count_of(const struct guest *g)
{
	return word(g, COUNT);
}

static uint64_t next_tick(const struct guest *g)
{
	return word(g, COUNT + 8);
}

static void *run(void *guest)
{
	const struct guest *g = guest;

	while (vcpu_run(&g->vcpu) == -1 && errno == EINTR) /* the thread was frozen */
		;
	printf("# %s: the guest ends: %s, exit reason %u\n", g->name, strerror(errno),
	       g->vcpu.run->exit_reason);
	return NULL;
}

/* Start the guest, and return when it is about to set its timer. */
static void start(struct guest *g)
{
	uint64_t hz;
	pthread_t thread;

	g->vm = vm_new();
	vm_load(&g->vm, tick);
	g->vcpu = vcpu_new(&g->vm, 0);
	g->clock = vcpu_new(&g->vm, 1);
	hz = get_reg(&g->clock, TIMER(frequency));
	must(set_reg(&g->vcpu, SSTC, g->sstc) == 0, "Sstc");
	/* Guest time that goes back with the time CSR then stays positive. */
	must(set_reg(&g->clock, TIMER(time), 1000 * hz) == 0, "time");
	must(set_reg(&g->vcpu, R_A0, g->period * hz) == 0, "a0");
	must(set_reg(&g->vcpu, R_A1, MEM_GPA + COUNT) == 0, "a1");
	must(pthread_create(&thread, NULL, run, g) == 0, "pthread_create");
	while (!next_tick(g))
		sleep_ms(1);
}

/* The time CSR, in seconds. */
static double host_time(double hz)
{
	uint64_t ticks;

	__asm__ volatile("rdtime %0" : "=r"(ticks));
	return (double)ticks / hz;
}

static double monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void check_clock(const struct guest *g, double seconds, double hz)
{
	uint64_t now = get_reg(&g->clock, TIMER(time));
	double passed = (double)(int64_t)(now - g->time) / hz;

	printf("# %s: %.2f s have passed in the guest, and %.2f s in Linux; the next tick is due "
	       "in %.2f s\n",
	       g->name, passed, seconds, (double)(int64_t)(next_tick(g) - now) / hz);
	ok(passed > seconds - 5 && passed < seconds + 5, g->clock_claim);
}

static void check_tick(const struct guest *g, uint64_t count, double begin, double longest)
{
	while (count_of(g) == count && monotonic() - begin < longest)
		sleep_ms(10);
	printf("# %s: %s tick after %.2f s\n", g->name, count_of(g) == count ? "no" : "a",
	       monotonic() - begin);
	ok(count_of(g) != count, g->tick_claim);
}

static double hibernate(void)
{
	double begin = monotonic();

	must(write_file("/sys/power/disk", "shutdown") == 0, "/sys/power/disk");
	ok(write_file("/sys/power/state", "disk") == 0, "Linux hibernates, and continues");
	return monotonic() - begin;
}

/*
 * While Linux hibernated, `seconds` have passed on CLOCK_MONOTONIC, which does not count the time
 * without power, and the time CSR has gone back by `back` seconds.
 */
static void check(double seconds, double back, double hz)
{
	double begin = monotonic();
	uint64_t counts[GUESTS];
	int i;

	for (i = 0; i < GUESTS; i++) {
		counts[i] = count_of(&guests[i]);
		check_clock(&guests[i], seconds, hz);
	}
	/* Guests that stood still until the time CSR had its old value would take longer. */
	for (i = 0; i < GUESTS; i++)
		check_tick(&guests[i], counts[i], begin, back * 3 / 4);
}

int main(void)
{
	double hz, before, back, seconds;
	int i;

	for (i = 0; i < GUESTS; i++)
		start(&guests[i]);
	hz = (double)get_reg(&guests[0].clock, TIMER(frequency));
	for (i = 0; i < GUESTS; i++)
		guests[i].time = get_reg(&guests[i].clock, TIMER(time));
	before = host_time(hz);
	seconds = hibernate();
	back = before - host_time(hz);
	printf("# the time CSR has gone back by %.1f s\n", back);
	if (back < LEAST_BACK)
		printf("ok %d - guest time # SKIP the machine's next boot took too long\n",
		       ++tap_count);
	else
		check(seconds, back, hz);
	return tap_done();
}
