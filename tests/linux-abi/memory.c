// SPDX-License-Identifier: MIT
/* memory.c - mmap(), mprotect(), mremap(), madvise() and brk(), page by page. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "tap.h"

#define PAGE 4096UL
#define MB2  0x200000UL
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static sigjmp_buf fault_jump;
static volatile int fault_signal, fault_code;
static void *volatile fault_addr;

static void on_fault(int signo, siginfo_t *info, void *context)
{
	(void)context;
	fault_signal = signo;
	fault_code = info->si_code;
	fault_addr = info->si_addr;
	siglongjmp(fault_jump, 1);
}

/* Return true if the access faults; fault_* then describe the fault. */
static bool faults(volatile char *p, bool write)
{
	fault_signal = 0;
	if (sigsetjmp(fault_jump, 1))
		return true;
	if (write)
		*p = 1;
	else
		(void)*p;
	return false;
}

static void *map(size_t size, int prot, int flags)
{
	return mmap(NULL, size, prot, flags, -1, 0);
}

static void test_anonymous(void)
{
	char *p = map(3 * PAGE, RW, ANON);

	ok(p != MAP_FAILED && (uintptr_t)p % PAGE == 0, "mmap() returns a page-aligned address");
	ok(p[0] == 0 && p[3 * PAGE - 1] == 0, "new pages are zero");
	memset(p, 7, 3 * PAGE);
	ok(munmap(p + PAGE, PAGE) == 0 && p[0] == 7 && p[2 * PAGE] == 7,
	   "unmapping a page leaves the pages around it unchanged");
	ok(faults(p + PAGE, false) && fault_signal == SIGSEGV && fault_code == SEGV_MAPERR,
	   "a read of the hole raises SIGSEGV with SEGV_MAPERR");
	ok(fault_addr == p + PAGE, "si_addr is the address that was read");
	ok(mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p + PAGE && p[PAGE] == 0,
	   "MAP_FIXED fills the hole with zeroes");
	fails_with(mmap(p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST,
		   "MAP_FIXED_NOREPLACE over a mapping fails with EEXIST");
	ok(munmap(p, 3 * PAGE) == 0, "munmap() removes all pages of a range");
	ok(munmap(p, 3 * PAGE) == 0, "munmap() of an unmapped range succeeds");
}

static void test_protection(void)
{
	char *p = map(4 * PAGE, RW, ANON);

	memset(p, 5, 4 * PAGE);
	ok(mprotect(p + PAGE, PAGE, PROT_READ) == 0 && p[PAGE] == 5,
	   "mprotect() to read-only keeps a page's contents");
	ok(faults(p + PAGE, true) && fault_code == SEGV_ACCERR,
	   "a write to a read-only page raises SIGSEGV with SEGV_ACCERR");
	ok(!faults(p, true) && !faults(p + 2 * PAGE, true),
	   "the pages around a read-only page can be written");
	ok(mprotect(p, 4 * PAGE, PROT_NONE) == 0 && faults(p + PAGE, false) && faults(p, true),
	   "PROT_NONE forbids reads and writes");
	ok(mprotect(p, 4 * PAGE, RW) == 0 && p[0] == 1 && p[PAGE] == 5 && p[3 * PAGE] == 5,
	   "pages still have their contents after PROT_NONE is lifted");
	munmap(p, 4 * PAGE);
	fails_with(mprotect(p, PAGE, PROT_READ), ENOMEM,
		   "mprotect() of an unmapped page fails with ENOMEM");
	fails_with(mprotect(p + 1, PAGE, PROT_READ), EINVAL,
		   "mprotect() fails with EINVAL if the address is not page-aligned");
}

static void test_large(void)
{
	size_t size = 16 * MB2;
	char *p = map(size, RW, ANON), *q;
	bool good = true;

	ok(p != MAP_FAILED, "32 MiB can be mapped");
	for (size_t i = 0; i < size; i += PAGE)
		p[i] = (char)(i / PAGE);
	ok(munmap(p + MB2 + PAGE, PAGE) == 0,
	   "one page in the middle of a large block can be unmapped");
	for (size_t i = 0; i < size; i += PAGE)
		if (i != MB2 + PAGE && p[i] != (char)(i / PAGE))
			good = false;
	ok(good, "all other pages keep their contents");
	ok(faults(p + MB2 + PAGE, false), "a read of the unmapped page faults");
	ok(mprotect(p + 4 * MB2 + 5 * PAGE, PAGE, PROT_READ) == 0 &&
		   faults(p + 4 * MB2 + 5 * PAGE, true) && !faults(p + 4 * MB2 + 6 * PAGE, true),
	   "one page of a large block can be protected alone");
	fails_with(madvise(p, 3 * MB2, MADV_DONTNEED), ENOMEM,
		   "madvise() over a hole fails with ENOMEM");
	ok(p[MB2 - PAGE] == 0 && p[3 * MB2 - PAGE] == 0,
	   "madvise() over a hole takes effect before and after the hole");
	fails_with(madvise(p, 0, 999), EINVAL, "madvise() with unknown advice fails with EINVAL");
	q = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*q = 1;
	fails_with(madvise(q, PAGE, MADV_FREE), EINVAL,
		   "MADV_FREE of shared memory fails with EINVAL");
	fails_with(madvise(q, PAGE, MADV_WIPEONFORK), EINVAL,
		   "MADV_WIPEONFORK of shared memory fails with EINVAL");
	munmap(q, PAGE);
	ok(madvise(p + 8 * MB2, 2 * MB2 + PAGE, MADV_DONTNEED) == 0 && p[8 * MB2 + PAGE] == 0 &&
		   p[10 * MB2] == 0 && p[10 * MB2 + PAGE] == (char)((10 * MB2 + PAGE) / PAGE),
	   "MADV_DONTNEED clears exactly the pages of its range");
	munmap(p, size);
	p = map(1UL << 36, PROT_READ | PROT_WRITE, ANON | MAP_NORESERVE);
	ok(p != MAP_FAILED, "64 GiB can be mapped with MAP_NORESERVE");
	p[1UL << 35] = 1;
	p[(1UL << 36) - 1] = 2;
	ok(p[1UL << 35] == 1 && p[(1UL << 36) - 1] == 2 && p[12345678] == 0,
	   "single pages of a 64 GiB mapping can be used");
	ok(munmap(p, 1UL << 36) == 0, "a 64 GiB mapping can be unmapped");
}

static void test_shared(void)
{
	int *p = map(PAGE, RW, MAP_SHARED | MAP_ANONYMOUS);
	int *q = map(2 * MB2, RW, MAP_SHARED | MAP_ANONYMOUS);
	int *own = map(PAGE, RW, ANON);
	int status;

	own[0] = 1;
	if (fork() == 0) {
		p[0] = 42;
		q[MB2 / 4 + 3] = 43;
		own[0] = 2;
		_exit(own[0]);
	}
	wait(&status);
	ok(p[0] == 42, "shared anonymous memory is shared with a child");
	ok(q[MB2 / 4 + 3] == 43, "large shared memory is shared with a child");
	ok(own[0] == 1 && WEXITSTATUS(status) == 2, "private memory is not shared with a child");
}

static void test_mincore(void)
{
	enum {
		PAGES = 200
	};
	char *p = map(PAGES * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS);
	unsigned char present[PAGES + 1];
	int i, wrong = 0;

	memset(present, 2, sizeof(present));
	for (i = 0; i < PAGES; i += 7)
		p[i * PAGE] = 1;
	ok(mincore(p, PAGES * PAGE, present) == 0, "mincore() of 200 pages succeeds");
	for (i = 0; i < PAGES; i++)
		wrong += present[i] != (i % 7 == 0);
	ok(wrong == 0 && present[PAGES] == 2,
	   "its result has a byte for each page: 1 if the page is present");
	fails_with(mincore(p + 1, PAGE, present), EINVAL,
		   "mincore() of an unaligned address fails with EINVAL");
	munmap(p + 100 * PAGE, PAGE);
	fails_with(mincore(p, PAGES * PAGE, present), ENOMEM,
		   "mincore() of a range with a hole fails with ENOMEM");
	fails_with(mincore(p, PAGE, NULL), EFAULT,
		   "mincore() to an address without memory fails with EFAULT");
}

static void test_empty_range(void)
{
	char *p = map(2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS);
	unsigned char present;

	munmap(p, PAGE); /* the second page follows the empty ranges */
	ok(msync(p, 0, MS_SYNC) == 0 && madvise(p, 0, MADV_DONTNEED) == 0 &&
		   mincore(p, 0, &present) == 0,
	   "msync(), madvise() and mincore() accept an empty range of unmapped memory");
	munmap(p + PAGE, PAGE);
}

static void test_cow(void)
{
	size_t size = 3 * MB2;
	char *p = map(size, RW, ANON);
	int status, pipe_fds[2];
	char byte;

	memset(p, 1, size);
	if (pipe(pipe_fds))
		return;
	if (fork() == 0) {
		char seen;

		if (read(pipe_fds[0], &seen, 1) != 1) /* wait until the parent has written */
			_exit(1);
		for (size_t i = 0; i < size; i += PAGE)
			if (p[i] != 1)
				_exit(2);
		memset(p, 3, size);
		_exit(p[size - 1]);
	}
	for (size_t i = 0; i < size; i += 2 * PAGE)
		p[i] = 2;
	byte = 0;
	ok(write(pipe_fds[1], &byte, 1) == 1, "the parent tells its child that it has written");
	wait(&status);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 3,
	   "a child sees memory as it was at fork()");
	ok(p[0] == 2 && p[PAGE] == 1 && p[size - PAGE] == 1,
	   "a parent does not see its child's writes");
	munmap(p, size);
}

