// SPDX-License-Identifier: MIT
/*
 * file_io.c - moving bytes: positions, sizes, holes, vectors, and bad arguments.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include "tap.h"

static char *volatile bad = (char *)8; /* volatile: hides the constant from the compiler */

static int temp(void)
{
	char name[] = "/tmp/file_io.XXXXXX";
	int fd = mkstemp(name);

	unlink(name);
	return fd;
}

static void test_position(void)
{
	char buf[16] = "";
	int fd = temp(), other;

	ok(write(fd, "0123456789", 10) == 10 && lseek(fd, 0, SEEK_CUR) == 10, "write moves on");
	ok(lseek(fd, -4, SEEK_END) == 6 && read(fd, buf, 16) == 4 && !memcmp(buf, "6789", 4),
	   "seek from the end, read to the end");
	ok(read(fd, buf, 16) == 0, "and then nothing");
	ok(pread(fd, buf, 3, 2) == 3 && !memcmp(buf, "234", 3) && lseek(fd, 0, SEEK_CUR) == 10,
	   "pread leaves the position");
	ok(pwrite(fd, "ab", 2, 0) == 2 && pread(fd, buf, 3, 0) == 3 && !memcmp(buf, "ab2", 3),
	   "pwrite");
	other = dup(fd);
	lseek(fd, 5, SEEK_SET);
	ok(lseek(other, 0, SEEK_CUR) == 5, "a duplicate shares the position");
	fails_with(lseek(fd, -1, SEEK_SET), EINVAL, "a negative position");
	fails_with(lseek(fd, 0, 99), EINVAL, "seek from nowhere");
	fails_with(pread(fd, buf, 1, -1), EINVAL, "pread at a negative offset");
	ok(fcntl(fd, F_SETFL, O_APPEND) == 0 && lseek(fd, 0, SEEK_SET) == 0 &&
		   write(fd, "end", 3) == 3 && pread(fd, buf, 3, 10) == 3 && !memcmp(buf, "end", 3),
	   "O_APPEND writes at the end");
	close(fd);
	close(other);
}

static void test_size(void)
{
	static char page[4096], want[4096];
	struct stat st, now;
	int fd = temp();

	ok(ftruncate(fd, 10000) == 0 && fstat(fd, &st) == 0 && st.st_size == 10000, "grow");
	ok(pread(fd, page, 4096, 8192) == 10000 - 8192 && !memcmp(page, want, 4096),
	   "the added part is zeros");
	memset(page, 'x', sizeof(page));
	pwrite(fd, page, 4096, 4000);
	ok(ftruncate(fd, 4001) == 0 && ftruncate(fd, 9000) == 0 &&
		   pread(fd, page, 4096, 4000) == 4096 && page[0] == 'x' &&
		   !memcmp(page + 1, want, 4095),
	   "a part that was cut off returns as zeros");
	ok(pwrite(fd, "y", 1, 1L << 32) == 1 && fstat(fd, &st) == 0 &&
		   st.st_size == (1L << 32) + 1 && st.st_blocks < 1000,
	   "a hole of 4 GiB takes no room");
	ok(lseek(fd, 1 << 20, SEEK_DATA) <= 1L << 32 && lseek(fd, 0, SEEK_HOLE) > 0,
	   "SEEK_DATA and SEEK_HOLE");
	ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4000, 10) == 0 &&
		   pread(fd, page, 1, 4000) == 1 && page[0] == 0,
	   "a punched hole reads as zeros");
	ok(fstat(fd, &st) == 0 && (fallocate(fd, 0, 0, (1L << 32) + 4096) == 0 || errno == ENOSPC ||
				   errno == ENOMEM),
	   "fallocate of more than there may be");
	ok(fstat(fd, &now) == 0 &&
		   (now.st_size == (1L << 32) + 4096 || now.st_blocks == st.st_blocks),
	   "is done whole, or leaves nothing behind");
	fails_with(ftruncate(fd, -1), EINVAL, "a negative size");
	fails_with(ftruncate(0, 5), EINVAL, "ftruncate of what has no size");
	close(fd);
}

static void test_vectors(void)
{
	char a[3] = "", b[5] = "", c[4] = "";
	struct iovec w[3] = { { "abc", 3 }, { NULL, 0 }, { "defghij", 7 } };
	struct iovec r[3] = { { a, 3 }, { b, 5 }, { c, 4 } };
	struct iovec wrong = { bad, 5 };
	int fd = temp();

	ok(writev(fd, w, 3) == 10, "writev");
	ok(preadv(fd, r, 3, 0) == 10 && !memcmp(a, "abc", 3) && !memcmp(b, "defgh", 5) &&
		   !memcmp(c, "ij", 2),
	   "preadv");
	ok(pwritev(fd, w, 1, 20) == 3 && lseek(fd, 0, SEEK_END) == 23, "pwritev");
	fails_with(readv(fd, (struct iovec *)bad, 1025), EINVAL, "over 1024 pieces");
	fails_with(readv(fd, (struct iovec *)bad, 1), EFAULT, "a vector at a bad address");
	fails_with(preadv(fd, &wrong, 1, 0), EFAULT, "a piece at a bad address");
	r[0].iov_len = SIZE_MAX;
	fails_with(readv(fd, r, 1), EINVAL, "a piece of negative length");
	close(fd);
}

