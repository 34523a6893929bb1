// SPDX-License-Identifier: MIT
/*
 * precopy.c - decide whether another round of copying memory from a running guest is worthwhile.
 *
 * A round writes the pages that the previous round left dirty. Meanwhile, the guest dirties more
 * pages. The pages that are still dirty after the last round are written while the guest is
 * stopped. So rounds continue until few pages are left, or hardly fewer than before, or until the
 * allowed number of rounds is reached.
 */
#include "state.h"

#define FEW_PAGES 64

/* If at least this many pages are dirty one round after n pages were, more rounds do not help. */
#define NO_PROGRESS(n) ((n) - (n) / 4)

static struct {
	unsigned int rounds, most;
	u64 left; /* dirty pages */
} precopy;

void precopy_begin(u64 pages, unsigned int most)
{
	precopy.rounds = 0;
	precopy.most = most;
	precopy.left = pages;
}

bool precopy_goes_on(u64 written, u64 left)
{
	u64 before = precopy.left;

	(void)written;
	precopy.rounds++;
	precopy.left = left;
	return left > FEW_PAGES && left < NO_PROGRESS(before) && precopy.rounds < precopy.most;
}
