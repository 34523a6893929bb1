// SPDX-License-Identifier: MIT
/*
 * lab07_lines.c - test injected traps, and that no interrupt is lost or taken twice (lab 7)
 *
 * On the command line: part=1 (traps), 2 (lines), 3 (wires, with --wire) or 4 (those tests of part
 * 2 that do not need WFI to exit). The course's own SBI extension (src/kvm/sbi/sbi_moment.c) raises
 * and lowers the lines. It also lets the guest choose at which moment of its vCPU's entry or WFI an
 * interrupt from another thread arrives. Every wait has a limit, so that a lost interrupt is
 * reported. If not even its timer wakes a vCPU, the machine hangs; the tests print notes on this.
 */
#include "rt.h"

#define EXT_MOMENT 0x0a0007abUL
#define ROUNDS     100
#define PATIENCE   5000000 /* limit in us for what should happen at once */

enum {
	ARM,
	LOWER_OWN,
	RAISE,
	LONG_WAY,
	BY_STEPS,
	KICKED_AT,
	KICKED_FOR_FENCE,
	NOT_MET,
	INSIDE_EARLY,
	HAS_IRQ
};
enum {
	BEFORE_LOOK = 1,
	AFTER_LOOK,
	BEFORE_WAIT,
	AT_LOOK,
	AT_TAKE,
	AT_CHANGE,
	AT_KICK,
	AT_KICK_IDLE
};
enum {
	EVENT = 0x100,
	WRITE = 0x200,
	IOCTL = 0x300,
	LOWER = 0x400,
	TOLD = 0x500,
	KEEP = 0x600
};
#define STRAY 0x700

static unsigned long wire;

static u32 get(unsigned long reg, unsigned long vcpu)
{
	return *(volatile u32 *)(wire + reg + 4 * vcpu);
}

static void set(unsigned long reg, unsigned long vcpu, u32 value)
{
	*(volatile u32 *)(wire + reg + 4 * vcpu) = value;
}

static bool ask(unsigned long fid, unsigned long a0, unsigned long a1)
{
	struct sbiret ret = sbi_call(EXT_MOMENT, fid, a0, a1, 0);

	if (ret.error)
		bail("the hypervisor does not know function %lu of the lab's extension", fid);
	return ret.value;
}

static void moment(unsigned long fid, unsigned long arg)
{
	ask(fid, arg, 0);
}

static bool pending(unsigned long irq)
{
	return csr_read(sip) & BIT(irq);
}

/* Poll for the interrupt without an exit, because an exit would deliver a missed interrupt. */
static bool comes(void)
{
	unsigned long i;

	for (i = 0; i < 20000; i++)
		if (pending(IRQ_S_EXT))
			return true;
	return false;
}

/* ---- part 1: exceptions ---- */

static void trap_now(unsigned long arg)
{
	(void)arg;
	__asm__ volatile(".option push; .option norvc; .globl trapping; trapping: csrr t0, 0x600;"
			 ".option pop" ::
				 : "t0");
}
extern const char trapping[];

static const struct trap *from_s(unsigned long set, unsigned long clear)
{
	const struct trap *trap;

	csr_set(sstatus, set);
	csr_clear(sstatus, clear);
	trap = catch_trap(trap_now, 0);
	csr_clear(sstatus, SSTATUS_SIE | SSTATUS_SUM);
	return trap;
}

static void test_traps(void)
{
	const struct trap *trap;

	trap = from_s(SSTATUS_SIE | SSTATUS_SUM, SSTATUS_SPIE | SSTATUS_SPP);
	ok_trap(trap, EXC_ILLEGAL_INST, ANY, "an exception in S mode has the right cause");
	ok_eq(trap->epc, (unsigned long)trapping, "an exception in S mode has its pc in sepc");
	ok(trap->status & SSTATUS_SPP, "an exception in S mode sets SPP");
	ok(trap->status & SSTATUS_SPIE, "an exception sets SPIE if interrupts were on");
	ok(!(trap->status & SSTATUS_SIE),
	   "an exception clears SIE: interrupts are off in the handler");
	ok(trap->status & SSTATUS_SUM, "an exception leaves the rest of sstatus unchanged");
	trap = from_s(SSTATUS_SPIE, SSTATUS_SIE | SSTATUS_SPP);
	ok(!(trap->status & SSTATUS_SPIE),
	   "an exception clears SPIE if interrupts were off, even if SPIE was set");
	csr_set(sstatus, SSTATUS_SPP | SSTATUS_SPIE);
	trap = catch_user(trap_now, 0);
	ok_trap(trap, EXC_ILLEGAL_INST, ANY, "an exception in U mode has the right cause");
	ok_eq(trap->epc, (unsigned long)trapping, "an exception in U mode has its pc in sepc");
	ok(!(trap->status & SSTATUS_SPP), "an exception in U mode clears SPP");
	csr_write(stvec, (unsigned long)trap_entry | 1);
	trap = from_s(0, SSTATUS_SIE);
	csr_write(stvec, trap_entry);
	ok_trap(trap, EXC_ILLEGAL_INST, ANY, "with a vectored stvec, exceptions go to its base");
}

