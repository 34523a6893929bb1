// SPDX-License-Identifier: MIT
/*
 * lab06_window.c - check the polling window after the waits of a guest (lab 6)
 *
 * On the command line: part=poll, windows, rule or late, and
 *   for part=windows: waits=US,NS:... (after a wait of US us, the window has to be NS ns) and
 *                     from=NS (the first window)
 *   for part=rule:    vectors=window,waited,most,streak,next,streak:...
 *
 * Requires --icount; part=poll requires two vCPUs that share a hart.
 */
#include "lab06.h"

static long first_blocks;

/* Read the first vCPU's stats.blocking (one exit), then compute without any further exit. */
static void ask_and_compute(unsigned long arg)
{
	first_blocks = ask(9, 0, 0, 0, 0);
	compute(arg);
}

/* ---- the window ---------------------------------------------------------------------------- */

#define WAITS 64

/* Return the number that *text begins with. Moves *text past it and past the next character. */
static unsigned long next_number(const char **text)
{
	unsigned long number = 0;

	while (**text >= '0' && **text <= '9')
		number = number * 10 + (unsigned long)(*(*text)++ - '0');
	if (**text)
		(*text)++;
	return number;
}

static const char *list(const char *name)
{
	static char text[8192];

	if (!boot_arg(name, text, sizeof(text)))
		bail("the command line lacks %s=", name);
	return text;
}

static void wait_us(unsigned long us)
{
	unsigned long target = now() + us_to_ticks(us);

	csr_write(sie, BIT(IRQ_S_TIMER));
	timer_at(target);
	while (!(csr_read(sip) & BIT(IRQ_S_TIMER)) && now() < target + us_to_ticks(1000 * MS))
		wfi();
	timer_off();
	csr_write(sie, 0);
}

/*
 * Wait for `us` us with a window of `window` us. Sets *won and *vain to the time, in us, that the
 * vCPU polled with and without success. Returns whether the statistics counted a wake-up.
 */
static bool poll_once(unsigned long window, unsigned long us, unsigned long *won,
		      unsigned long *vain)
{
	unsigned long woken = (unsigned long)ask(8, 0, 0, 0, 0);

	ask(1, window * 1000, 0, 0, 0);
	*won = (unsigned long)ask(4, 0, 0, 0, 0);
	*vain = (unsigned long)ask(4, 1, 0, 0, 0);
	wait_us(us);
	*won = ((unsigned long)ask(4, 0, 0, 0, 0) - *won) / 1000;
	*vain = ((unsigned long)ask(4, 1, 0, 0, 0) - *vain) / 1000;
	note("window %lu us, wait %lu us: polled for %lu us with success, for %lu us without",
	     window, us, *won, *vain);
	return (unsigned long)ask(8, 0, 0, 0, 0) != woken;
}

static void part_poll(void)
{
	unsigned long won, vain;
	bool woken[4];

	hart_need(1);
	wait_us(20 * MS);
	woken[0] = poll_once(400, 100, &won, &vain);
	ok(won >= 80 && won <= 130 && !vain,
	   "window 400 us, wait 100 us: the vCPU polls until the timer fires, with success");
	wait_us(20 * MS);
	woken[1] = poll_once(50, 1000, &won, &vain);
	ok(!won && vain >= 49 && vain <= 80,
	   "window 50 us, wait 1000 us: the vCPU polls for the window, without success");
	wait_us(20 * MS);
	woken[2] = poll_once(0, 100, &won, &vain);
	ok(!won && !vain, "window 0: the vCPU does not poll");
	wait_us(20 * MS);
	hart_run(1, ask_and_compute, 0);
	woken[3] = poll_once(400, 300, &won, &vain);
	stop = true;
	hart_wait(1, 1000);
	ok(won + vain < 40, "if another vCPU wants the hart, polling stops at once");
	note("counted: %d %d %d %d", woken[0], woken[1], woken[2], woken[3]);
	ok(!woken[0] && woken[1] && woken[2] && woken[3],
	   "halt_wakeup counts only the waits that polling did not end");
	ok(first_blocks == 1 && !ask(9, 0, 0, 0, 0),
	   "blocking is 1 while the vCPU sleeps, and 0 while it runs");
}

