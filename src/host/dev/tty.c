// SPDX-License-Identifier: MIT
/*
 * tty.c - a terminal as a file: reading, writing, ioctls. tty_input.c handles typed input.
 *
 * Locks: tty->write_lock (sleeping) is held around a program's output, and tty->lock around changes
 * of termios and of the input buffer. User memory is never accessed under a spinlock.
 */
#include <linux/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <asm/signal.h>
#include <string.h>
#include "sched/clock.h"
#include "mm/page.h"
#include "file/poll.h"
#include "proc/process_impl.h"
#include "sched/thread.h"
#include "tty.h"
#include "mm/uaccess.h"

#define CHUNK 1024

static const u8 default_cc[NCCS] = {
	[VINTR] = 3,     [VQUIT] = 28,   [VERASE] = 127, [VKILL] = 21, [VEOF] = 4,
	[VMIN] = 1,      [VSTART] = 17,  [VSTOP] = 19,   [VSUSP] = 26, [VREPRINT] = 18,
	[VDISCARD] = 15, [VWERASE] = 23, [VLNEXT] = 22,
};

void tty_init(struct tty *tty, const struct tty_ops *ops, void *priv)
{
	tty->ops = ops;
	tty->priv = priv;
	mutex_init(&tty->write_lock);
	waitq_init(&tty->read_wait);
	tty->termios = (struct termios){
		.c_iflag = ICRNL | IXON,
		.c_oflag = OPOST | ONLCR,
		.c_cflag = B38400 | CS8 | CREAD | HUPCL,
		.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	};
	memcpy(tty->termios.c_cc, default_cc, sizeof(default_cc));
}

/* ---- reading ----------------------------------------------------------------------------- */

static bool readable(struct tty *tty, u32 least)
{
	return READ_ONCE(tty->committed) - READ_ONCE(tty->head) >= least || READ_ONCE(tty->hung_up);
}

/* Take characters from the buffer, but in canonical mode only up to the end of a line. */
static size_t take(struct tty *tty, u8 *to, size_t size, bool *line_end)
{
	bool canonical = tty->termios.c_lflag & ICANON;
	size_t n = 0;
	u16 c;

	spin_lock(&tty->lock);
	while (n < size && tty->head != tty->committed && !*line_end) {
		c = tty->buf[tty->head++ % TTY_BUFFER];
		if (c == TTY_EOF) {
			*line_end = canonical;
			continue;
		}
		to[n++] = (u8)c;
		if (canonical && (c == '\n' || (c && c == tty->termios.c_cc[VEOL])))
			*line_end = true;
	}
	spin_unlock(&tty->lock);
	return n;
}

static int take_all(struct tty *tty, unsigned long buf, size_t size, size_t *done, bool *line_end)
{
	u8 bytes[CHUNK];
	size_t n;

	while (*done < size && !*line_end) {
		n = take(tty, bytes, MIN(size - *done, sizeof(bytes)), line_end);
		if (!n)
			break;
		if (copy_to_user(buf + *done, bytes, n))
			return -EFAULT;
		*done += n;
	}
	return 0;
}

/*
 * Wait for input as the mode requires. Returns 1 if the caller has to read the buffer, 0 if the
 * read has to return 0, or -errno.
 */
static int wait_for_input(struct tty *tty, size_t size, bool nonblock)
{
	bool canonical = tty->termios.c_lflag & ICANON;
	u32 least = canonical ? 1 : tty->termios.c_cc[VMIN];
	u64 tenths = canonical ? 0 : tty->termios.c_cc[VTIME];
	u64 deadline = WAIT_FOREVER;
	int err;

	if (!canonical && least == 0 && !tenths)
		return readable(tty, 1);
	if (nonblock)
		return readable(tty, 1) ? 1 : -EAGAIN;
	if (tenths && least == 0)
		deadline = hv_time() + ns_to_ticks(tenths * 100000000ULL);
	err = wait_event_deadline(&tty->read_wait, readable(tty, 1), deadline);
	if (err == -ETIME)
		return 0;
	/* Wait for MIN characters or, if TIME is not 0, for a pause of TIME tenths of a second. */
	while (!err && least > 1 && !readable(tty, MIN(least, (u32)size))) {
		u32 before = READ_ONCE(tty->committed);

		deadline = tenths ? hv_time() + ns_to_ticks(tenths * 100000000ULL) : WAIT_FOREVER;
		err = wait_event_deadline(&tty->read_wait,
					  READ_ONCE(tty->committed) != before || tty->hung_up,
					  deadline);
		if (err == -ETIME)
			return 1;
	}
	return err ? err : 1;
}

