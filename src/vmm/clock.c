// SPDX-License-Identifier: MIT
/*
 * clock.c - the machine's clock, as a program reads it: without the kernel.
 */
#include "vmm.h"

u64 clock_now(void)
{
	u64 now;

	__asm__ volatile("rdtime %0" : "=r"(now)::"memory");
	return now;
}
