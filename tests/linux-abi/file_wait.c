// SPDX-License-Identifier: MIT
/*
 * file_wait.c - waiting for descriptors: pipes, eventfd, timerfd, poll, select, epoll.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void *volatile bad = (void *)8; /* volatile: hides the constant from the compiler */

static volatile sig_atomic_t signals;

static void count_signal(int signo)
{
	(void)signo;
	signals++;
}

struct later { /* write to a descriptor, or close it, after some time */
	int fd, ms;
	bool close;
	uint64_t value;
	size_t size;
};

static void *do_later(void *arg)
{
	struct later *l = arg;

	usleep(l->ms * 1000);
	if (l->close)
		close(l->fd);
	else
		(void)!write(l->fd, &l->value, l->size);
	return NULL;
}

static void test_pipe(void)
{
	static char big[200000], back[200000];
	int p[2], n, sum = 0;
	struct stat st;
	pid_t pid;

	ok(pipe(p) == 0 && write(p[1], "abc", 3) == 3, "a pipe can be created and written");
	ok(ioctl(p[0], FIONREAD, &n) == 0 && n == 3,
	   "FIONREAD returns the number of bytes in a pipe");
	ok(read(p[0], back, 100) == 3 && !memcmp(back, "abc", 3),
	   "bytes written to a pipe are read from it");
	fails_with(lseek(p[0], 0, SEEK_SET), ESPIPE, "lseek() of a pipe fails with ESPIPE");
	ok(fstat(p[0], &st) == 0 && S_ISFIFO(st.st_mode), "fstat() reports a FIFO");
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	fails_with(read(p[0], back, 1), EAGAIN,
		   "a non-blocking read of an empty pipe fails with EAGAIN");
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	ok(write(p[1], big, sizeof(big)) == 65536, "a pipe is full at 64 KiB");
	fails_with(write(p[1], big, 1), EAGAIN,
		   "a non-blocking write to a full pipe fails with EAGAIN");
	close(p[1]);
	while ((n = read(p[0], back, 5000)) > 0)
		sum += n;
	ok(n == 0 && sum == 65536,
	   "after the writer has closed the pipe, all bytes can be read, then end of file");
	close(p[0]);

	pipe(p);
	for (n = 0; n < (int)sizeof(big); n++)
		big[n] = (char)(n * 7 + (n >> 9));
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(p[0]);
		_exit(write(p[1], big, sizeof(big)) == sizeof(big) ? 0 : 1);
	}
	close(p[1]);
	for (sum = 0; (n = read(p[0], back + sum, sizeof(back) - sum)) > 0; sum += n)
		;
	waitpid(pid, &n, 0);
	ok(sum == sizeof(big) && !memcmp(big, back, sizeof(big)) && n == 0,
	   "a process reads 200 000 bytes that its child writes to a pipe");
	close(p[0]);

	signal(SIGPIPE, count_signal);
	pipe(p);
	close(p[0]);
	fails_with(write(p[1], "x", 1), EPIPE,
		   "a write to a pipe without a reader fails with EPIPE");
	ok(signals == 1, "a write to a pipe without a reader raises SIGPIPE");
	close(p[1]);
	fails_with(pipe2(bad, 0), EFAULT, "pipe2() with a bad address fails with EFAULT");
}

static void test_pipe_interrupted(void)
{
	struct sigaction sa = { .sa_handler = count_signal };
	struct later l = { .ms = 1300, .size = 1 };
	pthread_t t;
	int p[2];
	char c;

	sigaction(SIGALRM, &sa, NULL);
	pipe(p);
	signals = 0;
	l.fd = p[1];
	alarm(1);
	fails_with(read(p[0], &c, 1), EINTR, "a signal ends a read with EINTR");
	ok(signals == 1, "the handler runs before the read returns");
	sa.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &sa, NULL);
	pthread_create(&t, NULL, do_later, &l);
	alarm(1);
	ok(read(p[0], &c, 1) == 1 && signals == 2,
	   "with SA_RESTART, the read continues after the signal");
	pthread_join(t, NULL);
	close(p[0]);
	close(p[1]);
}

