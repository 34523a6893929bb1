// SPDX-License-Identifier: MIT
/*
 * uart.c - the console device: ns16550 registers, or the firmware's console.
 *
 * Source: NS16550A data sheet (registers); SBI §5 and §12 for the fallback.
 */
#include "uart.h"
#include <string.h>
#include "platform/fdt.h"
#include "platform/platform.h"
#include "hv/sbi.h"
#include "hv/spinlock.h"
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
static struct spinlock uart_lock;
/* What one DBCN call writes. It is part of the image, so its physical address is known. */
static char dbcn_buffer[512];

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

/*
 * Write with the firmware's DBCN function for strings, not with the one for single bytes: OpenSBI's
 * own messages, which a guest can cause on another hart, mix with bytes, but not with a string.
 * Returns the number of bytes written, which is less than size if the firmware fails.
 */
static size_t dbcn_write(const char *s, size_t size)
{
	hpa_t pa = kernel_image_pa + ((unsigned long)dbcn_buffer - KERNEL_BASE);
	struct sbiret ret = { 0 };
	size_t done = 0;

	for (; done < size && !ret.error; done += (size_t)ret.value) {
		size_t n = MIN(size - done, sizeof(dbcn_buffer));

		memcpy(dbcn_buffer, s + done, n);
		ret = sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_WRITE, n, (unsigned long)pa,
			       (unsigned long)(pa >> (BITS_PER_LONG - 1) >> 1), 0, 0);
		if (ret.error)
			ret.value = 0;
	}
	return done;
}

static void write_byte(char c)
{
	if (regs) {
		while (!(*reg(UART_LSR) & UART_LSR_THRE))
			;
		*reg(UART_THR) = (u8)c;
	} else {
		sbi_call(SBI_LEGACY_CONSOLE_PUTCHAR, 0, (u8)c, 0, 0, 0, 0);
	}
}

void uart_write(const char *s, size_t size)
{
	size_t i = 0;

	spin_lock(&uart_lock);
	if (!regs && has_dbcn)
		i = dbcn_write(s, size);
	for (; i < size; i++)
		write_byte(s[i]);
	spin_unlock(&uart_lock);
}

void uart_force_unlock(void)
{
	uart_lock = (struct spinlock){ 0 };
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
