// SPDX-License-Identifier: MIT
/*
 * hostile.c - make system calls with bad pointers and unusual arguments, and random system calls.
 *
 * A child that makes random calls may end in any way, but it must end, and the host must survive.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

/*
 * Addresses outside any program's memory (Sv39): in the null page, at the end of the user half and
 * beyond it, in the kernel, and in the linear map.
 */
static const unsigned long bad_addresses[] = {
	8,
	0x3fffffffffff0,
	0x3ffffffff8,
	0x4000000000,
	0xffffffff80000000,
	0xffffffc080200000,
	0xfffffffffffffff8,
	0x8000000000000000,
};

#define BAD(i) ((void *)bad_addresses[i])
#define NR_BAD (sizeof(bad_addresses) / sizeof(*bad_addresses))

static void test_bad_pointers(void)
{
	char path[] = "/dev/zero";
	int zero = open(path, O_RDONLY), null = open("/dev/null", O_WRONLY), fds[2];
	struct stat st;
	bool good = true;

	if (pipe(fds))
		return;
	(void)null;
	for (unsigned int i = 0; i < NR_BAD; i++) {
		good &= syscall(SYS_read, zero, BAD(i), 8) == -1 && errno == EFAULT;
		good &= syscall(SYS_write, fds[1], BAD(i), 8) == -1 && errno == EFAULT;
		good &= syscall(SYS_openat, AT_FDCWD, BAD(i), O_RDONLY) == -1 && errno == EFAULT;
		good &= syscall(SYS_newfstatat, AT_FDCWD, path, BAD(i), 0) == -1 && errno == EFAULT;
		good &= syscall(SYS_clock_gettime, CLOCK_MONOTONIC, BAD(i)) == -1 &&
			errno == EFAULT;
		good &= syscall(SYS_nanosleep, BAD(i), NULL) == -1 && errno == EFAULT;
		good &= syscall(SYS_uname, BAD(i)) == -1 && errno == EFAULT;
		good &= syscall(SYS_rt_sigaction, SIGUSR1, BAD(i), NULL, 8) == -1 &&
			errno == EFAULT;
		good &= syscall(SYS_rt_sigprocmask, SIG_BLOCK, BAD(i), NULL, 8) == -1 &&
			errno == EFAULT;
		good &= syscall(SYS_pipe2, BAD(i), 0) == -1 && errno == EFAULT;
		good &= syscall(SYS_getrandom, BAD(i), 16, 0) == -1 && errno == EFAULT;
		good &= syscall(SYS_execve, BAD(i), NULL, NULL) == -1 && errno == EFAULT;
		good &= syscall(SYS_getcwd, BAD(i), 100) == -1 && errno == EFAULT;
		if (!good) {
			printf("# at address %lx\n", bad_addresses[i]);
			break;
		}
	}
	ok(good, "system calls with bad pointers fail with EFAULT");
	ok(fstat(zero, &st) == 0, "a system call with a good pointer still works");
	close(fds[0]);
	close(fds[1]);
	close(zero);
	close(null);
}

/* Use buffers and a path that cross the end of mapped memory. */
static void test_edge(void)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int zero = open("/dev/zero", O_RDONLY);
	struct iovec iov[2] = { { p + 4000, 96 }, { p + 4096, 8 } };
	long got;

	munmap(p + 4096, 4096);
	got = read(zero, p + 4000, 200);
	ok(got == 96 || (got == -1 && errno == EFAULT),
	   "a read across the end of mapped memory is short or fails with EFAULT");
	got = readv(zero, iov, 2);
	ok(got == 96 || (got == -1 && errno == EFAULT),
	   "readv() across the end of mapped memory is short or fails with EFAULT");
	memset(p, 'a', 4096);
	fails_with(open(p + 4000, O_RDONLY), EFAULT,
		   "a path that runs into unmapped memory fails with EFAULT");
	mprotect(p, 4096, PROT_READ);
	fails_with(read(zero, p, 8), EFAULT, "a read into a read-only buffer fails with EFAULT");
	close(zero);
}

static uint64_t seed;

