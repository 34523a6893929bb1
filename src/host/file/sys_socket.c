// SPDX-License-Identifier: MIT
/*
 * sys_socket.c - system calls on sockets.
 *
 * Only AF_UNIX stream sockets exist. Other families and types fail with the errors that Linux
 * returns for unsupported ones. There is no ancillary data.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <asm/socket.h>
#include <string.h>
#include "proc/process.h"
#include "sys_file.h"
#include "proc/syscall.h"
#include "mm/uaccess.h"
#include "unix_socket.h"

/* Constants that the UAPI headers leave to the C library. */
#define AF_UNIX_FAMILY   1
#define SOCK_TYPE        0xf
#define SOCK_STREAM_     1
#define SOCK_FLAGS       (O_NONBLOCK | O_CLOEXEC)
#define MESSAGE_DONTWAIT 0x40
#define MESSAGE_NOSIGNAL 0x4000
#define MESSAGE_CLOEXEC  0x40000000
#define MESSAGE_KNOWN    (MESSAGE_DONTWAIT | MESSAGE_NOSIGNAL | MESSAGE_CLOEXEC)

struct user_msghdr {
	unsigned long name;
	u32 name_len, pad;
	unsigned long iov, iov_len;
	unsigned long control, control_len;
	u32 flags, pad2;
};

static int check_kind(unsigned int family, unsigned int type, unsigned int protocol)
{
	if (family != AF_UNIX_FAMILY)
		return -EAFNOSUPPORT;
	if ((type & ~(SOCK_TYPE | SOCK_FLAGS)) || (protocol && protocol != AF_UNIX_FAMILY))
		return -EPROTONOSUPPORT;
	return (type & SOCK_TYPE) == SOCK_STREAM_ ? 0 : -ESOCKTNOSUPPORT;
}

/* Install a file for s as a new descriptor. Takes over the reference on s, even on failure. */
static int socket_install(struct unix_socket *s, unsigned int flags)
{
	struct file *f = socket_file(s, flags & O_NONBLOCK);

	if (!f)
		return -ENOMEM;
	return fd_install_new(f, flags & O_CLOEXEC);
}

long sys_socket(struct trap_frame *frame)
{
	unsigned int type = (unsigned int)frame->a1;
	int err = check_kind((unsigned int)frame->a0, type, (unsigned int)frame->a2);
	struct unix_socket *s = err ? NULL : socket_new();

	if (err)
		return err;
	return s ? socket_install(s, type) : -ENOMEM;
}

long sys_socketpair(struct trap_frame *frame)
{
	unsigned int type = (unsigned int)frame->a1;
	struct unix_socket *a, *b;
	int fds[2], err;

	err = check_kind((unsigned int)frame->a0, type, (unsigned int)frame->a2);
	if (err)
		return err == -ESOCKTNOSUPPORT ? -EOPNOTSUPP : err;
	a = socket_new();
	b = a ? socket_new() : NULL;
	err = b ? socket_connect_pair(a, b) : -ENOMEM;
	if (err) {
		if (a)
			socket_put(a);
		if (b)
			socket_put(b);
		return err;
	}
	fds[0] = socket_install(a, type);
	fds[1] = socket_install(b, type);
	err = fds[0] < 0 ? fds[0] : fds[1] < 0 ? fds[1] : 0;
	if (!err)
		err = copy_to_user(frame->a3, fds, sizeof(fds));
	if (err && fds[0] >= 0)
		fd_close(fds[0]);
	if (err && fds[1] >= 0)
		fd_close(fds[1]);
	return err;
}

/* ---- names --------------------------------------------------------------------------------- */

static int get_name(unsigned long user, unsigned int len, struct unix_name *name)
{
	struct sockaddr_un sun = { 0 };
	const size_t head = offsetof(struct sockaddr_un, sun_path);

	if (len < head || len > sizeof(sun))
		return -EINVAL;
	if (copy_from_user(&sun, user, len))
		return -EFAULT;
	if (sun.sun_family != AF_UNIX_FAMILY)
		return -EINVAL;
	memset(name, 0, sizeof(*name));
	memcpy(name->path, sun.sun_path, len - head);
	name->len = len - head;
	if (name->path[0])
		name->len = strnlen(name->path, name->len);
	return 0;
}

static int put_name(const struct unix_name *name, unsigned long user, unsigned long user_len)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX_FAMILY };
	u32 room, len = (u32)(offsetof(struct sockaddr_un, sun_path) + name->len);

	if (!user)
		return 0;
	if (get_user(room, user_len))
		return -EFAULT;
	if ((int)room < 0)
		return -EINVAL;
	memcpy(sun.sun_path, name->path, MIN(name->len, sizeof(sun.sun_path)));
	if (name->len && name->path[0])
		len++; /* the length of a path includes its NUL */
	if (copy_to_user(user, &sun, MIN(MIN(room, len), (u32)sizeof(sun))))
		return -EFAULT;
	return put_user(len, user_len);
}

