// SPDX-License-Identifier: MIT
/*
 * unix_socket.c - stream sockets between programs on this machine (AF_UNIX).
 *
 * A connection is two pipes, one for each direction. connect() creates the pipes and the far end, a
 * new socket, and puts that socket into the listener's backlog; accept() takes it from there. So a
 * client may write before it is accepted, as on Linux.
 *
 * Locks: sockets_lock (one sleeping lock for all sockets) is held to change names, states and
 * backlogs. The pipes of a connected socket never change, so bytes move without this lock.
 *
 * A connect() that waits for space in a backlog holds no reference on the listener, which may be
 * closed meanwhile. So all such calls wait in one queue, and look up the name again each time a
 * full backlog has got space or a listener has ended (`backlog_changes`).
 */
#include <linux/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/net.h>
#include <linux/stat.h>
#include <asm/ioctls.h>
#include <string.h>
#include "fs/inode.h"
#include "mm/page.h"
#include "pipe.h"
#include "poll.h"
#include "proc/process.h"
#include "sys_file.h"
#include "mm/uaccess.h"
#include "unix_socket.h"

#define BACKLOG_MAX 128U

enum {
	SHUT_RD,
	SHUT_WR,
	SHUT_RDWR
};

struct unix_socket {
	u32 refs;
	bool listening, connected;
	struct pipe *rx, *tx;         /* if connected */
	struct waitq wait;            /* woken when a client connects or listening ends */
	struct unix_socket **waiting; /* if listening: the clients' far ends, oldest first */
	unsigned int nr_waiting, max_waiting;
	struct list_head link; /* in `bound` */
	struct inode *inode;   /* the name's inode, if the name is a path */
	struct file *f;        /* the socket's file, without a reference; NULL: not accepted yet */
	struct unix_name name, peer_name;
};

static struct mutex sockets_lock;
static struct waitq connecting; /* waiting for space in a backlog */
static u32 backlog_changes;
static struct list_head bound = LIST_HEAD_INIT(bound);

void sockets_init(void)
{
	mutex_init(&sockets_lock);
	waitq_init(&connecting);
}

struct unix_socket *socket_new(void)
{
	struct unix_socket *s = kmalloc(sizeof(*s));

	if (!s)
		return NULL;
	s->refs = 1;
	waitq_init(&s->wait);

	list_init(&s->link);
	return s;
}

/* A full backlog has got space, or its listener has ended. sockets_lock is held. */
static void backlog_changed(void)
{
	WRITE_ONCE(backlog_changes, backlog_changes + 1);
	waitq_wake_all(&connecting);
}

/* Take the first client out of the backlog. NULL: the backlog is empty. */
static struct unix_socket *backlog_take(struct unix_socket *s)
{
	struct unix_socket *client = NULL;

	mutex_lock(&sockets_lock);
	if (s->nr_waiting) {
		if (s->nr_waiting >= s->max_waiting)
			backlog_changed();
		client = s->waiting[0];
		s->nr_waiting--;
		memmove(s->waiting, s->waiting + 1, s->nr_waiting * sizeof(struct unix_socket *));
	}
	mutex_unlock(&sockets_lock);
	return client;
}

void socket_put(struct unix_socket *s)
{
	struct unix_socket *client;

	if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
		return;
	mutex_lock(&sockets_lock);
	list_del(&s->link);
	if (s->listening)
		backlog_changed();
	mutex_unlock(&sockets_lock);
	while ((client = backlog_take(s)))
		socket_put(client);
	if (s->connected) {
		pipe_close(s->rx, false);
		pipe_close(s->tx, true);
	}
	inode_put(s->inode);
	kfree(s->waiting);
	kfree(s);
}

int socket_connect_pair(struct unix_socket *a, struct unix_socket *b)
{
	struct pipe *one = pipe_new(), *other = one ? pipe_new() : NULL;

	if (!other) {
		if (one)
			pipe_discard(one);
		return -ENOMEM;
	}
	a->tx = b->rx = one;
	a->rx = b->tx = other;
	b->peer_name = a->name;
	a->peer_name = b->name;
	/*
	 * Store with release order: a reader without the lock that sees `connected` also sees the
	 * pipes.
	 */
	__atomic_store_n(&a->connected, true, __ATOMIC_RELEASE);
	__atomic_store_n(&b->connected, true, __ATOMIC_RELEASE);
	return 0;
}

bool socket_is_connected(const struct unix_socket *s)
{
	return __atomic_load_n(&s->connected, __ATOMIC_ACQUIRE);
}

/* ---- names; find_bound() needs sockets_lock ------------------------------------------------ */

static bool is_abstract(const struct unix_name *name)
{
	return name->len && !name->path[0];
}

static struct unix_socket *find_bound(const struct unix_name *name, const struct inode *inode)
{
	struct unix_socket *s;
	unsigned int n = 0;

