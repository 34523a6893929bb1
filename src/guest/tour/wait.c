// SPDX-License-Identifier: MIT
/*
 * wait.c - for walkthroughs: a guest that waits, with nobody else about and then with somebody.
 *
 * A second is long beside what else happens, and takes no time under --icount. What is printed
 * leaves the VMM's console thread with work for some milliseconds later: it wants the hart in the
 * middle of the second wait.
 */
#include "rt.h"

void payload_main(void)
{
	wait_irq(0, 1000000);
	printf("wait: and once more\n");
	wait_irq(0, 1000000);
}
