// SPDX-License-Identifier: MIT
/*
 * timer.c - time, the timer set through SBI and through stimecmp, WFI, wrs, and counters.
 *
 * No claim limits how late a timer may be, because that depends on the machine. A timer that is
 * early is wrong on every machine, and so is one that never fires (pending_at() gives up after
 * ENOUGH_US).
 *
 * silent-sip=1: sip does not show a pending timer, although the timer interrupts, as in QEMU before
 * 8.0.
 */
#include "rt.h"

#define MS        1000UL
#define ROUNDS    50
#define ENOUGH_US 2000000UL

static bool timer_pending(void)
{
	return csr_read(sip) & BIT(IRQ_S_TIMER);
}

static bool silent_sip(void)
{
	return boot_arg("silent-sip", NULL, 0);
}

static void by_sbi(unsigned long time)
{
	sbi_set_timer(time);
}

static void by_stimecmp(unsigned long time)
{
	csr_write(stimecmp, time);
}

/* Wait until the timer is pending. Return the time at which it was seen, or 0 if it never was. */
static unsigned long pending_at(void)
{
	unsigned long start = now(), t;

	do {
		t = now();
		if (timer_pending())
			return now();
	} while (t - start < us_to_ticks(ENOUGH_US));
	return 0;
}

static void test_set(const char *how, void (*set)(unsigned long))
{
	unsigned long target, t, i, early = 0;

	if (silent_sip()) {
		skip(how, "QEMU before 8.0 shows no pending timer in sip");
		return;
	}
	csr_write(sie, 0);
	set(now() - 1);
	ok(timer_pending(), "%s: a timer set to a time in the past is pending at once", how);
	set(0);
	ok(timer_pending(), "%s: a timer set to 0 is pending at once", how);
	set(~0UL);
	ok(!timer_pending(), "%s: -1 means never, and clears a pending timer", how);
	set(now() + us_to_ticks(1000 * 1000000UL));
	ok(!timer_pending(), "%s: a timer far in the future is not pending", how);
	set(1UL << 62);
	ok(!timer_pending(), "%s: a timer set to 2^62 is not pending", how);
	target = now() + us_to_ticks(2 * MS);
	set(target);
	ok(!timer_pending() || now() >= target, "%s: a timer is not pending before its time", how);
	t = pending_at();
	ok(t >= target, "%s: a timer is pending from its time on", how);
	for (i = 0; i < ROUNDS; i++) {
		target = now() + us_to_ticks(20 * i);
		set(target);
		t = pending_at();
		early += t < target;
	}
	ok_eq(early, 0, "%s: none of %d timers is early or lost", how, ROUNDS);
	set(~0UL);
}

static unsigned long irq_time;

static void note_time(unsigned long code)
{
	irq_time = now();
	csr_clear(sie, BIT(code));
}

/* The timer interrupt is taken exactly once, and only if sie and sstatus.SIE both enable it. */
static void test_interrupt(void)
{
	struct hart *hart = this_hart();
	unsigned long before = hart->irqs[IRQ_S_TIMER], target;

	timer_at(now() - 1);
	csr_set(sstatus, SSTATUS_SIE);
	ok_eq(hart->irqs[IRQ_S_TIMER], before, "a pending timer is not taken while sie masks it");
	csr_clear(sstatus, SSTATUS_SIE);
	csr_write(sie, BIT(IRQ_S_TIMER));
	ok_eq(hart->irqs[IRQ_S_TIMER], before,
	      "a pending timer is not taken while sstatus.SIE is off");
	csr_set(sstatus, SSTATUS_SIE);
	ok_eq(hart->irqs[IRQ_S_TIMER], before + 1,
	      "a pending timer is taken when sie and sstatus.SIE are on");
	ok(hart->trap.status & SSTATUS_SPP && hart->trap.status & SSTATUS_SPIE &&
		   !(hart->trap.status & SSTATUS_SIE),
	   "sstatus in the handler: SPP and SPIE as before, SIE off");
	hart->on_irq = note_time;
	irq_time = 0;
	target = now() + us_to_ticks(3 * MS);
	timer_at(target);
	csr_set(sie, BIT(IRQ_S_TIMER));
	while (!READ_ONCE(irq_time) && now() < target + us_to_ticks(ENOUGH_US))
		;
	csr_clear(sstatus, SSTATUS_SIE);
	ok(irq_time >= target, "a timer interrupts a loop that causes no exits");
	ok_eq(hart->irqs[IRQ_S_TIMER], before + 2, "the timer interrupt is taken exactly once");
	timer_off();
	hart->on_irq = NULL;
}