/* ---- calls on one socket -------------------------------------------------------------------- */

/*
 * Return the socket of descriptor fd, or NULL. Sets *err to 0 or -errno, and *f to the descriptor's
 * file or NULL. The caller puts *f, even on failure.
 */
static struct unix_socket *get_socket(int fd, struct file **f, long *err)
{
	struct unix_socket *s;

	*f = fd_get(fd);
	s = *f ? socket_of(*f) : NULL;
	*err = s ? 0 : *f ? -ENOTSOCK : -EBADF;
	return s;
}

/* bind() and connect(): each takes a descriptor and a name from user space. */
static long call_with_name(struct trap_frame *frame,
			   int (*call)(struct unix_socket *s, const struct unix_name *name))
{
	struct unix_name name;
	struct file *f;
	long err;
	struct unix_socket *s = get_socket((int)frame->a0, &f, &err);

	if (s)
		err = get_name(frame->a1, (unsigned int)frame->a2, &name);
	if (!err)
		err = call(s, &name);
	file_put(f);
	return err;
}

long sys_bind(struct trap_frame *frame)
{
	return call_with_name(frame, socket_bind);
}

long sys_connect(struct trap_frame *frame)
{
	return call_with_name(frame, socket_connect);
}

long sys_listen(struct trap_frame *frame)
{
	struct file *f;
	long err;
	struct unix_socket *s = get_socket((int)frame->a0, &f, &err);

	if (s)
		err = socket_listen(s, (int)frame->a1);
	file_put(f);
	return err;
}

/* Accept into a file that already exists, so that no connection is lost for lack of memory. */
static long accept_into(struct file *new, struct unix_socket *s, bool nonblock,
			const struct trap_frame *frame)
{
	struct unix_socket *accepted;
	struct unix_name name;
	long ret = socket_accept(s, nonblock, &accepted);

	if (ret)
		return ret;
	socket_attach(new, accepted);
	socket_name(accepted, true, &name);
	return put_name(&name, frame->a1, frame->a2);
}

static long do_accept(struct trap_frame *frame, unsigned int flags)
{
	struct file *f, *new = NULL;
	struct unix_socket *s;
	long ret;
	int fd;

	if (flags & ~SOCK_FLAGS)
		return -EINVAL;
	s = get_socket((int)frame->a0, &f, &ret);
	if (!s)
		goto put;
	ret = fd = fd_reserve();
	if (fd < 0)
		goto put;
	new = socket_file(NULL, flags & O_NONBLOCK);
	ret = new ? accept_into(new, s, f->flags & O_NONBLOCK, frame) : -ENOMEM;
	if (ret == 0) {
		ret = fd_fill(fd, new, flags & O_CLOEXEC);
		new = NULL;
	} else {
		fd_unreserve(fd);
	}
put:
	file_put(new);
	file_put(f);
	return ret;
}

long sys_accept(struct trap_frame *frame)
{
	return do_accept(frame, 0);
}

long sys_accept4(struct trap_frame *frame)
{
	return do_accept(frame, (unsigned int)frame->a3);
}

static long get_name_of(struct trap_frame *frame, bool peer)
{
	struct unix_name name;
	struct file *f;
	long err;
	struct unix_socket *s = get_socket((int)frame->a0, &f, &err);

	if (s)
		err = socket_name(s, peer, &name);
	if (!err)
		err = put_name(&name, frame->a1, frame->a2);
	file_put(f);
	return err;
}

long sys_getsockname(struct trap_frame *frame)
{
	return get_name_of(frame, false);
}

long sys_getpeername(struct trap_frame *frame)
{
	return get_name_of(frame, true);
}

long sys_shutdown(struct trap_frame *frame)
{
	struct file *f;
	long err;
	struct unix_socket *s = get_socket((int)frame->a0, &f, &err);

	if (s)
		err = socket_shutdown(s, (int)frame->a1);
	file_put(f);
	return err;
}

/* ---- options -------------------------------------------------------------------------------- */

