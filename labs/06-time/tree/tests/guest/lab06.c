// SPDX-License-Identifier: MIT
/*
 * lab06.c - check timers and waits from inside a guest of lab 6
 *
 * On the command line: part=timers or waits; seed=N for the distances of timers. Time is the
 * machine's count of instructions (--icount), so the load on the computer that runs QEMU does not
 * matter. Needs two vCPUs; the limits of part=timers are for two vCPUs on one hart.
 */
#include "lab06.h"
#include "random.h"

#define TIMERS  60
#define LATE_US 30   /* limit for a vCPU alone on its hart; 4000 instructions take 4 us */
#define TURN_US 9000 /* limit if a computing vCPU, with time slices of 4 ms, shares the hart */
#define AWAKE   8    /* at most this many WFIs during one wait */
#define WAKE_US 200  /* limit from an IPI or timer to the next instruction of the woken vCPU */

static unsigned long ticks_to_us(unsigned long ticks)
{
	return ticks / us_to_ticks(1);
}

static bool timer_pending(void)
{
	return csr_read(sip) & BIT(IRQ_S_TIMER);
}

static void by_stimecmp(unsigned long long time)
{
	csr_write(stimecmp, time);
}

/* ---- one timer after another, with the vCPU asleep until it fires -------------------------- */

struct seen {
	unsigned long early, lost, latest, wfis, most_wfis;
};

/* Execute WFIs until the timer is pending. A timer that is a second late counts as lost. */
static void sleep_until(struct seen *seen, unsigned long target)
{
	unsigned long wfis = 0, t;

	while (!timer_pending() && now() < target + us_to_ticks(1000 * MS)) {
		wfi();
		wfis++;
	}
	t = now();
	if (!timer_pending())
		seen->lost++;
	else if (t < target)
		seen->early++;
	else if (t - target > seen->latest)
		seen->latest = t - target;
	if (wfis > seen->most_wfis)
		seen->most_wfis = wfis;
	seen->wfis += wfis;
}

static struct seen sleep_often(void (*set)(unsigned long long), unsigned long *random,
			       unsigned long count)
{
	struct seen seen = { 0, 0, 0, 0, 0 };
	unsigned long i, target;

	csr_write(sie, BIT(IRQ_S_TIMER));
	for (i = 0; i < count; i++) {
		target = now() + us_to_ticks(5 + random_next(random) % (i % 2 ? 2000 : 60));
		set(target);
		sleep_until(&seen, target);
	}
	set(~0UL);
	csr_write(sie, 0);
	return seen;
}

static void claim_seen(const struct seen *seen, const char *how, unsigned long late_us)
{
	note("%s: the latest was %lu us late; %lu WFIs, at most %lu for one", how,
	     ticks_to_us(seen->latest), seen->wfis, seen->most_wfis);
	ok_eq(seen->early, 0, "%s: no timer is early", how);
	ok_eq(seen->lost, 0, "%s: no timer is lost", how);
	ok(seen->latest <= us_to_ticks(late_us), "%s: no timer is later than %lu us", how, late_us);
}

/* ---- one timer, set to all kinds of times -------------------------------------------------- */

/*
 * Compute for `us` us. Returns true as soon as the timer is pending, and false if it was not
 * pending within this time.
 */
static bool comes_within(unsigned long us)
{
	unsigned long end = now() + us_to_ticks(us);

	while (now() < end)
		if (timer_pending())
			return true;
	return timer_pending();
}

static void test_set(const char *how, void (*set)(unsigned long long))
{
	unsigned long target;

	set(now() - 1);
	ok(timer_pending(), "%s: a timer set to a time in the past is pending at once", how);
	set(now() + us_to_ticks(500 * MS));
	ok(!timer_pending(), "%s: a timer moved into the future is no longer pending", how);
	set(0);
	ok(timer_pending(), "%s: a timer set to 0 is pending at once", how);
	set(~0UL);
	ok(!timer_pending(), "%s: a timer set to -1 is never pending", how);
	set(~0UL - 1);
	ok(!comes_within(200), "%s: -2 is far in the future, not now", how);
	set(1UL << 63);
	ok(!comes_within(200), "%s: 2^63 is far in the future, not now", how);
	target = now() + us_to_ticks(400);
	set(target);
	ok(!comes_within(300) && comes_within(10 * MS) && now() >= target,
	   "%s: the timer fires at its time while the guest computes", how);
	ok(comes_within(0), "%s: a timer that has fired stays pending until another is set", how);
	set(now() + us_to_ticks(300));
	target = now() + us_to_ticks(2 * MS);
	set(target);
	ok(!comes_within(1 * MS) && comes_within(10 * MS) && now() >= target,
	   "%s: a timer moved to a later time fires then, not before", how);
	set(now() + us_to_ticks(50 * MS));
	target = now() + us_to_ticks(300);
	set(target);
	ok(comes_within(400) && now() >= target, "%s: a timer moved to an earlier time fires then",
	   how);
	set(now() + us_to_ticks(300));
	set(~0UL);
	ok(!comes_within(1 * MS), "%s: a canceled timer does not fire", how);
}

