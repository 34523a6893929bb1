// SPDX-License-Identifier: MIT
/*
 * gstage.c - bounded proof of src/kvm/mmu/gstage.h: the indices of an address in the tables.
 *
 * Proved, for tables of 3, 4 and 5 levels: every guest physical address below the limit has an
 * index inside the table of each level, and its indices and the offset in the page give the address
 * back, so no two pages share an entry.
 * Bounds: none. Assumed: nothing. Models: none.
 *
 * Folder: kvm
 * Options: --unwind 6 --unsigned-overflow-check
 */
#include "proof.h"
#include "mmu/gstage.h"

static struct gstage gs;

void prove_index(void)
{
	unsigned int level;
	u64 sum = 0;
	gpa_t gpa;

	havoc(&gs.levels);
	suppose(gs.levels >= 3 && gs.levels <= 5);
	suppose(gpa < gstage_limit(&gs));
	for (level = 0; level < 5; level++) {
		unsigned long index = gstage_index(&gs, gpa, level);

		if (level >= gs.levels)
			break;
		claim(index < (level == gs.levels - 1 ? 2048 : 512),
		      "the index is inside the table");
		sum += index * gstage_size(level);
	}
	claim(sum + gpa % PAGE_SIZE == gpa, "the indices give the address back");
	reached(gs.levels == 5 && level == 5 && gpa > 1ULL << 58);
	reached(gs.levels == 3);
}
