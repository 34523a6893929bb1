// SPDX-License-Identifier: MIT
/*
 * vmm_devices.c - the VMM's interrupt controller and serial port, register by register.
 *
 * A program can raise and drop the port's "transmitter empty" interrupt at will, so the PLIC is
 * tested with it. PLIC registers: PLIC §3. Contexts are as in the device tree: 2n is unused, and
 * 2n + 1 is hart n in S mode.
 */
#include "rt.h"

#define UART_SOURCE 1

enum {
	UART_DATA = 0,
	UART_IER = 1,
	UART_IIR = 2, /* FCR when written */
	UART_LCR = 3,
	UART_MCR = 4,
	UART_LSR = 5,
	UART_MSR = 6,
	UART_SCR = 7,
};

#define IER_RDI    1
#define IER_THRI   2
#define IIR_NONE   1
#define IIR_THRI   2
#define IIR_FIFO   0xc0
#define LCR_DLAB   0x80
#define MCR_DTR    1
#define MCR_RTS    2
#define MCR_LOOP   0x10
#define LSR_DR     1
#define LSR_EMPTY  0x60
#define MSR_ONLINE 0xb0

static unsigned long uart, plic;

static u8 get8(int offset)
{
	return *(volatile u8 *)(uart + offset);
}

static void set8(int offset, u8 value)
{
	*(volatile u8 *)(uart + offset) = value;
}

static volatile u32 *priority(int source)
{
	return (volatile u32 *)(plic + 4 * source);
}

static volatile u32 *enable(int context)
{
	return (volatile u32 *)(plic + 0x2000 + 0x80 * context);
}

static volatile u32 *threshold(int context)
{
	return (volatile u32 *)(plic + 0x200000 + 0x1000 * context);
}

static volatile u32 *claim(int context)
{
	return threshold(context) + 1;
}

static bool interrupted(void)
{
	return csr_read(sip) & BIT(IRQ_S_EXT);
}

/*
 * Raise the port's line: enabling THRI reports that the transmitter is empty. Reading IIR lowers
 * the line.
 */
static void raise_line(void)
{
	set8(UART_IER, 0);
	set8(UART_IER, IER_THRI);
}

static void drop_line(void)
{
	set8(UART_IER, 0);
}

static void test_uart(void)
{
	set8(UART_IER, 0);
	set8(UART_SCR, 0x5a);
	ok_eq(get8(UART_SCR), 0x5a, "the scratch register keeps the value written to it");
	ok_eq(get8(UART_LSR) & LSR_EMPTY, LSR_EMPTY, "the transmitter is empty");
	ok_eq(get8(UART_MSR), MSR_ONLINE, "the modem lines are on");
	set8(UART_LCR, LCR_DLAB | 3);
	set8(UART_DATA, 0x34);
	set8(UART_IER, 0x12);
	ok_eq(get8(UART_DATA), 0x34, "the divisor's low byte can be read back");
	ok_eq(get8(UART_IER), 0x12, "the divisor's high byte can be read back");
	set8(UART_LCR, 3);
	ok_eq(get8(UART_IER), 0, "writing the divisor does not change IER");
	set8(UART_IIR, 0);
	ok_eq(get8(UART_IIR), IIR_NONE,
	      "IIR reports no interrupt, and no FIFOs while they are off");
	set8(UART_IIR, 1);
	ok_eq(get8(UART_IIR), IIR_NONE | IIR_FIFO, "IIR reports FIFOs once they are on");
	raise_line();
	ok_eq(get8(UART_IIR), IIR_THRI | IIR_FIFO,
	      "an empty transmitter interrupts when THRI is enabled");
	ok_eq(get8(UART_IIR), IIR_NONE | IIR_FIFO, "reading IIR ends the interrupt");
	set8(UART_DATA, '\n');
	ok_eq(get8(UART_IIR), IIR_THRI | IIR_FIFO,
	      "the transmitter interrupts again after it has sent a byte");
	drop_line();
	set8(UART_MCR, MCR_LOOP | 0xf);
	ok_eq(get8(UART_MSR), 0xf0,
	      "in loopback mode, the modem status shows the port's own outputs");
	set8(UART_MCR, 3);
}

static u8 has_input(u8 mcr, u8 ier)
{
	set8(UART_MCR, mcr);
	set8(UART_IER, ier);
	return get8(UART_LSR) & LSR_DR;
}

