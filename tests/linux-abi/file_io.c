// SPDX-License-Identifier: MIT
/*
 * file_io.c - reads and writes: positions, sizes, holes, vectors, descriptors, locks, errors.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
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

/* From <linux/memfd.h> and <linux/fcntl.h>, which Debian 12 does not have in this version. */
#define MFD_NOEXEC_SEAL_ 8
#define F_SEAL_EXEC_     0x20

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

	ok(write(fd, "0123456789", 10) == 10 && lseek(fd, 0, SEEK_CUR) == 10,
	   "write() advances the file position");
	ok(lseek(fd, -4, SEEK_END) == 6 && read(fd, buf, 16) == 4 && !memcmp(buf, "6789", 4),
	   "a read after a seek from the end returns the last bytes");
	ok(read(fd, buf, 16) == 0, "a read at the end of the file returns 0");
	ok(pread(fd, buf, 3, 2) == 3 && !memcmp(buf, "234", 3) && lseek(fd, 0, SEEK_CUR) == 10,
	   "pread() does not change the file position");
	ok(pwrite(fd, "ab", 2, 0) == 2 && pread(fd, buf, 3, 0) == 3 && !memcmp(buf, "ab2", 3),
	   "pwrite() writes at its offset");
	other = dup(fd);
	lseek(fd, 5, SEEK_SET);
	ok(lseek(other, 0, SEEK_CUR) == 5, "a duplicated descriptor shares the file position");
	fails_with(lseek(fd, -1, SEEK_SET), EINVAL,
		   "a seek to a negative position fails with EINVAL");
	fails_with(lseek(fd, 0, 99), EINVAL, "a seek with an unknown whence fails with EINVAL");
	fails_with(pread(fd, buf, 1, -1), EINVAL, "pread() at a negative offset fails with EINVAL");
	ok(fcntl(fd, F_SETFL, O_APPEND) == 0 && lseek(fd, 0, SEEK_SET) == 0 &&
		   write(fd, "end", 3) == 3 && pread(fd, buf, 3, 10) == 3 && !memcmp(buf, "end", 3),
	   "with O_APPEND, write appends to the file");
	close(fd);
	close(other);
}

static void test_size(void)
{
	static char page[4096], want[4096];
	struct stat st, now;
	int fd = temp();
	off_t to;

	ok(ftruncate(fd, 10000) == 0 && fstat(fd, &st) == 0 && st.st_size == 10000,
	   "ftruncate() can make a file larger");
	ok(pread(fd, page, 4096, 8192) == 10000 - 8192 && !memcmp(page, want, 4096),
	   "the bytes that ftruncate() adds are zero");
	memset(page, 'x', sizeof(page));
	pwrite(fd, page, 4096, 4000);
	ok(ftruncate(fd, 4001) == 0 && ftruncate(fd, 9000) == 0 &&
		   pread(fd, page, 4096, 4000) == 4096 && page[0] == 'x' &&
		   !memcmp(page + 1, want, 4095),
	   "bytes that were cut off are zero when the file grows again");
	ok(pwrite(fd, "y", 1, 1L << 32) == 1 && fstat(fd, &st) == 0 &&
		   st.st_size == (1L << 32) + 1 && st.st_blocks < 1000,
	   "a hole of 4 GiB has no blocks");
	to = lseek(fd, 1 << 20, SEEK_DATA);
	ok(to >= 1 << 20 && to <= 1L << 32 && lseek(fd, 0, SEEK_HOLE) > 0,
	   "SEEK_DATA and SEEK_HOLE find data and holes");
	ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4000, 10) == 0 &&
		   pread(fd, page, 1, 4000) == 1 && page[0] == 0,
	   "a punched hole reads as zeros");
	ok(fstat(fd, &st) == 0 && (fallocate(fd, 0, 0, (1L << 32) + 4096) == 0 || errno == ENOSPC ||
				   errno == ENOMEM),
	   "fallocate() of more than 4 GiB succeeds or fails with ENOSPC or ENOMEM");
	ok(fstat(fd, &now) == 0 &&
		   (now.st_size == (1L << 32) + 4096 || now.st_blocks == st.st_blocks),
	   "fallocate() of more than 4 GiB takes full effect or none");
	fails_with(ftruncate(fd, -1), EINVAL, "ftruncate() to a negative size fails with EINVAL");
	fails_with(ftruncate(0, 5), EINVAL, "ftruncate() of standard input fails with EINVAL");
	close(fd);
}

