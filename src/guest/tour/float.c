// SPDX-License-Identifier: MIT
/*
 * float.c - for walkthroughs: a guest that uses floating point, and leaves the hart before and
 * after doing so.
 *
 * The guest leaves the hart in the same way as wait.c: while the guest waits, the VMM's console
 * thread writes the printed words.
 */
#include "rt.h"

void float_write(unsigned long value);
unsigned long float_read(void);

static void leave_the_hart(const char *when)
{
	printf("float: %s", when);
	wait_irq(0, 1000000);
	printf("\n");
}

void payload_main(void)
{
	csr_set(sstatus, FIELD_PREP(SSTATUS_FS, FS_INITIAL));
	leave_the_hart("not used yet");
	float_write(0x400921fb54442d18UL);
	leave_the_hart("written");
	leave_the_hart("not used since");
	printf("float: f1 is 0x%lx\n", float_read());
}
