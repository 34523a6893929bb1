// SPDX-License-Identifier: MIT
/*
 * file_socket.c - AF_UNIX stream sockets.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "descriptors.h"
#include "tap.h"

static struct sockaddr_un addr;
static socklen_t addr_len;

static void set_path(const char *path)
{
	memset(&addr, 0, sizeof(addr));
	addr.sun_family = AF_UNIX;
	strcpy(addr.sun_path, path);
	addr_len = sizeof(addr);
}

static int bind_it(int fd)
{
	return bind(fd, (struct sockaddr *)&addr, addr_len);
}

static int connect_it(int fd)
{
	return connect(fd, (struct sockaddr *)&addr, addr_len);
}

static void test_destination(const int s[2], struct msghdr *msg)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const struct sockaddr *addr = (const struct sockaddr *)&to;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char c = 0;

	fails_with(sendto(s[1], "x", 1, 0, addr, sizeof(to)), EISCONN,
		   "sendto() with a destination fails with EISCONN on a connected socket");
	fails_with(sendto(fd, "x", 1, 0, addr, sizeof(to)), EOPNOTSUPP,
		   "sendto() with a destination fails with EOPNOTSUPP on another socket");
	ok(sendto(s[1], "y", 1, 0, addr, 0) == 1 && read(s[0], &c, 1) == 1 && c == 'y',
	   "sendto() with a destination of length 0 sends to the peer");
	msg->msg_name = &to;
	msg->msg_namelen = sizeof(to);
	fails_with(sendmsg(s[1], msg, 0), EISCONN, "sendmsg() with a destination fails as well");
	msg->msg_name = NULL;
	close(fd);
}

static void test_pair(void)
{
	char buf[16] = "", other[16] = "";
	struct iovec iov[2] = { { buf, 3 }, { other, 4 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	struct stat st;
	int s[2], n;

	ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) == 0,
	   "socketpair() creates two sockets");
	ok(fcntl(s[0], F_GETFD) == FD_CLOEXEC && fstat(s[0], &st) == 0 && S_ISSOCK(st.st_mode),
	   "fstat() reports a socket, and SOCK_CLOEXEC sets close-on-exec");
	ok(write(s[0], "ping", 4) == 4 && read(s[1], buf, 16) == 4 && !memcmp(buf, "ping", 4),
	   "data written to one socket of a pair is read from the other");
	ok(send(s[1], "pong", 4, 0) == 4 && recv(s[0], buf, 16, 0) == 4 && !memcmp(buf, "pong", 4),
	   "data sent in the other direction is received");
	fails_with(recv(s[0], buf, 1, MSG_DONTWAIT), EAGAIN,
		   "recv() with MSG_DONTWAIT fails with EAGAIN if there is no data");
	write(s[0], "abcdefg", 7);
	ok(ioctl(s[1], FIONREAD, &n) == 0 && n == 7,
	   "FIONREAD returns the number of bytes to read");
	ok(recvmsg(s[1], &msg, 0) == 7 && !memcmp(buf, "abc", 3) && !memcmp(other, "defg", 4),
	   "recvmsg() fills its buffers in order");
	ok(sendmsg(s[1], &msg, 0) == 7 && read(s[0], buf, 16) == 7 && !memcmp(buf, "abcdefg", 7),
	   "sendmsg() sends its buffers in order");
	test_destination(s, &msg);
	fails_with(lseek(s[0], 0, SEEK_SET), ESPIPE, "lseek() of a socket fails with ESPIPE");
	ok(shutdown(s[0], SHUT_WR) == 0 && read(s[1], buf, 1) == 0,
	   "after SHUT_WR, the other socket reads end of file");
	ok(write(s[1], "x", 1) == 1 && read(s[0], buf, 1) == 1,
	   "after SHUT_WR, data can still be sent in the other direction");
	close(s[0]);
	signal(SIGPIPE, SIG_IGN);
	fails_with(write(s[1], "x", 1), EPIPE,
		   "a write fails with EPIPE after the other socket is closed");
	close(s[1]);
	fails_with(socketpair(AF_UNIX, SOCK_STREAM, 77, s), EPROTONOSUPPORT,
		   "socketpair() with an unknown protocol fails with EPROTONOSUPPORT");
	fails_with(socket(12345, SOCK_STREAM, 0), EAFNOSUPPORT,
		   "socket() with an unknown address family fails with EAFNOSUPPORT");
}

static void *client(void *arg)
{
	static char block[300000];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	long sum = 0, n;

	(void)arg;
	if (connect_it(fd))
		return (void *)-1L;
	memset(block, 'c', sizeof(block));
	sum = write(fd, block, sizeof(block)) != sizeof(block);
	shutdown(fd, SHUT_WR);
	while ((n = read(fd, block, sizeof(block))) > 0)
		sum += n;
	close(fd);
	return (void *)sum;
}

static void test_server(const char *title)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), conn, ep = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN };
	struct sockaddr_un name;
	socklen_t len = sizeof(name);
	static char buf[10000];
	long sum = 0, n;
	pthread_t t;
	void *ret;
	int other;

	printf("# %s\n", title);
	fails_with(connect_it(fd), addr.sun_path[0] ? ENOENT : ECONNREFUSED,
		   "connect() to a name that is not bound fails with ENOENT or ECONNREFUSED");
	ok(bind_it(fd) == 0, "a socket can be bound to a free name");
	other = socket(AF_UNIX, SOCK_STREAM, 0);
	fails_with(bind_it(other), EADDRINUSE, "bind() to a name in use fails with EADDRINUSE");
	fails_with(connect_it(other), ECONNREFUSED,
		   "connect() to a socket that does not listen fails with ECONNREFUSED");
	ok(listen(fd, 5) == 0, "a bound socket can listen");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	fails_with(accept(fd, NULL, NULL), EAGAIN,
		   "a non-blocking accept without a client fails with EAGAIN");
	fcntl(fd, F_SETFL, 0);
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	pthread_create(&t, NULL, client, NULL);
	ok(epoll_wait(ep, &ev, 1, 5000) == 1 && ev.events == EPOLLIN,
	   "epoll reports a client that connects");
	conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	ok(conn >= 0, "accept() returns the client's connection");
	ok(getsockname(conn, (struct sockaddr *)&name, &len) == 0 && name.sun_family == AF_UNIX &&
		   !memcmp(name.sun_path, addr.sun_path, 8),
	   "getsockname() returns the listener's name");
	while ((n = read(conn, buf, sizeof(buf))) > 0)
		sum += n;
	ok(sum == 300000, "the server reads all of the client's data, then end of file");
	ok(write(conn, buf, 777) == 777 && close(conn) == 0,
	   "the server can answer and close the connection");
	pthread_join(t, &ret);
	ok((long)ret == 777, "the client reads the whole answer");
	/*
	 * Write before the connection is accepted. The listener is closed without accepting the
	 * connection.
	 */
	ok(connect_it(other) == 0 && write(other, "early", 5) == 5,
	   "a client can write before its connection is accepted");
	fails_with(connect_it(other), EISCONN,
		   "connect() of a connected socket fails with EISCONN");
	close(fd);
	ok(read(other, buf, 1) <= 0,
	   "closing a listener ends connections that it has not accepted");
	close(other);
	close(ep);
}

