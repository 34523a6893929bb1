// SPDX-License-Identifier: MIT
/*
 * fault_loop.c - a guest that is lost: its trap handler itself faults, for ever.
 *
 * Boot argument how=nowhere: stvec points to where nothing is. how=handler: the handler's third
 * instruction is illegal. how=spin: nothing of the kind, it only computes for 3 s and powers off,
 * so that a watchdog can be seen to leave it alone. how=panic: it says what Linux says when it
 * has given up, and hangs.
 */
#include "rt.h"

static void __attribute__((aligned(4), naked)) bad_handler(void)
{
	__asm__ volatile("nop; nop; .word 0");
}

static void one_fault(unsigned long arg)
{
	(void)arg;
	__asm__ volatile(".word 0");
}

void payload_main(void)
{
	char how[16] = "";

	boot_arg("how", how, sizeof(how));
	if (!strcmp(how, "spin")) {
		catch_trap(one_fault, 0);
		delay_us(3000000);
		printf("spun\n");
		return;
	}
	if (!strcmp(how, "panic")) {
		printf("[    1.000000] Kernel panic - not syncing: as an example\n"
		       "[    1.000001] ---[ end Kernel panic - not syncing: as an example ]---\n");
		for (;;)
			wfi();
	}
	printf("lost\n");
	if (!strcmp(how, "nowhere"))
		csr_write(stvec, 0x1000);
	else
		csr_write(stvec, (unsigned long)bad_handler);
	__asm__ volatile(".word 0");
}
