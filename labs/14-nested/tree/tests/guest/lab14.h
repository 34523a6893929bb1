/* SPDX-License-Identifier: MIT */
/*
 * lab14.h - the tables of lab14.c, the accesses of its guest, and the leaves of the shadow table
 */
#ifndef GUEST_LAB14_H
#define GUEST_LAB14_H

#include "nested/nested.h"

#define EXT_SHADOW 0x0a0004acUL
#define NOT_MAPPED (~0UL)
#define LEAF       (PTE_V | PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D)

/*
 * Addresses of L2. The first 4 GiB are L1's addresses, in leaves of 1 GiB, so that L2's code runs.
 * Leaves of 4 KiB map SMALL, and a leaf of 2 MiB maps LARGE.
 */
#define SMALL    0x100000000UL
#define LARGE    (SMALL + SZ_2M)
#define NOWHERE  (SMALL + 0x80000)
#define NR_SMALL 16UL
#define NR_LARGE (SZ_2M / PAGE_SIZE)
#define WORDS    (PAGE_SIZE / sizeof(unsigned long))

static pte_t root[2048] __attribute__((aligned(16384)));
static pte_t level1[512] __attribute__((aligned(4096)));
static pte_t level0[512] __attribute__((aligned(4096)));
/*
 * The pages behind SMALL. The unused page before them has the effect that none of them lies at the same
 * offset from a multiple of 2 MiB as its address of L2.
 */
static unsigned long pages[1 + NR_SMALL][WORDS] __attribute__((aligned(SZ_2M)));
static unsigned long (*const small)[WORDS] = &pages[1];
/* Each page has its own number in its first word. */
static unsigned long large[2][NR_LARGE][WORDS] __attribute__((aligned(SZ_2M)));

static inline pte_t leaf_of(const void *page, unsigned long flags)
{
	return pte_make((hpa_t)(unsigned long)page, flags);
}

static inline void table_on(void)
{
	unsigned long i, block;

	csr_write(vsstatus, 0);
	csr_write(vsatp, 0);
	csr_write(hie, 0);
	csr_write(hvip, 0);
	csr_write(hedeleg, 0);
	csr_write(hcounteren, 7);
	for (i = 0; i < 4; i++)
		root[i] = pte_make(i * SZ_1G, LEAF);
	root[SMALL / SZ_1G] = leaf_of(level1, PTE_V);
	level1[0] = leaf_of(level0, PTE_V);
	level1[1] = leaf_of(large[0], LEAF);
	for (i = 0; i < NR_SMALL; i++) {
		level0[i] = leaf_of(small[i], LEAF);
		small[i][0] = 1000 + i;
	}
	for (block = 0; block < 2; block++)
		for (i = 0; i < NR_LARGE; i++)
			large[block][i][0] = 10000 * (block + 1) + i;
	csr_write(hgatp, FIELD_PREP(HGATP_MODE, SATP_MODE_SV39) | FIELD_PREP(HGATP_VMID, 1) |
				 (unsigned long)root >> PAGE_SHIFT);
	do_hfence();
}

/* ---- accesses of L2 ---------------------------------------------------------------------------- */

enum access {
	FETCH,
	LOAD,
	STORE,
	ACCESSES
};

static const char *const name_of[] = { "fetch", "load", "store" };
static const unsigned long fault_of[] = { EXC_INST_GUEST_PAGE_FAULT, EXC_LOAD_GUEST_PAGE_FAULT,
					  EXC_STORE_GUEST_PAGE_FAULT };

/* The second word of a page of L2 is an ecall, to which a fetch goes. The third is stored to. */
#define ECALL      0x00000073UL
#define AT_FETCH   8
#define AT_STORE   16
#define PAGE(base) ((base) & ~(PAGE_SIZE - 1))

/* Returns the cause of L2's trap: EXC_ECALL_VS if the access was permitted. A load sets *value. */
static inline unsigned long access_l2(unsigned long page, enum access access, unsigned long *value)
{
	unsigned long cause;

	if (access == FETCH) {
		prepare((const char *)(page + AT_FETCH), false);
		l2_switch(&l2);
		return l2.scause;
	}
	cause = access == LOAD ? run(l2_load, page, 0) : run(l2_store, page + AT_STORE, *value);
	if (access == LOAD)
		*value = l2.regs[REG_A0];
	return cause;
}

static inline void write_ecalls(void)
{
	unsigned long i;

	for (i = 0; i < NR_SMALL; i++)
		small[i][AT_FETCH / 8] = ECALL;
	for (i = 0; i < NR_LARGE; i++)
		large[0][i][AT_FETCH / 8] = large[1][i][AT_FETCH / 8] = ECALL;
	fence_i();
}

/* What L1's leaf permits, by the specification: S §3.2 and H §5.1, with Svade. */
static inline bool is_permitted(pte_t pte, enum access access)
{
	if (!(pte & PTE_V) || !(pte & PTE_U) || !(pte & PTE_A) || ((pte & PTE_W) && !(pte & PTE_R)))
		return false;
	if (access == STORE)
		return (pte & PTE_W) && (pte & PTE_D);
	return pte & (access == FETCH ? PTE_X : PTE_R);
}

static inline unsigned long leaf_in(unsigned long fid, unsigned long gpa)
{
	struct sbiret ret = sbi_call(EXT_SHADOW, fid, gpa, 0, 0);

	return ret.error ? NOT_MAPPED : (unsigned long)ret.value;
}

static inline unsigned long shadow_leaf(unsigned long l2_gpa)
{
	return leaf_in(0, l2_gpa);
}

static inline unsigned long own_leaf(const void *gpa)
{
	return leaf_in(1, (unsigned long)gpa);
}

#endif