static void test_file(void)
{
	char name[] = "/tmp/abi-memory", text[] = "hello, file";
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *p, *q;

	if (!ok(fd >= 0, "a file can be created"))
		return;
	ok(write(fd, text, sizeof(text)) == sizeof(text), "text can be written to the file");
	p = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	q = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	ok(p != MAP_FAILED && strcmp(p, text) == 0, "a private mapping shows the file's text");
	ok(q != MAP_FAILED && strcmp(q, text) == 0, "a shared mapping shows the file's text");
	ok(p[sizeof(text)] == 0 && p[PAGE - 1] == 0,
	   "the rest of a page beyond the file's end is zero");
	p[0] = 'J';
	ok(q[0] == 'h', "a store to the private mapping does not change the shared one");
	q[1] = 'E';
	text[1] = 0;
	ok(pread(fd, text, 2, 0) == 2 && text[1] == 'E',
	   "a store to the shared mapping changes the file");
	munmap(q, PAGE);
	q = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	ok(faults(q + PAGE, false) && fault_signal == SIGBUS,
	   "a read of a page beyond the file's end raises SIGBUS");
	close(fd);
	ok(q[1] == 'E', "a mapping outlives its descriptor");
	fd = open(name, O_RDONLY);
	fails_with(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EACCES,
		   "a writable shared mapping of a file open only for reading fails with EACCES");
	q = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	fails_with(mprotect(q, PAGE, RW), EACCES,
		   "mprotect() to writable fails with EACCES for a file open only for reading");
	close(fd);
	unlink(name);
	fails_with(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 99, 0), EBADF,
		   "mmap() of a bad descriptor fails with EBADF");
	fails_with(mmap(NULL, 0, PROT_READ, ANON, -1, 0), EINVAL,
		   "mmap() of length 0 fails with EINVAL");
}

