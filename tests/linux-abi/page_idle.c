// SPDX-License-Identifier: MIT
/*
 * page_idle.c - /proc/self/pagemap and /sys/kernel/mm/page_idle/bitmap: the frames of pages, and
 * which of them have not been used since they were marked idle.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "tap.h"

#define PAGE    4096UL
#define PAGES   64
#define PRESENT (1ULL << 63)
#define BITMAP  "/sys/kernel/mm/page_idle/bitmap"

static int map, bitmap;
static void *volatile bad_pointer = (void *)8;

static uint64_t entry_of(const void *p)
{
	uint64_t entry = 0;

	if (pread(map, &entry, 8, (off_t)((uintptr_t)p / PAGE * 8)) != 8)
		return 0;
	return entry;
}

static uint64_t frame_of(const void *p)
{
	return entry_of(p) & ((1ULL << 55) - 1);
}

static bool is_idle(uint64_t frame)
{
	uint64_t word = 0;

	return pread(bitmap, &word, 8, (off_t)(frame / 64 * 8)) == 8 && (word >> (frame % 64) & 1);
}

static bool mark(uint64_t frame)
{
	uint64_t word = 1ULL << (frame % 64);

	return pwrite(bitmap, &word, 8, (off_t)(frame / 64 * 8)) == 8;
}

/* Memory in pages of 4 KiB: with a larger page, all of it counts as used at once. */
static char *memory(int flags)
{
	char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	madvise(p, PAGES * PAGE, MADV_NOHUGEPAGE);
	return p;
}

static void test_pagemap(void)
{
	char *p = memory(MAP_PRIVATE), *shared = memory(MAP_SHARED);
	uint64_t words[PAGES] = { 0 };
	uint64_t frame;
	int status;

	ok(entry_of(p) == 0, "a page that was never touched has no frame");
	p[0] = 1;
	p[2 * PAGE] = 1;
	ok(entry_of(p) & PRESENT && frame_of(p), "a touched page has one");
	ok(pread(map, words, sizeof(words), (off_t)((uintptr_t)p / PAGE * 8)) == sizeof(words) &&
		   words[0] & PRESENT && !(words[1] & PRESENT) && words[2] & PRESENT,
	   "one read returns the entries of several pages");
	fails_with(pread(map, words, 8, 4), EINVAL, "a misaligned position: EINVAL");
	fails_with(pread(map, words, 12, 0), EINVAL, "a size that is not a multiple of 8: EINVAL");
	fails_with(pread(map, bad_pointer, 8, (off_t)((uintptr_t)p / PAGE * 8)), EFAULT,
		   "a bad address: EFAULT");
	ok(pread(map, words, 8, 1L << 60) == 0, "there is nothing beyond the address space");
	shared[0] = 1;
	frame = frame_of(shared);
	if (fork() == 0) {
		int own = open("/proc/self/pagemap", O_RDONLY);

		close(map);
		map = own;
		(void)*(volatile char *)shared;
		_exit(own >= 0 && frame_of(shared) == frame ? 0 : 1);
	}
	wait(&status);
	ok(status == 0, "a child sees a shared page in the same frame");
	munmap(p, PAGES * PAGE);
	ok(entry_of(p) == 0, "an unmapped page has no frame");
	munmap(shared, PAGES * PAGE);
}

static void test_arguments(void)
{
	uint64_t word = ~0ULL;

	fails_with(pread(bitmap, &word, 8, 4), EINVAL, "bitmap: a misaligned position: EINVAL");
	fails_with(pread(bitmap, &word, 4, 0), EINVAL, "bitmap: half a word: EINVAL");
	fails_with(pwrite(bitmap, &word, 8, 4), EINVAL,
		   "bitmap: writing at a misaligned position: EINVAL");
	fails_with(pwrite(bitmap, &word, 4, 0), EINVAL, "bitmap: writing half a word: EINVAL");
	ok(pread(bitmap, &word, 8, 1L << 60) == 0, "bitmap: nothing can be read beyond the frames");
	fails_with(pwrite(bitmap, &word, 8, 1L << 60), ENXIO,
		   "bitmap: a frame that does not exist cannot be marked: ENXIO");
	fails_with(pread(bitmap, bad_pointer, 8, 0), EFAULT, "bitmap: a bad address: EFAULT");
	fails_with(pwrite(bitmap, bad_pointer, 8, 0), EFAULT,
		   "bitmap: writing from a bad address: EFAULT");
	word = ~0ULL;
	ok(pwrite(bitmap, &word, 8, 0) == 8 && pread(bitmap, &word, 8, 0) == 8 && word == 0,
	   "bitmap: frames that are not RAM are never idle");
}

