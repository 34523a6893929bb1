// SPDX-License-Identifier: MIT
/*
 * limits.c - what refuses a program memory: resource limits, the number of mappings, populating.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "tap.h"

#define PAGE 4096UL
#define MB   0x100000UL
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static char *map(size_t size, int prot, int flags)
{
	return mmap(NULL, size, prot, flags, -1, 0);
}

static bool is_present(char *p)
{
	unsigned char present = 0;

	return mincore(p, PAGE, &present) == 0 && (present & 1);
}

static void test_populate(void)
{
	char *p = map(4 * PAGE, RW, ANON), *q;
	int fd = memfd_create("short", 0);

	madvise(p, 4 * PAGE, MADV_NOHUGEPAGE);
	ok(madvise(p, 2 * PAGE, MADV_POPULATE_WRITE) == 0 && is_present(p + PAGE) &&
		   !is_present(p + 2 * PAGE),
	   "MADV_POPULATE_WRITE brings the pages of its range");
	munmap(p + 3 * PAGE, PAGE);
	fails_with(madvise(p, 4 * PAGE, MADV_POPULATE_READ), ENOMEM, "over a hole it is ENOMEM");
	ok(is_present(p + 2 * PAGE), "and what is before the hole has come");
	mprotect(p, PAGE, PROT_READ);
	fails_with(madvise(p, PAGE, MADV_POPULATE_WRITE), EINVAL,
		   "for writing where nothing may be written it is EINVAL");
	ok(madvise(p, PAGE, MADV_POPULATE_READ) == 0, "for reading it is not");
	mprotect(p, PAGE, PROT_NONE);
	fails_with(madvise(p, PAGE, MADV_POPULATE_READ), EINVAL, "of PROT_NONE it is EINVAL");
	munmap(p, 3 * PAGE);
	ok(ftruncate(fd, PAGE) == 0, "a file of a page");
	q = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	fails_with(madvise(q, 2 * PAGE, MADV_POPULATE_WRITE), EFAULT,
		   "where a write would be a SIGBUS it is EFAULT");
	munmap(q, 2 * PAGE);
	q = mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_POPULATE, fd, 0);
	ok(q != MAP_FAILED && is_present(q), "MAP_POPULATE does what it can and tells nothing");
	munmap(q, 2 * PAGE);
	close(fd);
}

int main(void)
{
	test_populate();
	return tap_done();
}
