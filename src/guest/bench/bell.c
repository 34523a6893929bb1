// SPDX-License-Identifier: MIT
/*
 * bell.c - rows of I/O latency: from a doorbell to the VMM's thread, and back to a handler.
 *
 * The VMM's doorbell device (--doorbell, src/vmm/doorbell.c) reports when its thread ran, in the
 * host's time. So the difference between the guest's clock and the host's is determined first;
 * without an exact value, no rows are printed. Under -icount, a tick is 100 instructions. For a
 * finer resolution, a batch takes samples in both directions at 50 places within a tick, two
 * instructions apart, so that the rounding errors cancel in the batch's sum.
 */
#include "bench.h"
#include "irqchip.h"

#define RING   0x00
#define WOKE   0x08
#define RAISED 0x10
#define LINE   0x18
#define STEPS  0x20
#define CLOCKS 0x28

#define BELL_IRQ     13
#define BELL_BATCHES 32
#define PLACES       50
#define BELL_BATCH   (2 * PLACES)
#define STAY         2  /* for clocks.enough: the VMM's thread stays on the other hart */
#define TURN_US      20 /* timer period, which makes QEMU switch harts this often */

/* Time limits for the comparison of the clocks, and for all batches; both are for a busy machine. */
#define CLOCKS_LIMIT_US 2000000UL
#define RINGS_LIMIT_US  20000000UL

static unsigned long bell;
static bool apart; /* the VMM's thread and this vCPU run on different harts */
static unsigned long ring_ticks[BELL_BATCHES], answer_ticks[BELL_BATCHES];

/*
 * Shared with the VMM, which sets `host` to its own clock and `least` to a lower bound on
 * guest - host.
 */
static struct {
	unsigned long guest, host, least, enough;
} volatile clocks;

static unsigned long get64(unsigned long offset)
{
	return *(volatile unsigned long *)(bell + offset);
}

static void set64(unsigned long offset, unsigned long value)
{
	*(volatile unsigned long *)(bell + offset) = value;
}

/*
 * Set *ahead to the guest's clock minus the host's. Returns false if the VMM cannot compare the
 * clocks, or if the bounds on their difference do not meet in time.
 */
static bool compare_clocks(unsigned long *ahead)
{
	unsigned long end = now() + us_to_ticks(CLOCKS_LIMIT_US), turn = 0;
	unsigned long least = 1UL << 63, most = ~least, t, host;

	clocks.least = least;
	clocks.host = clocks.enough = 0;
	clocks.guest = t = now();
	set64(CLOCKS, (unsigned long)&clocks);
	if (!get64(CLOCKS)) /* the VMM has no second hart */
		return false;
	while (t < end && most != least) {
		host = clocks.host;
		t = now();
		clocks.guest = t;
		if (host && (long)(t - host) < (long)most)
			most = t - host;
		least = clocks.least;
		if (t >= turn) {
			turn = t + us_to_ticks(TURN_US);
			timer_at(turn);
		}
	}
	clocks.enough = apart ? STAY : 1;
	while (get64(CLOCKS) && now() < end)
		wait_irq(0, 1000); /* until the VMM's thread has ended the comparison */
	timer_off();
	*ahead = most;
	return most == least;
}

/*
 * Ring the doorbell twice at each place within a tick, and wait for each answer. Sets ring_ticks[n]
 * and answer_ticks[n] to the sums of the latencies. Returns false if an answer is missing.
 */
static bool batch(unsigned long ahead, unsigned long n)
{
	const unsigned long enable = BIT(IRQ_S_EXT) | BIT(IRQ_S_TIMER);
	unsigned long i, rung, answered;

	ring_ticks[n] = answer_ticks[n] = 0;
	for (i = 0; i < BELL_BATCH; i++) {
		set64(STEPS, i % PLACES);
		answered = bench_ring(bell + RING, i % PLACES + 1, &rung, enable);
		if (!get64(LINE))
			return false;
		ring_ticks[n] += get64(WOKE) + ahead - rung;
		answer_ticks[n] += answered - ahead - get64(RAISED);
		set64(LINE, 0);
		irq_complete(irq_claim());
	}
	return true;
}

static void row_of(const char *name, const unsigned long *ticks, unsigned long n)
{
	unsigned long i;

	if (!wanted(name))
		return;
	row_begin();
	for (i = 0; i < n; i++)
		sample_ticks(ticks[i]);
	row_end(name, BELL_BATCH);
}

/*
 * Ring in batches; the first batch only warms up. Returns how many of the other batches are
 * complete.
 */
static unsigned long ring_all(unsigned long ahead)
{
	unsigned long n = 0;

	csr_write(stvec, bench_answered);
	csr_set(sstatus, SSTATUS_SIE);
	timer_at(now() + us_to_ticks(RINGS_LIMIT_US)); /* in case no answer comes */
	if (batch(ahead, 0))
		while (n < BELL_BATCHES && batch(ahead, n))
			n++;
	csr_clear(sstatus, SSTATUS_SIE);
	csr_write(sie, 0);
	timer_off();
	csr_write(stvec, trap_entry);
	return n;
}

void bench_bell(void)
{
	struct fdt_reg dev;
	unsigned long ahead, n;

	apart = asked_for("io_in_apart");
	if ((!wanted("io_out") && !wanted("io_in") && !apart) ||
	    !fdt_find("hyperscope,doorbell", 0, &dev))
		return;
	bell = dev.base;
	if (!compare_clocks(&ahead)) {
		printf("# io_out: the guest's clock and the host's could not be compared\n");
		return;
	}
	irqchip_open(BIT(BELL_IRQ));
	n = ring_all(ahead);
	if (n < BELL_BATCHES)
		printf("# io_out: the doorbell gets no answer\n");
	else if (apart)
		row_of("io_in_apart", answer_ticks, n);
	else {
		row_of("io_out", ring_ticks, n);
		row_of("io_in", answer_ticks, n);
	}
}
