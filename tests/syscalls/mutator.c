// SPDX-License-Identifier: MIT
/* mutator.c - libFuzzer's changes of an input, in whole steps of a sequence (grammar.h). */
#include <stdint.h>
#include <string.h>
#include "grammar.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);

static uint32_t state;

static uint32_t pick(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % below;
}

static size_t insert(uint8_t *data, size_t size, const uint8_t *step)
{
	size_t at = pick((uint32_t)(size / STEP_BYTES) + 1) * STEP_BYTES;

	memmove(data + at + STEP_BYTES, data + at, size - at);
	if (step)
		memcpy(data + at, step, STEP_BYTES);
	else
		for (unsigned int i = 0; i < STEP_BYTES; i++)
			data[at + i] = (uint8_t)pick(256);
	return size + STEP_BYTES;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	size_t most = (max < STEPS_MAX * STEP_BYTES ? max : STEPS_MAX * STEP_BYTES) / STEP_BYTES *
		      STEP_BYTES;
	uint8_t step[STEP_BYTES];
	size_t at;

	state = seed;
	size = size / STEP_BYTES * STEP_BYTES;
	while (size < STEPS_MIN * STEP_BYTES && size < most)
		size = insert(data, size, NULL);
	for (uint32_t n = 1 + pick(3); n; n--) {
		at = pick((uint32_t)(size / STEP_BYTES)) * STEP_BYTES;
		memcpy(step, data + at, STEP_BYTES);
		switch (pick(5)) {
		case 0: /* another step, perhaps a copy of this one */
			if (size < most)
				size = insert(data, size, pick(2) ? step : NULL);
			break;
		case 1:
			if (size <= STEPS_MIN * STEP_BYTES)
				break;
			memmove(data + at, data + at + STEP_BYTES, size - at - STEP_BYTES);
			size -= STEP_BYTES;
			break;
		case 2:
			data[at + pick(STEP_BYTES)] = (uint8_t)pick(256);
			break;
		case 3:
			data[at] = (uint8_t)pick(256); /* another call with the same arguments */
			break;
		default:
			LLVMFuzzerMutate(data + at, STEP_BYTES, STEP_BYTES);
		}
	}
	return size;
}