/* A write from a buffer whose end cannot be read may write the beginning; it adds nothing else. */
static void test_bad_end(void)
{
	static char page[4096], zeros[4096];
	char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = temp();
	ssize_t n;

	memset(map, 'x', 8192);
	mprotect(map + 4096, 4096, PROT_NONE);
	/* Linux 6.12 copies 64 bytes at a time, and would repeat the call forever for less. */
	n = pwrite(fd, map + 3072, 2000, 128);
	ok(n == 1024 || (n == -1 && errno == EFAULT),
	   "a write from a buffer with a bad end writes its beginning, or fails with EFAULT");
	n = lseek(fd, 0, SEEK_END);
	ok(ftruncate(fd, 4096) == 0 && pread(fd, page, 4096, n) == 4096 - n &&
		   !memcmp(page, zeros, 4096),
	   "when the file grows, the bytes after those written are zero");
	munmap(map, 8192);
	close(fd);
}

static void test_vectors(void)
{
	char a[3] = "", b[5] = "", c[4] = "";
	struct iovec w[3] = { { "abc", 3 }, { NULL, 0 }, { "defghij", 7 } };
	struct iovec r[3] = { { a, 3 }, { b, 5 }, { c, 4 } };
	struct iovec wrong = { bad, 5 };
	int fd = temp();

	ok(writev(fd, w, 3) == 10, "writev() writes all its buffers");
	ok(preadv(fd, r, 3, 0) == 10 && !memcmp(a, "abc", 3) && !memcmp(b, "defgh", 5) &&
		   !memcmp(c, "ij", 2),
	   "preadv() fills its buffers in order");
	ok(pwritev(fd, w, 1, 20) == 3 && lseek(fd, 0, SEEK_END) == 23,
	   "pwritev() writes at its offset");
	fails_with(readv(fd, (struct iovec *)bad, 1025), EINVAL,
		   "readv() with more than 1024 buffers fails with EINVAL");
	fails_with(readv(fd, (struct iovec *)bad, 1), EFAULT,
		   "readv() of a vector at a bad address fails with EFAULT");
	fails_with(preadv(fd, &wrong, 1, 0), EFAULT,
		   "preadv() to a buffer at a bad address fails with EFAULT");
	r[0].iov_len = SIZE_MAX;
	fails_with(readv(fd, r, 1), EINVAL,
		   "readv() to a buffer of negative length fails with EINVAL");
	close(fd);
}

