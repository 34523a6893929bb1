// SPDX-License-Identifier: MIT
/*
 * random.h - random numbers that are the same in every run: xorshift64 (Marsaglia 2003) with shifts
 * of 13, 7 and 17.
 */
#ifndef NATIVE_RANDOM_H
#define NATIVE_RANDOM_H

#include "hv/types.h"

static u64 random_state = 0x9e3779b97f4a7c15ULL; /* each program has its own; never 0 */

/* Return a random number from 0 to below - 1. */
static inline u64 rnd(u64 below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

#endif