/*
 * Returns 0 if the current process may use the terminal: the terminal has no foreground group or
 * belongs to another session, the process is in the foreground, or signo is SIGTTOU and the process
 * ignores or blocks that signal. Otherwise, returns -ERESTARTSYS after sending signo to the
 * process's job, or -EIO if the job cannot be stopped.
 */
static int check_foreground(struct tty *tty, int signo)
{
	const struct process *p = current_process;

	if (!tty->pgid || READ_ONCE(p->pgid) == tty->pgid ||
	    (tty->sid && READ_ONCE(p->sid) != tty->sid))
		return 0;
	return job_in_background(signo);
}

/* Call this after the buffer may have got free space: the device keeps input that did not fit. */
static void refill(struct tty *tty)
{
	if (tty->ops->refill)
		tty->ops->refill(tty);
}

static long tty_read(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	struct tty *tty = f->priv;
	size_t done = 0;
	bool line_end = false, waits;
	int ready, err;

	(void)pos;
	if (!size)
		return 0;
	ready = check_foreground(tty, SIGTTIN);
	if (ready)
		return ready;
	do { /* repeat if another reader took the input */
		ready = wait_for_input(tty, size, f->flags & O_NONBLOCK);
		if (ready <= 0)
			return ready;
		err = take_all(tty, buf, size, &done, &line_end);
		waits = (tty->termios.c_lflag & ICANON) || tty->termios.c_cc[VMIN];
	} while (!err && !done && !line_end && !tty->hung_up && waits);
	refill(tty); /* even if the copy failed: it has taken characters */
	return done ? (long)done : err;
}

/* ---- writing ----------------------------------------------------------------------------- */

/* Apply output processing. The result is at most twice as long as the input. */
static size_t process_output(const struct tty *tty, const u8 *from, size_t n, u8 *to)
{
	tcflag_t flags = tty->termios.c_oflag;
	size_t out = 0, i;

	for (i = 0; i < n; i++) {
		if ((flags & OPOST) && (flags & ONLCR) && from[i] == '\n')
			to[out++] = '\r';
		to[out++] = (flags & OPOST) && (flags & OCRNL) && from[i] == '\r' ? '\n' : from[i];
	}
	return out;
}

static long tty_write(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	struct tty *tty = f->priv;
	u8 *raw = kmalloc(3 * CHUNK), *cooked;
	size_t done = 0, n;
	long err = 0;

	(void)pos;
	if (!raw)
		return -ENOMEM;
	cooked = raw + CHUNK;
	if (tty->termios.c_lflag & TOSTOP)
		err = check_foreground(tty, SIGTTOU);
	if (!err)
		err = mutex_lock_interruptible(&tty->write_lock);
	if (err) {
		kfree(raw);
		return err;
	}
	while (done < size && err >= 0 && !(done && thread_signal_pending(current))) {
		n = MIN(size - done, CHUNK);
		err = copy_from_user(raw, buf + done, n);
		if (err)
			break;
		err = tty->ops->write(tty, cooked, process_output(tty, raw, n, cooked),
				      f->flags & O_NONBLOCK);
		if (err >= 0)
			done += n;
		irq_window();
	}
	mutex_unlock(&tty->write_lock);
	kfree(raw);
	return done ? (long)done : err;
}

/* ---- ioctl, poll -------------------------------------------------------------------------- */

static void set_termios(struct tty *tty, const struct termios *t, bool flush)
{
	spin_lock(&tty->lock);
	if (flush)
		tty->head = tty->committed = tty->tail;
	/* Outside canonical mode, the beginning of an unfinished line can be read immediately. */
	if (!(t->c_lflag & ICANON))
		tty->committed = tty->tail;
	tty->termios = *t;
	spin_unlock(&tty->lock);
	refill(tty);
	waitq_wake_all(&tty->read_wait);
}

static int input_size(struct tty *tty)
{
	u32 at;
	int n = 0;

	spin_lock(&tty->lock);
	for (at = tty->head; at != tty->committed; at++)
		n += tty->buf[at % TTY_BUFFER] != TTY_EOF;
	spin_unlock(&tty->lock);
	return n;
}