static void test_bad_arguments(void)
{
	char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = temp();
	ssize_t n;

	munmap(edge + 4096, 4096);
	memset(edge, 'e', 4096);
	fails_with(read(-1, edge, 1), EBADF, "read() from descriptor -1 fails with EBADF");
	fails_with(write(1000, edge, 1), EBADF,
		   "write() to a descriptor that is not open fails with EBADF");
	fails_with(close(77), EBADF, "close() of a descriptor that is not open fails with EBADF");
	fails_with(write(fd, bad, 10), EFAULT, "write() from a bad address fails with EFAULT");
	fails_with(write(fd, (char *)0xffffffc080000000, 10), EFAULT,
		   "write() from a kernel address fails with EFAULT");
	ok(write(fd, edge, 4096) == 4096,
	   "write() accepts a whole page that ends at unmapped memory");
	fails_with(pread(fd, bad, 10, 0), EFAULT, "read() to a bad address fails with EFAULT");
	fails_with(pread(fd, (char *)0xffffffff80200000, 10, 0), EFAULT,
		   "pread() into a kernel address fails with EFAULT");
	errno = 0;
	n = pread(fd, edge + 4090, 100, 0);
	ok(n == 6 || (n == -1 && errno == EFAULT),
	   "a read across the end of mapped memory is short or fails with EFAULT");
	ok(read(fd, bad, 0) == 0, "a read of 0 bytes to a bad address returns 0");
	fails_with(ioctl(fd, 0x5401 /* TCGETS */, edge), ENOTTY,
		   "a terminal's ioctl on a file fails with ENOTTY");
	fails_with(ioctl(fd, 0xdeadbeef, edge), ENOTTY, "an unknown ioctl fails with ENOTTY");
	fails_with(fcntl(fd, 9999), EINVAL, "an unknown fcntl() command fails with EINVAL");
	close(fd);
}

static void test_descriptors(void)
{
	struct rlimit limit = { 1024, 1024 };
	int fd = temp(), high, i, fds[1100];

	ok(fcntl(fd, F_GETFD) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
		   fcntl(fd, F_GETFD) == FD_CLOEXEC,
	   "F_SETFD sets close-on-exec");
	high = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	ok(high == 100 && fcntl(high, F_GETFD) == FD_CLOEXEC,
	   "F_DUPFD_CLOEXEC returns the lowest free descriptor from 100 on");
	ok(dup2(fd, 100) == 100 && fcntl(100, F_GETFD) == 0, "dup2() replaces an open descriptor");
	fails_with(dup3(fd, fd, 0), EINVAL, "dup3() of a descriptor to itself fails with EINVAL");
	fails_with(dup2(fd, 100000000), EBADF, "dup2() beyond the limit fails with EBADF");
	fails_with(fcntl(fd, F_DUPFD, 100000000), EINVAL,
		   "F_DUPFD beyond the limit fails with EINVAL");
	setrlimit(RLIMIT_NOFILE, &limit);
	for (i = 0; i < 1100 && (fds[i] = dup(fd)) >= 0; i++)
		;
	ok(i < 1100 && errno == EMFILE, "dup() fails with EMFILE if no descriptor is free");
	while (i > 0)
		close(fds[--i]);
	close(100);
	close(fd);
}

/* Open more descriptors than fit into a new descriptor table. A child inherits all of them. */
static void test_many_descriptors(void)
{
	struct rlimit limit = { 4000, 5000 };
	int fd, high, status = -1;
	pid_t child;

	ok(setrlimit(RLIMIT_NOFILE, &limit) == 0, "root can raise the hard limit on descriptors");
	fd = temp();
	for (high = dup(fd); high >= 0 && high < 3900; high = dup(fd))
		;
	ok(high == 3900, "with a limit of 4000, dup() returns descriptors up to 3900");
	ok(close(70) == 0 && dup(fd) == 70 && dup(fd) == 3901,
	   "dup() returns the lowest free descriptor");
	fails_with(dup2(fd, 4000), EBADF,
		   "dup2() to the first descriptor above the limit fails with EBADF");
	child = fork();
	if (!child)
		_exit(fcntl(3901, F_GETFD) == 0 && fcntl(3902, F_GETFD) < 0 &&
				      syscall(SYS_close_range, 60, ~0U, 0) == 0 && dup(fd) == 60
			      ? 7
			      : 1);
	waitpid(child, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7,
	   "a child inherits all descriptors and can close them with close_range()");
	ok(fcntl(3901, F_GETFD) == 0,
	   "close_range() in a child leaves the parent's descriptors open");
	limit.rlim_cur = 100;
	ok(setrlimit(RLIMIT_NOFILE, &limit) == 0 && close(3901) == 0 && close(80) == 0 &&
		   dup(fd) == 80,
	   "a lower limit does not close descriptors, and dup() still returns free ones below it");
	fails_with(dup(fd), EMFILE,
		   "dup() fails with EMFILE if no descriptor below the limit is free");
	ok(syscall(SYS_close_range, fd + 1, 10000, 0) == 0 && dup(fd) == fd + 1,
	   "close_range() closes all descriptors in its range");
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
	ok(read(zero, buf, 100) == 100 && buf[0] == 0 && buf[99] == 0, "/dev/zero reads as zeros");
	ok(read(null, buf, 100) == 0 && write(null, buf, 100) == 100,
	   "/dev/null is empty and accepts writes");
	fails_with(write(full, buf, 1), ENOSPC, "a write to /dev/full fails with ENOSPC");
	read(rnd, buf, 100);
	for (i = 0; i < 100; i++)
		sum += buf[i] != 0;
	ok(sum > 80, "/dev/urandom returns random bytes");
	fails_with(open("/dev/null/x", O_RDONLY), ENOTDIR,
		   "open() of a path below a device fails with ENOTDIR");
	close(zero);
	close(null);
	close(full);
	close(rnd);
}