static void test_eventfd(void)
{
	int fd = eventfd(3, EFD_NONBLOCK), sem = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	uint64_t v = 0;

	ok(read(fd, &v, 8) == 8 && v == 3, "a read of an eventfd returns its count");
	fails_with(read(fd, &v, 8), EAGAIN, "a read of an eventfd that is 0 fails with EAGAIN");
	v = 5;
	ok(write(fd, &v, 8) == 8 && write(fd, &v, 8) == 8 && read(fd, &v, 8) == 8 && v == 10,
	   "an eventfd adds up the values written");
	v = UINT64_MAX;
	fails_with(write(fd, &v, 8), EINVAL,
		   "a write of UINT64_MAX to an eventfd fails with EINVAL");
	fails_with(write(fd, &v, 4), EINVAL,
		   "a write of four bytes to an eventfd fails with EINVAL");
	v = UINT64_MAX - 1;
	ok(write(fd, &v, 8) == 8, "UINT64_MAX - 1 can be added to an eventfd that is 0");
	v = 1;
	fails_with(write(fd, &v, 8), EAGAIN,
		   "a write that would overflow an eventfd's count fails with EAGAIN");
	ok(read(sem, &v, 8) == 8 && v == 1 && read(sem, &v, 8) == 8 && v == 1,
	   "each read of an EFD_SEMAPHORE eventfd returns 1 and subtracts it from the count");
	fails_with(read(sem, &v, 8), EAGAIN,
		   "a read of an EFD_SEMAPHORE eventfd that is 0 fails with EAGAIN");
	fails_with(eventfd(0, 0x40000000), EINVAL,
		   "eventfd() with unknown flags fails with EINVAL");
	close(fd);
	close(sem);
}

static void test_timerfd(void)
{
	struct itimerspec its = { .it_value = { 0, 30000000 }, .it_interval = { 0, 20000000 } };
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	long start = now_ms();
	uint64_t n = 0;

	ok(timerfd_settime(fd, 0, &its, NULL) == 0 && read(fd, &n, 8) == 8 && n >= 1 &&
		   now_ms() - start >= 30,
	   "a timer expires, but not before its time");
	usleep(100000);
	ok(read(fd, &n, 8) == 8 && n >= 4, "a read of a timer returns the number of expirations");
	ok(timerfd_gettime(fd, &its) == 0 && its.it_interval.tv_nsec == 20000000 &&
		   its.it_value.tv_nsec <= 20000000,
	   "timerfd_gettime() returns the interval and the remaining time");
	its = (struct itimerspec){ 0 };
	ok(timerfd_settime(fd, 0, &its, NULL) == 0, "a timer can be disarmed");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	fails_with(read(fd, &n, 8), EAGAIN,
		   "a non-blocking read of a disarmed timer fails with EAGAIN");
	its.it_value.tv_nsec = 1000000000;
	fails_with(timerfd_settime(fd, 0, &its, NULL), EINVAL,
		   "timerfd_settime() with tv_nsec = 10^9 fails with EINVAL");
	close(fd);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Use intervals that are shorter than the time to handle one expiration. */
static void test_timerfd_shortest(void)
{
	const struct itimerspec its = { .it_value = { 0, 1 }, .it_interval = { 0, 1 } };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), ep = epoll_create1(0);
	uint64_t n = 0, sum, before, after, last = 0;

	before = now_ns();
	timerfd_settime(fd, 0, &its, NULL);
	after = now_ns();
	usleep(5000);
	ok(read(fd, &n, 8) == 8 && n >= 4900000 && n <= now_ns() - before,
	   "with an interval of 1 ns, a read counts all expirations");
	sum = n;
	for (int i = 0; i < 200 && poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 1000) == 1; i++) {
		last = now_ns();
		sum += read(fd, &n, 8) == 8 ? n : 0;
	}
	/* The timer was started between `before` and `after`. A clock may tick every 100 ns. */
	ok(sum <= now_ns() - before && sum + 1000 >= last - after,
	   "reads lose no expiration and count none twice");
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	ok(epoll_wait(ep, &ev, 1, 1000) == 1 && epoll_wait(ep, &ev, 1, 20) == 0,
	   "an edge-triggered epoll reports an unread timer only once");
	close(ep);
	close(fd);
}

