// SPDX-License-Identifier: MIT
/*
 * file_race.c - several threads use the same files at once: nothing hangs or crashes, and all
 * counts are right. usage: file_race [SECONDS]; 2 seconds by default.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <linux/userfaultfd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include "tap.h"

#define THREADS 4

static volatile bool stop;
static double seconds = 2;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Run `fn` in n threads for `time` seconds. Returns the sum of their results. */
static long together(void *(*fn)(void *arg), int n, double time)
{
	pthread_t t[8];
	double end = now() + time;
	void *ret;
	long sum = 0;

	stop = false;
	for (intptr_t i = 0; i < n; i++)
		pthread_create(&t[i], NULL, fn, (void *)i);
	while (now() < end)
		usleep(10000);
	stop = true;
	for (int i = 0; i < n; i++) {
		pthread_join(t[i], &ret);
		sum += (long)ret;
	}
	return sum;
}

static void *names(void *arg)
{
	unsigned int seed = (unsigned int)(intptr_t)arg + 1;
	char a[32], b[32];
	long bad = 0;
	int fd;

	while (!stop) {
		snprintf(a, sizeof(a), "/tmp/race/%d", rand_r(&seed) % 5);
		snprintf(b, sizeof(b), "/tmp/race/%d", rand_r(&seed) % 5);
		switch (rand_r(&seed) % 7) {
		case 0:
			fd = open(a, O_CREAT | O_RDWR, 0600);
			bad += fd < 0 && errno != EISDIR && errno != ENOENT && errno != ELOOP;
			if (fd >= 0) {
				bad += write(fd, a, 10) != 10;
				close(fd);
			}
			break;
		case 1:
			bad += rename(a, b) && errno != ENOENT && errno != EISDIR &&
			       errno != ENOTDIR && errno != ENOTEMPTY && errno != EINVAL;
			break;
		case 2:
			bad += unlink(a) && errno != ENOENT && errno != EISDIR;
			break;
		case 3:
			bad += mkdir(a, 0700) && errno != EEXIST;
			break;
		case 4:
			bad += rmdir(a) && errno != ENOENT && errno != ENOTDIR &&
			       errno != ENOTEMPTY;
			break;
		case 5:
			bad += link(a, b) && errno != ENOENT && errno != EEXIST && errno != EPERM;
			break;
		case 6:
			bad += symlink(a, b) && errno != EEXIST;
			break;
		}
	}
	return (void *)bad;
}

/* Create a file by a path whose walk lets other threads in, while another thread removes it. */
static void *long_paths(void *arg)
{
	char path[160] = "/tmp/race";
	long bad = 0;
	int i, fd;

	(void)arg;
	for (i = 0; i < 60; i++)
		strcat(path, "/.");
	strcat(path, "/long");
	while (!stop) {
		fd = open(path, O_CREAT | O_RDWR, 0600);
		bad += fd < 0;
		close(fd);
		unlink("/tmp/race/long");
	}
	return (void *)bad;
}

/* All threads open, use and close the same two descriptor numbers. Returns the number of rounds. */
static void *descriptors(void *arg)
{
	char buf[16];
	long rounds = 0;
	int p[2];

	(void)arg;
	while (!stop) {
		if (pipe2(p, O_NONBLOCK)) /* blocking calls could wait for each other */
			continue;
		dup2(p[1], 50);
		(void)!write(50, "x", 1);
		dup2(p[0], 51);
		poll(&(struct pollfd){ 51, POLLIN, 0 }, 1, 0);
		close(50);
		fcntl(51, F_SETFD, FD_CLOEXEC);
		(void)!read(51, buf, 16);
		close(51);
		rounds += close(p[0]) == 0 && close(p[1]) == 0;
	}
	return (void *)rounds;
}

static int count_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int shared_event, shared_epoll, shared_pipe[2];
static uint64_t sent, got;

static void *signal_event(void *arg)
{
	uint64_t v = 1, mine = 0;

	if ((intptr_t)arg % 2) {
		while (!stop && mine < 20000) {
			mine += write(shared_event, &v, 8) == 8;
			if (mine % 64 == 0)
				sched_yield();
		}
		__atomic_fetch_add(&sent, mine, __ATOMIC_RELAXED);
		return NULL;
	}
	while (!stop) {
		struct epoll_event ev;

		if (epoll_wait(shared_epoll, &ev, 1, 20) == 1 && read(shared_event, &v, 8) == 8)
			mine += v;
	}
	__atomic_fetch_add(&got, mine, __ATOMIC_RELAXED);
	return NULL;
}