	list_for_each_entry(s, &bound, link) {
		if (++n % 64 == 0)
			irq_window();
		if (inode ? s->inode == inode
			  : s->name.len == name->len &&
				    !memcmp(s->name.path, name->path, name->len))
			return s;
	}
	return NULL;
}

/*
 * Create the socket file `path` and set *inode to its inode, with a reference. Returns 0 or -errno.
 */
static int make_socket_file(const char *path, struct inode **inode)
{
	struct inode *start = path_start();
	struct walk w;
	int err;

	mutex_lock(&tree_lock);
	err = path_walk(start, path, WALK_PARENT, &w);
	if (!err) {
		*inode = tree_inode_alloc(S_IFSOCK | (0777 & ~READ_ONCE(current_process->umask)));
		err = dir_may_add(w.inode, w.last);
		if (!err)
			err = *inode ? dir_add(w.inode, w.last, *inode) : -ENOMEM;
		if (err) {
			inode_put(*inode);
			*inode = NULL;
		}
		inode_put(w.inode);
	}
	mutex_unlock(&tree_lock);
	inode_put(start);
	return err == -EEXIST ? -EADDRINUSE : err;
}

static int find_socket_file(const char *path, struct inode **inode)
{
	struct inode *start = path_start();
	struct walk w;
	int err;

	mutex_lock(&tree_lock);
	err = path_walk(start, path, 0, &w);
	mutex_unlock(&tree_lock);
	inode_put(start);
	if (err)
		return err;
	*inode = w.inode;
	if (S_ISSOCK(w.inode->mode))
		return 0;
	inode_put(w.inode);
	return -ECONNREFUSED;
}

/* ---- called by the system calls ------------------------------------------------------------ */

int socket_bind(struct unix_socket *s, const struct unix_name *name)
{
	int err = 0;

	if (!name->len)
		return -EINVAL;
	mutex_lock(&sockets_lock);
	if (s->name.len)
		err = -EINVAL;
	else if (!is_abstract(name))
		err = make_socket_file(name->path, &s->inode);
	else if (find_bound(name, NULL))
		err = -EADDRINUSE;
	if (!err) {
		s->name = *name;
		list_add(&s->link, &bound);
	}
	mutex_unlock(&sockets_lock);
	return err;
}

int socket_listen(struct unix_socket *s, int backlog)
{
	int err = -EINVAL;

	mutex_lock(&sockets_lock);
	if (s->name.len && !s->connected) {
		if (!s->waiting)
			s->waiting = kmalloc(BACKLOG_MAX * sizeof(struct unix_socket *));
		err = s->waiting ? 0 : -ENOMEM;
		s->max_waiting = MIN((unsigned int)MAX(backlog, 0) + 1, BACKLOG_MAX);
		WRITE_ONCE(s->listening, !err);
		backlog_changed();
	}
	mutex_unlock(&sockets_lock);
	return err;
}

/*
 * Connect s to `far`, a new socket. On success, `far` is in the listener's backlog. sockets_lock is
 * held. Returns 0 or -errno.
 */
static int connect_to(struct unix_socket *s, struct unix_socket *far, struct unix_socket *listener)
{
	int err;

	if (!listener || !listener->listening)
		return -ECONNREFUSED;
	if (s->connected)
		return -EISCONN;
	if (s->listening)
		return -EINVAL;
	if (listener->nr_waiting >= listener->max_waiting)
		return -EAGAIN;
	far->name = listener->name;
	err = socket_connect_pair(s, far);
	if (err)
		return err;
	listener->waiting[listener->nr_waiting] = far;
	WRITE_ONCE(listener->nr_waiting, listener->nr_waiting + 1);
	waitq_wake_all(&listener->wait);
	return 0;
}

/* -EAGAIN: the backlog is full. */
static int try_connect(struct unix_socket *s, const struct unix_name *name)
{
	struct inode *inode = NULL;
	struct unix_socket *far;
	int err = 0;

	if (!is_abstract(name))
		err = find_socket_file(name->path, &inode);
	if (err)
		return err;
	far = socket_new();
	if (far) {
		mutex_lock(&sockets_lock);
		err = connect_to(s, far, find_bound(name, inode));
		mutex_unlock(&sockets_lock);
		if (err)
			socket_put(far); /* takes the lock */
		else
			epoll_queues_changed(s->f); /* epolls must now wait on the pipes too */
	} else {
		err = -ENOMEM;
	}
	inode_put(inode);
	return err;
}

int socket_connect(struct unix_socket *s, const struct unix_name *name)
{
	u32 seen;
	int err;

	if (!name->len)
		return -EINVAL;
	for (;;) {
		seen = READ_ONCE(backlog_changes);
		err = try_connect(s, name);
		if (err != -EAGAIN || (s->f->flags & O_NONBLOCK))
			return err;
		err = wait_event_interruptible(&connecting, READ_ONCE(backlog_changes) != seen);
		if (err)
			return err;
	}
}

