// SPDX-License-Identifier: MIT
/*
 * types.h - the integer and address types that host and core share.
 *
 * A register is `unsigned long` (XLEN bits). Guest and host physical addresses are 64 bits wide on
 * every XLEN, because RV32 has 34-bit physical addresses.
 */
#ifndef HV_TYPES_H
#define HV_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;

typedef u64 gpa_t;           /* guest physical address, bytes */
typedef u64 hpa_t;           /* host physical address, bytes */
typedef u64 gfn_t;           /* guest frame number: gpa >> PAGE_SHIFT */
typedef unsigned long gva_t; /* guest virtual address */
typedef unsigned long hva_t; /* host user virtual address */

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1UL << PAGE_SHIFT)
#define PAGE_MASK  (~(PAGE_SIZE - 1))
#define SZ_4K      0x1000UL
#define SZ_2M      0x200000UL
#define SZ_1G      0x40000000UL

static inline gfn_t gpa_to_gfn(gpa_t gpa)
{
	return gpa >> PAGE_SHIFT;
}

static inline gpa_t gfn_to_gpa(gfn_t gfn)
{
	return gfn << PAGE_SHIFT;
}

#endif
