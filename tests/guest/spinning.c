// SPDX-License-Identifier: MIT
/*
 * spinning.c - vCPUs that spin with wrs.nto while they wait for each other, as Linux does for a
 * lock and for the answer to an IPI.
 *
 * Boot argument limit_us=N is for vCPUs that share a hart. There, a spinning vCPU has to yield the
 * hart, so that a turn takes no more than N us on average. If it did not yield, a turn would take a
 * time slice.
 */
#include "rt.h"

#define ROUNDS  100
#define WAIT_MS 20000UL

static unsigned long turns;    /* turns so far: turn t belongs to hart t % nr_harts */
static unsigned long asked;    /* IPIs that have been sent */
static unsigned long answered; /* IPIs that have been taken */
static unsigned long sent;     /* time of the last IPI */
static unsigned long late;     /* sum of the IPIs' delays, in ticks */

/* Spin until *word modulo n is `value`. wrs.nto waits until the reservation of lr is lost. */
static void spin_until(unsigned long *word, unsigned long n, unsigned long value)
{
	unsigned long seen = 0;

	do {
		__asm__ volatile("	lr.d.aq	%0, (%1)\n"
				 "	remu	%0, %0, %2\n"
				 "	beq	%0, %3, 1f\n"
				 "	.word	0x00d00073\n" /* wrs.nto */
				 "1:"
				 : "=&r"(seen)
				 : "r"(word), "r"(n), "r"(value)
				 : "memory");
	} while (seen != value);
}

static void take_turns(unsigned long index)
{
	unsigned long i;

	for (i = 0; i < ROUNDS; i++) {
		spin_until(&turns, (unsigned long)nr_harts, index);
		__atomic_fetch_add(&turns, 1, __ATOMIC_RELEASE);
	}
}

static void in_time(unsigned long ticks, unsigned long n, const char *what)
{
	unsigned long limit = us_to_ticks(boot_number("limit_us", 0));

	note("%s: %lu ns", what, ticks * (1000000000 / timebase()) / n);
	if (limit)
		ok(ticks / n <= limit, "%s does not wait for the end of a time slice", what);
	else
		skip(what, "no limit is set (limit_us=N) for vCPUs that share a hart");
}

static void test_turns(void)
{
	unsigned long start, n = (unsigned long)nr_harts, i, bad = 0;

	for (i = 1; i < n; i++)
		hart_run((int)i, take_turns, i);
	start = now();
	take_turns(0);
	spin_until(&turns, ~0UL, n * ROUNDS);
	start = now() - start;
	for (i = 1; i < n; i++)
		bad += !hart_wait((int)i, WAIT_MS);
	ok(!bad && turns == n * ROUNDS, "%lu harts take turns, %d times each", n, ROUNDS);
	in_time(start, n * ROUNDS, "a turn that another hart's store begins");
}

/*
 * The IPI with which hart_run() started this work may arrive only now, if the hart was not asleep:
 * it is not an answer.
 */
static void answer(unsigned long code)
{
	(void)code;
	ipi_clear();
	if (__atomic_load_n(&asked, __ATOMIC_ACQUIRE) == answered)
		return;
	late += now() - READ_ONCE(sent);
	__atomic_fetch_add(&answered, 1, __ATOMIC_RELEASE);
}

/*
 * Keep the hart busy until n IPIs have been answered, so that this vCPU loses its hart only at the
 * end of its time slice.
 */
static void take_ipis(unsigned long n)
{
	this_hart()->on_irq = answer;
	csr_write(sie, BIT(IRQ_S_SOFT));
	csr_set(sstatus, SSTATUS_SIE);
	__atomic_fetch_add(&turns, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&answered, __ATOMIC_ACQUIRE) < n)
		;
	csr_clear(sstatus, SSTATUS_SIE);
	this_hart()->on_irq = NULL;
}

static void test_ipis(void)
{
	unsigned long i, n = ROUNDS / 4;

	turns = 0;
	hart_run(1, take_ipis, n);
	spin_until(&turns, ~0UL, 1);
	for (i = 0; i < n; i++) {
		WRITE_ONCE(sent, now());
		__atomic_fetch_add(&asked, 1, __ATOMIC_RELEASE);
		hart_ipi(1);
		spin_until(&answered, ~0UL, i + 1);
	}
	ok(hart_wait(1, WAIT_MS) && answered == n, "%lu IPIs are answered while their sender spins",
	   n);
	in_time(late, n, "an IPI whose sender spins");
}

void payload_main(void)
{
	int i;

	if (nr_harts < 2 || !isa_has("_zawrs")) {
		skip("harts that spin for each other",
		     "no Zawrs, or only one hart (use --vcpus 2)");
		done();
	}
	for (i = 1; i < nr_harts; i++)
		hart_need(i);
	test_turns();
	test_ipis();
	done();
}