static int option_value(const struct unix_socket *s, int name, int *value)
{
	switch (name) {
	case SO_TYPE:
		*value = SOCK_STREAM_;
		return 0;
	case SO_DOMAIN:
		*value = AF_UNIX_FAMILY;
		return 0;
	case SO_ERROR:
	case SO_PROTOCOL:
		*value = 0;
		return 0;
	case SO_ACCEPTCONN:
		*value = socket_is_listening(s);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

long sys_getsockopt(struct trap_frame *frame)
{
	struct file *f;
	long err;
	struct unix_socket *s = get_socket((int)frame->a0, &f, &err);
	u32 len = 0;
	int value = 0;

	if (s)
		err = (int)frame->a1 == SOL_SOCKET ? option_value(s, (int)frame->a2, &value)
						   : -EOPNOTSUPP;
	if (!err && get_user(len, frame->a4))
		err = -EFAULT;
	if (!err && (int)len < 0)
		err = -EINVAL;
	len = MIN(len, (u32)sizeof(value));
	if (!err && (copy_to_user(frame->a3, &value, len) || put_user(len, frame->a4)))
		err = -EFAULT;
	file_put(f);
	return err;
}

long sys_setsockopt(struct trap_frame *frame)
{
	struct file *f;
	long err;
	struct unix_socket *s = get_socket((int)frame->a0, &f, &err);

	if (s) /* SO_REUSEADDR has no meaning for AF_UNIX; accept it */
		err = (int)frame->a1 == SOL_SOCKET && (int)frame->a2 == SO_REUSEADDR ? 0
										     : -ENOPROTOOPT;
	file_put(f);
	return err;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static long move(struct unix_socket *s, struct file *f, bool send, unsigned long buf, size_t size,
		 unsigned int flags)
{
	bool nonblock = (f->flags & O_NONBLOCK) || (flags & MESSAGE_DONTWAIT);
	long ret;

	if (!send)
		return socket_receive(s, nonblock, buf, size);
	ret = socket_send(s, nonblock, buf, size);
	return ret == -EPIPE && !(flags & MESSAGE_NOSIGNAL) ? write_broken_pipe() : ret;
}

/* A stream's bytes go to its peer, so a call that names another destination is refused. */
static int check_destination(const struct unix_socket *s, u64 name, u32 len)
{
	if (!name || !len)
		return 0;
	if ((int)len < 0)
		return -EINVAL;
	return socket_is_connected(s) ? -EISCONN : -EOPNOTSUPP;
}

static long move_plain(struct trap_frame *frame, bool send)
{
	unsigned int flags = (unsigned int)frame->a3;
	struct file *f;
	long ret;
	struct unix_socket *s = get_socket((int)frame->a0, &f, &ret);

	if (s && (flags & ~MESSAGE_KNOWN))
		ret = -EOPNOTSUPP;
	else if (s && send)
		ret = check_destination(s, frame->a4, (u32)frame->a5);
	if (!ret)
		ret = move(s, f, send, frame->a1, MIN(frame->a2, RW_MAX), flags);
	if (ret >= 0 && !send && frame->a5)
		put_user((u32)0, frame->a5); /* a stream does not report a sender */
	file_put(f);
	return ret;
}

long sys_sendto(struct trap_frame *frame)
{
	return move_plain(frame, true);
}

long sys_recvfrom(struct trap_frame *frame)
{
	return move_plain(frame, false);
}

static long move_vector(struct unix_socket *s, struct file *f, bool send,
			const struct user_msghdr *msg, unsigned int flags)
{
	struct iovec iov;
	long done = 0, ret;
	size_t i;

	for (i = 0; i < msg->iov_len; i++) {
		if (get_user(iov, msg->iov + i * sizeof(iov)))
			return done ? done : -EFAULT;
		if (!iov.iov_len)
			continue;
		ret = move(s, f, send, (unsigned long)iov.iov_base, MIN(iov.iov_len, RW_MAX),
			   done && !send ? flags | MESSAGE_DONTWAIT : flags);
		if (ret < 0)
			return done ? done : ret;
		done += ret;
		if ((size_t)ret < iov.iov_len)
			break;
	}
	return done;
}

/*
 * Store only the members that are results, as Linux does: meanwhile, another thread may have
 * changed the others. A stream does not report a sender.
 */
static int put_message(unsigned long user, const struct user_msghdr *msg)
{
	const u32 none = 0;

	if (msg->name && put_user(none, user + offsetof(struct user_msghdr, name_len)))
		return -EFAULT;
	if (put_user(none, user + offsetof(struct user_msghdr, flags)))
		return -EFAULT;
	return put_user((u64)none, user + offsetof(struct user_msghdr, control_len));
}

static long move_message(struct trap_frame *frame, bool send)
{
	unsigned int flags = (unsigned int)frame->a2;
	struct user_msghdr msg;
	struct file *f;
	long ret;
	struct unix_socket *s = get_socket((int)frame->a0, &f, &ret);

	if (!ret && get_user(msg, frame->a1))
		ret = -EFAULT;
	if (!ret && msg.iov_len > UIO_MAXIOV)
		ret = -EMSGSIZE;
	if (!ret && ((flags & ~MESSAGE_KNOWN) || (send && msg.control_len)))
		ret = -EOPNOTSUPP;
	if (!ret && send)
		ret = check_destination(s, msg.name, msg.name_len);
	if (!ret)
		ret = move_vector(s, f, send, &msg, flags);
	if (ret >= 0 && !send && put_message(frame->a1, &msg))
		ret = -EFAULT;
	file_put(f);
	return ret;
}

long sys_sendmsg(struct trap_frame *frame)
{
	return move_message(frame, true);
}

long sys_recvmsg(struct trap_frame *frame)
{
	return move_message(frame, false);
}