static void test_wfi_pending(void)
{
	unsigned long target, i, early = 0;

	if (silent_sip()) {
		skip("WFI with SIE off", "QEMU before 8.0 shows no pending timer in sip");
		return;
	}
	timer_at(now() - 1);
	wfi();
	ok(timer_pending(), "WFI with an interrupt pending continues");
	for (i = 0; i < ROUNDS; i++) {
		target = now() + us_to_ticks(40 * i);
		timer_at(target);
		while (!timer_pending())
			wfi();
		early += now() < target;
	}
	ok_eq(early, 0, "WFI with SIE off is woken by each of %d timers", ROUNDS);
}

static void test_wfi(void)
{
	struct hart *hart = this_hart();
	unsigned long t, target, before;

	csr_write(sie, BIT(IRQ_S_TIMER));
	test_wfi_pending();
	before = hart->irqs[IRQ_S_TIMER];
	target = now() + us_to_ticks(2 * MS);
	timer_at(target);
	csr_set(sstatus, SSTATUS_SIE);
	while (hart->irqs[IRQ_S_TIMER] == before)
		wfi();
	csr_clear(sstatus, SSTATUS_SIE);
	ok(now() >= target && hart->trap.epc, "WFI with SIE on: the timer interrupt is taken");
	timer_off();
	ipi_clear();
	csr_write(sie, BIT(IRQ_S_SOFT));
	hart_ipi(0);
	t = now();
	while (!(csr_read(sip) & BIT(IRQ_S_SOFT)) && now() - t < us_to_ticks(ENOUGH_US))
		wfi();
	ok(csr_read(sip) & BIT(IRQ_S_SOFT), "WFI is woken by an IPI that the hart sends to itself");
	ipi_clear();
	csr_write(sie, 0);
}

static void wfi_in_user(unsigned long arg)
{
	(void)arg;
	wfi();
}

/*
 * In VU mode, WFI traps as a virtual instruction (H). Linux emulates it; hyperscope injects an
 * illegal-instruction exception, as hardware raises for WFI in U mode.
 */
static void test_wfi_user(void)
{
	const struct trap *trap;

	csr_write(sie, BIT(IRQ_S_TIMER));
	timer_at(now() + us_to_ticks(1 * MS));
	trap = catch_user(wfi_in_user, 0);
	ok(trap->cause == EXC_ILLEGAL_INST || trap->cause == EXC_ECALL_U ||
		   trap->cause == (CAUSE_IRQ_FLAG | IRQ_S_TIMER),
	   "WFI in U mode is illegal or continues at the timer");
	timer_off();
	csr_write(sie, 0);
	csr_clear(sstatus, SSTATUS_SIE);
}

static unsigned long reservation;

static void wrs_sto(unsigned long n)
{
	while (n--)
		__asm__ volatile("lr.d t0, (%0)\n.word 0x01d00073" ::"r"(&reservation) : "t0");
}

static void wrs_nto(unsigned long n)
{
	while (n--)
		__asm__ volatile("lr.d t0, (%0)\n.word 0x00d00073" ::"r"(&reservation) : "t0");
}

/* wrs.nto may wait until an interrupt is pending, so a timer is set before each call. */
static void test_wrs(void)
{
	unsigned long i, bad = 0;

	if (!isa_has("_zawrs")) {
		skip("wrs.sto and wrs.nto", "no Zawrs here");
		return;
	}
	ok_trap(catch_trap(wrs_sto, 10), NO_TRAP, ANY, "wrs.sto with a reservation continues");
	csr_write(sie, BIT(IRQ_S_TIMER));
	for (i = 0; i < 10; i++) {
		timer_at(now() + us_to_ticks(100));
		bad += catch_trap(wrs_nto, 1)->cause != NO_TRAP;
	}
	ok_eq(bad, 0, "wrs.nto ends at the latest when an interrupt is pending");
	timer_at(now() - 1);
	ok_trap(catch_trap(wrs_nto, 10), NO_TRAP, ANY,
		"wrs.nto with an interrupt pending continues");
	timer_off();
	csr_write(sie, 0);
}