static uint64_t noise(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static char scratch[65536];

static unsigned long argument(void)
{
	uint64_t n = noise();

	switch (n % 12) {
	case 0:
		return 0;
	case 1:
		return bad_addresses[(n >> 8) % NR_BAD];
	case 2:
		return (unsigned long)scratch + (n >> 8) % sizeof(scratch);
	case 3:
		return (unsigned long)scratch;
	case 4:
		return (n >> 8) % 8;
	case 5:
		return (n >> 8) % 256;
	case 6:
		return -1UL;
	case 7:
		return 4096 << ((n >> 8) % 24);
	case 8:
		return 1UL << ((n >> 8) % 64);
	case 9:
		return n >> 32;
	case 10:
		return (unsigned long)scratch + 32768;
	default:
		return n;
	}
}

/*
 * Return true for calls to skip: they end or stop a process, reboot, create a process, or may wait
 * forever.
 */
static bool is_boring(long nr)
{
	return nr == SYS_exit || nr == SYS_exit_group || nr == SYS_rt_sigsuspend ||
	       nr == SYS_nanosleep || nr == SYS_clock_nanosleep || nr == SYS_rt_sigtimedwait ||
	       nr == SYS_ppoll || nr == SYS_pselect6 || nr == SYS_reboot || nr == SYS_kill ||
	       nr == SYS_tkill || nr == SYS_tgkill || nr == SYS_rt_sigqueueinfo ||
	       nr == SYS_rt_tgsigqueueinfo || nr == SYS_clone || nr == SYS_futex;
}

static void noisy_child(uint64_t start)
{
	seed = start * 0x9e3779b97f4a7c15ULL + 1;
	alarm(1);
	for (int fd = 0; fd < 16; fd++)
		close(fd);
	open("/dev/null", O_RDWR);
	open("/dev/zero", O_RDWR);
	open("/tmp/abi-noise", O_RDWR | O_CREAT, 0600);
	for (int i = 0; i < 400; i++) {
		long nr = (long)(noise() % 300);

		if (is_boring(nr))
			continue;
		for (unsigned int j = 0; j < 64; j++)
			scratch[noise() % sizeof(scratch)] = (char)noise();
		syscall(nr, argument(), argument(), argument(), argument(), argument(), argument());
	}
	_exit(0);
}

static void test_noise(int children)
{
	uint64_t base = getenv("HS_SEED") ? strtoull(getenv("HS_SEED"), NULL, 0) : 1;
	int status, ended = 0;

	signal(SIGCHLD, SIG_DFL);
	for (int i = 0; i < children; i++) {
		pid_t pid = fork();

		if (pid == 0)
			noisy_child(base + (uint64_t)i);
		/* The child may have blocked SIGALRM and wait forever: kill it after 3 s. */
		for (int ms = 0; waitpid(pid, &status, WNOHANG) == 0; ms++) {
			if (ms == 3000)
				kill(pid, SIGKILL);
			if (ms == 8000)
				break;
			usleep(1000);
		}
		ended += waitpid(pid, &status, WNOHANG) == -1;
		if (ended != i + 1) {
			printf("# child %d does not end\n", i);
			break;
		}
	}
	ok(ended == children, "children that make random system calls end");
	unlink("/tmp/abi-noise");
}

/* Fill the signal queue, and use up all descriptors, each in a child. */
static void test_exhaust(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		union sigval value = { 0 };
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, SIGRTMIN);
		sigprocmask(SIG_BLOCK, &set, NULL);
		for (long i = 0; i < 300000; i++)
			if (sigqueue(getpid(), SIGRTMIN, value))
				_exit(errno == EAGAIN ? 5 : 6);
		_exit(7);
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 5,
	   "sigqueue() fails with EAGAIN when the queue is full");
	pid = fork();
	if (pid == 0) {
		while (dup(1) >= 0)
			;
		_exit(errno == EMFILE ? 5 : 6);
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 5,
	   "dup() fails with EMFILE when no descriptor is free");
}

/* Run children that jump to unmapped addresses, or call rt_sigreturn on an unmapped stack. */
static void test_lost_children(void)
{
	int status, died = 0;

	for (unsigned int i = 0; i < NR_BAD; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			void (*fn)(void) = (void (*)(void))BAD(i);

			fn();
			_exit(0);
		}
		waitpid(pid, &status, 0);
		died += WIFSIGNALED(status);
	}
	ok(died == NR_BAD, "a jump to a bad address kills the process");
	died = 0;
	for (unsigned int i = 0; i < NR_BAD; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			signal(SIGUSR1, SIG_DFL);
			/* There is no stack for a handler, and the kernel must not write at sp. */
			__asm__ volatile("mv sp, %0; li a7, 139; ecall; ebreak" ::"r"(BAD(i)));
		}
		waitpid(pid, &status, 0);
		died += WIFSIGNALED(status);
	}
	ok(died == NR_BAD, "rt_sigreturn() with a bad stack pointer kills the process");
}

int main(void)
{
	test_bad_pointers();
	test_edge();
	test_exhaust();
	test_lost_children();
	test_noise(getenv("HS_NOISE") ? atoi(getenv("HS_NOISE")) : 40);
	return tap_done();
}
