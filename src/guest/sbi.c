// SPDX-License-Identifier: MIT
/*
 * sbi.c - SBI calls to the hypervisor or, on the bare machine, to the firmware.
 *
 * SBI §3: the extension is in a7, the function in a6, the arguments in a0 to a5; a0 and a1 return
 * error and value, and every other register is preserved.
 */
#include "rt.h"

struct sbiret sbi_call6(unsigned long ext, unsigned long fid, unsigned long a0, unsigned long a1,
			unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5)
{
	register unsigned long r0 __asm__("a0") = a0;
	register unsigned long r1 __asm__("a1") = a1;
	register unsigned long r2 __asm__("a2") = a2;
	register unsigned long r3 __asm__("a3") = a3;
	register unsigned long r4 __asm__("a4") = a4;
	register unsigned long r5 __asm__("a5") = a5;
	register unsigned long r6 __asm__("a6") = fid;
	register unsigned long r7 __asm__("a7") = ext;

	__asm__ volatile("ecall"
			 : "+r"(r0), "+r"(r1)
			 : "r"(r2), "r"(r3), "r"(r4), "r"(r5), "r"(r6), "r"(r7)
			 : "memory");
	return (struct sbiret){ (long)r0, (long)r1 };
}

/* Legacy calls return only one value, in a0. */
long sbi_legacy(unsigned long ext, unsigned long a0, unsigned long a1)
{
	return sbi_call(ext, 0, a0, a1, 0).error;
}

bool sbi_has(unsigned long ext)
{
	return sbi_call(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, ext, 0, 0).value != 0;
}

void sbi_set_timer(unsigned long long time)
{
	sbi_call(SBI_EXT_TIME, SBI_TIME_SET_TIMER, (unsigned long)time, 0, 0);
}

void sbi_send_ipi(unsigned long mask, unsigned long base)
{
	sbi_call(SBI_EXT_IPI, SBI_IPI_SEND_IPI, mask, base, 0);
}

unsigned long impl_id(void)
{
	return (unsigned long)sbi_call(SBI_EXT_BASE, SBI_BASE_GET_IMPL_ID, 0, 0, 0).value;
}
