// SPDX-License-Identifier: MIT
/*
 * limits.c - resource limits, the number of mappings, locking and populating memory.
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

static void test_bad_mappings(void)
{
	int fd = memfd_create("mapped", MFD_ALLOW_SEALING);

	ftruncate(fd, PAGE);
	fails_with(mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, -(off_t)PAGE), EOVERFLOW,
		   "mmap() fails with EOVERFLOW if the end's offset is too large");
	ok(mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | MAP_POPULATE, fd, 0) != MAP_FAILED,
	   "MAP_SHARED_VALIDATE accepts known flags");
	fails_with(mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0), EOPNOTSUPP,
		   "MAP_SHARED_VALIDATE with MAP_SYNC fails with EOPNOTSUPP");
	fails_with(mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | (int)0x80000000, fd, 0), EOPNOTSUPP,
		   "MAP_SHARED_VALIDATE with an unknown flag fails with EOPNOTSUPP");
	fails_with(mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0), EINVAL,
		   "MAP_SHARED_VALIDATE without a file fails with EINVAL");
	close(fd);
}

static void test_populate(void)
{
	char *p = map(4 * PAGE, RW, ANON), *q;
	int fd = memfd_create("short", 0);

	madvise(p, 4 * PAGE, MADV_NOHUGEPAGE);
	ok(madvise(p, 2 * PAGE, MADV_POPULATE_WRITE) == 0 && is_present(p + PAGE) &&
		   !is_present(p + 2 * PAGE),
	   "MADV_POPULATE_WRITE populates its range");
	munmap(p + 3 * PAGE, PAGE);
	fails_with(madvise(p, 4 * PAGE, MADV_POPULATE_READ), ENOMEM,
		   "MADV_POPULATE_READ of a hole fails with ENOMEM");
	ok(is_present(p + 2 * PAGE), "MADV_POPULATE_READ populates the pages before a hole");
	mprotect(p, PAGE, PROT_READ);
	fails_with(madvise(p, PAGE, MADV_POPULATE_WRITE), EINVAL,
		   "MADV_POPULATE_WRITE of a read-only area fails with EINVAL");
	ok(madvise(p, PAGE, MADV_POPULATE_READ) == 0,
	   "MADV_POPULATE_READ of a read-only area succeeds");
	mprotect(p, PAGE, PROT_NONE);
	fails_with(madvise(p, PAGE, MADV_POPULATE_READ), EINVAL,
		   "MADV_POPULATE_READ of a PROT_NONE area fails with EINVAL");
	munmap(p, 3 * PAGE);
	ok(ftruncate(fd, PAGE) == 0, "a memfd can have one page");
	q = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	fails_with(madvise(q, 2 * PAGE, MADV_POPULATE_WRITE), EFAULT,
		   "MADV_POPULATE_WRITE beyond a file's end fails with EFAULT");
	munmap(q, 2 * PAGE);
	q = mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_POPULATE, fd, 0);
	ok(q != MAP_FAILED && is_present(q),
	   "MAP_POPULATE populates what it can and ignores errors");
	munmap(q, 2 * PAGE);
	close(fd);
}

/* ---- limits of an address space ---- */

static void set_limit(int which, unsigned long soft)
{
	struct rlimit limit;

	getrlimit(which, &limit);
	limit.rlim_cur = soft;
	setrlimit(which, &limit);
}

/*
 * Return the total size of the process's areas. Not every kernel has VmSize in /proc/self/status.
 */
static unsigned long mapped(void)
{
	unsigned long from, to, sum = 0;
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx", &from, &to) == 2)
			sum += to - from;
	fclose(f);
	return sum;
}

static void test_address_space(void)
{
	unsigned long now = mapped() + 64 * PAGE; /* for the kernel's own pages and stdio */
	char *p, *q;

	set_limit(RLIMIT_AS, now + 4 * MB);
	fails_with(map(8 * MB, RW, ANON), ENOMEM,
		   "RLIMIT_AS: a mapping beyond the limit fails with ENOMEM");
	p = map(3 * MB, PROT_READ, MAP_SHARED | MAP_ANONYMOUS);
	ok(p != MAP_FAILED, "RLIMIT_AS: a shared mapping within the limit succeeds");
	fails_with(map(2 * MB, PROT_NONE, ANON), ENOMEM,
		   "RLIMIT_AS: a second mapping that exceeds the limit fails with ENOMEM");
	ok(mmap(p, 3 * MB, RW, ANON | MAP_FIXED, -1, 0) == p,
	   "RLIMIT_AS: a mapping that replaces another does not count twice");
	fails_with(mremap(p, 3 * MB, 6 * MB, MREMAP_MAYMOVE), ENOMEM,
		   "RLIMIT_AS: mremap() beyond the limit fails with ENOMEM");
	q = mremap(p, 3 * MB, 3 * MB + PAGE, MREMAP_MAYMOVE);
	ok(q != MAP_FAILED, "RLIMIT_AS: mremap() grows an area within the limit");
	ok(sbrk(8 * MB) == (void *)-1 && errno == ENOMEM,
	   "RLIMIT_AS: brk() beyond the limit fails with ENOMEM");
	munmap(q, 3 * MB + PAGE);
	p = map(4 * MB, RW, ANON);
	ok(p != MAP_FAILED, "RLIMIT_AS: unmapped memory does not count");
	munmap(p, 4 * MB);
	set_limit(RLIMIT_AS, RLIM_INFINITY);
	p = map(8 * MB, RW, ANON);
	ok(p != MAP_FAILED && munmap(p, 8 * MB) == 0,
	   "RLIMIT_AS: without a limit, the mapping succeeds");
}

