// SPDX-License-Identifier: MIT
/*
 * precopy.c - memory is copied while its guest goes on: is another round worth it?
 *
 * A round writes what the one before has left dirty, and takes time, in which the guest dirties
 * more. What is left in the end is written while the guest is stopped. So rounds go on until that
 * is little, or does not become less any more; or until there were as many as are allowed.
 */
#include "state.h"

#define FEW_PAGES 64

/* Of n pages that were dirty one round later so many are too many: more rounds are in vain. */
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