/*
 * Write (even arg) or read records. Returns how many records were not written or read whole, or
 * contained different bytes.
 */
static void *records(void *arg)
{
	unsigned char rec[100];
	long bad = 0, n;
	size_t i;

	if ((intptr_t)arg % 2 == 0) {
		memset(rec, (int)(intptr_t)arg + 1, sizeof(rec));
		while (!stop)
			bad += write(shared_pipe[1], rec, sizeof(rec)) != sizeof(rec);
		return (void *)bad;
	}
	while (!stop || poll(&(struct pollfd){ shared_pipe[0], POLLIN, 0 }, 1, 0) == 1) {
		if (poll(&(struct pollfd){ shared_pipe[0], POLLIN, 0 }, 1, 10) != 1)
			continue;
		n = read(shared_pipe[0], rec, sizeof(rec));
		for (i = 1; n > 0 && i < (size_t)n && rec[i] == rec[0]; i++)
			;
		if (n > 0 && i < sizeof(rec) && !bad++)
			printf("# a read of %ld bytes begins with %zu bytes %d; the next is %d\n",
			       n, i, rec[0], i < (size_t)n ? rec[i] : -1);
	}
	return (void *)bad;
}

/*
 * Close an epoll instance that watches files, and a file that another instance watches. Returns the
 * number of rounds in which no call failed.
 */
static void *watching(void *arg)
{
	struct epoll_event ev;
	long rounds = 0;
	bool good;
	int e, ep;

	(void)arg;
	while (!stop) {
		ev = (struct epoll_event){ .events = EPOLLIN | EPOLLET };
		e = eventfd(1, EFD_NONBLOCK);
		ep = epoll_create1(0);
		good = epoll_ctl(shared_epoll, EPOLL_CTL_ADD, e, &ev) == 0;
		good &= epoll_ctl(ep, EPOLL_CTL_ADD, e, &ev) == 0;
		good &= epoll_ctl(ep, EPOLL_CTL_ADD, shared_pipe[0], &ev) == 0;
		epoll_wait(shared_epoll, &ev, 1, 0);
		ev.events = EPOLLIN | EPOLLONESHOT;
		good &= epoll_ctl(ep, EPOLL_CTL_MOD, e, &ev) == 0;
		good &= close(ep) == 0;
		good &= close(e) == 0;
		rounds += good;
	}
	return (void *)rounds;
}

/*
 * Read the links of /proc/self/fd while another thread takes the locks that dropping a file's last
 * reference may need: the lock of the address space, which a read of /proc/self/maps takes, and the
 * lock of socket names, which bind() takes.
 */
static void *links(void *arg)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	unsigned int seed = (unsigned int)(intptr_t)arg + 1;
	static char text[2][65536];
	char path[64];
	long bad = 0;
	int fd;

	snprintf(name.sun_path, sizeof(name.sun_path), "/tmp/race/socket");
	while (!stop) {
		switch ((intptr_t)arg) {
		case 0:
			fd = open("/proc/self/maps", O_RDONLY);
			bad += read(fd, text[0], sizeof(text[0])) <= 0;
			close(fd);
			fd = socket(AF_UNIX, SOCK_STREAM, 0);
			unlink(name.sun_path);
			(void)!bind(fd, (struct sockaddr *)&name, sizeof(name));
			close(fd);
			break;
		case 1:
			snprintf(path, sizeof(path), "/proc/self/fd/%d", 7 + rand_r(&seed) % 3);
			bad += readlink(path, text[1], sizeof(text[1])) < 0 && errno != ENOENT;
			break;
		default: /* only the table has another reference: case 1 may drop the last one */
			fd = (int)syscall(SYS_userfaultfd,
					  O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
			close(fd);
		}
	}
	return (void *)bad;
}

/*
 * Grow, shrink, write and read one file. Returns how many of the bytes read were neither zero nor
 * the value that all threads write.
 */
static void *sizes(void *arg)
{
	int fd = open("/tmp/race-file", O_RDWR);
	unsigned int seed = (unsigned int)(intptr_t)arg + 9, i;
	unsigned char buf[5000];
	long bad = 0;
	ssize_t n;

	while (!stop) {
		off_t at = rand_r(&seed) % 100000;

		switch (rand_r(&seed) % 4) {
		case 0:
			(void)!ftruncate(fd, at);
			break;
		case 1:
			memset(buf, 0x5a, sizeof(buf));
			(void)!pwrite(fd, buf, sizeof(buf), at);
			break;
		case 2:
			n = pread(fd, buf, sizeof(buf), at);
			for (i = 0; n > 0 && i < (size_t)n; i++)
				bad += buf[i] != 0 && buf[i] != 0x5a;
			break;
		case 3:
			fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, 9000);
			break;
		}
	}
	close(fd);
	return (void *)bad;
}