static void test_data(void)
{
	char *p, *q;

	q = map(8 * MB, PROT_READ, ANON);
	set_limit(RLIMIT_DATA, 4 * MB);
	fails_with(map(8 * MB, RW, ANON), ENOMEM,
		   "RLIMIT_DATA: private memory beyond the limit fails with ENOMEM");
	p = map(8 * MB, RW, MAP_SHARED | MAP_ANONYMOUS);
	ok(p != MAP_FAILED && munmap(p, 8 * MB) == 0, "RLIMIT_DATA: shared memory does not count");
	p = map(8 * MB, PROT_READ, ANON);
	ok(p != MAP_FAILED && munmap(p, 8 * MB) == 0,
	   "RLIMIT_DATA: read-only memory does not count");
	fails_with(mprotect(q, 8 * MB, RW), ENOMEM,
		   "RLIMIT_DATA: mprotect() to writable beyond the limit fails with ENOMEM");
	ok(mprotect(q, MB, RW) == 0,
	   "RLIMIT_DATA: mprotect() to writable within the limit succeeds");
	ok(sbrk(8 * MB) == (void *)-1 && errno == ENOMEM,
	   "RLIMIT_DATA: brk() beyond the limit fails with ENOMEM");
	set_limit(RLIMIT_DATA, RLIM_INFINITY);
	munmap(q, 8 * MB);
}

/*
 * Check a claim in a child that is not root, because Linux exempts root from RLIMIT_MEMLOCK and
 * RLIMIT_NPROC.
 */
static bool in_child(bool (*claim)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgid(65534) || setuid(65534))
			errno = 0; /* hyperscope's host has only user 0, which is not exempt */
		_exit(!claim());
	}
	waitpid(pid, &status, 0);
	return status == 0;
}

static bool locks_within_limit(void)
{
	char *p = map(64 * PAGE, RW, ANON);

	set_limit(RLIMIT_MEMLOCK, 16 * PAGE);
	if (mlock(p, 17 * PAGE) == 0 || errno != ENOMEM)
		return false;
	if (mlock(p, 10 * PAGE + 1) || mlock(p, 11 * PAGE)) /* locking twice counts once */
		return false;
	if (mlock(p + 20 * PAGE, 6 * PAGE) == 0 || errno != ENOMEM)
		return false;
	if (munlock(p, 10 * PAGE) || mlock(p + 20 * PAGE, 15 * PAGE))
		return false;
	if (mlockall(MCL_CURRENT) == 0 || errno != ENOMEM)
		return false;
	if (map(PAGE, RW, ANON | MAP_LOCKED) != MAP_FAILED || errno != EAGAIN)
		return false;
	munmap(p + 20 * PAGE, 15 * PAGE);
	return map(PAGE, RW, ANON | MAP_LOCKED) != MAP_FAILED;
}

static bool locks_nothing(void)
{
	char *p = map(PAGE, RW, ANON);

	set_limit(RLIMIT_MEMLOCK, 0);
	if (mlock(p, PAGE) == 0 || errno != EPERM || mlockall(MCL_CURRENT) == 0 || errno != EPERM)
		return false;
	return map(PAGE, RW, ANON | MAP_LOCKED) == MAP_FAILED && errno == EPERM;
}

static bool forks_within_limit(void)
{
	int children = 0;
	bool refused;

	set_limit(RLIMIT_NPROC, 20);
	while (children < 25) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (pid == 0) {
			pause();
			_exit(0);
		}
		children++;
	}
	refused = errno == EAGAIN;
	setpgid(0, 0);
	signal(SIGTERM, SIG_IGN);
	kill(-1 * (getuid() != 0), SIGTERM); /* all processes of this user, unless it is root */
	return refused && children > 0 && children < 20;
}

