// SPDX-License-Identifier: MIT
/*
 * hugetlb.c - explicit huge pages: the pool, MAP_HUGETLB, MFD_HUGETLB, and the effects of fork(),
 * holes, faults that the program handles (userfaultfd) and an exhausted pool.
 */
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "meminfo.h"
#include "tap.h"

#define HUGE  (2UL << 20)
#define POOL  8
#define GIANT (1UL << 30)
#define FLAGS (MAP_ANONYMOUS | MAP_HUGETLB)

static long unused(void)
{
	return meminfo("HugePages_Free:");
}

static bool set_pool(const char *count)
{
	int fd = open("/proc/sys/vm/nr_hugepages", O_WRONLY);
	bool good = fd >= 0 && write(fd, count, strlen(count)) == (ssize_t)strlen(count);

	close(fd);
	return good;
}

static char *map(unsigned long pages, int flags, int fd)
{
	return mmap(NULL, pages * HUGE, PROT_READ | PROT_WRITE, flags, fd, 0);
}

/*
 * Run fn(arg) in a child. Returns the child's exit status, or 128 + the number of the signal that
 * ended it.
 */
static int in_child(int (*fn)(char *arg), char *arg)
{
	int status = 0;
	pid_t child = fork();

	if (!child)
		_exit(fn(arg));
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_anonymous(void)
{
	char *mem = map(3, FLAGS | MAP_PRIVATE, -1);

	ok(mem != MAP_FAILED && (unsigned long)mem % HUGE == 0,
	   "a mapping of three huge pages is aligned");
	ok(mem[0] == 0 && mem[HUGE - 1] == 0 && unused() == POOL - 1,
	   "the first touch of a huge page takes it from the pool");
	mem[HUGE + 12345] = 3;
	ok(mem[HUGE + 12345] == 3 && mem[HUGE] == 0 && unused() == POOL - 2,
	   "the first touch of the second huge page takes another one from the pool");
	fails_with(munmap(mem, HUGE / 2), EINVAL, "munmap() of half a huge page fails with EINVAL");
	fails_with(mprotect(mem + HUGE / 2, HUGE / 2, PROT_READ), EINVAL,
		   "mprotect() of half a huge page fails with EINVAL");
	fails_with(madvise(mem + 4096, HUGE, MADV_DONTNEED), EINVAL,
		   "MADV_DONTNEED from inside a huge page fails with EINVAL");
	ok(madvise(mem, HUGE, MADV_DONTNEED) == 0 && unused() == POOL - 1 && mem[0] == 0,
	   "MADV_DONTNEED returns a whole huge page to the pool");
	ok(munmap(mem, 3 * HUGE) == 0 && unused() == POOL,
	   "munmap() returns all huge pages to the pool");
	errno = 0;
	ok(map(POOL + 1, FLAGS | MAP_PRIVATE, -1) == MAP_FAILED && errno == ENOMEM,
	   "a mapping larger than the pool fails with ENOMEM");
	errno = 0;
	ok(map(1, FLAGS | MAP_PRIVATE | (14 << 26), -1) == MAP_FAILED && errno == EINVAL,
	   "MAP_HUGETLB with a size of 16 KiB fails with EINVAL");
	mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, FLAGS | MAP_PRIVATE | (21 << 26), -1, 0);
	ok(mem != MAP_FAILED, "MAP_HUGETLB with a size of 2 MiB accepts a length of 4 KiB");
	mem[HUGE - 1] = 1;
	ok(unused() == POOL - 1 && munmap(mem, HUGE) == 0 && unused() == POOL,
	   "a mapping of 4 KiB consists of a whole huge page");
}

static bool touch_all_but_one(char *mem)
{
	unsigned long i;

	for (i = 0; i < POOL - 1; i++)
		mem[i * HUGE] = 1;
	return unused() == 1;
}

static int write_and_compare(char *mem)
{
	mem[5] = 9;
	return mem[5] == 9 && mem[HUGE] == 1 && unused() == POOL - 3 ? 7 : 1;
}

static int touch_all(char *mem)
{
	unsigned long i;

	for (i = 0; i <= POOL; i++)
		mem[i * HUGE] = 1;
	return 0;
}

static void *touch_first(void *mem)
{
	*(volatile char *)mem = 1;
	return NULL;
}