/*
 * An epoll instance that watches an unconnected socket reports the socket's events once the socket
 * is connected.
 */
static void test_watched_first(unsigned int mode, const char *what)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP | mode };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), s = socket(AF_UNIX, SOCK_STREAM, 0), conn;
	int ep = epoll_create1(0);
	char byte;

	printf("# %s\n", what);
	bind_it(fd);
	listen(fd, 1);
	epoll_ctl(ep, EPOLL_CTL_ADD, s, &ev);
	ok(epoll_wait(ep, &ev, 1, 0) == 1 && ev.events == EPOLLHUP,
	   "epoll reports EPOLLHUP for an unconnected socket");
	ok(connect_it(s) == 0 && epoll_wait(ep, &ev, 1, 0) == 0,
	   "epoll reports no event for the connection itself");
	conn = accept(fd, NULL, NULL);
	ok(write(conn, "x", 1) == 1 && epoll_wait(ep, &ev, 1, 1000) == 1 && ev.events == EPOLLIN,
	   "epoll reports data that arrives later");
	ok(read(s, &byte, 1) == 1 && epoll_wait(ep, &ev, 1, 0) == 0,
	   "epoll reports nothing after the data has been read");
	close(conn);
	ok(epoll_wait(ep, &ev, 1, 1000) == 1 && ev.events == (EPOLLIN | EPOLLHUP | EPOLLRDHUP),
	   "epoll reports the end of the connection");
	close(s);
	close(fd);
	close(ep);
}