static void test_locked(void)
{
	char *p = map(16 * PAGE, RW, ANON);

	madvise(p, 16 * PAGE, MADV_NOHUGEPAGE);
	ok(mlock(p + PAGE, 2 * PAGE) == 0 && is_present(p + 2 * PAGE) && !is_present(p + 3 * PAGE),
	   "mlock() populates its range");
	fails_with(madvise(p, 4 * PAGE, MADV_DONTNEED), EINVAL,
		   "MADV_DONTNEED of locked pages fails with EINVAL");
	ok(munlock(p, 16 * PAGE) == 0 && madvise(p, 4 * PAGE, MADV_DONTNEED) == 0,
	   "MADV_DONTNEED succeeds after munlock()");
	ok(mlock2(p + 8 * PAGE, PAGE, MLOCK_ONFAULT) == 0 && !is_present(p + 8 * PAGE),
	   "MLOCK_ONFAULT populates nothing");
	mprotect(p, PAGE, PROT_NONE);
	fails_with(mlock(p, PAGE), ENOMEM, "mlock() of a PROT_NONE page fails with ENOMEM");
	munlock(p, 16 * PAGE);
	munmap(p, 16 * PAGE);
	fails_with(mlock(p, PAGE), ENOMEM, "mlock() of an unmapped page fails with ENOMEM");
	fails_with(mlockall(0), EINVAL, "mlockall() without flags fails with EINVAL");
	fails_with(mlockall(MCL_ONFAULT), EINVAL,
		   "mlockall() with only MCL_ONFAULT fails with EINVAL");
	ok(mlockall(MCL_FUTURE) == 0, "mlockall() with MCL_FUTURE succeeds");
	p = map(2 * PAGE, RW, ANON);
	ok(is_present(p + PAGE) && madvise(p, PAGE, MADV_DONTNEED) != 0,
	   "after MCL_FUTURE, a new mapping is populated and locked");
	ok(munlockall() == 0 && madvise(p, PAGE, MADV_DONTNEED) == 0,
	   "munlockall() unlocks the mapping");
	munmap(p, 2 * PAGE);
	ok(in_child(locks_within_limit), "RLIMIT_MEMLOCK limits locked memory");
	ok(in_child(locks_nothing), "with an RLIMIT_MEMLOCK of 0, locking fails with EPERM");
}

/* ---- the number of mappings ---- */

#define MAX_FILE "/proc/sys/vm/max_map_count"

static unsigned long max_maps(void)
{
	FILE *f = fopen(MAX_FILE, "r");
	unsigned long max = 0;

	if (f && fscanf(f, "%lu", &max) != 1)
		max = 0;
	if (f)
		fclose(f);
	return max;
}

static void set_max_maps(unsigned long max)
{
	FILE *f = fopen(MAX_FILE, "w");

	fprintf(f, "%lu\n", max);
	fclose(f);
}

#define MAPS 300UL