static void test_bad_arguments(void)
{
	char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = temp();

	munmap(edge + 4096, 4096);
	memset(edge, 'e', 4096);
	fails_with(read(-1, edge, 1), EBADF, "read from -1");
	fails_with(write(1000, edge, 1), EBADF, "write to what is not open");
	fails_with(close(77), EBADF, "close of what is not open");
	fails_with(write(fd, bad, 10), EFAULT, "write from a bad address");
	fails_with(write(fd, (char *)0xffffffc080000000, 10), EFAULT, "write from the kernel");
	ok(write(fd, edge, 4096) == 4096, "a page");
	fails_with(pread(fd, bad, 10, 0), EFAULT, "read to a bad address");
	fails_with(pread(fd, (char *)0xffffffff80200000, 10, 0), EFAULT, "read into the kernel");
	ok(pread(fd, edge + 4090, 100, 0) == 6 || errno == EFAULT, "read across the end of memory");
	ok(read(fd, bad, 0) == 0, "nothing to a bad address");
	fails_with(ioctl(fd, 0x5401 /* TCGETS */, edge), ENOTTY, "ioctl of a terminal");
	fails_with(ioctl(fd, 0xdeadbeef, edge), ENOTTY, "an unknown ioctl");
	fails_with(fcntl(fd, 9999), EINVAL, "an unknown fcntl");
	close(fd);
}

static void test_descriptors(void)
{
	struct rlimit limit = { 1024, 1024 };
	int fd = temp(), high, i, fds[1100];

	ok(fcntl(fd, F_GETFD) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
		   fcntl(fd, F_GETFD) == FD_CLOEXEC,
	   "close-on-exec");
	high = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	ok(high == 100 && fcntl(high, F_GETFD) == FD_CLOEXEC, "F_DUPFD_CLOEXEC from 100");
	ok(dup2(fd, 100) == 100 && fcntl(100, F_GETFD) == 0, "dup2 over an open one");
	fails_with(dup3(fd, fd, 0), EINVAL, "dup3 onto itself");
	fails_with(dup2(fd, 100000000), EBADF, "dup2 beyond the limit");
	fails_with(fcntl(fd, F_DUPFD, 100000000), EINVAL, "F_DUPFD beyond the limit");
	setrlimit(RLIMIT_NOFILE, &limit);
	for (i = 0; i < 1100 && (fds[i] = dup(fd)) >= 0; i++)
		;
	ok(i < 1100 && errno == EMFILE, "descriptors run out");
	while (i > 0)
		close(fds[--i]);
	close(100);
	close(fd);
}

/* More descriptors than a table starts with. A child has them all; the highest is checked last. */
static void test_many_descriptors(void)
{
	struct rlimit limit = { 4000, 5000 };
	int fd, high, status = -1;
	pid_t child;

	ok(setrlimit(RLIMIT_NOFILE, &limit) == 0, "root raises the hard limit of descriptors");
	fd = temp();
	for (high = dup(fd); high >= 0 && high < 3900; high = dup(fd))
		;
	ok(high == 3900, "3900 descriptors are open");
	ok(close(70) == 0 && dup(fd) == 70 && dup(fd) == 3901, "the lowest free one is taken");
	fails_with(dup2(fd, 4000), EBADF, "dup2 at the limit");
	child = fork();
	if (!child)
		_exit(fcntl(3901, F_GETFD) == 0 && fcntl(3902, F_GETFD) < 0 &&
				      syscall(SYS_close_range, 60, ~0U, 0) == 0 && dup(fd) == 60
			      ? 7
			      : 1);
	waitpid(child, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7,
	   "a child has them, and closes them at once");
	ok(fcntl(3901, F_GETFD) == 0, "which closes none of the parent's");
	limit.rlim_cur = 100;
	ok(setrlimit(RLIMIT_NOFILE, &limit) == 0 && close(3901) == 0 && close(80) == 0 &&
		   dup(fd) == 80,
	   "a lower limit closes none, and leaves what is free below it");
	fails_with(dup(fd), EMFILE, "above it there is none");
	ok(syscall(SYS_close_range, fd + 1, 10000, 0) == 0 && dup(fd) == fd + 1,
	   "close_range closes all");
	close(fd + 1);
	close(fd);
}

