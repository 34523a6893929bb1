// SPDX-License-Identifier: MIT
/*
 * file_leak.c - check that file calls leak no memory, whether they succeed or fail.
 *
 * The calls are repeated, and the free memory before and after them is compared. Free memory is
 * exact only on the host (HS_EXACT); elsewhere the calls are made, but nothing is compared.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "tap.h"

#define ROUNDS 80
#define SLACK  128 /* KiB that allocators may keep */

static void *volatile bad = (void *)8; /* volatile: hides the constant from the compiler */

static long free_kib(void)
{
	char buf[4096] = "", *p;
	int fd = open("/proc/meminfo", O_RDONLY);

	(void)!read(fd, buf, sizeof(buf) - 1);
	close(fd);
	p = strstr(buf, "MemFree:");
	return p ? atol(p + 8) : 0;
}

static void files(void)
{
	static char block[30000];
	int fd = open("/tmp/leak-f", O_CREAT | O_RDWR | O_TRUNC, 0600);

	(void)!write(fd, block, sizeof(block));
	(void)!ftruncate(fd, 5 << 20);
	(void)!pwrite(fd, block, 5000, 4 << 20);
	(void)!write(fd, bad, 100);
	(void)!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 20000);
	(void)!ftruncate(fd, 10);
	link("/tmp/leak-f", "/tmp/leak-g");
	symlink("leak-f", "/tmp/leak-s");
	rename("/tmp/leak-g", "/tmp/leak-f");
	open("/tmp/leak-s/x", O_RDONLY);
	open("/tmp/leak-s", O_CREAT | O_EXCL, 0600);
	unlink("/tmp/leak-f");
	unlink("/tmp/leak-g");
	unlink("/tmp/leak-s");
	close(fd);
}

static void directories(void)
{
	char name[64];
	int i, fd;
	DIR *d;

	mkdir("/tmp/leak-d", 0700);
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "/tmp/leak-d/%d", i);
		mkdir(name, 0700);
	}
	d = opendir("/tmp/leak-d");
	while (readdir(d))
		;
	closedir(d);
	/* Remove a directory while it is open. */
	fd = open("/tmp/leak-d/3", O_DIRECTORY);
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "/tmp/leak-d/%d", i);
		rmdir(name);
	}
	openat(fd, "x", O_CREAT | O_RDWR, 0600);
	rmdir("/tmp/leak-d");
	close(fd);
}

static void mappings(void)
{
	int fd = memfd_create("leak", 0);
	char *p;

	(void)!ftruncate(fd, 6 << 20);
	p = mmap(NULL, 6 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memset(p, 1, 5 << 20);
	(void)!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 3 << 20);
	close(fd);
	munmap(p, 6 << 20);
}

static void waiters(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct itimerspec its = { .it_value = { 0, 1000 }, .it_interval = { 0, 1000000 } };
	int ep = epoll_create1(0), e = eventfd(1, 0), t = timerfd_create(CLOCK_MONOTONIC, 0);
	int p[2] = { -1, -1 }, inner = epoll_create1(0);

	(void)!pipe(p);
	(void)!write(p[1], "abc", 3);
	timerfd_settime(t, 0, &its, NULL);
	epoll_ctl(ep, EPOLL_CTL_ADD, e, &ev);
	epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev);
	epoll_ctl(ep, EPOLL_CTL_ADD, t, &ev);
	epoll_ctl(ep, EPOLL_CTL_ADD, inner, &ev);
	epoll_ctl(inner, EPOLL_CTL_ADD, e, &ev);
	epoll_wait(ep, &ev, 1, 1);
	close(e);
	close(p[0]);
	close(ep);
	close(t);
	close(inner);
	close(p[1]);
}

static void sockets(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/tmp/leak-socket" };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	int pair[2] = { -1, -1 }, i;

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	(void)!write(pair[0], "abc", 3);
	bind(listener, (struct sockaddr *)&a, sizeof(a));
	bind(client, (struct sockaddr *)&a, sizeof(a));
	listen(listener, 2);
	connect(client, (struct sockaddr *)&a, sizeof(a)); /* never accepted */
	unlink(a.sun_path);
	close(listener);
	close(client);
	for (i = 0; i < 2; i++)
		close(pair[i]);
}

static void proc_files(void)
{
	char buf[4096];
	DIR *d = opendir("/proc/self/fd");
	int fd = open("/proc/self/maps", O_RDONLY);

	while (readdir(d))
		;
	closedir(d);
	(void)!read(fd, buf, sizeof(buf));
	close(fd);
	(void)!readlink("/proc/self/exe", buf, sizeof(buf));
	fd = open("/proc/self/task", O_RDONLY);
	close(open("/proc/self/fd/0", O_RDONLY));
	(void)!chdir("/proc/self/task");
	(void)!chdir("/");
	close(fd);
	close(open("/dev/kvm", O_RDWR));
	open("/proc/99999/stat", O_RDONLY);
}

static void one_round(void)
{
	files();
	directories();
	mappings();
	waiters();
	sockets();
	proc_files();
	close_range(3, ~0U, 0); /* close what an open() that should fail may have opened */
}

static void *round_in_thread(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++)
		waiters();
	return NULL;
}

int main(void)
{
	bool exact = getenv("HS_EXACT") != NULL;
	long before, after;
	pthread_t t[4];
	int i, j;

	for (i = 0; i < 20; i++)
		one_round();
	before = free_kib();
	for (i = 0; i < ROUNDS; i++)
		one_round();
	after = free_kib();
	ok(!exact || before - after <= SLACK, "repeated file calls leak no memory");
	printf("# %ld KiB free before, %ld after\n", before, after);
	for (i = 0; i < 10; i++) {
		if (fork() == 0) { /* the child exits with everything open */
			for (j = 0; j < 10; j++) {
				open("/proc/self/maps", O_RDONLY);
				epoll_create1(0);
				(void)!pipe((int[2]){ 0 });
				memfd_create("x", 0);
			}
			_exit(0);
		}
		wait(NULL);
	}
	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, round_in_thread, NULL);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	after = free_kib();
	ok(!exact || before - after <= 2 * SLACK,
	   "processes and threads that open files leak no memory");
	printf("# %ld KiB free at the end\n", after);
	return tap_done();
}