static void test_poll(void)
{
	int p[2], e = eventfd(0, 0);
	struct pollfd fds[4];
	long start;
	pthread_t t;

	pipe(p);
	fds[0] = (struct pollfd){ p[0], POLLIN, 0 };
	fds[1] = (struct pollfd){ e, POLLIN | POLLOUT, 0 };
	fds[2] = (struct pollfd){ -1, POLLIN, 0 };
	fds[3] = (struct pollfd){ 500, POLLIN, 0 };
	ok(poll(fds, 4, 1000) == 2 && fds[0].revents == 0 && fds[1].revents == POLLOUT &&
		   fds[2].revents == 0 && fds[3].revents == POLLNVAL,
	   "poll() reports ready and invalid descriptors");
	fds[1].events = POLLIN;
	start = now_ms();
	ok(poll(fds, 3, 50) == 0 && now_ms() - start >= 50, "poll times out");
	struct later l = { .fd = p[1], .ms = 50, .size = 8 };

	pthread_create(&t, NULL, do_later, &l);
	ok(poll(fds, 3, 5000) == 1 && fds[0].revents == POLLIN, "a write to the pipe wakes poll()");
	pthread_join(t, NULL);
	close(p[1]);
	ok(poll(fds, 1, 0) == 1 && fds[0].revents == (POLLIN | POLLHUP),
	   "poll() reports POLLHUP together with the remaining data");
	fails_with(poll(bad, 1, 0), EFAULT, "poll() with a bad address fails with EFAULT");
	close(p[0]);
	close(e);
}

static void *change_entries(void *arg)
{
	struct pollfd *p = arg;

	usleep(100000);
	p[0].events = POLLOUT;
	p[1].fd = -1;
	(void)!write(p[2].fd, "x", 1);
	return NULL;
}

/* On a busy machine, the entries may be changed before poll() has read them: try again. */
static void test_poll_writes_revents(void)
{
	bool good = false;
	pthread_t thread;
	int fds[2];

	for (int i = 0; i < 5 && !good; i++) {
		struct pollfd p[3] = { { .events = POLLIN }, { .events = POLLPRI } };

		pipe(fds);
		p[0].fd = p[1].fd = fds[0];
		p[2].fd = fds[1]; /* not polled */
		pthread_create(&thread, NULL, change_entries, p);
		good = poll(p, 2, 1000) == 1 && p[0].revents == POLLIN && p[0].events == POLLOUT &&
		       p[1].fd == -1;
		pthread_join(thread, NULL);
		close(fds[0]);
		close(fds[1]);
	}
	ok(good, "poll() stores only revents");
}

static void test_select(void)
{
	struct timeval tv = { 0, 20000 };
	fd_set r, w;
	int p[2];

	pipe(p);
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(p[0], &r);
	FD_SET(p[1], &w);
	ok(select(p[1] + 1, &r, &w, NULL, NULL) == 1 && FD_ISSET(p[1], &w) && !FD_ISSET(p[0], &r),
	   "select() reports only the ready descriptor");
	FD_SET(p[0], &r);
	ok(select(p[0] + 1, &r, NULL, NULL, &tv) == 0 && !FD_ISSET(p[0], &r), "select times out");
	close(p[0]);
	FD_SET(p[0], &r);
	fails_with(select(p[0] + 1, &r, NULL, NULL, NULL), EBADF,
		   "select() of a closed descriptor fails with EBADF");
	close(p[1]);
}

static int wait_one(int ep, struct epoll_event *ev)
{
	return epoll_wait(ep, ev, 1, 0);
}