static void test_no_descriptor(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), s = socket(AF_UNIX, SOCK_STREAM, 0), conn;
	struct rlimit was;
	char byte = 0;

	bind_it(fd);
	listen(fd, 1);
	connect_it(s);
	write(s, "w", 1);
	was = forbid_descriptors();
	fails_with(accept(fd, NULL, NULL), EMFILE,
		   "accept() without a free descriptor fails with EMFILE");
	setrlimit(RLIMIT_NOFILE, &was);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	conn = accept(fd, NULL, NULL);
	ok(conn >= 0 && read(conn, &byte, 1) == 1 && byte == 'w',
	   "after EMFILE, the next accept() returns the connection with its data");
	was = forbid_descriptors();
	fails_with(accept(fd, NULL, NULL), EMFILE,
		   "accept() with neither a free descriptor nor a client fails with EMFILE");
	setrlimit(RLIMIT_NOFILE, &was);
	close(conn);
	close(fd);
	close(s);
}

static void *accepting(void *arg)
{
	return (void *)(long)accept(*(int *)arg, NULL, NULL);
}

/*
 * While accept() waits, the descriptor that it will return is reserved: no other call gets it, and
 * it is not open.
 */
static void test_reserved(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), s = socket(AF_UNIX, SOCK_STREAM, 0);
	int first = dup(0), other = first, status = -1, many[200];
	bool taken = false;
	void *conn;
	pthread_t t;
	pid_t pid;

	bind_it(fd);
	listen(fd, 1);
	close(first);
	pthread_create(&t, NULL, accepting, &fd);
	for (int i = 0; i < 1000 && other == first; i++) {
		usleep(5000);
		other = dup(0);
		close(other);
	}
	ok(other == first + 1,
	   "while accept() waits, no other call gets the descriptor reserved for it");
	for (int i = 0; i < 200; i++)
		taken |= (many[i] = dup(0)) == first;
	for (int i = 0; i < 200; i++)
		close(many[i]);
	ok(!taken, "no other call gets the reserved descriptor when the table grows");
	fails_with(close(first), EBADF, "close() of the reserved descriptor fails with EBADF");
	fails_with(dup2(0, first), EBUSY, "dup2() to the reserved descriptor fails with EBUSY");
	pid = fork();
	if (pid == 0)
		_exit(dup(0) != first);
	waitpid(pid, &status, 0);
	ok(status == 0, "the reserved descriptor is free in a forked child");
	connect_it(s);
	pthread_join(t, &conn);
	ok((long)conn == first && close(first) == 0, "accept() returns the reserved descriptor");
	close(fd);
	close(s);
}

static void test_options(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), value = -1, plain = open("/dev/null", O_RDWR);
	socklen_t len = sizeof(value);

	ok(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len) == 0 && value == SOCK_STREAM,
	   "SO_TYPE is SOCK_STREAM");
	ok(getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len) == 0 && value == 0, "SO_ERROR is 0");
	fails_with(bind_it(plain), ENOTSOCK,
		   "bind() of a file that is not a socket fails with ENOTSOCK");
	fails_with(listen(fd, 1), EINVAL, "listen() on an unbound socket fails with EINVAL");
	fails_with(send(fd, "x", 1, 0), ENOTCONN,
		   "send() without a connection fails with ENOTCONN");
	fails_with(bind(fd, (struct sockaddr *)&addr, 1), EINVAL,
		   "bind() to a name that is too short fails with EINVAL");
	close(fd);
	close(plain);
}

static void *connecting(void *arg)
{
	return (void *)(intptr_t)(connect_it((int)(intptr_t)arg) ? errno : 0);
}

static void *returned(pthread_t thread)
{
	void *ret;

	pthread_join(thread, &ret);
	return ret;
}

static void interrupted(int signo)
{
	(void)signo;
}

