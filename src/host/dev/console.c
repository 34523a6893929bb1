// SPDX-License-Identifier: MIT
/*
 * console.c - /dev/console, which is the machine's UART as a terminal, and /dev/tty.
 *
 * /dev/tty is the first program's terminal, whichever device that is.
 */
#include <linux/errno.h>
#include <linux/stat.h>
#include "fs/devfs.h"
#include "sched/irq.h"
#include "sched/thread.h"
#include "tty.h"
#include "uart.h"

struct tty console_tty;
struct tty *controlling_tty = &console_tty;

/* The UART is slow and is polled with interrupts off, so take interrupts after each few bytes. */
static long console_write(struct tty *tty, const u8 *buf, size_t size, bool nonblock)
{
	size_t done, n;

	(void)tty;
	(void)nonblock;
	for (done = 0; done < size; done += n) {
		n = MIN(size - done, 64UL);
		uart_write((const char *)buf + done, n);
		irq_window();
	}
	return (long)size;
}

static void console_echo(struct tty *tty, const u8 *buf, size_t size)
{
	(void)tty;
	uart_write((const char *)buf, size);
}

static const struct tty_ops console_ops = {
	.write = console_write,
	.echo = console_echo,
};

static void console_interrupt(void *arg)
{
	u8 bytes[64];
	size_t n;
	int c = 0;

	(void)arg;
	while (c >= 0) {
		for (n = 0; n < sizeof(bytes) && (c = uart_getc()) >= 0; n++)
			bytes[n] = (u8)c;
		if (n)
			tty_input(&console_tty, bytes, n);
	}
}

static int console_open(struct device *dev, struct file *f)
{
	(void)dev;
	return tty_attach(&console_tty, f);
}

static int dev_tty_open(struct device *dev, struct file *f)
{
	(void)dev;
	return controlling_tty ? tty_attach(controlling_tty, f) : -ENXIO;
}

static struct device console_device = {
	.name = "console",
	.mode = S_IFCHR | 0600,
	.number = DEV_NUMBER(5, 1),
	.open = console_open,
};

static struct device tty_device = {
	.name = "tty",
	.mode = S_IFCHR | 0666,
	.number = DEV_NUMBER(5, 0),
	.open = dev_tty_open,
};

void console_init(void)
{
	tty_init(&console_tty, &console_ops, NULL);
	devfs_add(&console_device);
	devfs_add(&tty_device);
	if (uart_node() >= 0 && !irq_register(uart_node(), "ttyS0", console_interrupt, NULL))
		uart_enable_rx_irq();
}
