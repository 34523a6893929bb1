// SPDX-License-Identifier: MIT
/*
 * fault_loop.c - a guest that cannot recover, because its trap handler itself faults.
 *
 * Boot argument how=nowhere: stvec points to an address without memory. how=handler (the default):
 * the handler's third instruction is illegal. how=spin: the guest recovers from one fault, computes
 * for 3 s and powers off, to show that a watchdog leaves it alone. how=once: the handler takes one
 * fault, and then waits in its first instructions for 3 s and powers off. how=panic: the guest prints
 * what Linux prints when it panics, and hangs. how=wait: the guest waits for an interrupt, and none
 * comes.
 */
#include "rt.h"

static void __attribute__((aligned(4), naked)) bad_handler(void)
{
	__asm__ volatile("nop; nop; .word 0");
}

static void __attribute__((used)) has_waited(void)
{
	printf("waited\n");
	power_off(0);
}

/* s10: when the waiting ends. s11: 1 if the handler has not taken its own fault yet. */
static void __attribute__((aligned(4), naked)) waiting_handler(void)
{
	__asm__ volatile("bnez s11, 2f\n"
			 "1: rdtime t0\n"
			 "bltu t0, s10, 1b\n"
			 "j has_waited\n"
			 "2: li s11, 0\n"
			 ".word 0");
}

static void __attribute__((noreturn)) fault_once_and_wait(void)
{
	csr_write(stvec, (unsigned long)waiting_handler);
	__asm__ volatile("mv s10, %0; li s11, 1; .word 0" ::"r"(csr_read(time) + 3 * timebase()));
	__builtin_unreachable();
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
	if (!strcmp(how, "once"))
		fault_once_and_wait();
	while (!strcmp(how, "wait"))
		wfi();
	printf("lost\n");
	if (!strcmp(how, "nowhere"))
		csr_write(stvec, 0x1000);
	else
		csr_write(stvec, (unsigned long)bad_handler);
	__asm__ volatile(".word 0");
}
