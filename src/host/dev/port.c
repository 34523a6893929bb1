// SPDX-License-Identifier: MIT
/*
 * port.c - a port's buffers, and the port as a program sees it: a pipe or a terminal.
 *
 * A buffer is in exactly one place: with the device (in the queue), in `filled`, in `free`, or with
 * the writer that took it from `free`. A reader copies from a buffer that stays in `filled`.
 */
#include <linux/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include "mm/page.h"
#include "file/poll.h"
#include "port_impl.h"
#include "file/sys_file.h"
#include "mm/uaccess.h"

#define TX_ORDER 2

/* ---- buffers and queues; rx_post() and *_collect() need port->lock -------------------------- */

static void rx_post(struct port *p, struct port_buf *b)
{
	struct virtq_seg seg = { .pa = va_to_pa(b->data), .len = PORT_RX_SIZE };

	b->at = b->len = 0;
	virtq_add(&p->rx, &seg, 0, 1, b);
}

/* Collect the buffers that the device has returned. Returns true if there were any. */
static bool rx_collect(struct port *p)
{
	struct port_buf *b;
	bool any = false;
	u32 len;

	while ((b = virtq_get(&p->rx, &len))) {
		b->len = MIN(len, (u32)PORT_RX_SIZE);
		b->at = 0;
		if (b->len)
			list_add_tail(&b->link, &p->filled);
		else
			rx_post(p, b);
		any = true;
	}
	return any;
}

static void tx_collect(struct port *p)
{
	struct port_buf *b;
	u32 len;

	while ((b = virtq_get(&p->tx, &len))) {
		list_add_tail(&b->link, &p->free);
		p->sending--;
	}
}

static struct port_buf *tx_take(struct port *p)
{
	struct port_buf *b = NULL;

	spin_lock(&p->lock);
	tx_collect(p);
	if (!list_empty(&p->free)) {
		b = list_first_entry(&p->free, struct port_buf, link);
		list_del(&b->link);
	}
	/* Ask for an interrupt only if no buffer is free: the caller may be about to wait. */
	virtq_want_interrupt(&p->tx, !b);
	if (!b) {
		tx_collect(p); /* the device may have returned buffers before it saw the request */
		if (!list_empty(&p->free)) {
			b = list_first_entry(&p->free, struct port_buf, link);
			list_del(&b->link);
		}
	}
	spin_unlock(&p->lock);
	return b;
}

static void tx_return(struct port *p, struct port_buf *b)
{
	spin_lock(&p->lock);
	list_add(&b->link, &p->free);
	spin_unlock(&p->lock);
	waitq_wake_all(&p->tx_wait);
}

static void tx_send(struct port *p, struct port_buf *b, u32 len)
{
	struct virtq_seg seg = { .pa = va_to_pa(b->data), .len = len };

	spin_lock(&p->lock);
	virtq_add(&p->tx, &seg, 1, 0, b);
	p->sending++;
	virtq_kick(&p->tx);
	spin_unlock(&p->lock);
}

int port_setup(struct port *p, struct virtio_dev *dev, u32 id)
{
	/* Port 0 has queues 0 and 1; 2 and 3 are the control queues. */
	unsigned int queue = id ? 2 + 2 * id : 0, i;
	hpa_t pa;
	int err;

	p->id = id;
	waitq_init(&p->rx_wait);
	waitq_init(&p->tx_wait);
	mutex_init(&p->read_lock);
	list_init(&p->filled);
	list_init(&p->free);
	err = virtq_setup(dev, &p->rx, queue, PORT_RX);
	if (!err)
		err = virtq_setup(dev, &p->tx, queue + 1, PORT_TX);
	if (err)
		return err;
	for (i = 0; i < PORT_RX; i++) {
		pa = page_alloc(0);
		if (!pa)
			return -ENOMEM;
		p->rx_buf[i].data = pa_to_va(pa);
		rx_post(p, &p->rx_buf[i]);
	}
	for (i = 0; i < PORT_TX; i++) {
		pa = page_alloc(TX_ORDER);
		if (!pa)
			return -ENOMEM;
		p->tx_buf[i].data = pa_to_va(pa);
		list_add_tail(&p->tx_buf[i].link, &p->free);
	}
	return 0;
}

/*
 * QEMU checks whether a port accepts input only when its main loop happens to run, or when the
 * queue is kicked. Without this kick, input typed before the port was opened could wait forever.
 */
void port_offer_input(struct port *p)
{
	spin_lock(&p->lock);
	virtq_kick(&p->rx);
	spin_unlock(&p->lock);
}

/* ---- notifications from the device ---------------------------------------------------------- */

