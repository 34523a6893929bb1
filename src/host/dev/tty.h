// SPDX-License-Identifier: MIT
/*
 * tty.h - a terminal: the line discipline between a byte device and programs.
 */
#ifndef HOST_TTY_H
#define HOST_TTY_H

#include <asm/termbits.h>
#include <asm/termios.h>
#include "file/file.h"
#include "hv/spinlock.h"
#include "sched/wait.h"

#define TTY_BUFFER 4096  /* typed characters; a power of two */
#define TTY_EOF    0x100 /* in the buffer: ^D was typed here */

struct tty;

struct tty_ops {
	/*
	 * Send the bytes unchanged; wait for room unless nonblock is set. Returns size, -EAGAIN,
	 * -EINTR or -EIO.
	 */
	long (*write)(struct tty *tty, const u8 *buf, size_t size, bool nonblock);
	/* Echo the bytes without sleeping: output that does not fit is lost. */
	void (*echo)(struct tty *tty, const u8 *buf, size_t size);
	unsigned int (*poll_out)(struct tty *tty, struct poll_table *table); /* NULL: always */
	void (*refill)(struct tty *tty); /* pass on input that did not fit before; or NULL */
};

struct tty {
	const struct tty_ops *ops;
	void *priv;
	struct mutex write_lock; /* keeps programs' writes apart */
	struct spinlock lock;    /* held to change termios, and buf .. hung_up */
	struct termios termios;
	struct winsize winsize;
	struct waitq read_wait;
	u16 buf[TTY_BUFFER];
	u32 head;      /* next to read */
	u32 committed; /* readable up to here: whole lines, in canonical mode */
	u32 tail;      /* end of the typed characters */
	bool literal;  /* after ^V: the next character is literal */
	bool hung_up;  /* the far end is gone: after the remaining input, reads return 0 */
	int pgid;      /* foreground process group; 0: the first program's, and no job control */
	int sid;
};

void tty_init(struct tty *tty, const struct tty_ops *ops, void *priv);
/* Called by the device, in any context. */
void tty_input(struct tty *tty, const u8 *bytes, size_t size);
void tty_hangup(struct tty *tty);
size_t tty_room(struct tty *tty);                /* how many bytes tty_input() may be given */
int tty_attach(struct tty *tty, struct file *f); /* for a device's open() */

/* console.c: the UART as a terminal, /dev/console and /dev/tty. */
extern struct tty console_tty;
extern struct tty *controlling_tty; /* opened by /dev/tty */
void console_init(void);

#endif
