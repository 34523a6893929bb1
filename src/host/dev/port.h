// SPDX-License-Identifier: MIT
/*
 * port.h - byte channels out of the machine: the named ports of a virtio console.
 *
 * A port is a pipe to a process outside the machine. A write waits while the far end is slow. Once
 * the far end has closed, a write fails with EPIPE, and a read returns the remaining input, then 0.
 */
#ifndef HOST_PORT_H
#define HOST_PORT_H

#include "file/file.h"

struct port;

/* Wait up to 2 s for a port, such as "hs.1", and open it. Returns NULL if there is no such port. */
struct port *port_find(const char *name);
/* Open the port as a file that passes bytes unchanged. Returns NULL if there is no memory. */
struct file *port_file(struct port *port, unsigned int flags);
/* Return the port's terminal, which is the same on every call, or NULL if there is no memory. */
struct tty;
struct tty *port_tty(struct port *port);
/*
 * Wait until the device has taken all output of ports whose far end is open. Give up after
 * patience_ticks without progress.
 */
void ports_flush(u64 patience_ticks);

/*
 * log_stream.c: for machines without virtio. Return a file that writes the output of the program's
 * descriptor fd to the log, as lines "hs.FD|TEXT", or NULL if there is no memory.
 */
struct file *log_stream(unsigned int fd, unsigned int flags);

/* virtio_console.c, for virtio_mmio.c. */
struct virtio_dev;
int virtio_console_probe(struct virtio_dev *dev);

#endif