/* With the boot argument "input": the input begins with an x. */
static void test_input(void)
{
	unsigned long end = csr_read(time) + 10 * timebase();

	while (!has_input(MCR_RTS, 0) && csr_read(time) < end)
		;
	ok(has_input(MCR_RTS, 0), "with RTS, input arrives");
	ok(!has_input(MCR_DTR, IER_RDI), "without RTS, input waits");
	ok(!has_input(0, 0), "and so it does with neither RTS nor DTR");
	ok(has_input(0, IER_RDI), "but not if its interrupt is enabled");
	ok_eq(get8(UART_DATA), 'x', "the byte is that of the input");
	set8(UART_IER, 0);
	set8(UART_MCR, MCR_RTS | MCR_DTR);
}

static void test_plic_gate(void)
{
	*enable(1) = BIT(UART_SOURCE);
	*threshold(1) = 0;
	*priority(UART_SOURCE) = 0;
	raise_line();
	ok(!interrupted(), "a source with priority 0 never interrupts");
	ok_eq(*claim(1), 0, "a source with priority 0 can't be claimed");
	*priority(UART_SOURCE) = 3;
	ok(interrupted(), "a source with a priority above the threshold interrupts");
	*threshold(1) = 3;
	ok(!interrupted(), "a source with a priority equal to the threshold doesn't interrupt");
	*threshold(1) = 2;
	*enable(1) = 0;
	ok(!interrupted(), "a source that isn't enabled doesn't interrupt");
	*enable(1) = ~0U;
	ok(interrupted(), "an enabled source interrupts");
	ok_eq(*enable(1), ~1U, "source 0 can't be enabled");
	drop_line();
	ok(!interrupted(), "a line that falls before the claim withdraws its request");
}

static void test_plic_claim(void)
{
	raise_line();
	ok_eq(*(volatile u32 *)(plic + 0x1000), BIT(UART_SOURCE), "a raised line is pending");
	ok_eq(*claim(1), UART_SOURCE, "the claim returns the source");
	ok(!interrupted(), "the claim ends the interrupt");
	ok_eq(*claim(1), 0, "a second claim returns no source");
	*enable(1) = 0;
	*claim(1) = UART_SOURCE;
	*enable(1) = BIT(UART_SOURCE);
	ok(!interrupted(), "a context that hasn't enabled a source can't complete it");
	*claim(1) = 0;
	*claim(1) = 31;
	*claim(1) = ~0U;
	ok(!interrupted(), "completing sources other than the claimed one has no effect");
	*claim(1) = UART_SOURCE;
	ok(interrupted(), "after completion, a line that is still high interrupts again");
	ok_eq(*claim(1), UART_SOURCE, "a source that interrupts again can be claimed again");
	drop_line();
	*claim(1) = UART_SOURCE;
	ok(!interrupted(), "after completion, a line that is low doesn't interrupt");
}

static void test_plic_nobody(void)
{
	unsigned long sum = 0;

	*enable(0) = ~0U;
	ok_eq(*enable(0), 0, "the M-mode context has no enable register");
	*threshold(0) = 5;
	ok_eq(*threshold(0), 0, "the M-mode context has no threshold register");
	*enable(2 * 40 + 1) = ~0U;
	ok_eq(*enable(2 * 40 + 1), 0, "harts that don't exist have no enable register");
	*priority(0) = 7;
	ok_eq(*priority(0), 0, "source 0 has no priority");
	*priority(UART_SOURCE) = ~0U;
	ok_eq(*priority(UART_SOURCE), 7, "the highest priority is 7");
	for (unsigned long at = plic; at < plic + 0x600000; at += 0x3ff8) {
		sum += *(volatile u8 *)at;
		sum += *(volatile u64 *)at;
		*(volatile u16 *)at = 0xffff;
	}
	sum += *(volatile u8 *)priority(UART_SOURCE);
	sum += *(volatile u16 *)priority(UART_SOURCE);
	ok_eq(sum, 0, "PLIC reads of a wrong width return 0");
}

static void test_wake(void)
{
	*priority(UART_SOURCE) = 1;
	*threshold(1) = 0;
	*enable(1) = BIT(UART_SOURCE);
	raise_line();
	csr_write(sie, BIT(IRQ_S_EXT));
	wfi();
	ok(interrupted(), "a pending line ends WFI");
	csr_write(sie, 0);
	ok_eq(*claim(1), UART_SOURCE, "the source that ended WFI can be claimed");
	drop_line();
	*claim(1) = UART_SOURCE;
	*enable(1) = 0;
}

void payload_main(void)
{
	struct fdt_reg found;

	if (!fdt_find("ns16550a", 0, &found))
		bail("no serial port in the device tree");
	uart = found.base;
	test_uart();
	if (boot_arg("input", NULL, 0))
		test_input();
	if (!fdt_find("riscv,plic0", 0, &found)) {
		skip("the PLIC, register by register", "no PLIC in the device tree");
		done();
	}
	plic = found.base;
	test_plic_gate();
	test_plic_claim();
	test_plic_nobody();
	test_wake();
	done();
}
