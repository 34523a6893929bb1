/* SPDX-License-Identifier: MIT */
/*
 * lock_count.h - the locks that a hart or a thread holds, and the counts for each place that takes
 * one.
 */
#ifndef LOCK_COUNT_H
#define LOCK_COUNT_H

#include "harts.h"

#define MAX_HELD 32

enum lock_kind {
	SPIN,
	MUTEX,
	LOCK_KINDS
};

/* The locks that a hart (spinlocks) or a thread (mutexes) holds. */
struct held {
	size_t nr;
	struct {
		uint64_t lock, begin;
		uint64_t address; /* of the place that took the lock */
		bool counts;      /* taken while counting was on */
	} locks[MAX_HELD];
};

/* An attempt to take a lock. */
struct attempt {
	uint64_t lock, address; /* lock: 0 if there is no attempt */
	uint64_t at;            /* the count of instructions: of the latest amoswap.w.aq */
	uint64_t first;         /* the count when the lock was found taken */
	bool contended;
	uint64_t taker; /* the function that takes the mutex */
};

/* Turn counting on or off. Locks taken while it is off count neither now nor at their release. */
void lock_counting(bool on);

/* The attempt has succeeded: add its lock to `held`, and end the attempt. now: the count. */
void lock_taken(unsigned int hart, enum lock_kind kind, struct held *held, struct attempt *attempt,
		uint64_t now);

/* A lock was released, if `held` has it. */
void lock_released(unsigned int hart, enum lock_kind kind, struct held *held, uint64_t lock,
		   uint64_t now);

/* Write the counts, in the format that locks.c describes. */
void lock_write(FILE *out);

#endif
