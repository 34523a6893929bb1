// SPDX-License-Identifier: MIT
/*
 * any_sbi.c - SBI calls of the random guests: extensions, and arguments that fit together.
 */
#include "any_vmm_impl.h"
#include "hv/sbi.h"

/* Misses of the data TLB by loads: the only cache event of the native machine (NATIVE_PMU_CACHE). */
#define ANY_PMU_CACHE 0x10019

unsigned long any_sbi_extension(void)
{
	if (!rnd(8))
		return (unsigned long)(rnd(4) ? rnd(16) : rnd(~0ULL));
	return (unsigned long)PICK(SBI_EXT_BASE, SBI_EXT_TIME, SBI_EXT_IPI, SBI_EXT_RFENCE,
				   SBI_EXT_HSM, SBI_EXT_SRST, SBI_EXT_PMU, SBI_EXT_DBCN,
				   SBI_EXT_SUSP, SBI_EXT_STA, SBI_EXT_FWFT, SBI_EXT_VENDOR_START);
}

/* ---- SBI calls that need related arguments ---- */

unsigned long any_pmu_event(void)
{
	u64 type = PICK(SBI_PMU_TYPE_HW, SBI_PMU_TYPE_FW, SBI_PMU_TYPE_FW, SBI_PMU_TYPE_CACHE,
			SBI_PMU_TYPE_RAW, rnd(16));

	if (type == SBI_PMU_TYPE_CACHE && rnd(2))
		return ANY_PMU_CACHE;
	return FIELD_PREP(SBI_PMU_EVENT_TYPE, type) |
	       (unsigned long)rnd(type == SBI_PMU_TYPE_FW ? SBI_PMU_FW_COUNT + 2 : 4);
}

static void pmu_call(unsigned long *gpr)
{
	gpr[A6] = (unsigned long)rnd(10);
	gpr[A0] = (unsigned long)PICK(0, rnd(8), rnd(40), ~0ULL);
	gpr[A1] = (unsigned long)PICK(1, 0xff, ~0ULL, rnd(~0ULL));
	gpr[A2] = (unsigned long)rnd(256);
	gpr[A3] = any_pmu_event();
	gpr[A4] = (unsigned long)PICK(0, rnd(~0ULL), ~0ULL - 10);
	if (gpr[A6] == SBI_PMU_COUNTER_START) {
		gpr[A2] = (unsigned long)rnd(4);
		gpr[A3] = gpr[A4];
	} else if (gpr[A6] == SBI_PMU_SNAPSHOT_SET_SHMEM) {
		gpr[A0] = (unsigned long)PICK(any_gpa() & ~(PAGE_SIZE - 1), ~0ULL);
		gpr[A1] = gpr[A0] == ~0UL ? ~0UL : 0;
		gpr[A2] = 0;
	}
}

static void fwft_call(unsigned long *gpr)
{
	gpr[A6] = (unsigned long)rnd(3);
	gpr[A0] = (unsigned long)PICK(rnd(8), SBI_FWFT_MISALIGNED, SBI_FWFT_AD_HW_UPDATING,
				      SBI_FWFT_POINTER_MASK_PMLEN);
	gpr[A1] = (unsigned long)PICK(0, 1, 7, 16, rnd(~0ULL));
	gpr[A2] = (unsigned long)PICK(0, 0, 0, SBI_FWFT_LOCK, rnd(~0ULL));
}

void any_sbi_arguments(unsigned long *gpr)
{
	if (gpr[A7] == SBI_EXT_PMU)
		pmu_call(gpr);
	else if (gpr[A7] == SBI_EXT_FWFT)
		fwft_call(gpr);
}
