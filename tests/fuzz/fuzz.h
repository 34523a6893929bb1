// SPDX-License-Identifier: MIT
/*
 * fuzz.h - a fuzz target: what it defines, and choices made from its input's bytes.
 *
 * Each tests/fuzz/NAME.c is one target, built twice: with libFuzzer (make fuzz), and with
 * replay.c, which only goes through the corpus and needs no clang (make test). A finding is
 * an end of the process: a sanitizer's, hv_panic()'s or abort()'s.
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

/* The target's own invariants. */
#define CLAIM(x)                                                                \
	do {                                                                    \
		if (!(x)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
			abort();                                                \
		}                                                               \
	} while (0)

/* Below `below`, from as few bytes as can say it; 0 when there are no more. */
static inline uint64_t choose(struct choices *c, uint64_t below)
{
	size_t n = below <= 1UL << 8 ? 1 : below <= 1UL << 16 ? 2 : below <= 1UL << 32 ? 4 : 8;
	uint64_t value = 0;

	if (below < 2)
		return 0;
	if (n > c->left)
		n = c->left;
	memcpy(&value, c->at, n);
	c->at += n;
	c->left -= n;
	return value % below;
}

#endif