/* Do all waits first: printing wakes a thread of the VMM, which would disturb them. */
static void part_windows(void)
{
	unsigned long us[WAITS], want[WAITS], got[WAITS], count = 0, i, wrong = 0;
	const char *text = list("waits");

	for (; *text && count < WAITS; count++) {
		us[count] = next_number(&text);
		want[count] = next_number(&text);
	}
	wait_us(20 * MS);
	ask(1, boot_number("from", 0), 0, 0, 0);
	for (i = 0; i < count; i++) {
		wait_us(us[i]);
		got[i] = (unsigned long)ask(0, 0, 0, 0, 0);
	}
	for (i = 0; i < count; i++) {
		if (got[i] == want[i])
			continue;
		if (!wrong++)
			note("wait %lu (%lu us, window %lu ns): next %lu ns, expected %lu", i + 1,
			     us[i], i ? got[i - 1] : boot_number("from", 0), got[i], want[i]);
	}
	ok(count && !wrong, "after each of %lu waits, the window follows the rule", count);
}

static void part_rule(void)
{
	unsigned long count = 0, wrong = 0;
	const char *text = list("vectors");

	for (; *text; count++) {
		unsigned long window = next_number(&text), waited = next_number(&text);
		unsigned long most = next_number(&text), streak = next_number(&text);
		unsigned long next = next_number(&text), then = next_number(&text);
		unsigned long got = (unsigned long)ask(2, window, waited, most, streak);

		if (got == (next | then << 32) || wrong++)
			continue;
		note("window %lu, waited %lu, most %lu, streak %lu: next %lu, streak %lu; expected "
		     "%lu, %lu",
		     window, waited, most, streak, got & 0xffffffff, got >> 32, next, then);
	}
	ok(count && !wrong, "for %lu windows and waits, the next window follows the rule", count);
}

/* ---- measuring what polling gains and costs, without claims --------------------------------- */

#define ROUNDS 32

static void part_late(void)
{
	static const unsigned long distance[] = { 5, 20, 50, 100, 200, 400, 1000, 3000 };
	unsigned long late[8], won[8], vain[8], window[8], i, k, target;

	csr_write(sie, BIT(IRQ_S_TIMER));
	for (i = 0; i < 8; i++) {
		late[i] = 0;
		ask(1, 0, 0, 0, 0);
		won[i] = (unsigned long)ask(4, 0, 0, 0, 0);
		vain[i] = (unsigned long)ask(4, 1, 0, 0, 0);
		for (k = 0; k < ROUNDS; k++) {
			target = now() + us_to_ticks(distance[i]);
			timer_at(target);
			while (now() < target)
				wfi();
			late[i] += now() - target;
			timer_off();
		}
		won[i] = (unsigned long)ask(4, 0, 0, 0, 0) - won[i];
		vain[i] = (unsigned long)ask(4, 1, 0, 0, 0) - vain[i];
		window[i] = (unsigned long)ask(0, 0, 0, 0, 0);
	}
	csr_write(sie, 0);
	printf("wait_us,late_ns,polled_ns,in_vain_ns,window_ns\n");
	for (i = 0; i < 8; i++)
		printf("%lu,%lu,%lu,%lu,%lu\n", distance[i],
		       late[i] * 1000 / us_to_ticks(1) / ROUNDS, won[i] / ROUNDS, vain[i] / ROUNDS,
		       window[i]);
}

void payload_main(void)
{
	char part[16] = "";

	boot_arg("part", part, sizeof(part));
	if (!strcmp(part, "late")) {
		part_late();
		return;
	}
	if (!strcmp(part, "poll"))
		part_poll();
	else if (!strcmp(part, "windows"))
		part_windows();
	else if (!strcmp(part, "rule"))
		part_rule();
	else
		bail("the command line lacks part=poll, windows, rule or late");
	done();
}
