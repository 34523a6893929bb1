// SPDX-License-Identifier: MIT
/*
 * port.h - byte channels out of the machine: the named ports of a virtio console.
 *
 * A port is a pipe to somebody outside. Writing waits while that one is slow and fails
 * with EPIPE when it is gone; reading gives 0 when it has closed its end.
 */
#ifndef HOST_PORT_H
#define HOST_PORT_H

#include "file/file.h"

struct port;

struct port *port_find(const char *name); /* "hs.1"; NULL: there is none */
/* A program's file on it: bytes unchanged. NULL: no memory. */
struct file *port_file(struct port *port, unsigned int flags);
/* The port as a terminal; one and the same however often it is asked. NULL: no memory. */
struct tty;
struct tty *port_tty(struct port *port);
/* Wait until what was written has been taken, at most so long without progress. */
void ports_flush(u64 patience_ticks);

/* virtio_console.c, for virtio_mmio.c. */
struct virtio_dev;
int virtio_console_probe(struct virtio_dev *dev);

#endif