int socket_accept(struct unix_socket *s, bool nonblock, struct unix_socket **accepted)
{
	int err = 0;

	*accepted = NULL;
	while (!err && !*accepted) {
		if (!READ_ONCE(s->listening))
			err = -EINVAL;
		else
			*accepted = backlog_take(s);
		if (!err && !*accepted && nonblock)
			err = -EAGAIN;
		if (!err && !*accepted)
			err = wait_event_interruptible(&s->wait, READ_ONCE(s->nr_waiting) ||
									 !READ_ONCE(s->listening));
	}
	return err;
}

int socket_shutdown(struct unix_socket *s, int how)
{
	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	mutex_lock(&sockets_lock);
	if (s->listening && how != SHUT_WR) {
		s->listening = false;
		waitq_wake_all(&s->wait);
		backlog_changed();
	}
	mutex_unlock(&sockets_lock);
	if (!socket_is_connected(s))
		return s->name.len ? 0 : -ENOTCONN;
	if (how != SHUT_WR) {
		pipe_hang_up(s->rx, false);
		pipe_hang_up(s->rx, true); /* our own reads also end */
	}
	if (how != SHUT_RD)
		pipe_hang_up(s->tx, true);
	return 0;
}

long socket_send(struct unix_socket *s, bool nonblock, unsigned long buf, size_t size)
{
	return socket_is_connected(s) ? pipe_put(s->tx, nonblock, buf, size) : -ENOTCONN;
}

long socket_receive(struct unix_socket *s, bool nonblock, unsigned long buf, size_t size)
{
	return socket_is_connected(s) ? pipe_get(s->rx, nonblock, buf, size) : -EINVAL;
}

int socket_name(struct unix_socket *s, bool peer, struct unix_name *name)
{
	if (peer && !socket_is_connected(s))
		return -ENOTCONN;
	mutex_lock(&sockets_lock);
	*name = peer ? s->peer_name : s->name;
	mutex_unlock(&sockets_lock);
	return 0;
}

bool socket_is_listening(const struct unix_socket *s)
{
	return READ_ONCE(s->listening);
}

/* ---- the file ------------------------------------------------------------------------------ */

static long socket_read(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	(void)pos;
	return socket_receive(f->priv, f->flags & O_NONBLOCK, buf, size);
}

static long socket_write(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	long ret = socket_send(f->priv, f->flags & O_NONBLOCK, buf, size);

	(void)pos;
	return ret == -EPIPE ? write_broken_pipe() : ret;
}

static long socket_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct unix_socket *s = f->priv;

	if (cmd != FIONREAD)
		return -ENOTTY;
	return put_user((int)(socket_is_connected(s) ? pipe_filled(s->rx) : 0), arg);
}

static unsigned int socket_poll(struct file *f, struct poll_table *table)
{
	struct unix_socket *s = f->priv;
	unsigned int events;

	poll_wait(table, &s->wait);
	if (!socket_is_connected(s)) {
		if (socket_is_listening(s))
			return READ_ONCE(s->nr_waiting) ? EPOLLIN | EPOLLRDNORM : 0;
		return EPOLLOUT | EPOLLHUP;
	}
	events = pipe_poll_end(s->rx, false, table) | pipe_poll_end(s->tx, true, table);
	/* EPOLLHUP of rx: reads return the remaining data, then 0. EPOLLERR of tx: writes fail. */
	if (events & EPOLLHUP)
		events = (events & ~EPOLLHUP) | EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (events & EPOLLERR)
		events = (events & ~EPOLLERR) | EPOLLHUP | EPOLLOUT | EPOLLWRNORM;
	return events;
}

static void socket_release(struct file *f)
{
	if (f->priv)
		socket_put(f->priv);
}

static const struct file_ops socket_ops = {
	.read = socket_read,
	.write = socket_write,
	.ioctl = socket_ioctl,
	.poll = socket_poll,
	.release = socket_release,
};

void socket_attach(struct file *f, struct unix_socket *s)
{
	f->priv = s;
	s->f = f;
}

struct file *socket_file(struct unix_socket *s, unsigned int flags)
{
	struct file *f = file_alloc(&socket_ops, NULL, O_RDWR | flags);

	if (!f) {
		if (s)
			socket_put(s);
		return NULL;
	}
	f->kind = S_IFSOCK | 0777;
	f->anon_name = "socket:[1]";
	if (s)
		socket_attach(f, s);
	return f;
}

struct unix_socket *socket_of(struct file *f)
{
	return f->ops == &socket_ops ? f->priv : NULL;
}
