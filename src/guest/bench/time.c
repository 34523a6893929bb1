// SPDX-License-Identifier: MIT
/* time.c - rows of waiting, of waking up, and of the time that the host takes from the guest. */
#include "bench.h"
#include "irqchip.h"

#define LATE_SAMPLES 64
#define FP_SAMPLES   1024
#define TICK_US      400000 /* 100 ticks of a 250 Hz host */
#define QUIET_US     50000UL
#define ROUNDS       16 /* rounds of ping-pong per batch */

/* Measure how late a sleeper wakes: ticks from the requested time to the first clock read. */
static void bench_late(const char *name, unsigned long us)
{
	unsigned long b, target;

	if (!wanted(name))
		return;
	csr_write(sie, BIT(IRQ_S_TIMER));
	row_begin();
	for (b = 0; b < LATE_SAMPLES; b++) {
		target = now() + us_to_ticks(us);
		timer_at(target);
		while (now() < target)
			wfi();
		sample_ticks(now() - target);
	}
	timer_off();
	csr_write(sie, 0);
	row_end(name, 1);
}

/*
 * Measure the first FP instruction after a sleep: it is free, or it traps and the registers are
 * loaded. Without an exact clock, use the mean of many samples.
 */
static void bench_fp_first(void)
{
	unsigned long b;

	if (!isa_has("d") || !wanted("fp_first_use"))
		return;
	csr_set(sstatus, FIELD_PREP(SSTATUS_FS, FS_INITIAL));
	row_begin_single();
	for (b = 0; b < FP_SAMPLES; b++) {
		op_fp(1, 0); /* the guest sleeps with its own FP registers loaded and FS Dirty */
		wait_irq(0, 20);
		sample_start();
		op_fp(1, 0);
		sample_stop();
	}
	csr_clear(sstatus, SSTATUS_FS);
	row_end("fp_first_use", 1);
}

/* Measure the time that the host takes from the guest during 10000 ticks (1 ms) without exits. */
static void bench_busy(void)
{
	unsigned long b, t;

	if (!icount || !wanted("busy_1ms_more"))
		return;
	row_begin();
	for (b = 0; b < LATE_SAMPLES; b++) {
		t = now();
		op_nothing(500000, 0);
		t = now() - t;
		sample_ticks(t > 10000 ? t - 10000 : 0);
	}
	row_end("busy_1ms_more", 1);
}

/*
 * Measure, one by one, the intervals that the host takes from the guest: read the clock repeatedly.
 * If two successive reads are more than 2 ticks apart, another thread or the host had the hart. n
 * counts such gaps in 400 ms. First wait until the VMM's console thread has written the previous
 * row, because that work would count as a host tick.
 */
static void bench_tick(void)
{
	unsigned long last, t, end;

	if (!icount || !wanted("host_tick"))
		return;
	delay_us(QUIET_US);
	row_begin();
	last = now();
	end = last + us_to_ticks(TICK_US);
	while (last < end) {
		t = now();
		if (t - last > 2)
			sample_ticks(t - last);
		last = t;
	}
	row_end("host_tick", 1);
}

void bench_time(void)
{
	csr_write(sie, BIT(IRQ_S_SOFT));
	csr_set(sip, BIT(IRQ_S_SOFT));
	bench("wfi_pending", op_wfi, 0);
	csr_clear(sip, BIT(IRQ_S_SOFT));
	csr_write(sie, 0);
	bench_late("timer_late_5us", 5);
	bench_late("timer_late_2ms", 2000);
	if (has_sstc())
		bench("stimecmp_write", op_csr_stimecmp, 0);
	bench_fp_first();
	bench_busy();
	bench_tick();
}

unsigned long bench_timers_lost;

/*
 * Measure a timer that is already due. It is stopped through stimecmp or, without Sstc, by an SBI
 * call.
 */
void bench_due(void)
{
	csr_write(stvec, has_sstc() ? bench_timer_own : bench_timer_call);
	csr_write(sie, BIT(IRQ_S_TIMER));
	csr_set(sstatus, SSTATUS_SIE);
	bench("timer_now", op_timer_now, 0);
	csr_clear(sstatus, SSTATUS_SIE);
	csr_write(sie, 0);
	csr_write(stvec, trap_entry);
	timer_off();
	if (bench_timers_lost)
		printf("# timer_now: %lu timers were set but never fired\n", bench_timers_lost);
}

/* ---- two harts ---- */

static volatile unsigned long ball;
static struct irqchip chip;

/* Send an IPI by the SBI, or by an MSI with identity 1. `msi` is a constant in each caller. */
static inline void send(bool msi, int hart)
{
	if (msi) {
		/* `ball` is memory, and the IMSIC is I/O: only a fence orders the two stores (RVWMO). */
		__asm__ volatile("fence w, o" ::: "memory");
		set(imsic_page(&chip, harts[hart].id), 1);
	} else {
		hart_ipi(hart);
	}
}

static inline void wait_for(bool msi, unsigned long value)
{
	while (ball != value) {
		wfi();
		if (msi) {
			csr_write(stopei, 0);
			/* Read `ball` only after the claim: the next MSI may announce another value. */
			__asm__ volatile("fence io, r" ::: "memory");
		} else {
			ipi_clear();
		}
	}
}

static inline void answer(bool msi, unsigned long rounds)
{
	unsigned long i;

	for (i = 0; i < rounds; i++) {
		wait_for(msi, 2 * i + 1);
		ball = 2 * i + 2;
		send(msi, 0);
	}
}

static void pong(unsigned long rounds)
{
	answer(false, rounds);
}

static void pong_msi(unsigned long rounds)
{
	csr_write(sie, BIT(IRQ_S_EXT));
	imsic_open(BIT(1));
	answer(true, rounds);
	imsic_open(0);
}

/* Measure a round trip between two harts that sleep in WFI while they wait. */
static inline void bench_round_trip(const char *name, bool msi)
{
	unsigned long b, i, round = 0;

	if (nr_harts < 2 || !wanted(name) || hart_start(1))
		return;
	csr_write(sie, BIT(msi ? IRQ_S_EXT : IRQ_S_SOFT));
	ball = 0;
	hart_run(1, msi ? pong_msi : pong, (LATE_SAMPLES + 1) * ROUNDS);
	for (b = 0; b <= LATE_SAMPLES; b++) {
		if (b <= 1)
			row_begin(); /* the first batch only warms up */
		sample_start();
		for (i = 0; i < ROUNDS; i++, round++) {
			ball = 2 * round + 1;
			send(msi, 1);
			wait_for(msi, 2 * round + 2);
		}
		sample_stop();
	}
	csr_write(sie, 0);
	hart_wait(1, 1000);
	row_end(name, ROUNDS);
}

void bench_pingpong(void)
{
	bench_round_trip("ipi_pingpong", false);
	if (impl_id() == IMPL_OPENSBI || !irqchip_find(&chip) || !chip.imsics)
		return;
	imsic_open(BIT(1));
	bench_round_trip("msi_pingpong", true);
	imsic_open(0);
}
