// SPDX-License-Identifier: MIT
/*
 * wait.c - for walkthroughs: a guest that waits, first alone and then while another thread runs.
 *
 * A wait of one second is long compared with everything else, but takes no real time under
 * --icount. Because of the printed words, the VMM's console thread has work some milliseconds later
 * and so needs the hart during the second wait. (A whole line would be written at once.)
 */
#include "rt.h"

void payload_main(void)
{
	wait_irq(0, 20000); /* the VMM's threads, which share the hart, finish their start */
	wait_irq(0, 1000000);
	printf("wait: and once more");
	wait_irq(0, 1000000);
	printf("\n");
}
