// SPDX-License-Identifier: MIT
/*
 * fuzz.h - the interface of a fuzz target, and functions that make choices from the bytes of its input.
 *
 * Each tests/fuzz/NAME.c is one target. It is built twice: with libFuzzer (make fuzz), and with
 * lib/replay.c (make test), which needs no clang and runs the target on the corpus and on damaged
 * copies of it. A bug that the target finds ends the process, through a sanitizer, hv_panic() or
 * abort().
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct choices {
	const uint8_t *at;
	size_t left;
};

/* Check one of the target's own invariants. */
#define CLAIM(x)                                                                \
	do {                                                                    \
		if (!(x)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
			abort();                                                \
		}                                                               \
	} while (0)

/*
 * Return a number less than `below`, made of the next 1, 2, 4 or 8 bytes of the input: as many as
 * `below` requires, or as many as are left. Without any bytes left, return 0.
 */
static inline uint64_t choose(struct choices *c, uint64_t below)
{
	size_t n = below <= 1UL << 8 ? 1 : below <= 1UL << 16 ? 2 : below <= 1UL << 32 ? 4 : 8;
	uint64_t value = 0;

	if (below < 2 || !c->left)
		return 0;
	if (n > c->left)
		n = c->left;
	memcpy(&value, c->at, n);
	c->at += n;
	c->left -= n;
	return value % below;
}

#endif
