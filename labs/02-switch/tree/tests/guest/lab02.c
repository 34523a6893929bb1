// SPDX-License-Identifier: MIT
/*
 * lab02.c - check that each kind of exit preserves the guest's 31 registers
 */
#include "rt.h"

#define UART_LSR  0x10000005UL
#define NOT_THERE 0x09000abcUL /* a vendor-specific extension that the VMM does not implement */
#define SPIN      30000000UL   /* about a dozen of the host's timer ticks */

void lab_ecall(unsigned long ext, unsigned long fid);
void lab_load(unsigned long address);
void lab_store(unsigned long address);
void lab_spin(unsigned long rounds);
extern const unsigned long lab_pattern;
extern unsigned long lab_after[32];

static unsigned long fresh[64 * 512] __attribute__((aligned(4096)));

/*
 * Return whether each register that is not in the mask `except` has its pattern, and note the first
 * one that does not.
 */
static bool kept(unsigned long except)
{
	unsigned long n, wrong = 0;

	for (n = 1; n < 32; n++) {
		if (except >> n & 1 || lab_after[n] == lab_pattern + n)
			continue;
		if (!wrong++)
			note("x%lu is 0x%lx, but it was 0x%lx", n, lab_after[n], lab_pattern + n);
	}
	if (wrong > 1)
		note("%lu registers are wrong", wrong);
	return !wrong;
}

static void test_calls(void)
{
	unsigned long used = BIT(REG_A0) | BIT(11) | BIT(16) | BIT(17);

	lab_ecall(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION);
	ok(kept(used) && lab_after[16] == SBI_BASE_GET_SPEC_VERSION &&
		   lab_after[17] == SBI_EXT_BASE,
	   "an SBI call keeps every register except a0 and a1");
	ok_eq(lab_after[REG_A0], 0, "an SBI call that succeeds returns 0 in a0");
	ok(lab_after[11] >= 1UL << 24, "an SBI call that asks for the version returns it in a1");
	lab_ecall(NOT_THERE, 5);
	ok(kept(used) && lab_after[16] == 5 && lab_after[17] == NOT_THERE,
	   "an SBI call that the VMM answers keeps every register except a0 and a1");
	ok_eq(lab_after[REG_A0], (unsigned long)SBI_ERR_NOT_SUPPORTED,
	      "an SBI call that the VMM answers returns the VMM's error in a0");
}

static void test_memory(void)
{
	unsigned long i, good = 0;

	lab_load(UART_LSR);
	ok(kept(BIT(REG_A0) | BIT(7)),
	   "a load from a device keeps every register except its destination");
	ok_eq(lab_after[REG_A0], UART_LSR,
	      "a load from a device keeps a0, which contains the address");
	ok(lab_after[7] <= 0xff && lab_after[7] & 0x20,
	   "a load from a device puts the device's byte into its destination");
	for (i = 0; i < 64; i++) {
		unsigned long page = (unsigned long)&fresh[512 * i];

		lab_store(page);
		good += kept(BIT(REG_A0)) && lab_after[REG_A0] == page &&
			fresh[512 * i] == lab_pattern + 7;
	}
	ok_eq(good, 64, "64 stores to fresh pages keep every register and store their value");
}

static void test_interrupts(void)
{
	lab_spin(SPIN);
	ok(kept(BIT(REG_A0)), "a loop keeps every register across host interrupts");
	ok_eq(lab_after[REG_A0], 0, "a loop interrupted by the host counts a0 down to 0");
}

void payload_main(void)
{
	csr_write(sie, 0);
	test_calls();
	test_memory();
	test_interrupts();
	done();
}
