// SPDX-License-Identifier: MIT
/* imsic_layout.h - where the device tree says that the harts' interrupt files are. */
#ifndef HOST_IMSIC_LAYOUT_H
#define HOST_IMSIC_LAYOUT_H

#include "hv/types.h"

struct imsic_layout {
	int node;
	unsigned int ids, guest_ids; /* identities of a hart's file, and of a guest's */
	unsigned int guest_bits, hart_bits, group_bits, group_shift;
	hpa_t base; /* a file's address, with all indexes 0 */
};

/* Returns NULL, or the name of the first property that is missing or wrong. */
const char *imsic_layout_read(int node, struct imsic_layout *l);
/*
 * Find the pages of the hart with this index in interrupts-extended. *files receives the number of
 * pages, at least 1: the hart's own, then those of its guests. Returns false if the tree has no
 * page for the hart, or one that contradicts the layout or is not in the linear map.
 */
bool imsic_layout_find(const struct imsic_layout *l, unsigned int index, hpa_t *pa,
		       unsigned int *files);
/* Return the number by which an APLIC knows the hart whose pages begin at pa. */
unsigned int imsic_layout_number(const struct imsic_layout *l, hpa_t pa);

#endif