static void test_devices(void)
{
	char buf[100];
	int zero = open("/dev/zero", O_RDWR), null = open("/dev/null", O_RDWR);
	int full = open("/dev/full", O_RDWR), rnd = open("/dev/urandom", O_RDONLY);
	int i, sum = 0;

	memset(buf, 1, sizeof(buf));
	ok(read(zero, buf, 100) == 100 && buf[0] == 0 && buf[99] == 0, "/dev/zero");
	ok(read(null, buf, 100) == 0 && write(null, buf, 100) == 100, "/dev/null");
	fails_with(write(full, buf, 1), ENOSPC, "/dev/full");
	read(rnd, buf, 100);
	for (i = 0; i < 100; i++)
		sum += buf[i] != 0;
	ok(sum > 80, "/dev/urandom");
	fails_with(open("/dev/null/x", O_RDONLY), ENOTDIR, "below a device");
	close(zero);
	close(null);
	close(full);
	close(rnd);
}

static void test_shared_mapping(void)
{
	int fd = temp();
	char *map, c = 0;

	ftruncate(fd, 8192);
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!ok(map != MAP_FAILED, "a shared mapping"))
		return;
	map[5000] = 'm';
	ok(pread(fd, &c, 1, 5000) == 1 && c == 'm', "data stored through the mapping are read");
	pwrite(fd, "w", 1, 100);
	ok(map[100] == 'w', "data written to the file show in the mapping");
	ok(read(fd, map, 4096) == 4096 && map[100] == 'w', "a file read into its own mapping");
	munmap(map, 8192);
	close(fd);
}

static void test_memfd(void)
{
	int fd = memfd_create("a-name", MFD_CLOEXEC);
	size_t size = 8 << 20, i;
	char link[64], text[64] = "";
	unsigned char *map;
	bool same = true;

	ok(fd >= 0 && ftruncate(fd, size) == 0, "memfd_create");
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (i = 0; i < size; i += 1000)
		map[i] = (unsigned char)(i / 1000);
	for (i = 0; i < size; i += 1000) {
		unsigned char c = 0;

		same &= pread(fd, &c, 1, i) == 1 && c == (unsigned char)(i / 1000);
	}
	ok(same, "8 MiB stored are read");
	map[0x300000] = map[0x2ff000] = map[0x500000] = 77;
	ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1 << 20, 4 << 20) == 0 &&
		   map[0x300000] == 0 && map[0x2ff000] == 0 && map[0x500000] == 77 &&
		   map[1000] == 1,
	   "a hole in a mapping is zeros at once");
	map[0x300000] = 78;
	pread(fd, &map[0], 1, 0x300000);
	ok(map[0] == 78, "and is the file's again when it is stored to");
	map[0x400001] = 79;
	ok(ftruncate(fd, 0x400000) == 0 && ftruncate(fd, size) == 0 && map[0x400001] == 0 &&
		   map[0x300000] == 78,
	   "the cut-off part of a mapping is zeros");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ok(readlink(link, text, sizeof(text) - 1) > 0 && strstr(text, "memfd:a-name"), "its name");
	munmap(map, size);
	close(fd);
}

static void test_flock(void)
{
	char name[] = "/tmp/file_lock.XXXXXX";
	int a = mkstemp(name), b = open(name, O_RDONLY), c = dup(a);

	ok(flock(a, LOCK_EX) == 0 && flock(b, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK,
	   "an exclusive lock keeps another open file out");
	ok(flock(c, LOCK_EX | LOCK_NB) == 0, "a duplicate has the same lock");
	close(a);
	ok(flock(b, LOCK_SH | LOCK_NB) < 0, "and keeps it when the first is closed");
	close(c);
	ok(flock(b, LOCK_SH | LOCK_NB) == 0, "the last one's end is the lock's end");
	a = open(name, O_RDONLY);
	ok(flock(a, LOCK_SH | LOCK_NB) == 0 && flock(a, LOCK_EX | LOCK_NB) < 0,
	   "two may share; one of them alone gets it for itself");
	ok(flock(b, LOCK_UN) == 0 && flock(a, LOCK_EX | LOCK_NB) == 0, "when the other has let go");
	ok(flock(a, 3) < 0 && errno == EINVAL && flock(-1, LOCK_EX) < 0 && errno == EBADF,
	   "no such lock is EINVAL, no such descriptor EBADF");
	close(a);
	close(b);
	unlink(name);
}

int main(void)
{
	test_position();
	test_size();
	test_vectors();
	test_bad_arguments();
	test_descriptors();
	test_many_descriptors();
	test_devices();
	test_shared_mapping();
	test_memfd();
	test_flock();
	return tap_done();
}
