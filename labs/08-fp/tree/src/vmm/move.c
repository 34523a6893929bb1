// SPDX-License-Identifier: MIT
/*
 * move.c - move a vCPU to another hart at its guest's request, for the tests of lab 8. Given;
 * nothing to write.
 *
 * The vCPU's thread has FP registers of its own, like any program of the host. No function of the
 * VMM uses fs0 or fs11, and library functions must preserve them. So the values that one call of
 * move_keep_fp() writes must still be there at the thread's next call, whatever the guest has done
 * in between.
 */
#include <sched.h>
#include "move.h"
#include "vmm.h"

unsigned long move_keep_fp(void)
{
	static atomic_ulong calls;
	static _Thread_local unsigned long kept;
	unsigned long fs0, fs11, lost;

	__asm__ volatile("fmv.x.d %0, fs0\n\tfmv.x.d %1, fs11" : "=r"(fs0), "=r"(fs11));
	lost = kept ? (fs0 != kept) + (fs11 != kept + 1) : 0;
	kept = 0x4242000000000000ul + (atomic_fetch_add(&calls, 1) << 8);
	__asm__ volatile("fmv.d.x fs0, %0\n\tfmv.d.x fs11, %1" ::"r"(kept), "r"(kept + 1));
	return lost;
}

long move_to_hart(unsigned long hart)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(hart, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -3 : 0; /* SBI_ERR_INVALID_PARAM */
}