/* Pass input to the terminal while it has room. The rest waits in `filled`. */
static void tty_feed(struct port *p)
{
	u8 bytes[256];
	struct port_buf *b;
	size_t n, room;

	spin_lock(&p->feed_lock);
	for (;;) {
		room = MIN(tty_room(p->tty), sizeof(bytes));
		spin_lock(&p->lock);
		if (!room || list_empty(&p->filled)) {
			spin_unlock(&p->lock);
			break;
		}
		b = list_first_entry(&p->filled, struct port_buf, link);
		n = MIN(room, (size_t)(b->len - b->at));
		memcpy(bytes, b->data + b->at, n);
		b->at += (u32)n;
		if (b->at == b->len) {
			list_del(&b->link);
			rx_post(p, b);
			virtq_kick(&p->rx);
		}
		spin_unlock(&p->lock);
		tty_input(p->tty, bytes, n);
	}
	if (!__atomic_load_n(&p->open, __ATOMIC_ACQUIRE) && list_empty(&p->filled))
		tty_hangup(p->tty);
	spin_unlock(&p->feed_lock);
}

void port_interrupt(struct port *p)
{
	bool input, output;

	spin_lock(&p->lock);
	input = rx_collect(p);
	/* A reader finds the next buffers itself, and asks for an interrupt before it waits. */
	if (input && !p->tty)
		virtq_want_interrupt(&p->rx, false);
	output = virtq_has_used(&p->tx);
	if (output)
		tx_collect(p);
	spin_unlock(&p->lock);
	if (input && p->tty)
		tty_feed(p);
	if (input)
		waitq_wake_all(&p->rx_wait);
	if (output)
		waitq_wake_all(&p->tx_wait);
}

void port_far_end(struct port *p, bool open)
{
	port_interrupt(p); /* collect the data that came before the far end's change of state */
	/* Release: a thread that finds the port closed also finds the data that came before. */
	__atomic_store_n(&p->open, open, __ATOMIC_RELEASE);
	if (!open && p->tty)
		tty_feed(p);
	waitq_wake_all(&p->rx_wait);
	waitq_wake_all(&p->tx_wait);
}

unsigned int port_unsent(struct port *p)
{
	unsigned int n;

	spin_lock(&p->lock);
	tx_collect(p);
	n = READ_ONCE(p->open) ? p->sending : 0;
	spin_unlock(&p->lock);
	return n;
}

/* ---- output ---------------------------------------------------------------------------------- */

static bool can_write(void *arg)
{
	struct port *p = arg;

	return !list_empty(&p->free) || virtq_has_used(&p->tx) || !READ_ONCE(p->open);
}

/*
 * Get a buffer to fill; wait for one unless nonblock is set. Returns 0, -EPIPE if the far end is
 * gone, -EAGAIN, or -EINTR.
 */
static int tx_wait_for(struct port *p, bool nonblock, struct port_buf **b)
{
	int err = 0;

	while (!err) {
		if (!READ_ONCE(p->open))
			return -EPIPE;
		*b = tx_take(p);
		if (*b)
			return 0;
		err = nonblock ? -EAGAIN : port_wait(&p->tx_wait, can_write, p, WAIT_FOREVER);
	}
	return err;
}

static long port_write(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	struct port *p = f->priv;
	struct port_buf *b;
	size_t done = 0, n;
	int err = 0;

	(void)pos;
	while (done < size) {
		err = tx_wait_for(p, f->flags & O_NONBLOCK, &b);
		if (err)
			break;
		n = MIN(size - done, (size_t)PORT_TX_SIZE);
		err = copy_from_user(b->data, buf + done, n);
		if (err) {
			tx_return(p, b);
			break;
		}
		tx_send(p, b, (u32)n);
		done += n;
		err = irq_window_killable();
		if (err)
			break;
	}
	if (!done && err == -EPIPE)
		return write_broken_pipe();
	return done ? (long)done : err;
}

static long port_tty_write(struct tty *tty, const u8 *buf, size_t size, bool nonblock)
{
	struct port *p = tty->priv;
	struct port_buf *b;
	int err = tx_wait_for(p, nonblock, &b);

	if (err)
		return err == -EPIPE ? -EIO : err;
	memcpy(b->data, buf, size); /* tty_write() never passes more than fits in a buffer */
	tx_send(p, b, (u32)size);
	return (long)size;
}

static void port_tty_echo(struct tty *tty, const u8 *buf, size_t size)
{
	struct port *p = tty->priv;
	struct port_buf *b = READ_ONCE(p->open) ? tx_take(p) : NULL;

	if (!b)
		return;
	memcpy(b->data, buf, size);
	tx_send(p, b, (u32)size);
}

static unsigned int poll_out(struct port *p, struct poll_table *table)
{
	unsigned int events = 0;

	poll_wait(table, &p->tx_wait);
	spin_lock(&p->lock);
	tx_collect(p);
	if (!list_empty(&p->free))
		events = EPOLLOUT | EPOLLWRNORM;
	virtq_want_interrupt(&p->tx, !events);
	spin_unlock(&p->lock);
	return events;
}

