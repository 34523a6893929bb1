// SPDX-License-Identifier: MIT
/*
 * pte.h - page-table entries and modes of Sv39/48/57, their x4 forms, and Sv32.
 *
 * RV64 leaf or pointer (Priv. spec, S §3.1, §4.1; H §5.1 for the G-stage):
 *
 *   63 62 61 60     54 53                          10 9 8 7 6 5 4 3 2 1 0
 *   +-+-----+---------+------------------------------+---+-+-+-+-+-+-+-+-+
 *   |N|PBMT | reserved|             PPN              |RSW|D|A|G|U|X|W|R|V|
 *   +-+-----+---------+------------------------------+---+-+-+-+-+-+-+-+-+
 */
#ifndef HV_PTE_H
#define HV_PTE_H

#include "hv/bits.h"
#include "hv/types.h"

typedef unsigned long pte_t;

#define PTE_V    BIT(0)
#define PTE_R    BIT(1)
#define PTE_W    BIT(2)
#define PTE_X    BIT(3)
#define PTE_U    BIT(4)
#define PTE_G    BIT(5)
#define PTE_A    BIT(6)
#define PTE_D    BIT(7)
#define PTE_RSW  GENMASK(9, 8) /* for software */
#define PTE_RSW0 BIT(8)
#define PTE_RSW1 BIT(9)
#if __SIZEOF_LONG__ == 8
#define PTE_PPN      GENMASK(53, 10)
#define PTE_RESERVED GENMASK(60, 54)
#define PTE_PBMT     GENMASK(62, 61)
#define PTE_N        BIT(63)
#else
#define PTE_PPN      GENMASK(31, 10)
#define PTE_RESERVED 0UL
#define PTE_PBMT     0UL
#endif

#define SATP_MODE_BARE 0
#define SATP_MODE_SV32 1
#define SATP_MODE_SV39 8
#define SATP_MODE_SV48 9
#define SATP_MODE_SV57 10

static inline bool pte_is_leaf(pte_t pte)
{
	return (pte & PTE_V) && (pte & (PTE_R | PTE_W | PTE_X));
}

static inline bool pte_is_table(pte_t pte)
{
	return (pte & (PTE_V | PTE_R | PTE_W | PTE_X)) == PTE_V;
}

static inline hpa_t pte_to_hpa(pte_t pte)
{
	return (hpa_t)((pte & PTE_PPN) >> 10) << PAGE_SHIFT;
}

static inline pte_t pte_make(hpa_t pa, unsigned long flags)
{
	return (pte_t)(pa >> PAGE_SHIFT) << 10 | flags;
}

#endif
