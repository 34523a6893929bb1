// SPDX-License-Identifier: MIT
/*
 * insn.h - instructions of the host that C cannot express. tests/syscalls, which compiles the host
 * for the build machine, has its own versions (native_*).
 */
#ifndef HOST_INSN_H
#define HOST_INSN_H

#include "hv/types.h"

#ifdef __riscv

/* Drop this hart's translations of the page at va, or all of them (S §2.1). */
static inline void sfence_vma_page(unsigned long va)
{
	__asm__ volatile("sfence.vma %0, x0" ::"r"(va) : "memory");
}

static inline void sfence_vma_all(void)
{
	__asm__ volatile("sfence.vma x0, x0" ::: "memory");
}

/* Discard instructions that this hart may have fetched earlier. */
static inline void fence_i(void)
{
	__asm__ volatile("fence.i" ::: "memory");
}

/* Order earlier reads of CSRs, which count as device input, before later loads. */
static inline void fence_input(void)
{
	__asm__ volatile("fence i, r" ::: "memory");
}

/* Wait until an interrupt that is enabled in sie is pending; may return earlier. */
static inline void wait_for_interrupt(void)
{
	__asm__ volatile("wfi");
}

/* Clear the cache block at p (Zicboz). */
static inline void cbo_zero(void *p)
{
	__asm__ volatile(".insn i 0x0f, 2, x0, %0, 4" ::"r"(p) : "memory");
}

/* Zihintpause's pause, encoded as a fence hint: a no-op on harts without the extension. */
static inline void pause_hint(void)
{
	__asm__ volatile(".4byte 0x0100000f" ::: "memory");
}

#else

void native_sfence_vma(unsigned long va, bool all);
void native_wait_for_interrupt(void);
void native_pause(void);

static inline void sfence_vma_page(unsigned long va)
{
	native_sfence_vma(va, false);
}

static inline void sfence_vma_all(void)
{
	native_sfence_vma(0, true);
}

static inline void fence_i(void)
{
}

static inline void fence_input(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void wait_for_interrupt(void)
{
	native_wait_for_interrupt();
}

static inline void cbo_zero(void *p) /* the model's harts have no Zicboz */
{
	(void)p;
}

static inline void pause_hint(void)
{
	native_pause();
}

#endif
#endif
