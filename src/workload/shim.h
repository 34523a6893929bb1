// SPDX-License-Identifier: MIT
/* shim.h - what the sources of the workloads' firmware share. */
#ifndef WORKLOAD_SHIM_H
#define WORKLOAD_SHIM_H

/* Where workload.lds places the parts of the file */
#define RAM_START  0x80000000
#define HOST_START 0x80200000

#ifndef __ASSEMBLER__
#include "hv/bits.h"
#include "hv/cause.h"
#include "hv/types.h"

#define MSTATUS_MPP   GENMASK(12, 11)
#define MSTATUS_MPP_S 1
#define MSTATUS_MPV   BIT(39)
#define MIDELEG_S     (BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER) | BIT(IRQ_S_EXT))

/* Access a CSR of M mode. */
#define m_read(csr)                                                      \
	({                                                               \
		unsigned long v_;                                        \
		__asm__ volatile("csrr %0, " #csr : "=r"(v_)::"memory"); \
		v_;                                                      \
	})
#define m_write(csr, v) __asm__ volatile("csrw " #csr ", %0" ::"r"((unsigned long)(v)) : "memory")
#define m_set(csr, v)   __asm__ volatile("csrs " #csr ", %0" ::"r"((unsigned long)(v)) : "memory")
#define m_clear(csr, v) __asm__ volatile("csrc " #csr ", %0" ::"r"((unsigned long)(v)) : "memory")

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

/* clock.c: the counted clock, in ticks */
void clock_set_timer(unsigned long time);
void clock_sleep(void);
void clock_illegal_insn(struct shim_frame *frame);

/* image.S: whether the machine's clock is used (1), or one that counts its readings (0) */
extern const unsigned long workload_clock;
extern const char workload_fdt[];

const u8 *opensbi_tree(const u8 *tree); /* called by opensbi.S */
#endif

#endif
