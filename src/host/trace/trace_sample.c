// SPDX-License-Identifier: MIT
/*
 * trace_sample.c - the event `sample`: a timer on each hart records where the hart is.
 *
 *   trace.sample=HZ   samples per second per hart (default 997: no multiple of a usual tick rate)
 *
 * The timer is one of the host's timers (clock.c) and is armed only while the event is on. In a
 * guest or a program, the timer interrupts at an exact pc. The kernel runs with interrupts off, so
 * in the kernel the interrupt is noticed later: at the end of an exit's handler, a system call or a
 * user exception, before another thread runs, or where the kernel itself takes interrupts
 * (irq_poll()). Each of these places calls hv_sample() with what was running. The first call after
 * the timer's interrupt has become pending takes the sample. The timer's function runs after that
 * and restarts the timer.
 *
 * The record's `late` is the time from when the sample was due until it was taken. Only the hart
 * itself can start its timer: a thread moves from hart to hart to start the timers (starter()), so
 * that interrupt handlers do not have to check whether to start one.
 *
 * Spec: S §1.3 (sip.STIP), S §1.4. Documentation: docs/trace.md
 */
#include "trace_sample.h"
#include <asm-generic/errno-base.h>
#include "platform/bootargs.h"
#include "hv/csr.h"
#include "lib/printk.h"
#include "mm/page.h"
#include "proc/process.h"
#include "sched/clock.h"
#include "sched/smp.h"
#include "sched/wait.h"

#define DEFAULT_HZ 997
/*
 * Minimum distance between two samples of a hart, in instructions: four times a sample's cost, so
 * that other code also runs.
 */
#define LEAST_INSTRUCTIONS 2000

/* Each sampler is accessed only by its own hart. */
struct sampler {
	struct hv_timer timer;
	u64 period; /* in ticks; the interval that ends at `point` */
	u64 point;  /* when the next sample is due */
	bool runs;  /* the timer is armed, or its function runs */
	bool taken; /* this point's sample is recorded, and the timer's function has yet to run */
};

static struct sampler *samplers; /* one for each hart, from the first use of the event on */
static unsigned long hz;         /* 0: not set yet */
static u64 least_period;         /* ticks that LEAST_INSTRUCTIONS take on this machine */
static struct thread *starter_thread;
static struct waitq starter_queue;
static bool starter_wanted;

/* ---- on each hart, interrupts off ----------------------------------------------------------- */

static void take_sample(struct sampler *s, unsigned int mode, unsigned long pc, u64 now)
{
	int pid = current->process ? current->process->pid : current->tid;

	trace_sample(mode, pc, (u64)pid, s->period, now - s->point);
	s->taken = true;
}

void hv_sample(unsigned int mode, unsigned long pc)
{
	struct sampler *s = &samplers[this_hart()];
	u64 now;

	if (!samplers)
		return;
	/* Check the pending bit first: until it is set, no sample is taken, whatever the time. */
	if (!s->runs || s->taken || !(csr_read(sip) & BIT(IRQ_S_TIMER)))
		return;
	now = hv_time();
	if (now >= s->point)
		take_sample(s, mode, pc, now);
}

static enum sample_mode kernel_mode(void)
{
	return current->is_idle || my_hart()->is_idling ? SAMPLE_IDLE : SAMPLE_HS;
}

void trace_sample_kernel(unsigned long pc)
{
	hv_sample(kernel_mode(), pc);
}

static u64 period_of_now(void)
{
	return MAX(hv_timebase_hz() / READ_ONCE(hz), least_period);
}

static void sample_timer_fired(struct hv_timer *timer)
{
	struct sampler *s = container_of(timer, struct sampler, timer);
	u64 now = hv_time();

	if (!trace_sample_enabled()) {
		s->runs = false;
		return;
	}
	/*
	 * If the sample is missing, its point became due only while another timer's interrupt was
	 * being handled.
	 */
	if (!s->taken)
		take_sample(s, kernel_mode(), (unsigned long)clock_interrupt, now);
	s->taken = false;
	/* Points that passed meanwhile get no sample; this sample's `late` accounts for them. */
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
		hv_timer_init(&s->timer, sample_timer_fired);
	s->runs = true;
	s->taken = false;
	s->period = period_of_now();
	s->point = hv_time() + s->period;
	hv_timer_start(&s->timer, s->point);
}

/* ---- starting and stopping ------------------------------------------------------------------- */

/*
 * Start the timer on every hart. During start_here(), the thread stays on its hart, because the
 * kernel is not preempted.
 */
static void starter(void *arg)
{
	(void)arg;
	for (;;) {
		wait_event(&starter_queue, READ_ONCE(starter_wanted));
		/* Clear the flag before reading which events are on. */
		__atomic_store_n(&starter_wanted, false, __ATOMIC_SEQ_CST);
		for (unsigned int i = 0; i < nr_harts; i++) {
			struct hv_hartmask only = { 0 };

			hartmask_set(&only, i);
			sched_set_affinity(current, &only);
			start_here();
		}
	}
}

/*
 * Return the time, in ticks, that LEAST_INSTRUCTIONS take. Without this minimum period, every
 * sample on a slow machine would be due before the previous one is done (QEMU's -icount shift=10:
 * an instruction takes 1024 ns). Use the least of several measurements: the machine that runs QEMU
 * may have been busy.
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
	if (!samplers)
		samplers = kmalloc(nr_possible_harts * sizeof(*samplers));
	if (samplers)
		starter_thread = thread_create("sampler", starter, NULL);
	if (!starter_thread) {
		printk("trace: no memory for sampling\n");
		return false;
	}
	thread_start(starter_thread);
	return true;
}

static void set_default(void)
{
	const char *arg = bootarg_get("trace.sample");
	unsigned long wanted = arg ? bootarg_size("trace.sample", DEFAULT_HZ) : DEFAULT_HZ;

	if (trace_sample_set_hz(wanted)) {
		printk("trace: trace.sample=%s: must be 1 to %u; using %u\n", arg,
		       TRACE_SAMPLE_MAX_HZ, DEFAULT_HZ);
		hz = DEFAULT_HZ;
	}
}

void trace_sample_changed(void)
{
	if (!hz)
		set_default();
	/* If the event is off, each timer stops by itself at its next point. */
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
