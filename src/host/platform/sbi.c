// SPDX-License-Identifier: MIT
/*
 * sbi.c - calls to the firmware. Source: SBI §3 (binary encoding).
 */
#include "sbi.h"
#include "hv/trace.h"
#include "sched/smp.h"

struct sbiret sbi_call(unsigned long ext, unsigned long fid, unsigned long arg0, unsigned long arg1,
		       unsigned long arg2, unsigned long arg3, unsigned long arg4)
{
	register unsigned long a0 __asm__("a0") = arg0;
	register unsigned long a1 __asm__("a1") = arg1;
	register unsigned long a2 __asm__("a2") = arg2;
	register unsigned long a3 __asm__("a3") = arg3;
	register unsigned long a4 __asm__("a4") = arg4;
	register unsigned long a6 __asm__("a6") = fid;
	register unsigned long a7 __asm__("a7") = ext;

	__asm__ volatile("ecall"
			 : "+r"(a0), "+r"(a1)
			 : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7)
			 : "memory");
	return (struct sbiret){ (long)a0, (long)a1 };
}

bool firmware_has_sbi(unsigned long ext)
{
	struct sbiret ret = sbi_call(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, ext, 0, 0, 0, 0);

	return !ret.error && ret.value;
}

/*
 * The firmware takes a base hartid and a mask of XLEN bits (SBI §3.1), so one call is enough if all
 * hartids are within XLEN of the lowest.
 */
void sbi_remote_fence(unsigned long fid, unsigned long mask, unsigned long start,
		      unsigned long size, unsigned long id)
{
	trace_host_fence(fid, mask, start, size, id);
	while (mask) {
		unsigned long base = ~0UL, hartmask = 0;

		for (unsigned int i = 0; i < nr_harts; i++)
			if ((mask & BIT(i)) && harts[i].hartid < base)
				base = harts[i].hartid;
		for (unsigned int i = 0; i < nr_harts; i++)
			if ((mask & BIT(i)) && harts[i].hartid - base < BITS_PER_LONG) {
				hartmask |= BIT(harts[i].hartid - base);
				mask &= ~BIT(i);
			}
		if (!hartmask)
			return;
		sbi_call(SBI_EXT_RFENCE, fid, hartmask, base, start, size, id);
	}
}