/* ---- part 2: lines ---- */

static void lower_own(unsigned long code)
{
	if (code == IRQ_S_EXT)
		moment(LOWER_OWN, 0);
	else
		ipi_clear();
}

static void test_own_line(void)
{
	unsigned long me = this_hart()->id;

	moment(RAISE, me);
	ok(pending(IRQ_S_EXT), "a raised line is pending in sip");
	moment(LONG_WAY, 0);
	ok(pending(IRQ_S_EXT), "a raised line stays pending across other exits");
	moment(LOWER_OWN, 0);
	ok(!pending(IRQ_S_EXT), "a lowered line is not pending");
}

/* The guest can also write sip.SSIP. The hypervisor has to keep the guest's value. */
static void test_own_bit(void)
{
	unsigned long me = this_hart()->id;

	hart_ipi(0);
	ok(pending(IRQ_S_SOFT), "an IPI that a hart sends to itself is pending");
	ipi_clear();
	moment(RAISE, me);
	ok(!pending(IRQ_S_SOFT) && pending(IRQ_S_EXT),
	   "SSIP that the guest cleared stays clear when another line rises");
	csr_set(sip, BIT(IRQ_S_SOFT));
	moment(LOWER_OWN, 0);
	ok(pending(IRQ_S_SOFT) && !pending(IRQ_S_EXT),
	   "SSIP that the guest set stays set when another line falls");
	ipi_clear();
	wait_irq(BIT(IRQ_S_EXT), 3000);
	ok(!pending(IRQ_S_SOFT), "SSIP that the guest cleared stays clear across a sleep");
	csr_set(sip, BIT(IRQ_S_SOFT));
	wait_irq(BIT(IRQ_S_EXT), 3000);
	ok(pending(IRQ_S_SOFT), "SSIP that the guest set stays set across a sleep");
	ipi_clear();
}

static unsigned long entering(unsigned long which)
{
	unsigned long i, lost = 0;

	for (i = 0; i < 100 && !lost; i++) {
		moment(ARM, which);
		lost += !comes();
		moment(LOWER_OWN, 0);
	}
	return lost;
}

static void test_entering(void)
{
	ok_eq(entering(BEFORE_LOOK), 0,
	      "entering, before the last look at the requests: 100 interrupts, none lost");
	ok_eq(entering(AFTER_LOOK), 0,
	      "entering, after the last look at the requests: 100 interrupts, none lost");
	ok(!ask(INSIDE_EARLY, 0, 0),
	   "a vCPU that finds a request at the last look is OUTSIDE again");
}

/*
 * Test an interrupt at the full fence between the halves of each handshake. If the fence is missing
 * or in the wrong place, no interrupt arrives, or the vCPU is not kicked.
 */
static void test_fences(void)
{
	unsigned long lost = entering(AT_LOOK);
	bool met = !ask(NOT_MET, 0, 0);

	ok_eq(lost, 0,
	      "at the fence of the last look, with a sender that saw OUTSIDE: 100 interrupts, none "
	      "lost");
	if (!met)
		note("there was no full fence while the vCPU was IN_GUEST");
	ok(ask(KICKED_AT, AT_KICK, 0), "a vCPU that enters at the fence of a kick is kicked");
	moment(LOWER_OWN, 0);
	ok(ask(KICKED_AT, AT_KICK_IDLE, 0),
	   "a vCPU that begins to idle at the fence of a kick is kicked");
	moment(LOWER_OWN, 0);
	ok(!ask(KICKED_FOR_FENCE, 0, 0), "a fence requested by another vCPU does not end a wait");
}

/*
 * Test that a line gets the right state if the marks are taken before any step of a sender, and if
 * a sender acts just before the marks are taken.
 */