static void test_epoll(void)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), p[2], e = eventfd(0, EFD_NONBLOCK), outer, copy;
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 0x123456789abcdef };
	struct later l;
	uint64_t v = 1;
	pthread_t t;

	pipe(p);
	ok(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev) == 0 && wait_one(ep, &ev) == 0,
	   "epoll does not report a descriptor that is not ready");
	fails_with(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev), EEXIST,
		   "adding a descriptor twice fails with EEXIST");
	fails_with(epoll_ctl(ep, EPOLL_CTL_MOD, e, &ev), ENOENT,
		   "changing a descriptor that was not added fails with ENOENT");
	fails_with(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &ev), EINVAL,
		   "adding an epoll descriptor to itself fails with EINVAL");
	fails_with(epoll_ctl(ep, EPOLL_CTL_ADD, 700, &ev), EBADF,
		   "adding a descriptor that is not open fails with EBADF");
	fails_with(epoll_wait(p[0], &ev, 1, 0), EINVAL, "epoll_wait() on a pipe fails with EINVAL");
	fails_with(epoll_wait(ep, &ev, 0, 0), EINVAL,
		   "epoll_wait() for 0 events fails with EINVAL");
	write(p[1], "ab", 2);
	ok(wait_one(ep, &ev) == 1 && ev.events == EPOLLIN && ev.data.u64 == 0x123456789abcdef,
	   "epoll reports a ready descriptor with its data");
	ok(wait_one(ep, &ev) == 1,
	   "a level-triggered descriptor is reported as long as it is ready");
	read(p[0], &v, 8);
	ok(wait_one(ep, &ev) == 0,
	   "a level-triggered descriptor that is not ready is not reported");

	ev.events = EPOLLIN | EPOLLET;
	epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev);
	write(p[1], "a", 1);
	ok(wait_one(ep, &ev) == 1 && wait_one(ep, &ev) == 0,
	   "an edge-triggered descriptor is reported once");
	write(p[1], "b", 1);
	ok(wait_one(ep, &ev) == 1 && wait_one(ep, &ev) == 0,
	   "an edge-triggered descriptor is reported again when data arrives");
	ev.events = EPOLLIN | EPOLLONESHOT;
	epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev);
	ok(wait_one(ep, &ev) == 1 && wait_one(ep, &ev) == 0,
	   "a one-shot descriptor is reported once");
	write(p[1], "c", 1);
	ok(wait_one(ep, &ev) == 0, "a one-shot descriptor is not reported again when data arrives");
	ev.events = EPOLLIN | EPOLLONESHOT;
	ok(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev) == 0 && wait_one(ep, &ev) == 1,
	   "a one-shot descriptor is reported again after EPOLL_CTL_MOD");
	ok(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL) == 0 && wait_one(ep, &ev) == 0,
	   "a deleted descriptor is not reported");

	ev.events = EPOLLIN;
	epoll_ctl(ep, EPOLL_CTL_ADD, e, &ev);
	l = (struct later){ .fd = e, .ms = 50, .value = 1, .size = 8 };
	pthread_create(&t, NULL, do_later, &l);
	ok(epoll_wait(ep, &ev, 1, 5000) == 1 && ev.events == EPOLLIN,
	   "an event wakes a thread in epoll_wait()");
	pthread_join(t, NULL);
	outer = epoll_create1(0);
	ev.events = EPOLLIN;
	ok(epoll_ctl(outer, EPOLL_CTL_ADD, ep, &ev) == 0 && wait_one(outer, &ev) == 1,
	   "an epoll descriptor with events is reported as ready by another one");
	v = 0;
	read(e, &v, 8);
	ok(wait_one(outer, &ev) == 0,
	   "an epoll descriptor without events is not reported as ready by another one");
	copy = dup(e);
	close(e);
	v = 1;
	write(copy, &v, 8);
	ok(wait_one(ep, &ev) == 1, "a file is watched while a duplicate of its descriptor is open");
	close(copy);
	ok(wait_one(ep, &ev) == 0, "a file is not watched after its last descriptor is closed");
	close(outer);
	close(ep);
	close(p[0]);
	close(p[1]);
}