static void test_full_backlog(void)
{
	const struct itimerval never = { 0 },
			       soon = { .it_value.tv_usec = 100000, .it_interval.tv_usec = 100000 };
	struct sigaction action = { .sa_handler = interrupted };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fds[4], i, got;
	pthread_t thread;

	for (i = 0; i < 4; i++)
		fds[i] = socket(AF_UNIX, SOCK_STREAM | (i == 1 ? SOCK_NONBLOCK : 0), 0);
	bind_it(listener);
	listen(listener, 0);
	ok(connect_it(fds[0]) == 0, "a backlog of 0 has space for one client");
	fails_with(connect_it(fds[1]), EAGAIN,
		   "without blocking, connect() fails with EAGAIN if the backlog is full");
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	fails_with(connect_it(fds[2]), EINTR, "a signal ends a connect() that waits for space");
	setitimer(ITIMER_REAL, &never, NULL);
	pthread_create(&thread, NULL, connecting, (void *)(intptr_t)fds[2]);
	usleep(100000);
	got = accept(listener, NULL, NULL);
	ok(got >= 0 && returned(thread) == 0,
	   "connect() waits until accept() has made space in the backlog");
	pthread_create(&thread, NULL, connecting, (void *)(intptr_t)fds[3]);
	usleep(100000);
	close(listener);
	ok((intptr_t)returned(thread) == ECONNREFUSED,
	   "connect() fails with ECONNREFUSED if the listener is closed meanwhile");
	for (i = 0; i < 4; i++)
		close(fds[i]);
	close(got);
}

struct receiving {
	struct msghdr msg;
	int fd;
};

static void *change_message(void *arg)
{
	struct receiving *r = arg;

	usleep(100000);
	r->msg.msg_iov = NULL;
	r->msg.msg_namelen = 7;
	(void)!write(r->fd, "x", 1);
	return NULL;
}

static bool stores_only_results(const int s[2])
{
	char c = 0;
	struct iovec iov = { &c, 1 };
	struct receiving r = { .msg = { .msg_iov = &iov, .msg_iovlen = 1 }, .fd = s[1] };
	pthread_t thread;
	bool good;

	r.msg.msg_flags = -1;
	pthread_create(&thread, NULL, change_message, &r);
	good = recvmsg(s[0], &r.msg, 0) == 1 && c == 'x' && !r.msg.msg_iov &&
	       r.msg.msg_namelen == 7 && r.msg.msg_flags == 0;
	pthread_join(thread, NULL);
	return good;
}

/* On a busy machine, the struct may be changed before recvmsg() has read it: try again. */
static void test_message_results(void)
{
	bool good = false;
	int s[2];

	for (int i = 0; i < 5 && !good; i++) {
		socketpair(AF_UNIX, SOCK_STREAM, 0, s);
		good = stores_only_results(s);
		close(s[0]);
		close(s[1]);
	}
	ok(good, "recvmsg() stores only its results in the struct msghdr");
}

static void test_bind_in_proc(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char self[32];
	struct stat st;

	set_path("/proc/new");
	fails_with(bind_it(fd), ENOENT, "bind() to a new name in /proc fails with ENOENT");
	snprintf(self, sizeof(self), "/proc/%d", getpid());
	set_path(self);
	fails_with(bind_it(fd), EADDRINUSE,
		   "bind() to the name of a process's directory fails with EADDRINUSE");
	ok(stat(self, &st) == 0 && S_ISDIR(st.st_mode), "the process's directory is still there");
	set_path("/sys/kernel/new");
	fails_with(bind_it(fd), EPERM, "bind() in /sys fails with EPERM");
	close(fd);
}

int main(void)
{
	struct stat st;

	unlink("/tmp/file_socket");
	test_pair();
	set_path("/tmp/file_socket");
	test_server("a path");
	ok(stat("/tmp/file_socket", &st) == 0 && S_ISSOCK(st.st_mode),
	   "the socket's name remains after the listener is closed");
	fails_with(connect_it(socket(AF_UNIX, SOCK_STREAM, 0)), ECONNREFUSED,
		   "connect() to a name without a listener fails with ECONNREFUSED");
	ok(unlink("/tmp/file_socket") == 0, "the socket's name can be unlinked");
	set_path("");
	strcpy(addr.sun_path + 1, "abstract name");
	addr_len = offsetof(struct sockaddr_un, sun_path) + 14;
	test_server("an abstract name");
	test_watched_first(0, "level-triggered");
	test_watched_first(EPOLLET, "edge-triggered");
	test_no_descriptor();
	addr.sun_path[1]++; /* another name for the next listener */
	test_reserved();
	test_options();
	addr.sun_path[1]++;
	test_full_backlog();
	test_message_results();
	test_bind_in_proc();
	return tap_done();
}
