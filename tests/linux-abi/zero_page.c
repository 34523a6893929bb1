// SPDX-License-Identifier: MIT
/*
 * zero_page.c - memory that was loaded from before the first store reads as zeroes, takes no
 * memory, and gets pages of its own at the first store, whoever stores.
 *
 * Linux maps its zero page at such loads; the host does so with zero_page=1, which this program
 * sets.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "tap.h"

#define PAGE 4096UL
#define MB   (1UL << 20)
#define SIZE (4 * MB)
#define RW   (PROT_READ | PROT_WRITE)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static bool all_zero(const char *at, size_t size)
{
	for (size_t i = 0; i < size; i += sizeof(uint64_t))
		if (*(const volatile uint64_t *)(at + i))
			return false;
	return true;
}

/* Map SIZE bytes at a multiple of 2 MiB, with unmapped memory on both sides. */
static char *map(void)
{
	char *at = mmap(NULL, SIZE + 4 * MB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *start = (char *)(((uintptr_t)at + 4 * MB - 1) & ~(2 * MB - 1));

	if (at == MAP_FAILED ||
	    mmap(start, SIZE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != start)
		exit(1);
	return start;
}

/* Map memory and load from all of it. It stays mapped, so that the test can look at it last. */
static char *loaded(void)
{
	char *at = map();

	if (!all_zero(at, SIZE))
		exit(1);
	return at;
}

/* Is the memory zero, except for the word at `word`, which must be `value`? */
static bool only(const char *at, const char *word, uint64_t value)
{
	return all_zero(at, (size_t)(word - at)) && *(const uint64_t *)word == value &&
	       all_zero(word + 8, (size_t)(at + SIZE - word - 8));
}

/* The sum of field `name` of /proc/self/smaps, in KiB, over the areas in [at, at + SIZE). */
static long smaps(const char *at, const char *name)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	bool inside = false;
	char line[256];
	long sum = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start >= (uintptr_t)at && end <= (uintptr_t)at + SIZE;
		else if (inside && !strncmp(line, name, strlen(name)))
			sum += atol(line + strlen(name));
	}
	if (f)
		fclose(f);
	return sum;
}

static void memory_used(char *at)
{
	unsigned char present[SIZE / PAGE];
	unsigned long i, n = 0;

	ok(smaps(at, "Rss:") == 0, "loads from untouched memory take no memory");
	ok(smaps(at, "AnonHugePages:") == 0 && smaps(at, "Referenced:") == 0,
	   "such memory has no huge pages, and none in use");
	if (mincore(at, SIZE, present) == 0)
		for (i = 0; i < SIZE / PAGE; i++)
			n += present[i] & 1;
	ok(n == SIZE / PAGE, "mincore() reports the pages as present");
	at[MB] = 1;
	ok(smaps(at, "Rss:") >= 4 && smaps(at, "Rss:") <= 2048,
	   "the first store takes a page, or 2 MiB");
	ok(mlock(at, SIZE) == 0 && smaps(at, "Rss:") == SIZE / 1024,
	   "mlock() replaces the zero page everywhere");
	ok(munlock(at, SIZE) == 0 && at[MB] == 1, "the page stored to has kept its value");
}

static void stores(char *at)
{
	uint64_t *word = (uint64_t *)(at + 3 * PAGE + 8);
	int fd = memfd_create("source", 0);

	*word = 5;
	ok(only(at, (char *)word, 5), "a store changes only its own word");
	*word = 0;
	word = (uint64_t *)(at + 2 * MB + 7 * PAGE);
	ok(fd >= 0 && pwrite(fd, "12345678", 8, 0) == 8 && pread(fd, word, 8, 0) == 8 &&
		   !memcmp(word, "12345678", 8),
	   "the kernel's store gets a page, too");
	*word = 0;
	ok(all_zero(at, SIZE), "the rest of the memory is still zero");
	close(fd);
}

static void forked(char *at)
{
	volatile uint64_t *word = (uint64_t *)(at + MB);
	int status = -1;
	pid_t child;

	child = fork();
	if (!child) {
		*word = 7;
		_exit(only(at, (char *)(uintptr_t)word, 7) ? 0 : 1);
	}
	waitpid(child, &status, 0);
	ok(child > 0 && !status, "after fork, the child's store works");
	ok(all_zero(at, SIZE), "after fork, the parent does not see the child's store");
	child = fork();
	if (!child) {
		usleep(50000);
		_exit(all_zero(at, SIZE) ? 0 : 1);
	}
	*word = 9;
	waitpid(child, &status, 0);
	ok(child > 0 && !status, "the child does not see the parent's store");
}

static sigjmp_buf jump;

static void on_fault(int signo)
{
	siglongjmp(jump, signo);
}

static bool store_faults(volatile char *at)
{
	struct sigaction action = { .sa_handler = on_fault }, old;
	bool faulted = true;

	sigaction(SIGSEGV, &action, &old);
	if (!sigsetjmp(jump, 1)) {
		*at = 1;
		faulted = false;
	}
	sigaction(SIGSEGV, &old, NULL);
	return faulted;
}

