/* SPDX-License-Identifier: MIT */
/*
 * result.h - a payload's figures: lines that `scripts/hyperscope measure` and sweeps read.
 */
#ifndef GUEST_RESULT_H
#define GUEST_RESULT_H

#include "rt.h"

/* Print a figure. NAME and UNIT contain no blanks. */
static inline void result(const char *name, unsigned long value, const char *unit)
{
	printf("result %s %lu %s\n", name, value, unit);
}

/*
 * Return whether the clock counts instructions (QEMU -icount with shift=0, one instruction per
 * nanosecond): a loop of 2 * 50000 instructions then takes 100 us. The shortest of several loops is
 * compared, because the host's own timer interrupt may fall into one of them.
 *
 * The guest is not told how QEMU runs, so this relies on the loop's duration alone. A clock that
 * does not count instructions is mistaken for one that does if the hart executes this loop at
 * 1 instruction per nanosecond, to within two ticks. With another shift, or if other harts run
 * during each of the loops, the clock is taken for one that measures time.
 */
static inline bool clock_counts(void)
{
	unsigned long shortest = ~0UL, expected = us_to_ticks(100), i;

	for (i = 0; i < 8; i++) {
		unsigned long n = 50000, begin = now();

		__asm__ volatile("1: addi %0, %0, -1; bnez %0, 1b" : "+r"(n));
		begin = now() - begin;
		if (begin < shortest)
			shortest = begin;
	}
	return shortest >= expected && shortest <= expected + 2;
}

/*
 * Print the mean cost of one of N operations that took TICKS of now() together. The unit is the
 * instruction if the clock counts instructions, else the nanosecond.
 */
static inline void result_each(const char *name, unsigned long ticks, unsigned long n)
{
	unsigned long hundredths;

	if (!n)
		bail("result %s: no operation was measured", name);
	hundredths = ticks * (100000000000UL / timebase()) / n;
	printf("result %s %lu.%02lu %s\n", name, hundredths / 100, hundredths % 100,
	       clock_counts() ? "instructions" : "ns");
}

#endif