/* Returns how many bytes a read() returns after two writes of two bytes. Closes the pipe. */
static ssize_t first_of_two(const int fds[2])
{
	char buf[8];
	ssize_t n = write(fds[1], "ab", 2) + write(fds[1], "cd", 2);

	n = n == 4 ? read(fds[0], buf, 8) : -1;
	close(fds[0]);
	close(fds[1]);
	return n;
}

static void test_packets(void)
{
	int fds[2], with;

	ok(pipe2(fds, O_DIRECT) ? errno == EINVAL : first_of_two(fds) == 2,
	   "pipe2() with O_DIRECT: packets, or EINVAL");
	pipe(fds);
	with = fcntl(fds[1], F_SETFL, O_DIRECT);
	ok((!with || errno == EINVAL) && first_of_two(fds) == (with ? 4 : 2),
	   "F_SETFL with O_DIRECT on a pipe: packets, or EINVAL");
}

static void test_shared_mapping(void)
{
	int fd = temp();
	char *map, c = 0;

	ftruncate(fd, 8192);
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!ok(map != MAP_FAILED, "a file can be mapped with MAP_SHARED"))
		return;
	map[5000] = 'm';
	ok(pread(fd, &c, 1, 5000) == 1 && c == 'm',
	   "pread() returns data that was stored through the mapping");
	pwrite(fd, "w", 1, 100);
	ok(map[100] == 'w', "the mapping shows data written to the file");
	ok(read(fd, map, 4096) == 4096 && map[100] == 'w',
	   "a file can be read into its own mapping");
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

	ok(fd >= 0 && ftruncate(fd, size) == 0,
	   "memfd_create() returns a file that ftruncate() can grow");
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (i = 0; i < size; i += 1000)
		map[i] = (unsigned char)(i / 1000);
	for (i = 0; i < size; i += 1000) {
		unsigned char c = 0;

		same &= pread(fd, &c, 1, i) == 1 && c == (unsigned char)(i / 1000);
	}
	ok(same, "pread() returns what was stored in an 8 MiB mapping");
	map[0x300000] = map[0x2ff000] = map[0x500000] = 77;
	ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1 << 20, 4 << 20) == 0 &&
		   map[0x300000] == 0 && map[0x2ff000] == 0 && map[0x500000] == 77 &&
		   map[1000] == 1,
	   "a mapping reads as zeros where a hole is punched");
	map[0x300000] = 78;
	pread(fd, &map[0], 1, 0x300000);
	ok(map[0] == 78, "a store into the punched hole changes the file");
	map[0x400001] = 79;
	ok(ftruncate(fd, 0x400000) == 0 && ftruncate(fd, size) == 0 && map[0x400001] == 0 &&
		   map[0x300000] == 78,
	   "a mapping reads as zeros where the file was cut off and grew again");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ok(readlink(link, text, sizeof(text) - 1) > 0 && strstr(text, "memfd:a-name"),
	   "the link in /proc/self/fd contains the memfd's name");
	munmap(map, size);
	i = (size_t)open(link, O_RDWR | O_TRUNC);
	ok(lseek(fd, 0, SEEK_END) == 0, "open() with O_TRUNC cuts off a memfd");
	close((int)i);
	close(fd);
}