/* ---- input ----------------------------------------------------------------------------------- */

static bool has_input(struct port *p)
{
	return !list_empty(&p->filled) || virtq_has_used(&p->rx);
}

static bool can_read(void *arg)
{
	struct port *p = arg;

	return has_input(p) || !READ_ONCE(p->open);
}

/*
 * Like can_read(), but ask for an interrupt if there is nothing to read. Then check again, because
 * input may have come before the device saw the request.
 */
static bool can_read_or_arm(struct port *p)
{
	if (can_read(p))
		return true;
	virtq_want_interrupt(&p->rx, true);
	return can_read(p);
}

/*
 * Return the oldest filled buffer, or NULL. Called with read_lock held, so the buffer stays ours
 * while we copy without the spinlock.
 */
static struct port_buf *rx_first(struct port *p)
{
	struct port_buf *b = NULL;

	spin_lock(&p->lock);
	if (list_empty(&p->filled))
		rx_collect(p);
	if (!list_empty(&p->filled))
		b = list_first_entry(&p->filled, struct port_buf, link);
	spin_unlock(&p->lock);
	return b;
}

static void rx_done(struct port *p, struct port_buf *b)
{
	spin_lock(&p->lock);
	list_del(&b->link);
	rx_post(p, b);
	virtq_kick(&p->rx);
	spin_unlock(&p->lock);
}

static long rx_copy(struct port *p, unsigned long buf, size_t size)
{
	struct port_buf *b;
	size_t done = 0, n;

	while (done < size && (b = rx_first(p))) {
		n = MIN(size - done, (size_t)(b->len - b->at));
		if (copy_to_user(buf + done, b->data + b->at, n))
			return done ? (long)done : -EFAULT;
		b->at += (u32)n;
		done += n;
		if (b->at == b->len)
			rx_done(p, b);
	}
	return (long)done;
}

static long port_read(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	struct port *p = f->priv;
	long ret = 0;

	(void)pos;
	if (!size)
		return 0;
	while (!ret) {
		/* Check once: if another reader takes the input, O_NONBLOCK must not wait. */
		ret = can_read_or_arm(p) ? 0 : -EAGAIN;
		if (ret && !(f->flags & O_NONBLOCK))
			ret = port_wait(&p->rx_wait, can_read, p, WAIT_FOREVER);
		if (ret)
			break;
		ret = mutex_lock_interruptible(&p->read_lock);
		if (ret)
			break;
		ret = rx_copy(p, buf, size);
		mutex_unlock(&p->read_lock);
		if (!ret && !__atomic_load_n(&p->open, __ATOMIC_ACQUIRE) && !has_input(p))
			break; /* the end of input */
	}
	return ret;
}

/* ---- files ----------------------------------------------------------------------------------- */

static unsigned int port_poll(struct file *f, struct poll_table *table)
{
	struct port *p = f->priv;
	unsigned int events = 0;
	bool open;

	poll_wait(table, &p->rx_wait);
	open = READ_ONCE(p->open);
	if (file_is_writable(f))
		events |= open ? poll_out(p, table) : EPOLLERR;
	if (file_is_readable(f) && can_read_or_arm(p))
		events |= EPOLLIN | EPOLLRDNORM;
	if (file_is_readable(f) && !open)
		events |= EPOLLHUP;
	return events;
}

static const struct file_ops port_file_ops = {
	.read = port_read,
	.write = port_write,
	.poll = port_poll,
};

struct file *port_file(struct port *p, unsigned int flags)
{
	struct file *f = file_alloc(&port_file_ops, p, flags);

	if (f) {
		f->kind = S_IFIFO | 0600;
		f->anon_name = "pipe:[1]";
	}
	return f;
}

static unsigned int port_tty_poll_out(struct tty *tty, struct poll_table *table)
{
	return poll_out(tty->priv, table);
}

static void port_tty_refill(struct tty *tty)
{
	tty_feed(tty->priv);
}

static const struct tty_ops port_tty_ops = {
	.write = port_tty_write,
	.echo = port_tty_echo,
	.poll_out = port_tty_poll_out,
	.refill = port_tty_refill,
};

struct tty *port_tty(struct port *p)
{
	struct tty *tty;

	if (p->tty)
		return p->tty;
	tty = kmalloc(sizeof(*tty));
	if (!tty)
		return NULL;
	tty_init(tty, &port_tty_ops, p);
	/* From here on, every filled buffer causes an interrupt: ^C must not wait for a reader. */
	spin_lock(&p->lock);
	p->tty = tty;
	virtq_want_interrupt(&p->rx, true);
	rx_collect(p);
	spin_unlock(&p->lock);
	tty_feed(p);
	return tty;
}