/* The pool has one page. Both threads need it, at the same address. */
static int touch_together(char *mem)
{
	pthread_t thread;
	int i;

	for (i = 0; i < 50; i++) {
		if (pthread_create(&thread, NULL, touch_first, mem))
			return 1;
		touch_first(mem);
		pthread_join(thread, NULL);
		if (madvise(mem, HUGE, MADV_DONTNEED) < 0)
			return 2;
	}
	return 7;
}

static void test_last_page(void)
{
	char *mem = map(POOL, FLAGS | MAP_PRIVATE, -1);

	ok(touch_all_but_one(mem) && in_child(touch_together, mem + (POOL - 1) * HUGE) == 7 &&
		   unused() == 1,
	   "two threads can touch the last page of the pool at the same time");
	munmap(mem, POOL * HUGE);
}

/*
 * Make a quarter of the memory small pages and free every second one. Then the pool takes all free
 * blocks of 2 MiB, so that much memory is free but no block.
 */
static int touch_without_blocks(char *mem)
{
	size_t size = (size_t)meminfo("MemTotal:") * 1024 / 4, at;
	char *small = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	if (small == MAP_FAILED || madvise(small, size, MADV_NOHUGEPAGE) < 0)
		return 1;
	for (at = 0; at < size; at += 4096)
		small[at] = 1;
	for (at = 0; at + 4096 <= size; at += 8192)
		madvise(small + at, 4096, MADV_DONTNEED);
	if (!set_pool("1000000"))
		return 2;
	for (i = 0; i < 4; i++)
		mem[i * 4096] = 1;
	return set_pool("8") ? 7 : 3;
}

static void test_no_blocks(void)
{
	char *mem =
		mmap(NULL, 4 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ok(in_child(touch_without_blocks, mem) == 7 && unused() == POOL,
	   "memory can be touched while much is free, but no block of 2 MiB");
	munmap(mem, 4 * HUGE);
}

static void test_fork(void)
{
	char *mem = map(2, FLAGS | MAP_PRIVATE, -1);

	mem[5] = mem[HUGE] = 1;
	ok(in_child(write_and_compare, mem) == 7, "a child writes to its own copy of a huge page");
	ok(mem[5] == 1 && unused() == POOL - 2,
	   "a child's copy of a huge page returns to the pool when the child ends");
	mem[5] = 2;
	ok(unused() == POOL - 2,
	   "the parent does not make a copy when it writes after the child has ended");
	munmap(mem, 2 * HUGE);
	mem = map(2, FLAGS | MAP_SHARED, -1);
	mem[HUGE] = 1;
	mem[0] = 0;
	in_child(write_and_compare, mem);
	ok(mem[5] == 9, "a child writes to shared huge pages in place");
	munmap(mem, 2 * HUGE);
	ok(unused() == POOL, "shared huge pages return to the pool when they are unmapped");
	mem = map(POOL + 1, FLAGS | MAP_PRIVATE | MAP_NORESERVE, -1);
	ok(mem != MAP_FAILED && in_child(touch_all, mem) == 128 + SIGBUS,
	   "touching a huge page when none is left raises SIGBUS");
	ok(munmap(mem, (POOL + 1) * HUGE) == 0 && unused() == POOL,
	   "the pool has all huge pages again after SIGBUS");
}

static void test_file(void)
{
	int fd = memfd_create("huge", MFD_HUGETLB);
	char *mem, *alias, *private, bytes[8] = "";

	ok(fd >= 0, "a memfd of huge pages can be created");
	fails_with(ftruncate(fd, HUGE + 4096), EINVAL,
		   "ftruncate() to a size that is not a multiple of a huge page fails with EINVAL");
	ok(ftruncate(fd, 2 * HUGE) == 0, "ftruncate() to a size of two huge pages succeeds");
	mem = map(2, MAP_SHARED, fd);
	alias = map(2, MAP_SHARED, fd);
	ok(mem != MAP_FAILED && (unsigned long)mem % HUGE == 0,
	   "a mapping of the memfd is aligned");
	strcpy(mem + HUGE + 100, "huge");
	ok(!strcmp(alias + HUGE + 100, "huge") && unused() == POOL - 1,
	   "two mappings of the memfd share one huge page");
	ok(pread(fd, bytes, 5, HUGE + 100) == 5 && !strcmp(bytes, "huge"),
	   "pread() of the memfd returns what was stored");
	fails_with(write(fd, bytes, 4), EINVAL, "write() to the memfd fails with EINVAL");
	private = map(2, MAP_PRIVATE, fd);
	ok(!strcmp(private + HUGE + 100, "huge"), "a private mapping shows the memfd's data");
	private[HUGE + 100] = 'H';
	ok(mem[HUGE + 100] == 'h' && unused() == POOL - 2,
	   "a store to a private mapping changes a copy");
	munmap(private, 2 * HUGE);
	ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2 * HUGE) == 0 &&
		   unused() == POOL,
	   "a punched hole returns its huge pages to the pool");
	ok(mem[HUGE + 100] == 0, "a punched hole reads as zeros");
	close(fd);
	munmap(mem, 2 * HUGE);
	ok(alias[HUGE + 100] == 0 && unused() == POOL - 1,
	   "the last mapping of the closed memfd keeps its contents");
	munmap(alias, 2 * HUGE);
	ok(unused() == POOL, "munmap() of the last mapping frees the memfd");
}

