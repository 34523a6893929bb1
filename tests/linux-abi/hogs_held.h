// SPDX-License-Identifier: MIT
/* hogs_held.h - hogs whose memory is hard to free or to count, for hogs.h. */
#ifndef ABI_HOGS_HELD_H
#define ABI_HOGS_HELD_H

#include <linux/userfaultfd.h>

static int held_file;

/* Give the page, for which a write() waits, its contents 10 s later: Linux needs this to end. */
static void *fill_late(void *page)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)page, PAGE } };
	struct uffdio_register reg = { .range = zero.range, .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	int uffd = (int)syscall(SYS_userfaultfd, 0);

	ioctl(uffd, UFFDIO_API, &api);
	ioctl(uffd, UFFDIO_REGISTER, &reg);
	shared->held = true;
	sleep(10);
	ioctl(uffd, UFFDIO_ZEROPAGE, &zero);
	return NULL;
}

/* Hold the position of held_file in a write() whose buffer is missing. */
static void hold_position(void)
{
	char *page = mmap(NULL, PAGE, RW, ANON, -1, 0);
	pthread_t thread;

	pthread_create(&thread, NULL, fill_late, page);
	while (!shared->held)
		usleep(1000);
	(void)!write(held_file, page, 1);
	_exit(0);
}

static void *wait_for_position(void *arg)
{
	(void)!read(held_file, arg, 1);
	return arg;
}

/* A thread waits for the position of a file, which a child holds, while another touches memory. */
static void hog_waiter(void)
{
	static char byte;
	pthread_t thread;

	held_file = memfd_create("hog", 0);
	shared->held = false;
	if (fork() == 0)
		hold_position();
	while (!shared->held)
		usleep(1000);
	usleep(50000); /* until the child writes, and the thread waits */
	pthread_create(&thread, NULL, wait_for_position, &byte);
	usleep(50000);
	hog_touch();
}

/* Children fill files through a descriptor table that they share with the hog, and end. */
static void hog_shared_files(void)
{
	int before, fd;

	do {
		before = fd = memfd_create("hog", 0);
		if (fd >= 0 && syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0) == 0) {
			static char bytes[65536];

			memset(bytes, 4, sizeof(bytes));
			for (int i = 0; i < 64; i++)
				fd = write(fd, bytes, sizeof(bytes)) > 0 ? fd : -1;
			_exit(fd < 0);
		}
		waitpid(-1, &fd, 0);
	} while (before >= 0 && fd == 0);
}

/*
 * Children add items to the epolls of the hog, and end. The hog then deletes a few items of each
 * child, so that most pages of small objects have a free one.
 */
static void hog_items(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fds[1000], ep, i, status = 0;

	for (i = 0; i < 1000; i++)
		fds[i] = eventfd(0, 0);
	while (!status && (ep = epoll_create1(0)) >= 0) {
		if (syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0) == 0) {
			for (i = 0; i < 1000; i++)
				if (epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &event))
					_exit(1);
			_exit(0);
		}
		waitpid(-1, &status, 0);
		for (i = 0; i < 1000; i += 8)
			epoll_ctl(ep, EPOLL_CTL_DEL, fds[i], NULL);
	}
}

/* ---- memory that is free, but fragmented ---- */

static size_t free_bytes(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return info.freeram * info.mem_unit;
}

/*
 * Touch nearly all memory, and then free it except for one page in each aligned block of 4, so that
 * no block of that size is free. Returns false if the frames' numbers cannot be read.
 */
static bool fragment(void)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY);
	size_t size = free_bytes(), used = 0, at;
	char *p = mmap(NULL, size, RW, ANON | MAP_NORESERVE, -1, 0);
	static bool seen[1 << 20]; /* blocks of 4 pages with a page in use */
	uint64_t entry;

	madvise(p, size, MADV_NOHUGEPAGE);
	for (; used < size && free_bytes() > 3 * MB / 2; used += PAGE)
		p[used] = 1;
	for (at = 0; at < used; at += PAGE) {
		if (pread(pagemap, &entry, 8, (off_t)(((uintptr_t)p + at) / PAGE * 8)) != 8)
			return false;
		entry = (entry & ((1UL << 55) - 1)) / 4 % (1 << 20);
		if (seen[entry])
			madvise(p + at, PAGE, MADV_DONTNEED);
		seen[entry] = true;
	}
	return true;
}

static void refused(int signo)
{
	(void)signo;
	_exit(0);
}

/*
 * With fragmented memory, start threads until there is no kernel stack, and then use a file with a
 * large table. Exits with 0 if both are refused.
 */
static void use_fragmented(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	char *p;
	int fd;

	if (!fragment())
		_exit(2);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN);
	while (pthread_create(&thread, &attr, sleeping_thread, NULL) == 0)
		;
	if (free_bytes() < 16 * MB)
		_exit(3);
	fd = memfd_create("sparse", 0);
	(void)!ftruncate(fd, 512L << 30);
	p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 511L << 30);
	signal(SIGBUS, refused);
	p[0] = 1;
	_exit(4);
}

#endif
