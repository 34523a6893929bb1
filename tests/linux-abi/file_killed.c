// SPDX-License-Identifier: MIT
/*
 * file_killed.c - kill a process that waits for another process's call on the same file.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include "tap.h"

static long read_some(int fd, void *buf)
{
	return read(fd, buf, 1);
}

static long readv_some(int fd, void *buf)
{
	struct iovec iov = { buf, 1 };

	return readv(fd, &iov, 1);
}

static long pread_some(int fd, void *buf)
{
	return pread(fd, buf, 1, 0);
}

static long seek_start(int fd, void *buf)
{
	(void)buf;
	return lseek(fd, 0, SEEK_SET);
}

static long read_names(int fd, void *buf)
{
	return syscall(SYS_getdents64, fd, buf, 1000);
}

/* In a child, make the call with a buffer that is missing, and write a byte to `out` once it waits for it. */
static void wait_for_buffer(long (*call)(int fd, void *buf), int fd, int out)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register reg = { .range = { (uintptr_t)page, 4096 },
				       .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	int uffd = (int)syscall(SYS_userfaultfd, 0);
	struct uffd_msg msg;

	if (ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &reg))
		_exit(1);
	if (fork() == 0) {
		(void)!read(uffd, &msg, sizeof(msg));
		(void)!write(out, "x", 1);
		_exit(0);
	}
	call(fd, page);
	_exit(0);
}

static bool ends_killed(pid_t pid)
{
	int status = 0, ms;

	for (ms = 0; ms < 2000 && waitpid(pid, &status, WNOHANG) == 0; ms++)
		usleep(1000);
	return ms < 2000 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/*
 * On Linux, such a process ends only when it has got the file's lock, so this is not claimed there
 * (HS_EXACT is set only on the host).
 */
static void test_killed(const char *path, long (*call)(int fd, void *buf),
			long (*other)(int fd, void *buf), const char *name)
{
	int fd = open(path, O_RDONLY), p[2];
	char byte, buf[1000];
	pid_t holder, waiter;

	if (!getenv("HS_EXACT") || pipe(p))
		return;
	holder = fork();
	if (holder == 0)
		wait_for_buffer(call, fd, p[1]);
	close(p[1]);
	if (!ok(read(p[0], &byte, 1) == 1, "a call waits for its buffer"))
		return;
	waiter = fork();
	if (waiter == 0)
		_exit(other(fd, buf) < 0);
	usleep(50000);
	kill(waiter, SIGKILL);
	ok(ends_killed(waiter), name);
	kill(holder, SIGKILL);
	ok(ends_killed(holder), "the process whose buffer is missing can be killed");
	waitpid(waiter, NULL, 0);
	close(p[0]);
	close(fd);
}

int main(void)
{
	test_killed("/proc/self/exe", read_some, read_some, "a waiting read() can be killed");
	test_killed("/proc/self/exe", read_some, readv_some, "a waiting readv() can be killed");
	test_killed("/proc/self/exe", readv_some, seek_start, "a waiting lseek() can be killed");
	test_killed("/", read_names, read_names, "a waiting getdents64() can be killed");
	test_killed("/proc/version", pread_some, pread_some,
		    "a waiting pread() of a file of /proc can be killed");
	return tap_done();
}