static long flush_input(struct tty *tty, unsigned long queue)
{
	if (queue > TCIOFLUSH)
		return -EINVAL;
	if (queue != TCOFLUSH) {
		spin_lock(&tty->lock);
		tty->head = tty->committed = tty->tail;
		spin_unlock(&tty->lock);
		refill(tty);
	}
	return 0;
}

static long ioctl_termios(struct tty *tty, unsigned int cmd, unsigned long arg)
{
	struct termios t;
	int err;

	if (cmd == TCGETS) {
		spin_lock(&tty->lock);
		t = tty->termios;
		spin_unlock(&tty->lock);
		return copy_to_user(arg, &t, sizeof(t));
	}
	if (copy_from_user(&t, arg, sizeof(t)))
		return -EFAULT;
	err = check_foreground(tty, SIGTTOU);
	if (err)
		return err;
	set_termios(tty, &t, cmd == TCSETSF);
	return 0;
}

static long ioctl_winsize(struct tty *tty, unsigned int cmd, unsigned long arg)
{
	struct winsize ws;

	if (cmd == TIOCGWINSZ)
		return copy_to_user(arg, &tty->winsize, sizeof(tty->winsize));
	if (copy_from_user(&ws, arg, sizeof(ws)))
		return -EFAULT;
	tty->winsize = ws;
	return 0;
}

/*
 * Make pgid the foreground process group: a shell gives the terminal to a job of its session, or
 * takes it back.
 */
static int set_foreground(struct tty *tty, int pgid)
{
	const struct process *p = current_process;
	int err = check_foreground(tty, SIGTTOU);

	if (err)
		return err == -EIO ? -ENOTTY : err; /* as on Linux */
	if (pgid < 0)
		return -EINVAL;
	spin_lock(&all_processes_lock); /* until the end: the group may leave the session */
	err = tty->sid && tty->sid != p->sid ? -ENOTTY : job_group_check(pgid, p->sid);
	if (!err) {
		tty->sid = p->sid;
		WRITE_ONCE(tty->pgid, pgid); /* tty_input() reads it without this lock */
	}
	spin_unlock(&all_processes_lock);
	return err;
}

static long ioctl_group(struct tty *tty, unsigned int cmd, unsigned long arg)
{
	int id;

	switch (cmd) {
	case TIOCGPGRP:
		id = tty->pgid ? tty->pgid : READ_ONCE(current_process->pgid);
		return put_user(id, arg);
	case TIOCGSID:
		id = tty->sid ? tty->sid : READ_ONCE(current_process->sid);
		return put_user(id, arg);
	case TIOCSPGRP:
		if (get_user(id, arg))
			return -EFAULT;
		return set_foreground(tty, id);
	default: /* TIOCSCTTY */
		if (READ_ONCE(current_process->sid) != current_process->pid)
			return -EPERM;
		tty->sid = READ_ONCE(current_process->sid);
		tty->pgid = READ_ONCE(current_process->pgid);
		return 0;
	}
}

static long tty_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct tty *tty = f->priv;

	switch (cmd) {
	case TCGETS:
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return ioctl_termios(tty, cmd, arg);
	case TIOCGWINSZ:
	case TIOCSWINSZ:
		return ioctl_winsize(tty, cmd, arg);
	case TIOCGPGRP:
	case TIOCSPGRP:
	case TIOCGSID:
	case TIOCSCTTY:
		return ioctl_group(tty, cmd, arg);
	case FIONREAD:
		return put_user((int)input_size(tty), arg);
	case TCFLSH:
		return flush_input(tty, arg);
	case TCSBRK:
	case TCXONC:
	case TIOCNOTTY:
		return 0;
	default:
		return -ENOTTY;
	}
}

static unsigned int tty_poll(struct file *f, struct poll_table *table)
{
	struct tty *tty = f->priv;
	unsigned int events = EPOLLOUT | EPOLLWRNORM;

	poll_wait(table, &tty->read_wait);
	if (tty->ops->poll_out)
		events = tty->ops->poll_out(tty, table);
	if (readable(tty, 1))
		events |= EPOLLIN | EPOLLRDNORM;
	if (tty->hung_up)
		events |= EPOLLHUP;
	return events;
}

static const struct file_ops tty_file_ops = {
	.read = tty_read,
	.write = tty_write,
	.ioctl = tty_ioctl,
	.poll = tty_poll,
};

int tty_attach(struct tty *tty, struct file *f)
{
	f->ops = &tty_file_ops;
	f->priv = tty;
	return 0;
}
