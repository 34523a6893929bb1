// SPDX-License-Identifier: MIT
/* port_impl.h - interface between virtio_console.c (the device) and port.c (its ports). */
#ifndef HOST_PORT_IMPL_H
#define HOST_PORT_IMPL_H

#include "port.h"
#include "tty.h"
#include "virtio.h"

#define PORT_RX      16
#define PORT_RX_SIZE 4096
#define PORT_TX      16
#define PORT_TX_SIZE 16384

struct port_buf {
	struct list_head link;
	u8 *data;
	u32 len, at; /* for input: bytes filled, and bytes read so far */
};

struct port {
	char name[64];
	u32 id;
	bool used; /* the host has opened its end */
	bool open; /* the far end is open */
	struct spinlock lock;
	struct virtq rx, tx;
	struct port_buf rx_buf[PORT_RX], tx_buf[PORT_TX];
	struct list_head filled; /* input, oldest first */
	struct list_head free;   /* for output */
	unsigned int sending;
	struct waitq rx_wait, tx_wait;
	struct mutex read_lock;
	struct spinlock feed_lock; /* held while feeding the terminal, to keep the bytes in order */
	struct tty *tty;
};

int port_setup(struct port *p, struct virtio_dev *dev, u32 id);
void port_far_end(struct port *p, bool open);
void port_interrupt(struct port *p);
void port_offer_input(struct port *p);    /* call after sending the device PORT_OPEN */
unsigned int port_unsent(struct port *p); /* buffers not yet taken; 0 if the far end is closed */

/* virtio_console.c */
/* Like wait_event_deadline(), but polls the device if it has no interrupt. */
int port_wait(struct waitq *wq, bool (*cond)(void *arg), void *arg, u64 deadline);

#endif
