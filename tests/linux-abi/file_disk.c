// SPDX-License-Identifier: MIT
/*
 * file_disk.c - read and write a block device; on Linux, use a loop device.
 * usage: file_disk [DEVICE [wait]]; /dev/vda by default.
 *
 * It overwrites only the first and the last MiB. With "wait" it fills only the last MiB, and then
 * waits until it is killed.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tap.h"

#define MIB    (1 << 20)
#define BUFFER 65536

static int fd;
static uint64_t size;
static unsigned char *a, *b;
static bool ended; /* free_buffer() has to end */

static void fill(unsigned char *p, size_t n, unsigned int seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1103515245 + 12345;
		p[i] = (unsigned char)(seed >> 16);
	}
}

static bool round_trip(uint64_t pos, size_t at, size_t n, unsigned int seed)
{
	fill(a + at, n, seed);
	memset(b, 0, MIB);
	return pwrite(fd, a + at, n, (off_t)pos) == (ssize_t)n &&
	       pread(fd, b + at, n, (off_t)pos) == (ssize_t)n && !memcmp(a + at, b + at, n);
}

static void test_facts(const char *name)
{
	struct stat st;
	int sector = 0;

	ok(fstat(fd, &st) == 0 && S_ISBLK(st.st_mode), "fstat() reports a block device");
	ok(ioctl(fd, BLKGETSIZE64, &size) == 0 && size >= 4 * MIB && size % 512 == 0,
	   "BLKGETSIZE64 returns a multiple of 512 that is at least 4 MiB");
	ok(ioctl(fd, BLKSSZGET, &sector) == 0 && sector == 512, "BLKSSZGET returns 512");
	ok(lseek(fd, 0, SEEK_END) == (off_t)size,
	   "lseek() with SEEK_END returns the device's size");
	printf("# %s: %llu bytes\n", name, (unsigned long long)size);
}

static void test_transfers(void)
{
	unsigned char guard[2];
	size_t at, n;
	bool good = true;

	ok(round_trip(0, 0, MIB, 1), "1 MiB of aligned data is written and read back");
	ok(round_trip(512, 0, 512, 2), "one sector is written and read back");
	ok(round_trip(0, 1, MIB - 4096, 3), "data at an odd address is written and read back");
	ok(round_trip(size - MIB, 8, 300000, 4),
	   "data that ends inside a sector is written and read back");
	for (at = 1; at < 3000; at += 331)
		for (n = 1; n < 5000; n = n * 3 + 1)
			good &= round_trip(at, at, n, (unsigned int)(at * n));
	ok(good, "data of many sizes at unaligned offsets is written and read back");
	fill(a, MIB, 9);
	pwrite(fd, a, MIB, 0);
	pwrite(fd, "XY", 2, 1023);
	pread(fd, guard, 2, 1022);
	ok(guard[0] == a[1022] && guard[1] == 'X',
	   "a write of two bytes leaves the byte before them unchanged");
}

static void test_edges(void)
{
	char *ro = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static char *volatile bad = (char *)8;

	ok(pread(fd, b, 4096, (off_t)size - 100) == 100,
	   "a read across the end of the device is short");
	ok(pread(fd, b, 4096, (off_t)size) == 0, "a read at the end of the device returns 0");
	fails_with(pwrite(fd, a, 512, (off_t)size), ENOSPC,
		   "a write at the end of the device fails with ENOSPC");
	ok(pwrite(fd, a, 4096, (off_t)size - 512) == 512,
	   "a write across the end of the device is short");
	fails_with(pread(fd, bad, 4096, 0), EFAULT,
		   "a read of the device to a bad address fails with EFAULT");
	fails_with(pwrite(fd, bad, 4096, 0), EFAULT,
		   "a write to the device from a bad address fails with EFAULT");
	fails_with(pread(fd, ro, 4096, 0), EFAULT, "a read to read-only memory fails with EFAULT");
	ok(pwrite(fd, ro, 8192, 4096) == 8192,
	   "a write from memory that was never touched succeeds");
	ok(fsync(fd) == 0 && fdatasync(fd) == 0, "fsync() and fdatasync() succeed");
}

static void *hammer(void *arg)
{
	unsigned int id = (unsigned int)(uintptr_t)arg, i;
	unsigned char x[6000], y[6000];
	uintptr_t wrong = 0;

	/* Adjacent ranges share a sector, because 6000 is not a multiple of 512. */
	for (i = 0; i < 50; i++) {
		fill(x, sizeof(x), id * 1000 + i);
		wrong += pwrite(fd, x, sizeof(x), (off_t)(id * sizeof(x))) != sizeof(x);
		wrong += pread(fd, y, sizeof(y), (off_t)(id * sizeof(x))) != sizeof(y);
		wrong += memcmp(x, y, sizeof(x)) != 0;
	}
	return (void *)wrong;
}

static void test_threads(void)
{
	pthread_t t[4];
	void *wrong;
	bool good = true;

	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, hammer, (void *)i);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &wrong);
		good &= wrong == NULL;
	}
	ok(good, "four threads read back what they wrote to ranges that share sectors");
}

/* Read the device into a buffer that another thread frees meanwhile. */
static void *free_buffer(void *buffer)
{
	while (!__atomic_load_n(&ended, __ATOMIC_RELAXED)) {
		madvise(buffer, BUFFER, MADV_DONTNEED);
		sched_yield();
	}
	return NULL;
}