/* Map a small page: an area directly below it would not end at a multiple of 2 MiB. */
static char *small_page(void)
{
	return mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Write to the child's copies of both pages. Returns 7 if their contents are right. */
static int write_both(char *mem)
{
	mem[0] = mem[2 * HUGE - 1] = 9;
	return mem[0] == 9 && mem[HUGE] == 2 && mem[2 * HUGE - 1] == 9 ? 7 : 1;
}

static bool is_huge_area(char *mem)
{
	if (mem == MAP_FAILED || (unsigned long)mem % HUGE)
		return false;
	mem[0] = 1;
	mem[HUGE] = 2;
	return in_child(write_both, mem) == 7 && mem[0] == 1 && mem[HUGE] == 2 &&
	       mem[2 * HUGE - 1] == 0 && unused() == POOL - 2;
}

/* An area of huge pages is aligned and of whole pages, whatever the flags, hints and offsets. */
static void test_alignment(void)
{
	char *page = small_page(), *mem = map(2, FLAGS | MAP_PRIVATE | MAP_STACK, -1), *hint;
	int fd = memfd_create("huge", MFD_HUGETLB);

	ok(is_huge_area(mem), "a MAP_STACK area of huge pages is aligned, and fork() copies it");
	munmap(mem, 2 * HUGE);
	mem = map(2, FLAGS | MAP_SHARED | MAP_STACK, -1);
	ok(mem != MAP_FAILED && (unsigned long)mem % HUGE == 0,
	   "a shared MAP_STACK area of huge pages is aligned");
	munmap(mem, 2 * HUGE);
	hint = mem + 8192;
	mem = mmap(hint, 2 * HUGE, PROT_READ | PROT_WRITE, FLAGS | MAP_PRIVATE, -1, 0);
	ok(is_huge_area(mem), "mmap() of huge pages rounds a misaligned hint");
	munmap(mem, 2 * HUGE);
	fails_with(mmap(hint, HUGE, PROT_READ, FLAGS | MAP_PRIVATE | MAP_FIXED, -1, 0), EINVAL,
		   "mmap() of huge pages at a misaligned fixed address fails with EINVAL");
	ok(ftruncate(fd, 3 * HUGE) == 0, "a memfd can have three huge pages");
	fails_with(mmap(NULL, HUGE, PROT_READ, MAP_SHARED, fd, 4096), EINVAL,
		   "mmap() of a huge-page memfd at a misaligned offset fails with EINVAL");
	fails_with(mmap(hint, HUGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0), EINVAL,
		   "mmap() of a huge-page memfd at a misaligned address fails with EINVAL");
	mem = mmap(NULL, HUGE + 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_STACK, fd, HUGE);
	ok(mem != MAP_FAILED && (unsigned long)mem % HUGE == 0,
	   "the length of the memfd's mapping is rounded up");
	mem[2 * HUGE - 1] = 4;
	fails_with(munmap(mem, HUGE + 4096), EINVAL,
		   "munmap() that ends inside a huge page fails with EINVAL");
	ok(munmap(mem, 2 * HUGE) == 0, "munmap() of both huge pages succeeds");
	close(fd);
	munmap(page, 4096);
	ok(unused() == POOL, "all pages are back in the pool");
}

/* Areas of huge pages move only to aligned addresses, and never grow. */
static void test_mremap(void)
{
	int move = MREMAP_MAYMOVE | MREMAP_FIXED;
	char *page = small_page(), *mem = map(2, FLAGS | MAP_PRIVATE, -1), *to;

	mem[0] = 1;
	mem[HUGE] = 2;
	madvise(mem, 2 * HUGE, MADV_NOHUGEPAGE);
	fails_with(mremap(mem, 2 * HUGE, 3 * HUGE, MREMAP_MAYMOVE), EINVAL,
		   "huge pages with MADV_NOHUGEPAGE do not grow into a misaligned area");
	to = map(4, FLAGS | MAP_PRIVATE | MAP_NORESERVE, -1);
	munmap(to, 4 * HUGE);
	fails_with(mremap(mem, 2 * HUGE, 2 * HUGE, move, to + 4096), EINVAL,
		   "mremap() of huge pages to a misaligned address fails with EINVAL");
	fails_with(mremap(mem + 4096, HUGE, HUGE, move, to), EINVAL,
		   "mremap() from inside a huge page fails with EINVAL");
	mprotect(mem + HUGE, HUGE, PROT_READ);
	fails_with(mremap(mem, 2 * HUGE, 3 * HUGE, MREMAP_MAYMOVE), EINVAL,
		   "mremap() does not grow a range that consists of two areas of huge pages");
	mprotect(mem + HUGE, HUGE, PROT_READ | PROT_WRITE);
	ok(mremap(mem, 2 * HUGE, 2 * HUGE, move, to + HUGE) == to + HUGE && is_huge_area(to + HUGE),
	   "huge pages move to an aligned address");
	mem = to + HUGE;
	ok(mremap(mem, 2 * HUGE, HUGE, move, to + 3 * HUGE) == to + 3 * HUGE && to[3 * HUGE] == 1 &&
		   unused() == POOL - 1,
	   "mremap() of two huge pages to the size of one returns the other to the pool");
	fails_with(mremap(to + 3 * HUGE, HUGE, 2 * HUGE, 0), EINVAL,
		   "an area of huge pages does not grow in place");
	ok(munmap(to, 4 * HUGE) == 0 && munmap(page, 4096) == 0 && unused() == POOL,
	   "all moved huge pages return to the pool when they are unmapped");
}

static char *fault_at;

static void *touch(void *value)
{
	*(int *)value = *(volatile char *)fault_at;
	return NULL;
}

static void test_userfault(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING |
					       UFFDIO_REGISTER_MODE_MINOR };
	struct uffdio_copy copy = { .len = HUGE };
	struct uffdio_continue cont = { .range.len = HUGE };
	int fd = memfd_create("huge", MFD_HUGETLB),
	    uffd = (int)syscall(SYS_userfaultfd, O_NONBLOCK), value;
	struct pollfd p = { .fd = uffd, .events = POLLIN };
	char *mem, *alias, *bytes = malloc(HUGE);
	struct uffd_msg msg;
	pthread_t thread;

	memset(bytes, 6, HUGE);
	ok(ftruncate(fd, 2 * HUGE) == 0 && ioctl(uffd, UFFDIO_API, &api) == 0,
	   "a memfd of huge pages and a userfaultfd are set up");
	mem = map(2, MAP_SHARED, fd);
	alias = map(2, MAP_SHARED, fd);
	reg.range.start = (unsigned long)mem;
	reg.range.len = HUGE / 2;
	fails_with(ioctl(uffd, UFFDIO_REGISTER, &reg), EINVAL,
		   "UFFDIO_REGISTER of half a huge page fails with EINVAL");
	reg.range.len = 2 * HUGE;
	ok(ioctl(uffd, UFFDIO_REGISTER, &reg) == 0 && !(reg.ioctls & 1UL << _UFFDIO_ZEROPAGE) &&
		   (reg.ioctls & 1UL << _UFFDIO_CONTINUE),
	   "UFFDIO_REGISTER of huge pages offers UFFDIO_CONTINUE, not UFFDIO_ZEROPAGE");
	fault_at = mem + 54321;
	pthread_create(&thread, NULL, touch, &value);
	ok(poll(&p, 1, 10000) == 1 && read(uffd, &msg, sizeof(msg)) == sizeof(msg) &&
		   msg.arg.pagefault.address == (unsigned long)mem,
	   "a fault is reported with its huge page's address");
	copy.dst = (unsigned long)mem;
	copy.src = (unsigned long)bytes;
	ok(ioctl(uffd, UFFDIO_COPY, &copy) == 0 && copy.copy == (long)HUGE,
	   "UFFDIO_COPY copies a whole huge page");
	pthread_join(thread, NULL);
	ok(value == 6 && alias[HUGE - 1] == 6,
	   "the thread and another mapping see the copied huge page");
	alias[HUGE] = 8;
	fault_at = mem + HUGE;
	pthread_create(&thread, NULL, touch, &value);
	ok(poll(&p, 1, 10000) == 1 && read(uffd, &msg, sizeof(msg)) == sizeof(msg) &&
		   (msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_MINOR),
	   "a fault on a huge page that the file already contains is a minor fault");
	cont.range.start = (unsigned long)mem + HUGE;
	ok(ioctl(uffd, UFFDIO_CONTINUE, &cont) == 0, "UFFDIO_CONTINUE maps the file's huge page");
	pthread_join(thread, NULL);
	ok(value == 8, "the waiting thread reads the file's huge page");
	munmap(mem, 2 * HUGE);
	munmap(alias, 2 * HUGE);
	close(uffd);
	close(fd);
	free(bytes);
}

