// SPDX-License-Identifier: MIT
/*
 * trace_sample.c - the event `sample`: where a hart is, asked by a timer of its own.
 *
 *   trace.sample=HZ   samples a second of each hart (default 997: no multiple of anybody's tick)
 *
 * The timer is one of the host's (clock.c), armed only while the event is on: a hart has no tick
 * else. It ends the guest's run, or a program's, at its exact pc. The kernel runs with interrupts
 * off, so what a timer asks for there is seen later: at the end of the exit's handler, of the system
 * call, before another thread runs, or where the kernel takes interrupts by itself (irq_poll()). Each
 * of these calls hv_sample() with what was on its way; the first after the timer's interrupt has
 * become pending takes the sample, and the timer's function, which comes behind, only starts the
 * timer anew.
 *
 * `late` tells how long that took. A hart's timer has to be started by the hart: a thread goes
 * from hart to hart for it (starter()), so that no interrupt handler has to look for it.
 * Spec: S §1.3 (sip.STIP), S §1.4. Documentation: docs/trace.md
 */
#include "trace_sample.h"
#include <asm-generic/errno-base.h>
#include "platform/bootargs.h"
#include "hv/csr.h"
#include "lib/printk.h"
#include "proc/process.h"
#include "sched/clock.h"
#include "sched/smp.h"
#include "sched/wait.h"

#define DEFAULT_HZ 997
/* Between two samples of a hart: four times what one of them costs, so that there is something to see. */
#define LEAST_INSTRUCTIONS 2000

/* A hart's own, but for `runs`, which nobody else writes. */
struct sampler {
	struct hv_timer timer;
	u64 period; /* ticks; of the point that is waited for */
	u64 point;  /* when the next sample is due */
	bool runs;  /* the timer is armed, or its function runs */
	bool taken; /* the sample of this point is recorded: the timer's function has not come yet */
};

static struct sampler samplers[HV_MAX_HARTS];
static unsigned long hz; /* 0: not set yet */
static u64 least_period; /* ticks that LEAST_INSTRUCTIONS take here */
static struct thread *starter_thread;
static struct waitq starter_queue;
static bool starter_wanted;

/* ---- a hart's side, interrupts off ---------------------------------------------------------- */

static void take(struct sampler *s, unsigned int mode, unsigned long pc, u64 now)
{
	int pid = current->process ? current->process->pid : current->tid;

	trace_sample(mode, pc, (u64)pid, s->period, now - s->point);
	s->taken = true;
}

void hv_sample(unsigned int mode, unsigned long pc)
{
	struct sampler *s = &samplers[this_hart()];
	u64 now;

	/* Pending first: until then the hart was not asked, whatever the time is. */
	if (!s->runs || s->taken || !(csr_read(sip) & BIT(IRQ_S_TIMER)))
		return;
	now = hv_time();
	if (now >= s->point)
		take(s, mode, pc, now);
}

static enum sample_mode kernel_mode(void)
{
	return current->is_idle || my_hart()->idles ? SAMPLE_IDLE : SAMPLE_HS;
}

void trace_sample_kernel(unsigned long pc)
{
	hv_sample(kernel_mode(), pc);
}

static u64 period_of_now(void)
{
	return MAX(hv_timebase_hz() / READ_ONCE(hz), least_period);
}

static void point_passed(struct hv_timer *timer)
{
	struct sampler *s = container_of(timer, struct sampler, timer);
	u64 now = hv_time();

	if (!trace_sample_enabled()) {
		s->runs = false;
		return;
	}
	/* Due only since another timer's interrupt is being handled. */
	if (!s->taken)
		take(s, kernel_mode(), (unsigned long)clock_interrupt, now);
	s->taken = false;
	/* Points that have passed meanwhile get no sample: `late` of this one says so. */
	s->point += (1 + (now - s->point) / s->period) * s->period;
	s->period = period_of_now();
	hv_timer_start(timer, s->point);
}

static void start_here(void)
{
	struct sampler *s = &samplers[this_hart()];

	if (!trace_sample_enabled() || (s->runs && s->period == period_of_now()))
		return;
	if (!s->runs)
		hv_timer_init(&s->timer, point_passed);
	s->runs = true;
	s->taken = false;
	s->period = period_of_now();
	s->point = hv_time() + s->period;
	hv_timer_start(&s->timer, s->point);
}

/* ---- starting and stopping -------------------------------------------------------------------- */

/* It cannot be elsewhere than it was told to be: the kernel is not preempted. */
static void starter(void *arg)
{
	(void)arg;
	for (;;) {
		wait_event(&starter_queue, READ_ONCE(starter_wanted));
		/* Before the look at what is on. */
		__atomic_store_n(&starter_wanted, false, __ATOMIC_SEQ_CST);
		for (unsigned int i = 0; i < nr_harts; i++) {
			sched_set_affinity(current, BIT(i));
			start_here();
		}
	}
}

/*
 * On a slow machine (QEMU's -icount shift=10: an instruction takes 1024 ns) a sample would be due before
 * the one before it is done, for ever. The least of several: QEMU's own machine may have been away.
 */
static u64 measure_least_period(void)
{
	u64 least = ~0ULL;

	for (int attempt = 0; attempt < 8; attempt++) {
		u64 begin = hv_time();

		for (unsigned int i = 0; i < LEAST_INSTRUCTIONS / 2; i++)
			__asm__ volatile("" : "+r"(i)); /* two instructions: add and branch */
		least = MIN(least, hv_time() - begin);
	}
	return MAX(least, 1ULL);
}

static bool starter_exists(void)
{
	if (starter_thread)
		return true;
	least_period = measure_least_period();
	waitq_init(&starter_queue);
	starter_thread = thread_create("sampler", starter, NULL);
	if (!starter_thread) {
		printk("trace: no memory to sample\n");
		return false;
	}
	thread_start(starter_thread);
	return true;
}

static void set_default(void)
{
	const char *arg = bootarg_get("trace.sample");
	unsigned long wanted = arg ? bootarg_size("trace.sample", 0) : DEFAULT_HZ;

	if (trace_sample_set_hz(wanted)) {
		printk("trace: trace.sample=%s is not 1 to %u; using %u\n", arg,
		       TRACE_SAMPLE_MAX_HZ, DEFAULT_HZ);
		hz = DEFAULT_HZ;
	}
}

void trace_sample_changed(void)
{
	if (!hz)
		set_default();
	/* What is off stops by itself, at its next point. */
	if (!trace_sample_enabled() || !starter_exists())
		return;
	__atomic_store_n(&starter_wanted, true, __ATOMIC_RELEASE);
	waitq_wake_all(&starter_queue);
}

int trace_sample_set_hz(unsigned long value)
{
	if (!value || value > TRACE_SAMPLE_MAX_HZ || value > hv_timebase_hz())
		return -EINVAL;
	WRITE_ONCE(hz, value);
	return 0;
}

unsigned long trace_sample_hz(void)
{
	return hz;
}