static void test_seals(void)
{
	const int all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	int fd = memfd_create("plain", 0), n;
	struct stat st;
	char link[64], *map;

	ok(fcntl(fd, F_GET_SEALS) == F_SEAL_SEAL,
	   "a memfd without MFD_ALLOW_SEALING has F_SEAL_SEAL");
	fails_with(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM,
		   "adding seals to it fails with EPERM");
	close(fd);
	fd = memfd_create("sealed", MFD_ALLOW_SEALING);
	ftruncate(fd, 8192);
	ok(fcntl(fd, F_GET_SEALS) == 0, "a memfd with MFD_ALLOW_SEALING has no seals at first");
	fails_with(fcntl(fd, F_ADD_SEALS, 1 << 20), EINVAL, "an unknown seal fails with EINVAL");
	ok(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) == 0 && pwrite(fd, "x", 1, 8191) == 1 &&
		   ftruncate(fd, 4096) == 0,
	   "F_SEAL_GROW allows writes below the end, and cutting off");
	fails_with(pwrite(fd, "x", 1, 4096), EPERM, "F_SEAL_GROW forbids appending");
	n = pwrite(fd, (char[8]){ 0 }, 8, 4090); /* Linux 6.18 writes the page below the end */
	ok(n == 6 || (n == -1 && errno == EPERM),
	   "F_SEAL_GROW allows at most the part of a write that is below the end");
	fails_with(fallocate(fd, 0, 4096, 10), EPERM, "F_SEAL_GROW forbids a larger fallocate()");
	fails_with(ftruncate(fd, 4097), EPERM, "F_SEAL_GROW forbids a larger ftruncate()");
	ok(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0 &&
		   fcntl(fd, F_GET_SEALS) == (F_SEAL_GROW | F_SEAL_SHRINK),
	   "F_ADD_SEALS adds to the seals");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ok(ftruncate(fd, 0) == -1 && errno == EPERM && truncate(link, 0) == -1 && errno == EPERM &&
		   open(link, O_RDWR | O_TRUNC) == -1 && errno == EPERM && fstat(fd, &st) == 0 &&
		   st.st_size == 4096,
	   "F_SEAL_SHRINK forbids cutting off, also by path");
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	fails_with(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY,
		   "F_SEAL_WRITE fails with EBUSY while a shared writable mapping exists");
	ok(fcntl(fd, F_GET_SEALS) == (F_SEAL_GROW | F_SEAL_SHRINK) && pwrite(fd, "x", 1, 0) == 1,
	   "the failed F_ADD_SEALS adds no seal");
	mprotect(map, 4096, PROT_READ);
	fails_with(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY,
		   "also if the mapping is only writable with mprotect()");
	munmap(map, 4096);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ok(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0 && fcntl(fd, F_GET_SEALS) == all,
	   "F_SEAL_WRITE succeeds when only a private mapping is left");
	map[0] = 'p';
	munmap(map, 4096);
	fails_with(write(fd, "x", 1), EPERM, "F_SEAL_WRITE forbids write()");
	fails_with(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), EPERM,
		   "F_SEAL_WRITE forbids punching a hole");
	fails_with(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EPERM,
		   "F_SEAL_WRITE forbids a shared writable mapping");
	ok(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) == 0, "F_SEAL_SEAL can be added");
	fails_with(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), EPERM, "F_SEAL_SEAL forbids more seals");
	close(fd);
}

