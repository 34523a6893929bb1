// SPDX-License-Identifier: MIT
/* fdt.h - what the host asks of the device tree; libfdt does the reading. */
#ifndef HOST_FDT_H
#define HOST_FDT_H

#include <libfdt.h>
#include "hv/types.h"

extern const void *host_fdt; /* for libfdt's own functions */

void fdt_init(hpa_t dtb); /* panics if it is no device tree */
/* The next enabled node with this compatible after `from` (-1: the first); < 0: none. */
int fdt_next_compatible(int from, const char *compatible);
/* reg[index] of a node, by its parent's cell sizes. False: no such entry. */
bool fdt_reg(int node, int index, hpa_t *base, u64 *size);
u32 fdt_u32(int node, const char *name, u32 fallback);    /* first cell of a property */
u64 fdt_number(int node, const char *name, u64 fallback); /* one or two cells */
int fdt_chosen(void);
const char *fdt_bootargs(void);
bool fdt_initrd(hpa_t *start, hpa_t *end);
/* Calls fn for each range of RAM / for each range that is not to be used. */
void fdt_each_memory(void (*fn)(hpa_t start, hpa_t end));
void fdt_each_reserved(void (*fn)(hpa_t start, hpa_t end));
/* Calls fn for each enabled cpu node. */
void fdt_each_cpu(void (*fn)(int node, unsigned long hartid));

#endif
