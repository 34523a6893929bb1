// SPDX-License-Identifier: MIT
/*
 * layout.h - the host's virtual memory layout (Sv39), for C and assembly.
 *
 *   0x0000000000000000 .. 0x0000003fffffffff  a user process
 *   0xffffffc000000000 .. 0xffffffdfffffffff  RAM and devices below 128 GiB (physical), linear
 *   0xffffffe000000000 .. 0xffffffff7fffffff  RAM again with guard pages, for stacks (kstack.c)
 *   0xffffffff80000000 ..                     the kernel image
 */
#ifndef HOST_LAYOUT_H
#define HOST_LAYOUT_H

#define KERNEL_BASE   0xffffffff80000000
#define LINEAR_BASE   0xffffffc000000000
#define LINEAR_SIZE   0x2000000000 /* 128 GiB of physical address space */
#define KSTACK_BASE   0xffffffe000000000
#define USER_END      0x4000000000
#define KERNEL_ALIGN  0x200000 /* the image is loaded at a multiple of this */
#define KSTACK_ORDER  2
#define KSTACK_SIZE   (4096 << KSTACK_ORDER)
#define KSTACK_CANARY 0x6b73746b636e7279 /* at the lowest address of each kernel stack */

#ifndef __ASSEMBLER__
#include "hv/types.h"

static inline void *pa_to_va(hpa_t pa)
{
	return (void *)(unsigned long)(LINEAR_BASE + pa);
}

/* Only for pointers into the linear map, such as those from pa_to_va() and kmalloc(). */
static inline hpa_t va_to_pa(const void *va)
{
	return (hpa_t)((unsigned long)va - LINEAR_BASE);
}

#endif
#endif
