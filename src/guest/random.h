/* SPDX-License-Identifier: MIT */
/*
 * random.h - a payload's random numbers: the same sequence for the same boot argument seed=N.
 */
#ifndef GUEST_RANDOM_H
#define GUEST_RANDOM_H

#include "rt.h"

static unsigned long state; /* of random_next() */

/* Seed the generator. Must be called before the first number is drawn. */
static inline void random_begin(void)
{
	state = boot_number("seed", 88172645463325252UL);
}

static inline unsigned long below(unsigned long limit)
{
	return random_next(&state) % limit;
}

#endif