static void test_brk(void)
{
	char *start = sbrk(0), *p;

	p = sbrk(5 * PAGE);
	ok(p == start && sbrk(0) == start + 5 * PAGE, "sbrk() makes the heap larger");
	memset(p, 9, 5 * PAGE);
	ok(sbrk(-(long)(4 * PAGE)) == start + 5 * PAGE && p[0] == 9,
	   "sbrk() makes the heap smaller and keeps the rest");
	ok(sbrk(4 * PAGE) == start + PAGE && p[4 * PAGE] == 0,
	   "pages that sbrk() adds again are zero");
	ok(brk(start) == 0, "brk() can restore the heap's former end");
}

static void test_mremap(void)
{
	char *p = map(4 * PAGE, RW, ANON), *q;

	for (int i = 0; i < 4; i++)
		p[i * PAGE] = (char)(i + 1);
	q = mremap(p, 4 * PAGE, 600 * PAGE, MREMAP_MAYMOVE);
	ok(q != MAP_FAILED && q[0] == 1 && q[3 * PAGE] == 4 && q[599 * PAGE] == 0,
	   "mremap() makes an area larger and keeps its contents");
	q = mremap(q, 600 * PAGE, 2 * PAGE, 0);
	ok(q != MAP_FAILED && q[PAGE] == 2 && faults(q + 2 * PAGE, false),
	   "mremap() makes an area smaller");
	p = map(MB2, RW, ANON);
	ok(mremap(q, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p && p[0] == 1 &&
		   p[PAGE] == 2 && faults(q, false),
	   "mremap() with MREMAP_FIXED moves an area to the given address");
	ok(p[2 * PAGE] == 0, "the mapping behind the moved area is unchanged");
	munmap(p, MB2);
	fails_with(mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT,
		   "mremap() of an unmapped page fails with EFAULT");
}

/* Return a 2 MiB-aligned address at which `size` bytes are unmapped. */
static char *room(size_t size)
{
	char *p = map(size + MB2, PROT_NONE, ANON);

	munmap(p, size + MB2);
	return (char *)(((uintptr_t)p + MB2 - 1) & -MB2);
}

static bool is_filled(const char *p, size_t size, char value)
{
	for (size_t i = 0; i < size; i += 256)
		if (p[i] != value)
			return false;
	return true;
}

/* With MREMAP_FIXED, a range may shrink while it moves: only its start is moved. */
static void test_mremap_smaller(void)
{
	char *at = room(3 * MB2), *to = at + 2 * MB2;
	char *p = mmap(at, 2 * MB2, RW, ANON | MAP_FIXED, -1, 0);
	bool gone = true;

	memset(p, 5, 2 * MB2);
	ok(mremap(p, MB2, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to && is_filled(to, PAGE, 5),
	   "mremap() moves the first page of a large block");
	for (size_t i = PAGE; i < MB2; i += 37 * PAGE)
		gone &= faults(to + i, false) && fault_code == SEGV_MAPERR;
	ok(gone, "nothing is mapped after the moved page");
	ok(faults(p, false) && faults(p + PAGE, false) && faults(p + MB2 - PAGE, false),
	   "nothing is mapped where the block was");
	ok(is_filled(p + MB2, MB2, 5), "the block after the moved one is unchanged");
	munmap(to, PAGE);
	gone = faults(to, false) && faults(to + PAGE, false) && faults(to + MB2 / 2, false);
	ok(gone, "no part of the block is mapped after munmap() of the moved page");
	to += PAGE;
	ok(mremap(p + MB2, MB2, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to &&
		   is_filled(to, 3 * PAGE, 5) && faults(to + 3 * PAGE, false) &&
		   faults(p + MB2 + 3 * PAGE, false),
	   "mremap() moves a block's first pages to an address where no large block fits");
	munmap(at, 3 * MB2);
}

/*
 * Run in a child: move one page of the parent's block p to `to`, and map shared memory behind it.
 * Returns 0, or the number of the step that failed.
 */
static int write_behind_moved_page(char *p, char *to)
{
	char *behind = to + PAGE;
	bool zero;

	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	if (mremap(p, MB2, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		return 1;
	if (mmap(behind, MB2 - PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != behind)
		return 2;
	zero = is_filled(behind, MB2 - PAGE, 0);
	memset(behind, 7, MB2 - PAGE);
	memset(to, 7, PAGE);
	return zero && is_filled(to, MB2, 7) ? 0 : 3;
}

static void test_mremap_smaller_in_child(void)
{
	char *at = room(2 * MB2), *p = mmap(at, MB2, RW, ANON | MAP_FIXED, -1, 0);
	int status = -1;

	memset(p, 5, MB2);
	if (fork() == 0)
		_exit(write_behind_moved_page(p, at + MB2));
	wait(&status);
	ok(status == 0, "shared memory behind a page that mremap() has moved is new memory");
	ok(is_filled(p, MB2, 5), "the child's write does not reach its parent's memory");
	munmap(p, MB2);
}

/*
 * mremap() downwards within one area: unmapping the destination splits the area before the source
 * is moved.
 */
static void test_mremap_within(void)
{
	char *at = room(4 * MB2), *p = mmap(at, 4 * MB2, RW, ANON | MAP_FIXED, -1, 0);
	bool good = true;

	for (size_t i = 0; i < 4 * MB2; i += PAGE)
		*(size_t *)(p + i) = i;
	ok(mremap(p + 2 * MB2, MB2 + 3 * PAGE, MB2 + PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		  p + PAGE) == p + PAGE,
	   "mremap() moves a range over the area's own start");
	for (size_t i = 0; i < 2 * MB2; i += PAGE) {
		size_t want = i < PAGE || i >= MB2 + 2 * PAGE ? i : i - PAGE + 2 * MB2;

		good &= *(size_t *)(p + i) == want;
	}
	good &= faults(p + 2 * MB2, false) && faults(p + 3 * MB2 + 2 * PAGE, false);
	for (size_t i = 3 * MB2 + 3 * PAGE; i < 4 * MB2; i += PAGE)
		good &= *(size_t *)(p + i) == i;
	ok(good, "every page of the area is at its new or old place");
	munmap(at, 4 * MB2);
}

/* mremap() to the same size does not split the area: one call can still move all of it. */
static void test_mremap_nothing(void)
{
	char *at = room(2 * MB2), *p = mmap(at, 4 * PAGE, RW, ANON | MAP_FIXED, -1, 0);

	p[3 * PAGE] = 8;
	ok(mremap(p, PAGE, PAGE, 0) == p &&
		   mremap(p + PAGE, PAGE, PAGE, MREMAP_MAYMOVE) == p + PAGE,
	   "mremap() to the same size does nothing");
	at += MB2;
	ok(mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at) == at &&
		   at[3 * PAGE] == 8,
	   "the range is still one area after mremap() to the same size");
	munmap(at, 4 * PAGE);
}

/* A file's 2 MiB block that is written after mprotect() still belongs to the file. */
static void test_shared_again(void)
{
	int fd = memfd_create("block", 0);
	char *at = room(4 * MB2), *p, *alias;

	if (!ok(fd >= 0 && ftruncate(fd, 2 * MB2) == 0, "a memfd can have 4 MiB"))
		return;
	p = mmap(at, 2 * MB2, RW, MAP_SHARED | MAP_FIXED, fd, 0);
	alias = mmap(at + 2 * MB2, 2 * MB2, RW, MAP_SHARED | MAP_FIXED, fd, 0);
	memset(p, 1, 2 * MB2);
	mprotect(p, 2 * MB2, PROT_READ);
	ok(faults(p, true), "mprotect() makes a shared block read-only");
	mprotect(p, 2 * MB2, RW);
	memset(p, 2, 2 * MB2);
	ok(is_filled(alias, 2 * MB2, 2), "a block made writable again still belongs to the file");
	mprotect(p, 2 * MB2, PROT_READ);
	ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE) == 0 &&
		   p[PAGE] == 0 && p[0] == 2,
	   "a hole can be punched in a read-only block");
	mprotect(p, 2 * MB2, RW);
	memset(p, 3, 2 * MB2);
	ok(is_filled(alias, 2 * MB2, 3), "everything around the hole is still shared");
	munmap(at, 4 * MB2);
	close(fd);
}

static void test_exec_only(void)
{
	static const uint32_t code[] = { 0x02a00513, 0x00008067 }; /* li a0, 42; ret */
	int (*fn)(void) = map(PAGE, RW, ANON);

	memcpy((void *)fn, code, sizeof(code));
	ok(mprotect((void *)fn, PAGE, PROT_READ | PROT_EXEC) == 0,
	   "memory with code can be made executable");
	__builtin___clear_cache((char *)fn, (char *)fn + sizeof(code));
	ok(fn() == 42, "the code runs");
	ok(faults((char *)fn, true), "executable memory cannot be written");
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	test_anonymous();
	test_protection();
	test_large();
	test_shared();
	test_mincore();
	test_empty_range();
	test_cow();
	test_file();
	test_brk();
	test_mremap();
	test_mremap_smaller();
	test_mremap_smaller_in_child();
	test_mremap_within();
	test_mremap_nothing();
	test_shared_again();
	test_exec_only();
	return tap_done();
}