static void test_seal_future_write(void)
{
	int fd = memfd_create("future", MFD_ALLOW_SEALING), status = -1;
	char *map, *later, c = 0;
	pid_t child;

	ftruncate(fd, 4096);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ok(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0,
	   "F_SEAL_FUTURE_WRITE can be added while a shared writable mapping exists");
	map[7] = 'f';
	ok(pread(fd, &c, 1, 7) == 1 && c == 'f',
	   "stores through this mapping still change the file");
	fails_with(pwrite(fd, "x", 1, 0), EPERM, "F_SEAL_FUTURE_WRITE forbids write()");
	fails_with(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EPERM,
		   "F_SEAL_FUTURE_WRITE forbids a new shared writable mapping");
	later = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	ok(later != MAP_FAILED && later[7] == 'f', "but allows a read-only one");
	fails_with(mprotect(later, 4096, PROT_READ | PROT_WRITE), EACCES,
		   "mprotect() can't make the read-only mapping writable");
	munmap(later, 4096);
	/* Only the child has the mapping now. */
	child = fork();
	if (!child) {
		pause();
		_exit(1);
	}
	munmap(map, 4096);
	fails_with(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY,
		   "F_SEAL_WRITE fails with EBUSY while a child has a writable mapping");
	kill(child, SIGKILL);
	ok(waitpid(child, &status, 0) == child && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0,
	   "F_SEAL_WRITE succeeds when the child has ended");
	close(fd);
}

static void test_seal_exec(void)
{
	int fd = memfd_create("noexec", MFD_NOEXEC_SEAL_);
	struct stat st;

	ok(fstat(fd, &st) == 0 && !(st.st_mode & 0111) && fcntl(fd, F_GET_SEALS) == F_SEAL_EXEC_,
	   "a memfd with MFD_NOEXEC_SEAL is not executable, and has F_SEAL_EXEC");
	ok(fchmod(fd, 0777) == -1 && errno == EPERM && fchmod(fd, 0600) == 0,
	   "F_SEAL_EXEC lets fchmod() change all permissions but those to execute");
	close(fd);
}

static void test_flock(void)
{
	char name[] = "/tmp/file_lock.XXXXXX";
	int a = mkstemp(name), b = open(name, O_RDONLY), c = dup(a);

	ok(flock(a, LOCK_EX) == 0 && flock(b, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK,
	   "a shared lock fails with EWOULDBLOCK while another open file has an exclusive one");
	ok(flock(c, LOCK_EX | LOCK_NB) == 0, "a duplicated descriptor shares the lock");
	close(a);
	ok(flock(b, LOCK_SH | LOCK_NB) < 0, "the lock is still held while a duplicate is open");
	close(c);
	ok(flock(b, LOCK_SH | LOCK_NB) == 0, "closing the last duplicate releases the lock");
	a = open(name, O_RDONLY);
	ok(flock(a, LOCK_SH | LOCK_NB) == 0 && flock(a, LOCK_EX | LOCK_NB) < 0,
	   "two open files can share a lock, and neither can make it exclusive");
	ok(flock(b, LOCK_UN) == 0 && flock(a, LOCK_EX | LOCK_NB) == 0,
	   "a shared lock can be made exclusive once the other shared lock is released");
	ok(flock(a, 3) < 0 && errno == EINVAL && flock(-1, LOCK_EX) < 0 && errno == EBADF,
	   "an unknown flock() operation fails with EINVAL, and a bad descriptor with EBADF");
	close(a);
	close(b);
	unlink(name);
}

int main(void)
{
	test_position();
	test_size();
	test_bad_end();
	test_vectors();
	test_bad_arguments();
	test_descriptors();
	test_many_descriptors();
	test_devices();
	test_packets();
	test_shared_mapping();
	test_memfd();
	test_seals();
	test_seal_future_write();
	test_seal_exec();
	test_flock();
	return tap_done();
}
