// SPDX-License-Identifier: MIT
/* shim.h - what the sources of the workloads' firmware share. */
#ifndef WORKLOAD_SHIM_H
#define WORKLOAD_SHIM_H

/* Where workload.lds places the parts of the file */
#define RAM_START  0x80000000
#define HOST_START 0x80200000

#ifndef __ASSEMBLER__
#include "hv/types.h"

/* The registers of the code that trapped; regs[0] is not used. */
struct shim_frame {
	unsigned long regs[32];
};

void shim_main(void);
void shim_trap(struct shim_frame *frame);

/* shim.S: access a device that may not exist. Returns 1 if the access traps, else 0. */
int probe_load8(unsigned long address, u8 *value);
int probe_store32(unsigned long address, u32 value);
/* shim.S: the instruction at pc, as the interrupted mode reads it, or -1 if it cannot. */
long shim_fetch(unsigned long pc);
extern const char shim_forever[]; /* code: a loop without an end, aligned as a trap vector */

/* image.S: whether the machine's clock is used (1), or one that counts its readings (0) */
extern const unsigned long workload_clock;
extern const char workload_fdt[];

const u8 *opensbi_tree(const u8 *tree); /* called by opensbi.S */
#endif

#endif
