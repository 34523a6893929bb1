// SPDX-License-Identifier: MIT
/*
 * sbi_harts.c - which harts a hart mask selects (SBI §3.1), and IPIs to a hart that was just
 * started.
 *
 * Needs more than one hart, with ids 0 to n - 1.
 */
#include "rt.h"

#define WAIT_MS 20000UL

static unsigned long got[MAX_HARTS]; /* IPIs taken by each hart since the last who_got() */
static unsigned long ready;          /* mask of the harts that take IPIs */
static volatile bool go, stop;

/*
 * Count this hart's IPIs. First discard the one from hart_run(), which may still be in flight: once
 * `go` is set, it has been sent, and after an SBI call, it has arrived.
 */
static void take_ipis(unsigned long index)
{
	while (!READ_ONCE(go))
		;
	sbi_call(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION, 0, 0, 0);
	ipi_clear();
	csr_write(sie, BIT(IRQ_S_SOFT));
	__atomic_fetch_or(&ready, 1UL << index, __ATOMIC_SEQ_CST);
	while (!READ_ONCE(stop)) {
		wfi();
		if (!(csr_read(sip) & BIT(IRQ_S_SOFT)))
			continue;
		ipi_clear();
		__atomic_fetch_add(&got[index], 1, __ATOMIC_SEQ_CST);
	}
}

/*
 * Wait until each hart in `want` has got an IPI. Return a mask of all harts that have got one since
 * the last call.
 */
static unsigned long who_got(unsigned long want)
{
	unsigned long end = now() + us_to_ticks(WAIT_MS * 1000), seen = 0;
	int i;

	do {
		wait_irq(0, 1000);
		for (i = 1; i < nr_harts; i++)
			if (__atomic_exchange_n(&got[i], 0, __ATOMIC_SEQ_CST))
				seen |= 1UL << i;
		if (csr_read(sip) & BIT(IRQ_S_SOFT)) {
			ipi_clear();
			seen |= 1;
		}
	} while ((seen & want) != want && now() < end);
	return seen;
}

static struct sbiret ipi(unsigned long mask, unsigned long base)
{
	return sbi_call(SBI_EXT_IPI, SBI_IPI_SEND_IPI, mask, base, 0);
}

static void test_one_by_one(unsigned long all)
{
	unsigned long base, i, wrong = 0;

	who_got(0);
	for (base = 0; base < (unsigned long)nr_harts; base++) {
		for (i = base; i < (unsigned long)nr_harts; i++) {
			wrong += ipi(1UL << (i - base), base).error != 0;
			wrong += who_got(1UL << i) != 1UL << i;
		}
	}
	ok_eq(wrong, 0, "one bit from each base: only the selected hart gets an IPI");
	ok(!ipi(all, 0).error && who_got(all) == all,
	   "all bits from base 0: each hart gets an IPI");
	ok(!ipi(2, ~0UL).error && who_got(all) == all,
	   "base -1: all harts get an IPI, whatever the mask");
	ok(!ipi(0, 1).error && who_got(0) == 0, "no bit: no hart gets an IPI");
}

/* Linux 6.12 returns INVALID_PARAM for IPIs, but success for fences. */
static void test_unknown(void)
{
	static const struct {
		unsigned long mask, base;
	} bad[] = { { 1UL << 63, 1 }, { 1, 64 },      { 1, 1UL << 63 }, { 2, ~1UL },
		    { 1, ~1UL },      { ~0UL, ~1UL }, { ~0UL, 1 },      { ~0UL, 1000 } };
	unsigned long i, j, wrong = 0;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (ipi(bad[i].mask, bad[i].base).error == SBI_ERR_INVALID_PARAM)
			continue;
		note("mask %lx base %lx", bad[i].mask, bad[i].base);
		wrong++;
	}
	ok_eq(wrong, 0, "an IPI with a bit for a missing hart fails with INVALID_PARAM");
	for (wrong = i = 0; i < ARRAY_SIZE(bad); i++) {
		for (j = SBI_RFENCE_REMOTE_FENCE_I; j <= SBI_RFENCE_REMOTE_SFENCE_VMA_ASID; j++) {
			long error = sbi_call6(SBI_EXT_RFENCE, j, bad[i].mask, bad[i].base, 0,
					       0x1000, 1, 0)
					     .error;

			wrong += error != SBI_ERR_INVALID_PARAM && !(on_linux() && !error);
		}
	}
	ok_eq(wrong, 0,
	      "a remote fence with a bit for a missing hart fails with INVALID_PARAM (Linux: "
	      "ignored)");
	who_got(0);
}