static long giants(void)
{
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "r");
	long count = -1;

	if (f && fscanf(f, "%ld", &count) != 1)
		count = -1;
	if (f)
		fclose(f);
	return count;
}

static int write_far(char *mem)
{
	mem[GIANT - 1] = 4;
	return mem[0] == 1 && mem[GIANT / 2] == 2 && mem[GIANT - 1] == 4 ? 7 : 1;
}

/* Test pages of 1 GiB if the machine was booted with some (hugepagesz=1G hugepages=2). */
static void test_giant(void)
{
	int flags = FLAGS | MAP_PRIVATE | MAP_NORESERVE | (30 << 26);
	long before = giants();
	char *mem;

	ok(before >= 0, "/sys shows the number of free 1 GiB pages");
	errno = 0;
	mem = mmap(NULL, (before + 1) * GIANT, PROT_READ, flags & ~MAP_NORESERVE, -1, 0);
	ok(mem == MAP_FAILED && errno == ENOMEM,
	   "a mapping larger than the pool of 1 GiB pages fails with ENOMEM");
	if (before < 2)
		return;
	mem = mmap(NULL, 1, PROT_READ | PROT_WRITE, flags, -1, 0);
	ok(mem != MAP_FAILED && (unsigned long)mem % GIANT == 0,
	   "a mapping of a 1 GiB page is aligned");
	mem[0] = 1;
	mem[GIANT / 2] = 2;
	ok(mem[GIANT - 1] == 0 && giants() == before - 1,
	   "a touched mapping of 1 GiB takes one page from the pool");
	ok(in_child(write_far, mem) == 7 && mem[GIANT - 1] == 0,
	   "a child writes to its own copy of a 1 GiB page");
	ok(giants() == before - 1, "the child's copy of a 1 GiB page is freed when the child ends");
	fails_with(munmap(mem, GIANT / 2), EINVAL,
		   "munmap() of half a 1 GiB page fails with EINVAL");
	ok(munmap(mem, GIANT) == 0 && giants() == before,
	   "munmap() returns a 1 GiB page to the pool");
}

int main(void)
{
	ok(set_pool("8") && meminfo("HugePages_Total:") == POOL && unused() == POOL,
	   "the pool can be set to eight huge pages");
	ok(meminfo("Hugepagesize:") == (long)(HUGE >> 10),
	   "/proc/meminfo reports that a huge page has 2 MiB");
	test_anonymous();
	test_last_page();
	test_no_blocks();
	test_fork();
	test_file();
	test_alignment();
	test_mremap();
	test_userfault();
	test_giant();
	ok(unused() == POOL, "all huge pages are in the pool at the end");
	ok(set_pool("0") && meminfo("HugePages_Total:") == 0, "the pool can be emptied");
	return tap_done();
}