/* ---- put and load -------------------------------------------------------------------------- */

static bool time_agrees(void)
{
	unsigned long mine = now(), told = (unsigned long)ask(3, 0, 0, 0, 0), after = now();

	return mine <= told && told <= after && after - mine < us_to_ticks(1 * MS);
}

static void test_away(void)
{
	unsigned long target = now() + us_to_ticks(500 * MS), other, here, left, kept;
	bool right;

	timer_at(target);
	here = (unsigned long)ask(7, 0, 0, 0, 0);
	left = (unsigned long)ask(5, 0, 0, 0, 0);
	right = time_agrees();
	ok(right, "a vCPU loaded after another VM ran on the hart has its own VM's time");
	ok_eq(left, ~0UL, "while a vCPU is put, its hart's vstimecmp holds no timer");
	other = now() + us_to_ticks(2 * MS);
	kept = (unsigned long)ask(6, other, 0, 0, 0);
	ok(here == target && kept == target,
	   "reading a vCPU's timer returns its time, whether the vCPU is loaded or put");
	ok(!comes_within(1 * MS) && comes_within(10 * MS) && now() >= other,
	   "a timer that is set while the vCPU is put fires at its time");
	timer_off();
}

/* ---- two vCPUs ----------------------------------------------------------------------------- */

static struct seen seen_there;
static unsigned long state_there;
static bool time_is_right[2];

static void sleep_there(unsigned long count)
{
	seen_there = sleep_often(timer_at, &state_there, count);
}

static void time_there(unsigned long arg)
{
	(void)arg;
	time_is_right[1] = time_agrees();
}

static void test_two(void)
{
	struct seen seen;

	time_is_right[0] = time_agrees();
	hart_run(1, time_there, 0);
	hart_wait(1, 1000);
	ok(time_is_right[0] && time_is_right[1],
	   "both vCPUs read the guest's time as the core computes it");
	state_there = random_next(&state);
	hart_run(1, sleep_there, TIMERS);
	seen = sleep_often(timer_at, &state, TIMERS);
	if (!hart_wait(1, 2 * TIMERS * 1000)) /* a lost timer takes a second */
		bail("the second of two sleeping vCPUs still waits for a timer");
	claim_seen(&seen, "first of two sleeping vCPUs", 2 * LATE_US);
	claim_seen(&seen_there, "second of two sleeping vCPUs", 2 * LATE_US);
	hart_run(1, compute, 0);
	seen = sleep_often(timer_at, &state, 10);
	stop = true;
	hart_wait(1, 1000);
	claim_seen(&seen, "next to a computing vCPU", TURN_US);
}

static void part_timers(void)
{
	struct seen seen;

	test_set("set_timer", sbi_set_timer);
	seen = sleep_often(sbi_set_timer, &state, TIMERS);
	claim_seen(&seen, "set_timer", LATE_US);
	if (has_sstc()) {
		test_set("stimecmp", by_stimecmp);
		seen = sleep_often(by_stimecmp, &state, TIMERS);
		claim_seen(&seen, "stimecmp", LATE_US);
	}
	test_away();
	test_two();
}

/* ---- what ends a WFI ----------------------------------------------------------------------- */

static unsigned long sent;

/* After `us` us, send an IPI to the first vCPU. */
static void ipi_after(unsigned long us)
{
	wait_irq(0, us);
	WRITE_ONCE(sent, now());
	hart_ipi(0);
}

/*
 * Wait for an IPI that the second vCPU sends after `us` us; leave other interrupts as they are.
 * Returns whether the vCPU executed 1 to AWAKE WFIs and received the IPI in time. (No vCPU sleeps
 * forever: the VMM's watchdog interrupts it.)
 */
