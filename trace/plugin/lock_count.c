// SPDX-License-Identifier: MIT
/*
 * lock_count.c - the locks that a hart or a thread holds, and the counts for each place that takes
 * one.
 *
 * Each hart writes only to its own counts, because without -icount, harts run in parallel.
 */
#include <inttypes.h>

#include "lock_count.h"

#define MAX_SITES 1024

struct site {
	uint64_t address;
	uint64_t times, contended, held, longest, waited;
};

static struct {
	struct site sites[LOCK_KINDS][MAX_SITES];
	uint64_t lost;
} counts[MAX_HARTS];

static bool counting;

void lock_counting(bool on)
{
	__atomic_store_n(&counting, on, __ATOMIC_RELAXED);
}

static struct site *site_of(unsigned int hart, enum lock_kind kind, uint64_t address)
{
	struct site *site = counts[hart].sites[kind];
	const struct site *end = site + MAX_SITES;

	while (site < end && site->address && site->address != address)
		site++;
	if (site == end)
		return NULL;
	site->address = address;
	return site;
}

void lock_taken(unsigned int hart, enum lock_kind kind, struct held *held, struct attempt *attempt,
		uint64_t now)
{
	bool counts_now = __atomic_load_n(&counting, __ATOMIC_RELAXED);
	struct site *site = site_of(hart, kind, attempt->address);
	struct attempt was = *attempt;
	size_t i;

	attempt->lock = 0;
	for (i = 0; i < held->nr && held->locks[i].lock != was.lock; i++)
		;
	if (i == MAX_HELD || i < held->nr || !site) {
		counts[hart].lost++;
		return;
	}
	held->nr++;
	held->locks[i].lock = was.lock;
	held->locks[i].address = was.address;
	held->locks[i].begin = now;
	held->locks[i].counts = counts_now;
	if (!counts_now)
		return;
	site->times++;
	if (was.contended) {
		site->contended++;
		site->waited += now - was.first;
	}
}

void lock_released(unsigned int hart, enum lock_kind kind, struct held *held, uint64_t lock,
		   uint64_t now)
{
	size_t i = held->nr;
	struct site *site;
	uint64_t length;

	while (i > 0 && held->locks[i - 1].lock != lock)
		i--;
	if (i-- == 0)
		return;
	length = now - held->locks[i].begin;
	site = site_of(hart, kind, held->locks[i].address);
	if (!site) /* a thread may release a mutex on another hart */
		counts[hart].lost++;
	else if (held->locks[i].counts) {
		site->held += length;
		if (length > site->longest)
			site->longest = length;
	}
	held->locks[i] = held->locks[--held->nr];
}

void lock_write(FILE *out)
{
	static const char *const names[LOCK_KINDS] = { "spin", "mutex" };
	const struct site *site;
	unsigned int hart, kind;
	uint64_t lost = 0;

	for (hart = 0; hart < MAX_HARTS; hart++) {
		lost += counts[hart].lost;
		for (kind = 0; kind < LOCK_KINDS; kind++)
			for (site = counts[hart].sites[kind];
			     site < counts[hart].sites[kind] + MAX_SITES && site->address; site++)
				fprintf(out,
					"%s %" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIu64
					" %" PRIu64 " %" PRIu64 "\n",
					names[kind], site->address, site->times, site->contended,
					site->held, site->longest, site->waited);
	}
	fprintf(out, "lost %" PRIu64 "\n", lost);
}
