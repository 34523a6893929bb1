// SPDX-License-Identifier: MIT
/*
 * nested_values.h - addresses, table entries, values of CSRs, and SBI NACL's memory, as the guests of the
 * target `nested` use them.
 */
#ifndef FUZZ_NESTED_VALUES_H
#define FUZZ_NESTED_VALUES_H

#include "any_native.h"
#include "vcpu/nacl.h"

/* In L1's memory: L1's G-stage table (ROOT is 16 KiB), a table for vsatp, and other pages. */
#define ROOT     (ANY_GPA + 0x100000)
#define LEVEL1   (ANY_GPA + 0x104000)
#define LEVEL0   (ANY_GPA + 0x105000)
#define VS_TABLE (ANY_GPA + 0x106000)
#define SHARED   (ANY_GPA + 0x108000) /* SBI NACL's memory */
#define NR_DATA  16UL
/* L1's table maps this page of L2 to VS_TABLE, and the pages below to the first pages of memory. */
#define L2_VS_TABLE ((NR_DATA - 1) * PAGE_SIZE)
#define LARGE       (2UL << 20) /* the first address of L2 that a leaf of 2 MiB maps */
#define FAR_INDEX   700UL       /* of the root's other entry that is in use */

#define PTE_ALL (PTE_V | PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D)

static inline unsigned long any_pte(void)
{
	gpa_t page = PICK(ANY_GPA + rnd(NR_DATA) * PAGE_SIZE, ANY_GPA, LEVEL1, LEVEL0, VS_TABLE,
			  L2_VS_TABLE, any_gpa());
	pte_t flags = PICK(PTE_ALL, PTE_ALL, PTE_V, PTE_ALL & ~BIT(rnd(8)), rnd(256));

	if (!rnd(8))
		flags |= 1UL << (54 + rnd(10));
	return pte_make(page & ((1ULL << 56) - 1), flags);
}

static inline unsigned long l2_gpa(void)
{
	u64 region = rnd(4) ? 0 : FAR_INDEX << 30;

	switch (rnd(4)) {
	case 0:
		return (any_gpa() & ~7ULL);
	case 1:
		return region + LARGE + rnd(LARGE / 8) * 8;
	default:
		return region + rnd(NR_DATA + 1) * PAGE_SIZE + rnd(2) * 8;
	}
}

static inline unsigned long any_satp(void)
{
	return FIELD_PREP(SATP_MODE, PICK(0, 8, 8, 9, 10, rnd(16))) |
	       PICK(L2_VS_TABLE >> PAGE_SHIFT, VS_TABLE >> PAGE_SHIFT, any_gpa() >> PAGE_SHIFT);
}

/* A value for an H or VS CSR. */
static inline unsigned long csr_value(unsigned int csr)
{
	if (!rnd(8))
		return rnd(~0ULL);
	switch (csr) {
	case CSR_hgatp:
		return FIELD_PREP(HGATP_MODE, PICK(0, 8, 8, 9, 10, rnd(16))) |
		       PICK(ROOT, ROOT, LEVEL1, any_gpa()) >> PAGE_SHIFT;
	case CSR_vsatp:
		return any_satp();
	case CSR_hstatus:
		return PICK(HSTATUS_SPV, HSTATUS_SPV | HSTATUS_SPVP, HSTATUS_GVA, HSTATUS_HU,
			    HSTATUS_VTVM | HSTATUS_VTW | HSTATUS_VTSR, rnd(~0ULL));
	case CSR_vstimecmp:
		return hv_time() + rnd(100000);
	default:
		return PICK(0, ~0ULL, BIT(rnd(64)), l2_gpa(), rnd(1 << 16));
	}
}

static const u16 csrs[] = {
	CSR_hstatus, CSR_hstatus,   CSR_hgatp,      CSR_hgatp,      CSR_hedeleg,  CSR_hideleg,
	CSR_hie,     CSR_hvip,      CSR_hip,        CSR_hcounteren, CSR_htval,    CSR_htinst,
	CSR_henvcfg, CSR_hstateen0, CSR_htimedelta, CSR_hgeie,      CSR_hgeip,    CSR_vsstatus,
	CSR_vsie,    CSR_vsip,      CSR_vstvec,     CSR_vsscratch,  CSR_vsepc,    CSR_vscause,
	CSR_vstval,  CSR_vsatp,     CSR_vstimecmp,  CSR_vsiselect,  CSR_hviprio1, CSR_cycle,
	CSR_hvictl,  CSR_hvien,     CSR_hviprio2,   CSR_vstopi,     CSR_vsireg,
};

/* ---- SBI NACL ---------------------------------------------------------------------------------- */

static inline void put_word(gpa_t gpa, unsigned long value)
{
	env_put(ANY_HVA + (gpa - ANY_GPA), &value, sizeof(value));
}

/* L1 writes to the memory that it may have shared. */
static inline void write_shared(void)
{
	unsigned int csr = csrs[rnd(ARRAY_SIZE(csrs))], index = NACL_INDEX(csr);

	switch (rnd(6)) {
	case 0:
		put_word(SHARED + 0x200, rnd(2));
		put_word(SHARED + 0x208, csr_value(CSR_hstatus));
		break;
	case 1: /* a fence */
		put_word(SHARED + 0x800 + rnd(60) * 32,
			 rnd(4) ? BIT(63) | rnd(16) << 56 : rnd(~0ULL));
		break;
	case 2:
		put_word(SHARED + rnd(32) * 8, PICK(l2_gpa(), rnd(~0ULL)));
		break;
	case 3:
		put_word(SHARED + 0xf80 + rnd(16) * 8, rnd(~0ULL));
		break;
	default:
		put_word(SHARED + 0x1000 + index * 8, csr_value(csr));
		put_word(SHARED + 0xf80 + index / 64 * 8, PICK(BIT(index % 64), ~0ULL));
		break;
	}
}

static inline void trap_nacl(unsigned long *gpr, struct hv_trap *trap)
{
	*trap = (struct hv_trap){ .scause = EXC_ECALL_VS };
	gpr[GPR_A7] = SBI_EXT_NACL;
	gpr[GPR_A6] = PICK(SBI_NACL_SYNC_SRET, rnd(6));
	gpr[GPR_A1] = gpr[GPR_A2] = rnd(8) ? 0 : rnd(~0ULL);
	switch (gpr[GPR_A6]) {
	case SBI_NACL_SET_SHMEM:
		gpr[GPR_A0] = PICK(SHARED, SHARED, any_gpa(), ~0ULL);
		if (gpr[GPR_A0] == ~0UL)
			gpr[GPR_A1] = ~0UL;
		break;
	case SBI_NACL_SYNC_HFENCE:
		gpr[GPR_A0] = PICK(~0ULL, rnd(64));
		break;
	default:
		gpr[GPR_A0] = PICK(~0ULL, csrs[rnd(ARRAY_SIZE(csrs))], rnd(4096));
		break;
	}
}

#endif