static void test_idle(void)
{
	char *p = memory(MAP_PRIVATE);
	uint64_t frames[PAGES];
	bool marked = true, idle = true, used = true;

	for (int i = 0; i < PAGES; i++) {
		p[i * PAGE] = 1;
		frames[i] = frame_of(p + i * PAGE);
	}
	ok(!is_idle(frames[0]), "a page that was not marked is not idle");
	for (int i = 0; i < PAGES; i++)
		marked &= mark(frames[i]);
	for (int i = 0; i < PAGES; i++)
		idle &= is_idle(frames[i]);
	ok(marked && idle, "marked pages are idle");
	*(volatile char *)(p + 3 * PAGE) = 1;
	(void)*(volatile char *)(p + 5 * PAGE);
	for (int i = 0; i < PAGES; i++)
		used &= is_idle(frames[i]) == (i != 3 && i != 5);
	ok(used, "a page that was read or written is no longer idle; the others still are");
	ok(mark(frames[3]) && is_idle(frames[3]), "it can be marked again");
	munmap(p, PAGES * PAGE);
	ok(!is_idle(frames[7]), "a frame that is no longer mapped is not idle");
	p = memory(MAP_PRIVATE);
	p[0] = 1;
	ok(!is_idle(frame_of(p)), "neither is one that was mapped anew");
	munmap(p, PAGES * PAGE);
}

static void test_shared(void)
{
	char *p = memory(MAP_SHARED);
	uint64_t frame;
	pid_t child;

	p[0] = 1;
	frame = frame_of(p);
	mark(frame);
	ok(is_idle(frame), "a page of shared memory can be idle");
	child = fork();
	if (child == 0) {
		*(volatile char *)(p + PAGE) = 1;
		for (;;)
			*(volatile char *)p = 2;
	}
	while (!*(volatile char *)(p + PAGE))
		;
	ok(!is_idle(frame), "it is no longer idle while another process uses it");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	munmap(p, PAGES * PAGE);
}

/* Mark every frame of the machine, also the kernel's, then read all marks. */
static void test_everything(void)
{
	static uint64_t words[512];
	char *p = memory(MAP_PRIVATE);
	off_t at = 0, end;
	long n;

	p[0] = 1;
	memset(words, 0xff, sizeof(words));
	while ((n = pwrite(bitmap, words, sizeof(words), at)) > 0)
		at += n;
	end = at;
	ok(n == -1 && errno == ENXIO && end > 0, "all frames of the machine can be marked");
	ok(is_idle(frame_of(p)), "a page is idle then");
	for (at = 0; (n = pread(bitmap, words, sizeof(words), at)) > 0;)
		at += n;
	ok(n == 0 && at == end, "all marks can be read");
	ok(is_idle(frame_of(p)), "reading the marks does not change them");
	munmap(p, PAGES * PAGE);
}

int main(void)
{
	map = open("/proc/self/pagemap", O_RDONLY);
	ok(map >= 0, "a process can open its pagemap");
	test_pagemap();
	bitmap = open(BITMAP, O_RDWR);
	if (bitmap < 0) {
		printf("ok %d - idle pages # SKIP this kernel has no " BITMAP "\n", ++tap_count);
		return tap_done();
	}
	test_arguments();
	test_idle();
	test_shared();
	test_everything();
	return tap_done();
}