static void test_order(void)
{
	unsigned long i;
	bool up, down, taken;

	moment(BY_STEPS, 1);
	up = pending(IRQ_S_EXT);
	moment(BY_STEPS, 0);
	down = !pending(IRQ_S_EXT);
	moment(LOWER_OWN, 0);
	ok(up && down, "a line rises and falls if the marks are taken before any step");
	for (taken = true, i = 0; i < 100 && taken; i++) {
		moment(ARM, AT_TAKE);
		taken = comes() || ask(NOT_MET, 0, 0);
		moment(LOWER_OWN, 0);
	}
	ok(taken, "a line that rises just before the marks are taken is pending");
}

static void test_numbers(void)
{
	static const struct {
		unsigned long vs, hs;
	} lines[] = { { IRQ_S_SOFT, 2 }, { IRQ_S_EXT, 10 }, { 13, 13 } };
	unsigned long i, j, wrong = 0;

	for (i = 0; i < ARRAY_SIZE(lines); i++)
		for (j = 0; j < ARRAY_SIZE(lines); j++)
			wrong += ask(HAS_IRQ, BIT(lines[i].vs), BIT(lines[j].hs)) != (i == j);
	wrong += ask(HAS_IRQ, BIT(14), BIT(13)) + ask(HAS_IRQ, BIT(12), BIT(13));
	ok_eq(wrong, 0, "vsie's 1, 9 and 13 are hvip's 2, 10 and 13 for a waiting vCPU");
}

/* A raised line that sie does not enable must not wake the vCPU. VS's line 9 is line 10 in hvip. */
static void test_masked(void)
{
	unsigned long end, wakes = 0;

	moment(RAISE, this_hart()->id);
	csr_write(sie, BIT(IRQ_S_TIMER));
	end = now() + us_to_ticks(100000);
	timer_at(end);
	while (!pending(IRQ_S_TIMER) && now() < end) {
		wfi();
		wakes++;
	}
	timer_off();
	csr_write(sie, 0);
	moment(LOWER_OWN, 0);
	ok(wakes < 4, "WFI sleeps while the only raised line is one that sie does not enable");
	if (wakes >= 4)
		note("WFI returned %lu times in 100 ms", wakes);
}

static void test_about_to_wait(void)
{
	unsigned long i, lost;

	for (lost = i = 0; i < 20 && !lost; i++) {
		moment(ARM, BEFORE_WAIT);
		lost += !wait_irq(BIT(IRQ_S_EXT), PATIENCE);
		moment(LOWER_OWN, 0);
	}
	moment(ARM, 0);
	ok_eq(lost, 0, "about to wait: 20 interrupts, none lost");
}

/*
 * If a vCPU's own timer is not checked before the vCPU sleeps, the timer's interrupt comes only
 * when the host wakes the vCPU for another reason.
 */
static void test_timer(void)
{
	unsigned long begun = now(), i;

	for (i = 0; i < 8; i++)
		wait_irq(BIT(IRQ_S_EXT), 1000);
	ok(now() - begun < us_to_ticks(PATIENCE), "about to wait: 8 timers of 1 ms end the wait");
}

static bool stop;

static void busy(unsigned long arg)
{
	(void)arg;
	while (!READ_ONCE(stop))
		;
}

/* Wait while the other vCPU is busy. On a shared hart, this vCPU's thread sleeps only then. */
static void test_waiting(void)
{
	note("now a vCPU waits while the other one is busy; if no output follows, it was never "
	     "woken");
	WRITE_ONCE(stop, false);
	hart_run(1, busy, 0);
	test_masked();
	test_about_to_wait();
	test_timer();
	WRITE_ONCE(stop, true);
	hart_wait(1, PATIENCE / 1000);
}

enum {
	RUN,
	CALL,
	WAIT
};

static void target(unsigned long way)
{
	csr_write(sie, BIT(IRQ_S_EXT) | BIT(IRQ_S_SOFT));
	csr_set(sstatus, SSTATUS_SIE);
	while (!READ_ONCE(stop)) {
		if (way == CALL)
			moment(LONG_WAY, 0);
		else if (way == WAIT)
			wfi();
	}
	csr_clear(sstatus, SSTATUS_SIE);
}

static unsigned long taken(void)
{
	return __atomic_load_n(&harts[1].irqs[IRQ_S_EXT], __ATOMIC_ACQUIRE);
}

/* Wait until a further interrupt is taken; return false on a time-out. */
static bool taken_beyond(unsigned long before)
{
	unsigned long end = now() + us_to_ticks(PATIENCE);

	while (taken() == before)
		if (now() > end)
			return false;
	return true;
}

static void raise_by_call(void)
{
	moment(RAISE, harts[1].id);
}

static void raise_by_event(void)
{
	set(EVENT, harts[1].id, 1);
}