static void read_instret(unsigned long arg)
{
	*(unsigned long *)arg = csr_read(instret);
}

static void read_cycle(unsigned long arg)
{
	*(unsigned long *)arg = csr_read(cycle);
}

static void read_time(unsigned long arg)
{
	(void)arg;
	csr_read(time);
}

/* Return whether a counter behaves as this value of the VM's toggle `counters` says. */
static bool as_told(const char *told, const struct trap *trap, unsigned long a, unsigned long b)
{
	if (!strcmp(told, "pass"))
		return trap->cause == NO_TRAP && b > a;
	if (!strcmp(told, "trap"))
		return sbi_has(SBI_EXT_PMU) ? trap->cause == EXC_ILLEGAL_INST
					    : trap->cause == NO_TRAP && !a && !b;
	return false;
}

/*
 * Counters may be passed through, emulated as a constant, or refused. The boot argument counters=,
 * if there is one, is the value of the VM's toggle `counters` (docs/toggles.md).
 */
static void test_counter(const char *name, hart_fn read)
{
	unsigned long a = 0, b = 0;
	const struct trap *trap = catch_trap(read, (unsigned long)&a);
	char told[8] = "";

	if (trap->cause == NO_TRAP)
		trap = catch_trap(read, (unsigned long)&b);
	ok(trap->cause == EXC_ILLEGAL_INST || (trap->cause == NO_TRAP && b >= a),
	   "%s does not run backwards, or is illegal", name);
	if (boot_arg("counters", told, sizeof(told)))
		ok(as_told(told, trap, a, b), "%s behaves as the VM's toggle says", name);
	else
		skip("a counter behaves as the VM's toggle says", "there is no such toggle here");
	note("%s: %s", name, trap->cause != NO_TRAP ? "illegal" : a == b ? "constant" : "counts");
}

static void test_time(void)
{
	unsigned long last = now(), i, t, back = 0, start = last;

	ok_trap(catch_user(read_time, 0), EXC_ECALL_U, ANY,
		"U mode can execute rdtime from the start");
	for (i = 0; i < 20000; i++) {
		t = now();
		back += t < last;
		last = t;
	}
	ok_eq(back, 0, "rdtime does not run backwards in 20000 readings");
	ok(last > start, "rdtime advances");
	test_counter("rdcycle", read_cycle);
	test_counter("rdinstret", read_instret);
	csr_write(scounteren, 0);
	if (impl_id() == IMPL_OPENSBI)
		skip("scounteren.TM for U mode", "OpenSBI emulates rdtime without checking TM");
	else
		ok_trap(catch_user(read_time, 0), EXC_ILLEGAL_INST, ANY,
			"rdtime in U mode is illegal while scounteren.TM is off");
	csr_write(scounteren, COUNTEREN_TM);
	ok_trap(catch_user(read_time, 0), EXC_ECALL_U, ANY,
		"rdtime in U mode is legal while scounteren.TM is on");
}

void payload_main(void)
{
	test_time();
	test_set("set_timer", by_sbi);
	if (has_sstc()) {
		unsigned long time = now() + us_to_ticks(1000000);

		test_set("stimecmp", by_stimecmp);
		csr_write(stimecmp, 0x123456789abcdef0UL);
		ok_eq(csr_read(stimecmp), 0x123456789abcdef0UL,
		      "stimecmp reads back what was written");
		sbi_set_timer(time);
		ok_eq(csr_read(stimecmp), time, "set_timer writes stimecmp: they are one timer");
		timer_off();
	} else {
		skip("stimecmp", "no Sstc here");
	}
	test_interrupt();
	test_wfi();
	test_wfi_user();
	test_wrs();
	done();
}
