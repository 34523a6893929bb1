// SPDX-License-Identifier: MIT
/*
 * sample.c - a guest that executes a known number of instructions at known places.
 *
 * The profiler's test (tests/trace/profile.t) runs it. Each place is a separate function, which
 * runs in the guest's kernel or in its user mode, or makes exits that the core or the VMM handles.
 */
#include "rt.h"

#define TURNS 5000000UL /* iterations of a loop of two instructions */
#define CALLS 30000UL

static unsigned long uart; /* 0: no UART, so no MMIO */

void spin_vs(unsigned long turns);
void spin_vs_half(unsigned long turns);
void spin_vu(unsigned long turns);
void call_core(unsigned long calls);
void call_vmm(unsigned long calls);

/* Neither inlined nor cloned, so that each function keeps its own symbol and size. */
#define APART __attribute__((noinline, noclone))

static inline __attribute__((always_inline)) void spin(unsigned long turns)
{
	__asm__ volatile("1:	addi	%0, %0, -1\n"
			 "	bnez	%0, 1b\n"
			 : "+r"(turns));
}

#define SPIN(name)                           \
	APART void name(unsigned long turns) \
	{                                    \
		spin(turns);                 \
	}
SPIN(spin_vs)
SPIN(spin_vs_half)
SPIN(spin_vu)

/* Rounds have different lengths, so that a timer does not hit the same place in each. */

APART void call_core(unsigned long calls)
{
	for (; calls; calls--) {
		spin(1 + calls % 127);
		sbi_call(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION, 0, 0, 0);
	}
}

APART void call_vmm(unsigned long calls)
{
	for (; uart && calls; calls--) {
		spin(1 + calls % 127);
		(void)*(volatile u8 *)(uart + 5);
	}
}

void payload_main(void)
{
	struct fdt_reg reg;

	if (fdt_find("ns16550a", 0, &reg))
		uart = reg.base;
	spin_vs(2 * TURNS);
	spin_vs_half(TURNS);
	ok(true, "the guest's kernel has spun");
	catch_user(spin_vu, 2 * TURNS);
	ok(true, "the guest's user mode has spun");
	call_core(CALLS);
	ok(true, "the core has answered SBI calls");
	call_vmm(CALLS / 10);
	ok(true, "the VMM has answered MMIO");
	done();
}