/* Check that a vCPU in target() takes each interrupt. A final IPI ends target(). */
static void test_other(unsigned long way, void (*raise)(void), const char *doing)
{
	unsigned long i, begun = taken();

	note("now a vCPU that %s; if no output follows, it was never woken", doing);
	WRITE_ONCE(stop, false);
	hart_run(1, target, way);
	delay_us(1000);
	for (i = 0; i < ROUNDS; i++) {
		unsigned long before = taken();

		/* Some interrupts arrive while a waiting vCPU sleeps, others before it sleeps. */
		delay_us(i % 4 * 100);
		raise();
		if (!taken_beyond(before))
			break;
	}
	delay_us(1000);
	WRITE_ONCE(stop, true);
	hart_ipi(1);
	if (!hart_wait(1, PATIENCE / 1000))
		note("the hart does not come back from its interrupts");
	ok_eq(i, ROUNDS, "a vCPU that %s takes each of %d interrupts", doing, ROUNDS);
	ok_eq(taken() - begun, ROUNDS, "the vCPU takes none of these interrupts twice");
	if (!hart_idle(1))
		done();
}

static void test_lines(bool wfi_exits)
{
	harts[1].on_irq = lower_own;
	test_own_line();
	test_own_bit();
	test_entering();
	test_fences();
	test_order();
	test_numbers();
	hart_need(1);
	if (wfi_exits)
		test_waiting();
	test_other(CALL, raise_by_call, "makes calls");
	test_other(RUN, raise_by_call, "runs without an exit");
	test_other(WAIT, raise_by_call, "waits");
}

/* ---- part 3: eventfds ---- */

static void see_other(unsigned long arg)
{
	*(volatile bool *)arg = pending(IRQ_S_EXT);
}

static bool other_pending(void)
{
	static volatile bool seen;

	hart_run(1, see_other, (unsigned long)&seen);
	return hart_wait(1, PATIENCE / 1000) && seen;
}

static void test_wires(void)
{
	unsigned long me = this_hart()->id, other = harts[1].id;

	hart_need(1);
	set(IOCTL, me, 1);
	ok(pending(IRQ_S_EXT), "KVM_INTERRUPT raises the line");
	set(LOWER, me, 1);
	ok(!pending(IRQ_S_EXT), "KVM_INTERRUPT lowers the line");
	get(TOLD, me);
	set(EVENT, me, 1);
	ok(pending(IRQ_S_EXT), "a store to an ioeventfd that is also an irqfd raises the line");
	ok(!other_pending(), "the eventfd of one vCPU does not raise the other vCPU's line");
	ok_eq(get(TOLD, me), 0, "the resample eventfd is not signaled while the line is high");
	set(LOWER, me, 1);
	ok(!pending(IRQ_S_EXT), "the line falls when user space lowers it");
	ok_eq(get(TOLD, me), 1, "lowering the line signals its resample eventfd once");
	ok_eq(get(TOLD, other), 0,
	      "lowering the line does not signal the other vCPU's resample eventfd");
	set(WRITE, other, 1);
	ok(!pending(IRQ_S_EXT) && other_pending(),
	   "a write to an eventfd raises the other vCPU's line");
	set(LOWER, other, 1);
	ok(!other_pending(), "the other vCPU's line falls when user space lowers it");
	ok(get(TOLD, other) == 1 && get(TOLD, me) == 0,
	   "lowering the other vCPU's line signals only that line's resample eventfd");
	set(STRAY, 0, 1);
	ok(!pending(IRQ_S_EXT) && !other_pending(), "numbers that belong to no vCPU raise nothing");
	set(KEEP, me, 1);
	set(EVENT, me, 1);
	set(LOWER, me, 1);
	ok(pending(IRQ_S_EXT),
	   "a device that needs more service raises the line again at the signal");
	set(KEEP, me, 0);
	set(LOWER, me, 1);
	ok(!pending(IRQ_S_EXT), "the line of a device that needs no more service stays low");
	harts[1].on_irq = lower_own;
	test_other(WAIT, raise_by_event, "waits for an eventfd");
}

void payload_main(void)
{
	unsigned long part = boot_need("part");
	struct fdt_reg found;

	if (nr_harts < 2)
		bail("the test needs two harts");
	if (part == 1) {
		test_traps();
	} else if (part == 2 || part == 4) {
		test_lines(part == 2);
	} else {
		if (!fdt_find("hyperscope,wire", 0, &found))
			bail("the test needs --wire");
		wire = found.base;
		test_wires();
	}
	done();
}