#define MAX_PATHS 500

static void test_epoll_nested(void)
{
	int inner = epoll_create1(0), outer = epoll_create1(0), i, copies[MAX_PATHS + 1];
	int e = eventfd(0, EFD_NONBLOCK), edge = eventfd(0, EFD_NONBLOCK);
	struct epoll_event ev = { .events = EPOLLIN };
	uint64_t v = 1;

	epoll_ctl(inner, EPOLL_CTL_ADD, e, &ev);
	epoll_ctl(outer, EPOLL_CTL_ADD, inner, &ev);
	write(e, &v, 8);
	read(e, &v, 8);
	ok(wait_one(outer, &ev) == 0, "an outer epoll polls the inner one's descriptors");
	write(e, &v, 8);
	ok(wait_one(outer, &ev) == 1 && wait_one(outer, &ev) == 1,
	   "an outer epoll reports an event after one that had gone");
	ok(wait_one(inner, &ev) == 1, "an outer epoll leaves the inner one's events");
	read(e, &v, 8);

	ev.events = EPOLLIN | EPOLLET;
	epoll_ctl(inner, EPOLL_CTL_ADD, edge, &ev);
	write(edge, &v, 8);
	wait_one(inner, &ev);
	write(e, &v, 8);
	read(e, &v, 8);
	ok(wait_one(outer, &ev) == 0,
	   "an outer epoll does not repeat an edge that the inner one has reported");
	epoll_ctl(inner, EPOLL_CTL_DEL, edge, NULL);
	epoll_ctl(outer, EPOLL_CTL_DEL, inner, NULL);

	ev.events = EPOLLIN;
	for (i = 0; i <= MAX_PATHS; i++)
		copies[i] = dup(inner);
	for (i = 0; i < MAX_PATHS && epoll_ctl(outer, EPOLL_CTL_ADD, copies[i], &ev) == 0; i++)
		;
	ok(i == MAX_PATHS, "500 descriptors of an epoll can be watched");
	fails_with(epoll_ctl(outer, EPOLL_CTL_ADD, copies[i], &ev), EINVAL,
		   "watching the 501st fails with EINVAL, because it watches a file itself");
	ok(epoll_ctl(inner, EPOLL_CTL_ADD, edge, &ev) == 0, "it can watch another file");
	close(copies[i]);
	copies[i] = dup(e);
	fails_with(epoll_ctl(inner, EPOLL_CTL_ADD, copies[i], &ev), EINVAL,
		   "it cannot watch another descriptor of the same file");
	ok(epoll_ctl(outer, EPOLL_CTL_DEL, copies[0], NULL) == 0 &&
		   epoll_ctl(outer, EPOLL_CTL_ADD, inner, &ev) == 0,
	   "another descriptor can take the place of a removed one");
	for (i = 0; i <= MAX_PATHS; i++)
		close(copies[i]);
	close(outer);
	close(inner);
	close(e);
	close(edge);
}

/* A child writes 4 MiB to the console, which takes many seconds. */
static void test_console(void)
{
	static char line[16384];
	struct iovec lines[256];
	int fd = open("/dev/console", O_WRONLY | O_NOCTTY);
	long from = now_ms();
	pid_t pid;

	if (fd < 0)
		return;
	memset(line, '\n', sizeof(line));
	for (int i = 0; i < 256; i++)
		lines[i] = (struct iovec){ line, sizeof(line) };
	pid = fork();
	if (pid == 0)
		_exit(writev(fd, lines, 256) < 0);
	usleep(20000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok(now_ms() - from < 2000, "a process that writes to the console can be killed");
	close(fd);
}

int main(void)
{
	test_pipe();
	test_pipe_interrupted();
	test_eventfd();
	test_timerfd();
	test_timerfd_shortest();
	test_poll();
	test_poll_writes_revents();
	test_select();
	test_epoll();
	test_epoll_nested();
	test_console();
	return tap_done();
}
