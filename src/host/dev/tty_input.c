// SPDX-License-Identifier: MIT
/*
 * tty_input.c - typed input: translation, line editing, echo, signals.
 *
 * This code runs where the device delivers input, mostly in an interrupt. So it takes only
 * spinlocks, and its echo never sleeps. Rules: POSIX, General Terminal Interface; Linux's ECHOCTL.
 */
#include <linux/signal.h>
#include <string.h>
#include "proc/process.h"
#include "tty.h"

struct echo { /* collected under the lock, sent after its release */
	u8 bytes[256];
	size_t n;
};

static void echo_byte(struct echo *e, u8 c)
{
	if (e->n < sizeof(e->bytes))
		e->bytes[e->n++] = c;
}

static void echo_char(const struct tty *tty, struct echo *e, u8 c)
{
	tcflag_t l = tty->termios.c_lflag;

	if (!(l & ECHO) && !(c == '\n' && (l & ECHONL)))
		return;
	if (c == '\n') {
		if ((tty->termios.c_oflag & (OPOST | ONLCR)) == (OPOST | ONLCR))
			echo_byte(e, '\r');
		echo_byte(e, '\n');
	} else if ((l & ECHOCTL) && (c < 32 || c == 127) && c != '\t') {
		echo_byte(e, '^');
		echo_byte(e, c ^ 0x40);
	} else {
		echo_byte(e, c);
	}
}

/* Return how many columns the character takes on the screen. */
static int echo_width(const struct tty *tty, u16 c)
{
	if (c == TTY_EOF)
		return 0;
	if ((c < 32 || c == 127) && c != '\t')
		return tty->termios.c_lflag & ECHOCTL ? 2 : 0;
	return (c & 0xc0) == 0x80 && (tty->termios.c_iflag & IUTF8) ? 0 : 1;
}

static bool erase_one(struct tty *tty, struct echo *e)
{
	bool utf8 = tty->termios.c_iflag & IUTF8;
	int width = 0;
	u16 c;

	if (tty->tail == tty->committed)
		return false;
	do {
		c = tty->buf[--tty->tail % TTY_BUFFER];
		width += echo_width(tty, c);
	} while (utf8 && (c & 0xc0) == 0x80 && tty->tail != tty->committed);
	if ((tty->termios.c_lflag & (ECHO | ECHOE)) == (ECHO | ECHOE))
		for (; width > 0; width--) {
			echo_byte(e, '\b');
			echo_byte(e, ' ');
			echo_byte(e, '\b');
		}
	return true;
}

static bool last_is_space(const struct tty *tty)
{
	u16 c = tty->buf[(tty->tail - 1) % TTY_BUFFER];

	return c == ' ' || c == '\t';
}

static void erase_word(struct tty *tty, struct echo *e)
{
	while (tty->tail != tty->committed && last_is_space(tty))
		erase_one(tty, e);
	while (tty->tail != tty->committed && !last_is_space(tty))
		erase_one(tty, e);
}

static void store(struct tty *tty, u16 c)
{
	if (tty->tail - tty->head < TTY_BUFFER)
		tty->buf[tty->tail++ % TTY_BUFFER] = c;
}

/* Return the signal that the character sends, or 0. */
static int signal_of(const struct tty *tty, u8 c)
{
	const cc_t *cc = tty->termios.c_cc;

	if (!(tty->termios.c_lflag & ISIG) || !c)
		return 0;
	return c == cc[VINTR] ? SIGINT : c == cc[VQUIT] ? SIGQUIT : c == cc[VSUSP] ? SIGTSTP : 0;
}

/* Edit the line. Returns true if the character was an editing command. */
static bool edit(struct tty *tty, struct echo *e, u8 c)
{
	const cc_t *cc = tty->termios.c_cc;
	bool extended = tty->termios.c_lflag & IEXTEN;

	if (!c)
		return false;
	if (c == cc[VERASE]) {
		erase_one(tty, e);
	} else if (c == cc[VKILL]) {
		while (erase_one(tty, e))
			;
	} else if (extended && c == cc[VWERASE]) {
		erase_word(tty, e);
	} else if (extended && c == cc[VLNEXT]) {
		tty->literal = true;
	} else if (c == cc[VEOF]) {
		store(tty, TTY_EOF);
		tty->committed = tty->tail;
	} else {
		return false;
	}
	return true;
}

/* Process one character, under the lock. Returns a signal to send, or 0. */
static int type_char(struct tty *tty, struct echo *e, u8 c)
{
	bool canonical = tty->termios.c_lflag & ICANON;
	tcflag_t in = tty->termios.c_iflag;
	bool literal = tty->literal;
	int signo;

	tty->literal = false;
	if (!literal) {
		if (in & ISTRIP)
			c &= 0x7f;
		if (c == '\r' && (in & IGNCR))
			return 0;
		if (c == '\r' && (in & ICRNL))
			c = '\n';
		else if (c == '\n' && (in & INLCR))
			c = '\r';
		signo = signal_of(tty, c);
		if (signo) {
			if (!(tty->termios.c_lflag & NOFLSH))
				tty->head = tty->committed = tty->tail;
			echo_char(tty, e, c);
			return signo;
		}
		if (canonical && edit(tty, e, c))
			return 0;
	}
	echo_char(tty, e, c);
	/* In canonical mode, keep one entry free for the newline. */
	if (!canonical || c == '\n' || tty->tail - tty->head < TTY_BUFFER - 1)
		store(tty, c);
	if (!canonical || (!literal && (c == '\n' || (c && c == tty->termios.c_cc[VEOL]))))
		tty->committed = tty->tail;
	return 0;
}

static void signal_group(int pgid, int signo)
{
	struct process *p;

	spin_lock(&all_processes_lock);
	list_for_each_entry(p, &all_processes, all_link)
		if (!pgid && p->first)
			pgid = p->pgid;
	if (pgid)
		signal_send_many(pgid, signo, SI_KERNEL);
	spin_unlock(&all_processes_lock);
}

void tty_input(struct tty *tty, const u8 *bytes, size_t size)
{
	struct echo e = { .n = 0 };
	int signo, pgid;
	size_t i;

	for (i = 0; i < size; i++) {
		spin_lock(&tty->lock);
		signo = type_char(tty, &e, bytes[i]);
		pgid = tty->pgid;
		spin_unlock(&tty->lock);
		/* Echo first: it has to appear before the program's reaction to the signal. */
		if (e.n && (signo || e.n > sizeof(e.bytes) / 2 || i + 1 == size)) {
			tty->ops->echo(tty, e.bytes, e.n);
			e.n = 0;
		}
		if (signo)
			signal_group(pgid, signo);
	}
	waitq_wake_all(&tty->read_wait);
}

size_t tty_room(struct tty *tty)
{
	u32 used = READ_ONCE(tty->tail) - READ_ONCE(tty->head);

	/* A line too long for the buffer loses its end, but its newline must still get in. */
	if ((tty->termios.c_lflag & ICANON) && READ_ONCE(tty->committed) == READ_ONCE(tty->head))
		return TTY_BUFFER;
	return used < TTY_BUFFER / 2 ? TTY_BUFFER / 2 - used : 0;
}

void tty_hangup(struct tty *tty)
{
	spin_lock(&tty->lock);
	tty->committed = tty->tail;
	tty->hung_up = true;
	spin_unlock(&tty->lock);
	waitq_wake_all(&tty->read_wait);
}