static void test_mappings(void)
{
	unsigned long was = max_maps(), n = 0;
	char *p = map((2 * MAPS + 8) * PAGE, PROT_NONE, ANON), *q;

	ok(was == 65530, "65530 mappings are allowed by default");
	munmap(p, (2 * MAPS + 8) * PAGE);
	set_max_maps(MAPS);
	ok(max_maps() == MAPS, "max_map_count can be set");
	/* Map every second page, so that no two of them merge into one mapping. */
	while (n < MAPS + 1 &&
	       mmap(p + 2 * n * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) != MAP_FAILED)
		n++;
	ok(errno == ENOMEM && n > MAPS - 100 && n <= MAPS,
	   "mmap() beyond max_map_count fails with ENOMEM");
	munmap(p + 2 * PAGE, PAGE);
	/* One mapping of pages 2 to 4 replaces those of pages 2 and 4, so there is one fewer. */
	q = mmap(p + 2 * PAGE, 3 * PAGE, RW, ANON | MAP_FIXED, -1, 0);
	ok(q != MAP_FAILED, "after a mapping is removed, another can be made");
	munmap(p + 8 * PAGE, PAGE);
	q = mremap(p + 12 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	ok(q == p + 12 * PAGE || (q == MAP_FAILED && errno == ENOMEM),
	   "mremap() grows in place or fails, because a move needs spare mappings");
	mmap(p + (2 * MAPS + 4) * PAGE, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0);
	mmap(p + (2 * MAPS + 6) * PAGE, PAGE, PROT_NONE, ANON | MAP_FIXED, -1, 0);
	fails_with(mprotect(p + 3 * PAGE, PAGE, PROT_READ), ENOMEM,
		   "mprotect() that would split a mapping fails with ENOMEM");
	fails_with(munmap(p + 3 * PAGE, PAGE), ENOMEM,
		   "munmap() that would make a hole in a mapping fails with ENOMEM");
	ok(munmap(p + 2 * PAGE, PAGE) == 0, "munmap() can remove the start of a mapping");
	ok(munmap(p, (2 * MAPS + 8) * PAGE) == 0, "munmap() can remove all mappings");
	set_max_maps(was);
}

/* ---- setting limits ---- */

static void test_setting(void)
{
	struct rlimit limit = { 5, 4 }, was, now;
	char line[256], kind[40], soft[40];
	unsigned int seen = 0;
	FILE *f;

	fails_with(setrlimit(RLIMIT_AS, &limit), EINVAL,
		   "setrlimit() with a soft limit above the hard one fails with EINVAL");
	fails_with(setrlimit(99, &limit), EINVAL,
		   "setrlimit() of an unknown limit fails with EINVAL");
	fails_with(prlimit(999999, RLIMIT_AS, NULL, &was), ESRCH,
		   "prlimit() of an unknown process fails with ESRCH");
	fails_with(prlimit(999999, 99, NULL, &was), ESRCH,
		   "prlimit() of an unknown process and limit fails with ESRCH");
	getrlimit(RLIMIT_FSIZE, &was);
	limit = (struct rlimit){ 123456, 234567 };
	ok(prlimit(getpid(), RLIMIT_FSIZE, &limit, &now) == 0 && now.rlim_cur == was.rlim_cur &&
		   getrlimit(RLIMIT_FSIZE, &now) == 0 && now.rlim_cur == 123456 &&
		   now.rlim_max == 234567,
	   "prlimit() sets a limit and returns the old one");
	f = fopen("/proc/self/limits", "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Max file %39s %39s", kind, soft) == 2 && !strcmp(kind, "size"))
			seen += !strcmp(soft, "123456");
		seen += 10;
	}
	if (f)
		fclose(f);
	ok(seen == 171, "/proc/self/limits shows sixteen limits, one of them the new one");
	ok(prlimit(0, RLIMIT_FSIZE, &was, NULL) == 0, "root can raise a hard limit");
}

/*
 * Use all but 128 KiB of `size` bytes of stack. The program does this when it is started with a
 * size.
 */
static int stack_is(unsigned long size)
{
	volatile char *low = (char *)&size - size + 128 * 1024;

	for (volatile char *p = (char *)&size; p > low; p -= PAGE)
		*p = 1;
	return 0;
}

static int child_with_stack(const char *self, unsigned long limit, const char *use)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		set_limit(RLIMIT_STACK, limit);
		execl(self, self, use, NULL);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void test_stack(const char *self)
{
	ok(child_with_stack(self, 64 * MB, "67108864") == 0,
	   "RLIMIT_STACK: a program started with a larger limit can use that much stack");
	ok(child_with_stack(self, MB, "1048576") == 0,
	   "RLIMIT_STACK: a program started with a smaller limit can use that much stack");
	ok(child_with_stack(self, MB, "4194304") == SIGSEGV,
	   "RLIMIT_STACK: a program that exceeds its limit gets SIGSEGV");
	ok(child_with_stack(self, RLIM_INFINITY, "67108864") == 0,
	   "RLIMIT_STACK: without a limit, a program can use 64 MiB");
}

/* execve() with `count` empty arguments returns this error. */
static int error_with_arguments(const char *self, unsigned long stack, size_t count)
{
	char **args = calloc(count + 1, sizeof(*args));
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		set_limit(RLIMIT_STACK, stack);
		for (size_t i = 0; i < count; i++)
			args[i] = "";
		execv(self, args);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	free(args);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_arguments(const char *self)
{
	ok(error_with_arguments(self, 8 * MB, 1000000) == E2BIG,
	   "execve() with a million arguments fails with E2BIG");
	ok(error_with_arguments(self, MB / 4, 120000) == E2BIG,
	   "execve() fails with E2BIG if the arguments' pointers do not fit into the stack");
	ok(error_with_arguments(self, 8 * MB, 100000) == 0,
	   "execve() with 100 000 arguments succeeds");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return stack_is(strtoul(argv[1], NULL, 0));
	test_setting();
	test_address_space();
	test_data();
	test_locked();
	test_mappings();
	test_stack("/proc/self/exe");
	test_arguments("/proc/self/exe");
	ok(in_child(forks_within_limit), "RLIMIT_NPROC: fork() beyond the limit fails with EAGAIN");
	test_populate();
	test_bad_mappings();
	return tap_done();
}