static bool woken_by_ipi(unsigned long us)
{
	unsigned long wfis = 0, late;

	ipi_clear();
	hart_run(1, ipi_after, us);
	while (!(csr_read(sip) & BIT(IRQ_S_SOFT))) {
		wfi();
		wfis++;
	}
	late = now() - READ_ONCE(sent);
	while (!hart_idle(1))
		wfi();
	ipi_clear();
	note("%lu WFIs; %lu us from the IPI to its receipt", wfis, ticks_to_us(late));
	return wfis >= 1 && wfis <= AWAKE && late <= us_to_ticks(WAKE_US);
}

static void test_masked(void)
{
	unsigned long t;

	csr_write(sie, BIT(IRQ_S_TIMER));
	timer_at(now() - 1);
	t = now();
	wfi();
	ok(now() - t < us_to_ticks(20), "a WFI ends at once if an enabled interrupt is pending");
	csr_write(sie, BIT(IRQ_S_SOFT));
	ok(woken_by_ipi(3 * MS),
	   "a pending timer that sie masks does not end a WFI, but an IPI does");
	timer_at(now() + us_to_ticks(1 * MS));
	ok(woken_by_ipi(3 * MS), "a masked timer that fires during a WFI does not end it");
	timer_off();
	ok(woken_by_ipi(20 * MS), "without any timer, an IPI ends a WFI");
	csr_write(sie, 0);
}

static void test_enabled(void)
{
	struct hart *hart = this_hart();
	unsigned long before, target;
	struct seen seen = { 0, 0, 0, 0, 0 };

	csr_write(sie, BIT(IRQ_S_TIMER) | BIT(IRQ_S_SOFT));
	target = now() + us_to_ticks(2 * MS);
	timer_at(target);
	sleep_until(&seen, target);
	ok(!seen.early && !seen.lost && seen.latest <= us_to_ticks(WAKE_US) && seen.wfis <= AWAKE,
	   "a timer ends a WFI although sstatus.SIE is off");
	timer_off();
	before = hart->irqs[IRQ_S_TIMER];
	target = now() + us_to_ticks(2 * MS);
	timer_at(target);
	csr_write(sie, BIT(IRQ_S_TIMER));
	csr_set(sstatus, SSTATUS_SIE);
	while (hart->irqs[IRQ_S_TIMER] == before)
		wfi();
	csr_clear(sstatus, SSTATUS_SIE);
	ok(now() >= target && hart->irqs[IRQ_S_TIMER] == before + 1,
	   "with sstatus.SIE on, a timer that ends a WFI interrupts once");
	timer_off();
	csr_write(sie, 0);
}

#define BALLS 50

static unsigned long ball; /* odd: the second vCPU has to return it; even: the first */

static unsigned long wfis_until(unsigned long there)
{
	unsigned long wfis = 0;

	for (; READ_ONCE(ball) != there; wfis++) {
		wfi();
		ipi_clear();
	}
	return wfis;
}

static void pong(unsigned long balls)
{
	unsigned long i;

	for (i = 0; i < balls; i++) {
		wfis_until(2 * i + 1);
		WRITE_ONCE(ball, 2 * i + 2);
		hart_ipi(0);
	}
}

static void test_pingpong(void)
{
	unsigned long i, wfis = 0, start = now(), took;

	csr_write(sie, BIT(IRQ_S_SOFT));
	hart_run(1, pong, BALLS);
	for (i = 0; i < BALLS; i++) {
		WRITE_ONCE(ball, 2 * i + 1);
		hart_ipi(1);
		wfis += wfis_until(2 * i + 2);
	}
	took = now() - start;
	hart_wait(1, 1000);
	csr_write(sie, 0);
	note("%lu WFIs, %lu us", wfis, ticks_to_us(took));
	ok(wfis <= BALLS * AWAKE && took <= us_to_ticks(BALLS * 2 * WAKE_US),
	   "two sleeping vCPUs wake each other %d times, promptly and with few WFIs", BALLS);
}

static void part_waits(void)
{
	test_masked();
	test_enabled();
	test_pingpong();
}

void payload_main(void)
{
	char part[16] = "";

	random_begin();
	boot_arg("part", part, sizeof(part));
	hart_need(1);
	if (!strcmp(part, "timers"))
		part_timers();
	else if (!strcmp(part, "waits"))
		part_waits();
	else
		bail("the command line lacks part=timers or waits");
	done();
}
