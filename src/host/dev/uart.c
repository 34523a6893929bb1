// SPDX-License-Identifier: MIT
/*
 * uart.c - the console device: ns16550 registers, or the firmware's console.
 *
 * Source: NS16550A data sheet (registers); SBI §5 and §12 for the fallback.
 */
#include "uart.h"
#include "platform/fdt.h"
#include "hv/sbi.h"
#include "mm/page.h"
#include "sched/smp.h"
#include "platform/sbi.h"

#define UART_THR      0 /* transmit holding; receive buffer when read */
#define UART_IER      1
#define UART_IER_RDI  BIT(0)
#define UART_LSR      5
#define UART_LSR_DR   BIT(0)
#define UART_LSR_THRE BIT(5)

static volatile u8 *regs; /* NULL: use the firmware's console */
static unsigned int shift;
static int uart = -1; /* its node */
static bool has_dbcn;

void uart_init(void)
{
	int node = fdt_next_compatible(-1, "ns16550a");
	hpa_t base;

	has_dbcn = firmware_has_sbi(SBI_EXT_DBCN);
	if (node < 0)
		node = fdt_next_compatible(-1, "ns16550");
	if (node < 0 || !fdt_reg(node, 0, &base, NULL))
		return;
	shift = fdt_u32(node, "reg-shift", 0);
	uart = node;
	regs = pa_to_va(base);
}

static volatile u8 *reg(unsigned int index)
{
	return regs + (index << shift);
}

void uart_write(const char *s, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (regs) {
			while (!(*reg(UART_LSR) & UART_LSR_THRE))
				;
			*reg(UART_THR) = (u8)s[i];
		} else if (has_dbcn) {
			sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_WRITE_BYTE, (u8)s[i], 0, 0, 0, 0);
		} else {
			sbi_call(SBI_LEGACY_CONSOLE_PUTCHAR, 0, (u8)s[i], 0, 0, 0, 0);
		}
	}
}

int uart_getc(void)
{
	if (regs)
		return *reg(UART_LSR) & UART_LSR_DR ? *reg(UART_THR) : -1;
	return (int)sbi_call(SBI_LEGACY_CONSOLE_GETCHAR, 0, 0, 0, 0, 0, 0).error;
}

int uart_node(void)
{
	return uart;
}

void uart_enable_rx_irq(void)
{
	if (regs)
		*reg(UART_IER) = UART_IER_RDI;
}
