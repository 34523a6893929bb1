// SPDX-License-Identifier: MIT
/* access.h - single accesses and instructions for catch_trap() and catch_user(), of payloads that test traps. */
#ifndef GUEST_ACCESS_H
#define GUEST_ACCESS_H

#include "rt.h"

/* One instruction as data, followed by ret; execute(word) fills and calls it. */
static u32 code[2] __attribute__((aligned(64)));

static inline void execute(unsigned long word)
{
	code[0] = (u32)word;
	code[1] = 0x00008067; /* ret */
	fence_i();
	((void (*)(void))code)();
}

static inline void load8(unsigned long va)
{
	__asm__ volatile("lb zero, (%0)" ::"r"(va) : "memory");
}

static inline void store8(unsigned long va)
{
	__asm__ volatile("sb zero, (%0)" ::"r"(va) : "memory");
}

static inline void jump(unsigned long va)
{
	((void (*)(void))va)();
}

#endif
