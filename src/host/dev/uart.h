// SPDX-License-Identifier: MIT
/*
 * uart.h - the machine's console: an ns16550 if the device tree has one, else the
 * firmware's (SBI DBCN, or legacy putchar).
 */
#ifndef HOST_UART_H
#define HOST_UART_H

#include "hv/types.h"

void uart_init(void); /* after fdt_init(); firmware console until then */
/* Send the bytes unchanged, and not mixed with those of other calls. Busy-waits. */
void uart_write(const char *s, size_t size);
/* Release the lock of uart_write(), even if another hart holds it. For printk_force_unlock(). */
void uart_force_unlock(void);
int uart_getc(void); /* -1: no input */
int uart_node(void); /* in the device tree; negative: none, and no input is read */
void uart_enable_rx_irq(void);

#endif
