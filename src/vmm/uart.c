// SPDX-License-Identifier: MIT
/*
 * uart.c - a 16550A serial port, with byte registers at stride 1.
 *
 * Transmission takes no time, so the transmitter is always empty. It raises its interrupt once
 * after each byte, and once when this interrupt is enabled. Bytes are received directly from the
 * console's ring, so there is no receive FIFO that could overrun or be cleared.
 *
 * The other end respects RTS: while the guest has RTS off, input stays in the ring. When Linux's
 * driver opens the port, it clears the FIFOs and discards a byte, but RTS is off at that time, so
 * no input is lost. RTS and DTR are on after reset, for programs that poll and never write MCR. A
 * guest that has both off, but enables the receive interrupt, does not use modem control lines
 * (Xvisor): it receives input while this interrupt is enabled.
 */
#include <linux/serial_reg.h>
#include "state.h"

static bool receives(const struct uart *uart)
{
	if (uart->mcr & UART_MCR_LOOP)
		return false;
	if (uart->mcr & (UART_MCR_RTS | UART_MCR_DTR))
		return uart->mcr & UART_MCR_RTS;
	return uart->ier & UART_IER_RDI;
}

static bool receive_ready(const struct uart *uart)
{
	return receives(uart) && console_has_input();
}

/* Return the pending cause of highest priority, in IIR's encoding. */
static u8 interrupt_cause(const struct uart *uart)
{
	if (uart->ier & UART_IER_RDI && receive_ready(uart))
		return UART_IIR_RDI;
	if (uart->ier & UART_IER_THRI && uart->thre_pending)
		return UART_IIR_THRI;
	return UART_IIR_NO_INT;
}

static void set_irq(struct uart *uart, bool irq)
{
	uart->irq = irq;
	irq_set_level(uart->machine, UART_IRQ, irq);
}

static void update_irq(struct uart *uart)
{
	bool irq = interrupt_cause(uart) != UART_IIR_NO_INT;

	if (irq != uart->irq)
		set_irq(uart, irq);
}

/* In loopback, the modem inputs are connected to the UART's own modem outputs. */
static u8 modem_status(const struct uart *uart)
{
	u8 status = 0;

	if (!(uart->mcr & UART_MCR_LOOP))
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	status |= uart->mcr & UART_MCR_RTS ? UART_MSR_CTS : 0;
	status |= uart->mcr & UART_MCR_DTR ? UART_MSR_DSR : 0;
	status |= uart->mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0;
	status |= uart->mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0;
	return status;
}

static u8 read_locked(struct uart *uart, u64 offset)
{
	u8 cause;

	switch (offset) {
	case UART_RX:
		if (uart->lcr & UART_LCR_DLAB)
			return uart->dll;
		return receive_ready(uart) ? (u8)console_read() : 0;
	case UART_IER:
		return uart->lcr & UART_LCR_DLAB ? uart->dlm : uart->ier;
	case UART_IIR:
		cause = interrupt_cause(uart);
		if (cause == UART_IIR_THRI)
			uart->thre_pending = false;
		return cause |
		       (uart->fcr & UART_FCR_ENABLE_FIFO ? UART_IIR_FIFO_ENABLED_16550A : 0);
	case UART_LCR:
		return uart->lcr;
	case UART_MCR:
		return uart->mcr;
	case UART_LSR:
		return UART_LSR_TEMT | UART_LSR_THRE | (receive_ready(uart) ? UART_LSR_DR : 0);
	case UART_MSR:
		return modem_status(uart);
	case UART_SCR:
		return uart->scr;
	}
	return 0;
}

static void transmit(struct uart *uart, u8 byte)
{
	if (!(uart->mcr & UART_MCR_LOOP))
		console_write(&byte, 1);
	uart->thre_pending = true;
}

static void write_ier(struct uart *uart, u8 value)
{
	if (value & ~uart->ier & UART_IER_THRI)
		uart->thre_pending = true;
	uart->ier = value & 0x0f;
}

static void write_locked(struct uart *uart, u64 offset, u8 value)
{
	bool dlab = uart->lcr & UART_LCR_DLAB;

	switch (offset) {
	case UART_TX:
		if (dlab)
			uart->dll = value;
		else
			transmit(uart, value);
		break;
	case UART_IER:
		if (dlab)
			uart->dlm = value;
		else
			write_ier(uart, value);
		break;
	case UART_FCR:
		uart->fcr = value;
		break;
	case UART_LCR:
		uart->lcr = value;
		break;
	case UART_MCR:
		uart->mcr = value & 0x1f;
		break;
	case UART_SCR:
		uart->scr = value;
		break;
	}
}

/* An access wider than a byte reaches only the addressed register. */
static u64 uart_read(void *device, u64 offset, unsigned int len)
{
	struct uart *uart = device;
	u8 value;

	(void)len;
	lock_take(&uart->lock);
	value = read_locked(uart, offset);
	update_irq(uart);
	lock_release(&uart->lock);
	return value;
}

static void uart_write(void *device, u64 offset, u64 value, unsigned int len)
{
	struct uart *uart = device;

	(void)len;
	lock_take(&uart->lock);
	write_locked(uart, offset, (u8)value);
	update_irq(uart);
	lock_release(&uart->lock);
}

void uart_input_arrived(struct uart *uart)
{
	lock_take(&uart->lock);
	update_irq(uart);
	lock_release(&uart->lock);
}

/* Input may have raised the line after the machine's reset lowered all lines, so lower it again. */
void uart_reset(struct uart *uart)
{
	lock_take(&uart->lock);
	uart->ier = 0;
	uart->fcr = 0;
	uart->lcr = 0;
	uart->mcr = UART_MCR_RTS | UART_MCR_DTR;
	uart->scr = 0;
	uart->dll = 0;
	uart->dlm = 0;
	uart->thre_pending = false;
	set_irq(uart, false);
	lock_release(&uart->lock);
}

/*
 * Called when the waiting input, too, has been restored. Input may arrive at any time during a
 * save, so the saved line may not agree with the saved input or with the interrupt controller.
 */
void uart_restored(struct uart *uart)
{
	lock_take(&uart->lock);
	set_irq(uart, interrupt_cause(uart) != UART_IIR_NO_INT);
	lock_release(&uart->lock);
}

/* Input that waits to be received is saved with the console. */
void uart_state(void *of, struct state *s)
{
	struct uart *uart = of;

	lock_take(&uart->lock);
	STATE(s, uart->ier);
	STATE(s, uart->fcr);
	STATE(s, uart->lcr);
	STATE(s, uart->mcr);
	STATE(s, uart->scr);
	STATE(s, uart->dll);
	STATE(s, uart->dlm);
	state_bool(s, &uart->thre_pending);
	state_bool(s, &uart->irq);
	lock_release(&uart->lock);
}

void uart_init(struct uart *uart, struct machine *m)
{
	uart->machine = m;
	bus_add(&m->bus, &(struct region){
				 .name = "uart",
				 .base = UART_BASE,
				 .size = UART_SIZE,
				 .device = uart,
				 .read = uart_read,
				 .write = uart_write,
			 });
}
