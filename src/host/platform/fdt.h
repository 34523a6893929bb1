// SPDX-License-Identifier: MIT
/* fdt.h - the host's queries of the device tree, implemented with libfdt. */
#ifndef HOST_FDT_H
#define HOST_FDT_H

#include <libfdt.h>
#include "hv/types.h"

extern const void *host_fdt; /* the device tree blob, for direct calls to libfdt */

void fdt_init(hpa_t dtb); /* panics if there is no device tree */
/*
 * Return the next enabled node with this compatible string after node `from` (-1: search from the
 * start). A negative result: there is none.
 */
int fdt_next_compatible(int from, const char *compatible);
/* Read reg[index] of a node, using its parent's cell counts. size may be NULL. False: no entry. */
bool fdt_reg(int node, int index, hpa_t *base, u64 *size);
u32 fdt_u32(int node, const char *name, u32 fallback);    /* read the first cell of a property */
u64 fdt_number(int node, const char *name, u64 fallback); /* read a property of one or two cells */
int fdt_chosen(void);
const char *fdt_bootargs(void);
bool fdt_initrd(hpa_t *start, hpa_t *end);
/* Call fn for each range of RAM, or for each range that must not be used. */
void fdt_each_memory(void (*fn)(hpa_t start, hpa_t end));
void fdt_each_reserved(void (*fn)(hpa_t start, hpa_t end));
/*
 * Return the address, in the linear map, of the device registers that reg[index] describes; *size
 * receives their size. 0: there is no entry, its size is less than `least`, or it is out of reach.
 */
unsigned long fdt_map(int node, int index, u64 least, u64 *size);

struct fdt_interrupt {
	int controller; /* its node */
	u32 number;
	u32 sense; /* the specifier's second cell; 4, for a high level, if there is none */
};

/*
 * Read a device's first interrupt. If the tree does not name a controller, it is `controller`.
 * Returns false if the device has none.
 */
bool fdt_interrupt(int node, int controller, struct fdt_interrupt *irq);
/*
 * Return the index of the hart's interrupt `irq` (an IRQ_*) in the node's interrupts-extended, or
 * -1 if the node does not raise that interrupt.
 */
int fdt_hart_irq_index(int node, unsigned long hartid, u32 irq);
/* Call fn for each enabled cpu node, up to HV_MAX_HARTS. */
void fdt_each_cpu(void (*fn)(int node, unsigned long hartid));
/* Return the number of enabled cpu nodes that fdt_each_cpu() leaves out. */
unsigned int fdt_surplus_cpus(void);

#endif