#define APPENDED 9000 /* bytes per record: more than two pages */

/* Append records to the same file as the other threads, through a separate open file. */
static void *appends(void *arg)
{
	int fd = open("/tmp/race-end", O_CREAT | O_WRONLY | O_APPEND, 0600);
	char buf[APPENDED];
	long n;

	memset(buf, 'a' + (int)(intptr_t)arg, sizeof(buf));
	for (n = 0; n < 20 || (n < 200 && !stop); n++)
		if (write(fd, buf, sizeof(buf)) != sizeof(buf))
			break;
	close(fd);
	return (void *)n;
}

/* Count the complete records in the file, and remove it. */
static long appended(void)
{
	int fd = open("/tmp/race-end", O_RDONLY);
	char buf[APPENDED];
	long n = 0;

	while (read(fd, buf, sizeof(buf)) == sizeof(buf))
		n += !memcmp(buf, buf + 1, sizeof(buf) - 1);
	close(fd);
	unlink("/tmp/race-end");
	return n;
}

/* One thread collects the events of a pipe that stays readable; the others poll the epoll file. */
static int busy_epoll;

static void *polls(void *arg)
{
	struct pollfd p = { .fd = busy_epoll, .events = POLLIN };
	struct epoll_event ev;
	long bad = 0;

	while (!stop)
		bad += (arg ? poll(&p, 1, 0) : epoll_wait(busy_epoll, &ev, 1, 0)) != 1;
	return (void *)bad;
}

static void make_busy_epoll(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int p[2];

	(void)!pipe(p);
	(void)!write(p[1], "x", 1);
	busy_epoll = epoll_create1(0);
	epoll_ctl(busy_epoll, EPOLL_CTL_ADD, p[0], &ev);
}

int main(int argc, char **argv)
{
	struct epoll_event ev = { .events = EPOLLIN };
	uint64_t v;
	int open_before;
	long n;

	if (argc > 1)
		seconds = atof(argv[1]);
	signal(SIGPIPE, SIG_IGN); /* descriptors() may write to another thread's pipe */
	mkdir("/tmp/race", 0700);
	close(open("/tmp/race-file", O_CREAT | O_RDWR, 0600));
	shared_event = eventfd(0, EFD_NONBLOCK);
	shared_epoll = epoll_create1(0);
	(void)!pipe(shared_pipe);
	fcntl(shared_pipe[0], F_SETFL, O_NONBLOCK);
	epoll_ctl(shared_epoll, EPOLL_CTL_ADD, shared_event, &ev);

	ok(together(names, THREADS, seconds / 7) == 0,
	   "threads can create, rename and remove the same names without unexpected errors");
	ok(together(long_paths, THREADS, seconds / 7) == 0,
	   "a file is created by a long path while other threads create and remove it");
	open_before = count_descriptors();
	n = together(descriptors, THREADS, seconds / 7);
	ok(n > 0 && count_descriptors() == open_before,
	   "threads can open and close the same descriptors");
	together(signal_event, THREADS, seconds / 7);
	if (read(shared_event, &v, 8) == 8)
		got += v;
	ok(sent == got && sent > 0, "reads of an eventfd count every write");
	ok(together(records, THREADS, seconds / 7) == 0,
	   "records that several threads write to a pipe are written and read whole");
	open_before = count_descriptors();
	n = together(watching, THREADS, seconds / 7);
	ok(n > 0 && count_descriptors() == open_before && epoll_wait(shared_epoll, &ev, 1, 0) == 0,
	   "files can be closed while epoll watches them");
	n = together(appends, THREADS, seconds / 7);
	ok(n >= 20 * THREADS && appended() == n,
	   "all records that several threads append to a file are complete");
	ok(together(links, THREADS, seconds / 7) == 0,
	   "links in /proc/self/fd can be read while the descriptors are closed");
	ok(together(sizes, THREADS, seconds / 7) == 0,
	   "a file that threads truncate and write contains only zeros and written bytes");
	make_busy_epoll();
	ok(together(polls, THREADS, seconds / 7) == 0,
	   "an epoll file stays readable while another thread collects its events");
	return tap_done();
}