static void permissions(char *at)
{
	mprotect(at, SIZE, PROT_READ);
	ok(store_faults(at) && all_zero(at, SIZE), "a read-only area refuses stores");
	ok(mlock(at, SIZE) == 0 && all_zero(at, SIZE) && munlock(at, SIZE) == 0,
	   "a read-only area can be locked");
	mprotect(at, SIZE, PROT_NONE);
	ok(store_faults(at), "an area without permissions refuses stores");
	mprotect(at, SIZE, RW);
	ok(!store_faults(at + 3 * MB) && at[3 * MB] == 1 && all_zero(at, 3 * MB),
	   "an area that became writable again takes stores");
}

static void moved(char *at)
{
	char *to = map();

	ok(mremap(at, 2 * MB + PAGE, 2 * MB + PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to &&
		   all_zero(to, SIZE),
	   "mremap() moves the zero page");
	to[PAGE] = 1;
	ok(to[PAGE] == 1 && all_zero(to, PAGE) && all_zero(to + 2 * PAGE, SIZE - 2 * PAGE),
	   "a store after the move changes only its page");
	to[PAGE] = 0;
}

static void removed(char *at)
{
	ok(munmap(at + MB, PAGE) == 0 && all_zero(at, MB) &&
		   all_zero(at + MB + PAGE, SIZE - MB - PAGE),
	   "a hole leaves the memory around it zero");
	at[MB - 1] = 1;
	at[MB + PAGE] = 1;
	ok(at[MB - 1] == 1 && at[MB + PAGE] == 1 && !at[MB - PAGE - 1] && !at[MB + 2 * PAGE],
	   "stores next to the hole change only their pages");
	ok(madvise(at, MB, MADV_DONTNEED) == 0 && all_zero(at, MB),
	   "MADV_DONTNEED drops a store and the zero page");
}

static void collapsed(char *at)
{
	*(uint64_t *)(at + 5 * PAGE) = 11;
	madvise(at, SIZE, MADV_COLLAPSE);
	ok(only(at, at + 5 * PAGE, 11), "MADV_COLLAPSE keeps one page and zeroes");
	*(uint64_t *)(at + 6 * PAGE) = 12;
	ok(at[6 * PAGE] == 12 && at[5 * PAGE] == 11, "stores work after MADV_COLLAPSE");
	*(uint64_t *)(at + 6 * PAGE) = 0;
	*(uint64_t *)(at + 5 * PAGE) = 0;
}

static void registered(char *at)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .range = { (uintptr_t)at, SIZE },
				       .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy copy = { .dst = (uintptr_t)at, .len = PAGE };
	static char source[PAGE] __attribute__((aligned(4096)));
	struct uffd_msg msg;

	copy.src = (uintptr_t)source;
	ok(fd >= 0 && !ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &reg),
	   "loaded memory can be registered with a userfaultfd");
	fails_with(ioctl(fd, UFFDIO_COPY, &copy), EEXIST,
		   "UFFDIO_COPY does not replace the zero page");
	*(uint64_t *)(at + MB) = 3;
	ok(only(at, at + MB, 3) && read(fd, &msg, sizeof(msg)) < 0,
	   "neither loads nor a store are reported as missing pages");
	close(fd);
}

/* ---- threads that store to the same 2 MiB ---- */

#define THREADS 4

static char *together;
static pthread_barrier_t barrier;

static void *store_own(void *arg)
{
	uintptr_t me = (uintptr_t)arg;

	pthread_barrier_wait(&barrier);
	for (unsigned long i = me; i < SIZE / PAGE; i += THREADS)
		*(volatile uint64_t *)(together + i * PAGE) = i + 1;
	return NULL;
}

static void at_the_same_time(void)
{
	pthread_t thread[THREADS];
	bool good = true;

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int round = 0; round < 6; round++) {
		together = loaded();
		if (round % 2)
			madvise(together, SIZE, MADV_NOHUGEPAGE);
		for (uintptr_t i = 0; i < THREADS; i++)
			pthread_create(&thread[i], NULL, store_own, (void *)i);
		for (int i = 0; i < THREADS; i++)
			pthread_join(thread[i], NULL);
		for (unsigned long i = 0; i < SIZE / PAGE; i++)
			good &= *(uint64_t *)(together + i * PAGE) == i + 1;
		munmap(together, SIZE);
	}
	ok(good, "threads that store to the same 2 MiB at once lose nothing");
}

#define PARAMETER "/sys/module/kvm/parameters/zero_page"

/* Set the parameter, and store the old value's first character in *old. Linux has none. */
static void set_parameter(const char *value, char *old)
{
	int fd = open(PARAMETER, O_RDWR);

	if (fd < 0)
		return;
	if (read(fd, old, 1) != 1 || write(fd, value, 1) != 1)
		exit(1);
	close(fd);
}

int main(void)
{
	char *untouched, *small, old = '0', new;

	set_parameter("1", &old);
	untouched = loaded();
	small = map();
	madvise(small, SIZE, MADV_NOHUGEPAGE);
	if (!all_zero(small, SIZE))
		return 1;
	memory_used(loaded());
	stores(loaded());
	forked(loaded());
	permissions(loaded());
	moved(loaded());
	removed(loaded());
	collapsed(loaded());
	collapsed(small);
	registered(loaded());
	at_the_same_time();
	ok(all_zero(untouched, SIZE), "after all these stores, the zero page is still zero");
	set_parameter(&old, &new);
	return tap_done();
}
