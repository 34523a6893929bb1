/* SPDX-License-Identifier: MIT */
/* random.h - random sequences for the programs that run without libFuzzer */
#ifndef RANDOM_H
#define RANDOM_H

#include <stddef.h>
#include <stdint.h>
#include "grammar.h"

static uint64_t random_state;

static inline void random_seed(uint64_t seed)
{
	random_state = seed * 0x9e3779b97f4a7c15 + 1;
}

static inline uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 0x2545f4914f6cdd1d >> 16;
}

/* Write a random sequence to `data`, which has room for STEPS_MAX steps, and return its bytes. */
static inline size_t random_sequence(uint8_t *data)
{
	size_t size = (STEPS_MIN + random_u64() % (STEPS_MAX - STEPS_MIN + 1)) * STEP_BYTES;

	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)random_u64();
	return size;
}

#endif