/* Ranges that are not page aligned, that wrap, or that cover everything: all have to succeed. */
static void test_ranges(unsigned long all)
{
	static const struct {
		unsigned long start, size;
	} ranges[] = { { 0, 0 },
		       { 0, ~0UL },
		       { 1, 1 },
		       { 0xfff, 2 },
		       { 0x1234, 0 },
		       { ~0UL, 1 },
		       { ~0UL, ~0UL },
		       { ~0xfffUL, 0x2000 },
		       { 1UL << 63, 1UL << 63 },
		       { 0x1000, 0x40000000 },
		       { 0x7fffffffff001UL, 0x10000 } };
	unsigned long i, j, wrong = 0;

	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		for (j = SBI_RFENCE_REMOTE_FENCE_I; j <= SBI_RFENCE_REMOTE_SFENCE_VMA_ASID; j++)
			wrong += sbi_call6(SBI_EXT_RFENCE, j, all, 0, ranges[i].start,
					   ranges[i].size, ~0UL, 0)
					 .error != 0;
	ok_eq(wrong, 0, "remote fences at all harts accept any range and any ASID");
}

/* ---- an IPI right after a start ---- */

void started_again(void);

static bool stopped(unsigned long id)
{
	unsigned long end = now() + us_to_ticks(WAIT_MS * 1000);

	while (hart_status(id) != SBI_HSM_STOPPED) {
		if (now() > end)
			return false;
		wait_irq(0, 200);
	}
	return true;
}

static void stop_self(unsigned long arg)
{
	(void)arg;
	sbi_call(SBI_EXT_HSM, SBI_HSM_HART_STOP, 0, 0, 0);
}

static void test_start(void)
{
	static volatile unsigned long said[2];
	unsigned long id = harts[1].id, i, lost = 0, strange = 0, end, wait;
	long status;

	/* Linux loses IPIs here (see below): do not wait for each as long as a busy machine may need. */
	wait = us_to_ticks(on_linux() ? 200 * 1000 : WAIT_MS * 1000 / 2);

	hart_run(1, stop_self, 0);
	if (!stopped(id))
		bail("hart 1 does not stop");
	for (i = 0; i < 50 && (!lost || on_linux()); i++) {
		said[0] = wait;
		said[1] = 0;
		ipi(1, id); /* to a stopped hart: it must not arrive after the start */
		strange += sbi_call(SBI_EXT_HSM, SBI_HSM_HART_START, id,
				    (unsigned long)started_again, (unsigned long)said)
				   .error != 0;
		ipi(1, id);
		status = hart_status(id);
		strange += status != SBI_HSM_STARTED && status != SBI_HSM_START_PENDING &&
			   status != SBI_HSM_STOPPED && !on_linux();
		end = now() + us_to_ticks(WAIT_MS * 1000);
		while (!said[1] && now() < end)
			wait_irq(0, 200);
		lost += said[0] != BIT(IRQ_S_SOFT);
		strange += !stopped(id);
	}
	ok_eq(strange, 0, "a hart starts, reports its start, and stops, 50 times");
	if (on_linux())
		skip("an IPI right after a start",
		     "Linux 6.12 clears the IPI if it resets the target later");
	else
		ok_eq(lost, 0, "an IPI right after a start arrives each time");
}

void payload_main(void)
{
	unsigned long all = ~0UL >> (64 - nr_harts);
	int i;

	if (nr_harts < 2) {
		skip("hart masks", "one hart");
		done();
	}
	for (i = 1; i < nr_harts; i++)
		hart_need(i);
	for (i = 1; i < nr_harts; i++)
		hart_run(i, take_ipis, (unsigned long)i);
	go = true;
	while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) != (all & ~1UL))
		;
	test_one_by_one(all);
	test_unknown();
	test_ranges(all);
	stop = true;
	ipi(all, 0);
	for (i = 1; i < nr_harts; i++)
		ok(hart_wait(i, WAIT_MS), "hart %d has done its work", i);
	test_start();
	done();
}
