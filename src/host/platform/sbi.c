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

void sbi_call_harts(unsigned long ext, unsigned long fid, const struct hv_hartmask *to,
		    unsigned long a2, unsigned long a3, unsigned long a4)
{
	struct hv_hartmask left;

	for (unsigned int i = 0; i < hv_hartmask_words; i++)
		left.word[i] = READ_ONCE(to->word[i]);
	for (unsigned int first; (first = hartmask_next(&left, 0)) < HV_MAX_HARTS;) {
		unsigned long group = harts[first].hartid / BITS_PER_LONG;
		unsigned long mask = 0, base = ~0UL;

		for (unsigned int i = first; i < HV_MAX_HARTS; i = hartmask_next(&left, i + 1)) {
			unsigned long id = harts[i].hartid;

			if (id / BITS_PER_LONG != group)
				continue;
			mask |= BIT(id % BITS_PER_LONG);
			base = MIN(base, id);
			hartmask_clear(&left, i);
		}
		/* The base must be the id of a hart, too (SBI §7, error INVALID_PARAM). */
		sbi_call(ext, fid, mask >> base % BITS_PER_LONG, base, a2, a3, a4);
	}
}

void sbi_remote_fence(unsigned long fid, const struct hv_hartmask *to, unsigned long start,
		      unsigned long size, unsigned long id)
{
	trace_host_fence(fid, to ? to->word[0] : ~0UL, start, size, id);
	if (to)
		sbi_call_harts(SBI_EXT_RFENCE, fid, to, start, size, id);
	else
		sbi_call(SBI_EXT_RFENCE, fid, 0, ~0UL, start, size, id);
}