static void test_freed_buffer(void)
{
	unsigned char *buffer =
		mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t t;
	bool good = true;

	pthread_create(&t, NULL, free_buffer, buffer);
	for (int i = 0; i < 200; i++)
		good &= pread(fd, buffer, BUFFER, 0) == BUFFER;
	__atomic_store_n(&ended, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	ok(good, "the device is read into a buffer that another thread frees meanwhile");
	munmap(buffer, BUFFER);
}

/* Read a part of the first sector. Set `ended` afterwards. */
static void *read_part(void *to)
{
	bool good = pread(fd, to, 100, 200) == 100;

	__atomic_store_n(&ended, true, __ATOMIC_RELEASE);
	return good ? to : NULL;
}

/* A thread reads into a page for which a userfaultfd waits. Meanwhile, another thread reads, too. */
static void test_stuck_thread(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register reg = { .range = { (uintptr_t)page, 4096 },
				       .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_zeropage zero = { .range = reg.range };
	struct uffdio_api api = { .api = UFFD_API };
	int uffd = (int)syscall(SYS_userfaultfd, 0);
	struct uffd_msg msg;
	pthread_t stuck, other;
	void *result;
	bool good;

	if (!ok(ioctl(uffd, UFFDIO_API, &api) == 0 && ioctl(uffd, UFFDIO_REGISTER, &reg) == 0,
		"a userfaultfd waits for a page"))
		return;
	pthread_create(&stuck, NULL, read_part, page);
	(void)!read(uffd, &msg, sizeof(msg));
	__atomic_store_n(&ended, false, __ATOMIC_RELAXED);
	pthread_create(&other, NULL, read_part, a);
	for (int ms = 0; ms < 3000 && !__atomic_load_n(&ended, __ATOMIC_ACQUIRE); ms++)
		usleep(1000);
	ok(ended, "a thread can read from the device while another waits for its buffer");
	ioctl(uffd, UFFDIO_ZEROPAGE, &zero);
	pthread_join(stuck, &result);
	good = result == page;
	pthread_join(other, &result);
	ok(good && result == a && !memcmp(page, a, 100), "both threads read the same bytes");
	close(uffd);
}

#define FORK_PAGES 60

static unsigned char *fork_buffer;

/* Store to the first byte of each page, so that a page that fork() has shared is copied. */
static void *store(void *arg)
{
	while (!__atomic_load_n(&ended, __ATOMIC_RELAXED))
		for (int i = 0; i < FORK_PAGES; i++)
			*(volatile unsigned char *)(fork_buffer + (size_t)i * 4096) = 7;
	return arg;
}

static void *fork_often(void *arg)
{
	while (!__atomic_load_n(&ended, __ATOMIC_RELAXED)) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	return arg;
}

/* Read into the rest of each page, and return how many pages lack the device's bytes. */
static int lost_pages(void)
{
	int lost = 0;

	memset(fork_buffer, 0, FORK_PAGES * 4096);
	if (pread(fd, fork_buffer, FORK_PAGES * 4096, 0) != FORK_PAGES * 4096)
		return FORK_PAGES;
	for (size_t i = 0; i < FORK_PAGES; i++)
		lost += memcmp(fork_buffer + i * 4096 + 1, a + i * 4096 + 1, 4095) != 0;
	return lost;
}

/*
 * A page that the device writes to must not be replaced by a copy because of fork(). In every other
 * round, the pages are parts of a new block of 2 MiB.
 */
static void test_fork(void)
{
	unsigned char *area =
		mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t t[2];
	int lost = 0;

	fork_buffer = (unsigned char *)(((uintptr_t)area + 2 * MIB - 1) & ~(2UL * MIB - 1));
	fill(a, MIB, 12);
	pwrite(fd, a, MIB, 0);
	__atomic_store_n(&ended, false, __ATOMIC_RELAXED);
	pthread_create(&t[0], NULL, store, NULL);
	pthread_create(&t[1], NULL, fork_often, NULL);
	for (int i = 0; i < 300; i++) {
		if (i % 2)
			madvise(fork_buffer, 2 * MIB, MADV_DONTNEED);
		lost += lost_pages();
	}
	__atomic_store_n(&ended, true, __ATOMIC_RELAXED);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	if (!ok(!lost, "a read of the device is complete although another thread forks"))
		printf("# %d pages lack the device's bytes\n", lost);
	munmap(area, 4 * MIB);
}

/* Fill the last MiB with known bytes; files.t looks for them in the disk's file. */
static void leave_mark(void)
{
	fill(a, MIB, 4711);
	ok(pwrite(fd, a, MIB, (off_t)size - MIB) == MIB && fsync(fd) == 0,
	   "the last MiB is written and synced");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "/dev/vda";

	fd = open(name, O_RDWR);
	a = malloc(MIB + 4096);
	b = malloc(MIB + 4096);
	if (!ok(fd >= 0, "the device can be opened"))
		return tap_done();
	test_facts(name);
	if (argc > 2) {
		leave_mark();
		pause();
	}
	test_transfers();
	test_edges();
	test_threads();
	test_freed_buffer();
	test_stuck_thread();
	test_fork();
	leave_mark();
	return tap_done();
}
