// SPDX-License-Identifier: MIT
/*
 * hello.c - a small guest: it prints what it finds, causes three common kinds of exits (an SBI
 * call, MMIO and WFI), and powers off. `make run GUEST=hello` boots it.
 */
#include "rt.h"

#define UART_LSR 5 /* line status register of an ns16550 */

static const char *impl_name(unsigned long id)
{
	switch (id) {
	case IMPL_OPENSBI:
		return "OpenSBI, so no hypervisor";
	case IMPL_KVM:
		return "KVM";
	default:
		return "another";
	}
}

static void say_what_is_seen(void)
{
	struct fdt_reg mem = { 0, 0 };
	long version = sbi_call(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION, 0, 0, 0).value;

	fdt_memory(&mem);
	printf("hello: I am a guest with %d hart%s, and this is hart %lu\n", nr_harts,
	       nr_harts == 1 ? "" : "s", this_hart()->id);
	printf("hello: isa %s\n", fdt_string("/cpus/cpu", "riscv,isa"));
	printf("hello: memory 0x%lx, %lu MiB; I am at 0x%lx\n", mem.base, mem.size >> 20,
	       (unsigned long)_start);
	printf("hello: SBI %ld.%ld, implementation %lu (%s)\n", version >> 24, version & 0xffffff,
	       impl_id(), impl_name(impl_id()));
}

static void null_sbi_call(void)
{
	unsigned long t = now();

	sbi_call(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION, 0, 0, 0);
	printf("hello: a null SBI call (a VS ecall exit): %lu ticks\n", now() - t);
}

static void one_mmio(void)
{
	struct fdt_reg uart;
	unsigned long t;
	u8 status;

	if (!fdt_find("ns16550a", 0, &uart)) {
		printf("hello: no UART in the device tree, so no MMIO\n");
		return;
	}
	t = now();
	status = *(volatile u8 *)(uart.base + UART_LSR);
	t = now() - t;
	printf("hello: MMIO (a load guest-page fault exit): UART status at 0x%lx is 0x%x, %lu "
	       "ticks\n",
	       uart.base + UART_LSR, status, t);
}

static void one_sleep(void)
{
	unsigned long t = now(), want = us_to_ticks(2000);

	wait_irq(0, 2000);
	t = now() - t;
	printf("hello: WFI until a timer 2 ms away: woke after %lu ticks, %lu asked for\n", t,
	       want);
}

void payload_main(void)
{
	say_what_is_seen();
	null_sbi_call();
	one_mmio();
	one_sleep();
	printf("hello: bye\n");
	at_end();
}
