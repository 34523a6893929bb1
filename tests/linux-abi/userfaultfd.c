// SPDX-License-Identifier: MIT
/*
 * userfaultfd.c - faults that a program handles itself, caused by its threads or by the kernel on
 * their behalf, in private and in shared memory, with signals, fork() and exit() meanwhile.
 */
#include <fcntl.h>
#include <linux/mman.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "tap.h"

#define PAGE  4096UL
#define PAGES 16

static int open_uffd(int flags)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = (int)syscall(SYS_userfaultfd, flags);

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) < 0)
		return -1;
	return fd;
}

static char *map_anon(void)
{
	return mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int enter(int fd, void *start, unsigned long len, unsigned long mode)
{
	struct uffdio_register reg = { .range = { (unsigned long)start, len }, .mode = mode };

	return ioctl(fd, UFFDIO_REGISTER, &reg);
}

static int leave(int fd, void *start, unsigned long len)
{
	struct uffdio_range range = { (unsigned long)start, len };

	return ioctl(fd, UFFDIO_UNREGISTER, &range);
}

/* Fill pages with UFFDIO_COPY. Returns the number of bytes copied, or -1. */
static long copy(int fd, void *to, const void *from, unsigned long len)
{
	struct uffdio_copy arg = { .dst = (unsigned long)to,
				   .src = (unsigned long)from,
				   .len = len };

	return ioctl(fd, UFFDIO_COPY, &arg) < 0 ? -1 : arg.copy;
}

static int map_known(int fd, void *to, unsigned long len)
{
	struct uffdio_continue arg = { .range = { (unsigned long)to, len } };

	return ioctl(fd, UFFDIO_CONTINUE, &arg);
}

static bool next_fault(int fd, struct uffd_msg *msg)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 10000) == 1 && p.revents == POLLIN &&
	       read(fd, msg, sizeof(*msg)) == sizeof(*msg) && msg->event == UFFD_EVENT_PAGEFAULT;
}

/* ---- threads that fault ---- */

struct toucher {
	volatile char *at;
	int value; /* the byte at `at`, or the result of the thread's system call */
	pthread_t thread;
};

static void *touch(void *arg)
{
	struct toucher *t = arg;

	t->value = *t->at;
	return NULL;
}

static void start(struct toucher *t, char *at)
{
	t->at = at;
	t->value = -1;
	pthread_create(&t->thread, NULL, touch, t);
}

static void *read_pipe(void *arg)
{
	struct toucher *t = arg;
	int fds[2];

	if (pipe(fds) || write(fds[1], "kernel", 6) != 6)
		return NULL;
	t->value = (int)read(fds[0], (char *)t->at, 6);
	return NULL;
}

static int record_pipe[2];

static void *write_record(void *arg)
{
	struct toucher *t = arg;

	t->value = (int)write(record_pipe[1], (char *)t->at, 100);
	return NULL;
}

static void *read_record(void *arg)
{
	struct toucher *t = arg;

	t->value = (int)read(record_pipe[0], (char *)t->at, PAGE);
	return NULL;
}

/* ---- claims ---- */

static void test_wrong_use(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffd_msg msg;
	char *mem = map_anon();
	int fd;

	fails_with(syscall(SYS_userfaultfd, 2), EINVAL,
		   "userfaultfd() with an unknown flag fails with EINVAL");
	fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	ok(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC,
	   "userfaultfd() with O_CLOEXEC sets close-on-exec");
	fails_with(enter(fd, mem, PAGE, UFFDIO_REGISTER_MODE_MISSING), EINVAL,
		   "UFFDIO_REGISTER before UFFDIO_API fails with EINVAL");
	fails_with(read(fd, &msg, sizeof(msg)), EINVAL,
		   "read() before UFFDIO_API fails with EINVAL");
	api.api = 1;
	fails_with(ioctl(fd, UFFDIO_API, &api), EINVAL,
		   "UFFDIO_API with another version fails with EINVAL");
	ok(api.api == 0 && api.features == 0, "a UFFDIO_API that fails clears its argument");
	api.api = UFFD_API;
	ok(ioctl(fd, UFFDIO_API, &api) == 0 && (api.features & UFFD_FEATURE_MISSING_SHMEM) &&
		   (api.ioctls & 1UL << _UFFDIO_REGISTER),
	   "UFFDIO_API returns the features and ioctls");
	fails_with(ioctl(fd, UFFDIO_API, &api), EINVAL, "a second UFFDIO_API fails with EINVAL");
	fails_with(read(fd, &msg, sizeof(msg)), EAGAIN,
		   "a non-blocking read without a fault fails with EAGAIN");
	fails_with(read(fd, &msg, sizeof(msg) - 1), EINVAL,
		   "read() with too short a buffer fails with EINVAL");
	fails_with(enter(fd, mem + 1, PAGE, UFFDIO_REGISTER_MODE_MISSING), EINVAL,
		   "UFFDIO_REGISTER of an unaligned range fails with EINVAL");
	fails_with(enter(fd, mem, 0, UFFDIO_REGISTER_MODE_MISSING), EINVAL,
		   "UFFDIO_REGISTER of an empty range fails with EINVAL");
	fails_with(enter(fd, mem, PAGE, 0), EINVAL,
		   "UFFDIO_REGISTER without a mode fails with EINVAL");
	fails_with(enter(fd, mem, PAGE, 1 << 7), EINVAL,
		   "UFFDIO_REGISTER with an unknown mode fails with EINVAL");
	fails_with(enter(fd, mem, PAGE, UFFDIO_REGISTER_MODE_MINOR), EINVAL,
		   "UFFDIO_REGISTER for minor faults of private memory fails with EINVAL");
	fails_with(copy(fd, mem, mem, PAGE), ENOENT,
		   "UFFDIO_COPY to an area that is not registered fails with ENOENT");
	fails_with(ioctl(fd, _IO(UFFDIO, 0x20), 0), EINVAL, "an unknown ioctl fails with EINVAL");
	close(fd);
	munmap(mem, PAGES * PAGE);
}

/* No area with pages of 1 GiB can be registered. The copy must fail before it reads any byte. */
static void test_giant(void)
{
	unsigned long size = 1UL << 30;
	char *giant = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_1GB | MAP_NORESERVE,
			   -1, 0);
	char *from = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int fd = open_uffd(O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);

	if (giant == MAP_FAILED)
		return; /* this kernel has no such areas */
	fails_with(copy(fd, giant, from, size), ENOENT,
		   "UFFDIO_COPY to an area with pages of 1 GiB fails with ENOENT");
	close(fd);
	munmap(giant, size);
	munmap(from, size);
}

static void test_missing(void)
{
	struct uffdio_zeropage zero = { .range = { 0, PAGE } };
	struct uffd_msg msg;
	struct toucher t;
	char *mem = map_anon(), bytes[PAGE];
	int fd = open_uffd(O_NONBLOCK), other = open_uffd(O_NONBLOCK);

	memset(bytes, 7, sizeof(bytes));
	mem[0] = 1; /* a page that exists causes no fault */
	ok(madvise(mem + PAGE, (PAGES - 1) * PAGE, MADV_DONTNEED) == 0 &&
		   enter(fd, mem, PAGES * PAGE, UFFDIO_REGISTER_MODE_MISSING) == 0 && mem[0] == 1,
	   "a registered area keeps its contents");
	fails_with(enter(other, mem, PAGE, UFFDIO_REGISTER_MODE_MISSING), EBUSY,
		   "a second registration of an area fails with EBUSY");
	start(&t, mem + 3 * PAGE + 5);
	ok(next_fault(fd, &msg) && msg.arg.pagefault.address == (unsigned long)mem + 3 * PAGE &&
		   msg.arg.pagefault.flags == 0,
	   "a fault is reported with its page's address");
	ok(copy(fd, mem + 3 * PAGE, bytes, PAGE) == (long)PAGE,
	   "UFFDIO_COPY fills the missing page");
	pthread_join(t.thread, NULL);
	ok(t.value == 7, "the waiting thread continues with the copied bytes");
	fails_with(copy(fd, mem + 3 * PAGE, bytes, PAGE), EEXIST,
		   "UFFDIO_COPY to a page that exists fails with EEXIST");
	fails_with(copy(fd, mem + 4 * PAGE, NULL, PAGE), EFAULT,
		   "UFFDIO_COPY from a bad address fails with EFAULT");

	zero.range.start = (unsigned long)mem + 5 * PAGE;
	start(&t, mem + 5 * PAGE);
	ok(next_fault(fd, &msg) && ioctl(fd, UFFDIO_ZEROPAGE, &zero) == 0 &&
		   zero.zeropage == (long)PAGE,
	   "UFFDIO_ZEROPAGE fills a missing page");
	pthread_join(t.thread, NULL);
	ok(t.value == 0, "the waiting thread reads zero after UFFDIO_ZEROPAGE");

	t.at = mem + 6 * PAGE;
	pthread_create(&t.thread, NULL, read_pipe, &t);
	ok(next_fault(fd, &msg) && (msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WRITE) &&
		   copy(fd, mem + 6 * PAGE, bytes, PAGE) == (long)PAGE,
	   "a fault caused by the kernel is reported");
	pthread_join(t.thread, NULL);
	ok(t.value == 6 && !memcmp(mem + 6 * PAGE, "kernel\7", 7),
	   "the kernel writes to the page after UFFDIO_COPY");

	start(&t, mem + 8 * PAGE);
	ok(next_fault(fd, &msg) && leave(fd, mem + 8 * PAGE, PAGE) == 0,
	   "a page with a waiting thread can be unregistered");
	pthread_join(t.thread, NULL);
	ok(t.value == 0, "a thread that waits for an unregistered page reads zero");
	start(&t, mem + 9 * PAGE);
	ok(next_fault(fd, &msg), "faults on the other pages are still reported");
	close(fd);
	pthread_join(t.thread, NULL);
	ok(t.value == 0 && mem[10 * PAGE] == 0,
	   "after the descriptor is closed, missing pages are zero");
	ok(enter(other, mem, PAGES * PAGE, UFFDIO_REGISTER_MODE_MISSING) == 0,
	   "after the descriptor is closed, another can register the area");
	close(other);
	munmap(mem, PAGES * PAGE);
}

static void test_shared(void)
{
	int fd = open_uffd(O_NONBLOCK), file = memfd_create("shared", 0);
	struct uffd_msg msg;
	struct toucher t;
	char *mem, *alias, bytes[PAGE];

	memset(bytes, 9, sizeof(bytes));
	ok(ftruncate(file, PAGES * PAGE) == 0, "a memfd can be created");
	mem = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	alias = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	ok(enter(fd, mem, PAGES * PAGE,
		 UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR) == 0,
	   "shared memory can be registered for missing and minor faults");
	start(&t, mem + PAGE);
	ok(next_fault(fd, &msg) && msg.arg.pagefault.flags == 0 &&
		   copy(fd, mem + PAGE, bytes, PAGE) == (long)PAGE,
	   "UFFDIO_COPY resolves a fault on a page that the file lacks");
	pthread_join(t.thread, NULL);
	ok(t.value == 9 && alias[PAGE] == 9, "the copied page belongs to the file");
	alias[2 * PAGE] = 11;
	start(&t, mem + 2 * PAGE);
	ok(next_fault(fd, &msg) && (msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_MINOR),
	   "a fault on a page that the file already contains is a minor fault");
	ok(map_known(fd, mem + 2 * PAGE, PAGE) == 0, "UFFDIO_CONTINUE maps the file's page");
	pthread_join(t.thread, NULL);
	ok(t.value == 11, "the waiting thread reads the file's page");
	fails_with(map_known(fd, mem + 2 * PAGE, PAGE), EEXIST,
		   "UFFDIO_CONTINUE of a mapped page fails with EEXIST");
	alias[3 * PAGE] = 12;
	fails_with(copy(fd, mem + 3 * PAGE, bytes, PAGE), EEXIST,
		   "UFFDIO_COPY over the file's page fails with EEXIST");
	close(fd);
	ok(mem[3 * PAGE] == 12,
	   "after the descriptor is closed, the file's page is read without a fault");
	close(file);
	munmap(mem, PAGES * PAGE);
	munmap(alias, PAGES * PAGE);
}

static volatile sig_atomic_t handled;

static void on_signal(int sig)
{
	(void)sig;
	handled++;
}

static void test_signals(void)
{
	int fd = open_uffd(O_NONBLOCK), status = 0;
	struct sigaction action = { .sa_handler = on_signal };
	struct uffd_msg msg;
	struct toucher t;
	char *mem = map_anon(), bytes[PAGE];
	pid_t child;

	memset(bytes, 5, sizeof(bytes));
	sigaction(SIGUSR1, &action, NULL);
	enter(fd, mem, PAGES * PAGE, UFFDIO_REGISTER_MODE_MISSING);
	start(&t, mem);
	ok(next_fault(fd, &msg), "a thread's fault is reported");
	pthread_kill(t.thread, SIGUSR1);
	ok(next_fault(fd, &msg) && handled == 1,
	   "the thread runs a signal handler and then faults again");
	copy(fd, mem, bytes, PAGE);
	pthread_join(t.thread, NULL);
	ok(t.value == 5, "the thread continues after UFFDIO_COPY");

	child = fork();
	if (!child)
		_exit(mem[PAGE] == 0 && mem[0] == 5 ? 3 : 1);
	waitpid(child, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 3, "a child's memory is not registered");

	child = fork();
	if (!child) {
		fd = open_uffd(O_NONBLOCK);
		enter(fd, mem + PAGE, PAGE, UFFDIO_REGISTER_MODE_MISSING);
		t.at = mem + PAGE;
		pthread_create(&t.thread, NULL, read_pipe, &t);
		next_fault(fd, &msg);
		kill(getpid(), SIGKILL);
		pause();
	}
	waitpid(child, &status, 0);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	   "a process can be killed while a thread waits in the kernel for a page");
	close(fd);
	munmap(mem, PAGES * PAGE);
}

/* With UFFD_FEATURE_SIGBUS, a fault is not reported; the access fails immediately. */
static void test_sigbus(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_SIGBUS };
	int fd = (int)syscall(SYS_userfaultfd, O_NONBLOCK), fds[2], status = 0;
	char *mem = map_anon();
	pid_t child;

	ok(ioctl(fd, UFFDIO_API, &api) == 0 &&
		   enter(fd, mem, PAGES * PAGE, UFFDIO_REGISTER_MODE_MISSING) == 0,
	   "an area is registered with UFFD_FEATURE_SIGBUS");
	ok(pipe(fds) == 0 && write(fds[1], "x", 1) == 1, "a pipe with a byte is created");
	fails_with(read(fds[0], mem, 1), EFAULT,
		   "with UFFD_FEATURE_SIGBUS, read() to a missing page fails with EFAULT");
	child = fork();
	if (!child) {
		fd = (int)syscall(SYS_userfaultfd, O_NONBLOCK);
		api.features = UFFD_FEATURE_SIGBUS;
		ioctl(fd, UFFDIO_API, &api);
		enter(fd, mem, PAGE, UFFDIO_REGISTER_MODE_MISSING);
		_exit(*(volatile char *)mem);
	}
	waitpid(child, &status, 0);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS,
	   "a load from a missing page raises SIGBUS");
	close(fd);
	munmap(mem, PAGES * PAGE);
}

/* Another process uses the descriptor after the process that registered its memory has ended. */
static void test_ended(void)
{
	int go[2], back[2], error = 0, fd;
	char *mem = map_anon(), page[PAGE];
	pid_t child;

	ok(pipe(go) == 0 && pipe(back) == 0, "two pipes are created");
	child = fork();
	if (!child) {
		fd = open_uffd(O_NONBLOCK);
		enter(fd, mem, PAGES * PAGE, UFFDIO_REGISTER_MODE_MISSING);
		if (fork())
			_exit(0);
		memset(page, 1, sizeof(page));
		if (read(go[0], page, 1) == 1 && copy(fd, mem, page, PAGE) < 0)
			error = errno;
		_exit(write(back[1], &error, sizeof(error)) != sizeof(error));
	}
	waitpid(child, NULL, 0);
	ok(write(go[1], "x", 1) == 1 && read(back[0], &error, sizeof(error)) == sizeof(error) &&
		   error == ESRCH,
	   "UFFDIO_COPY to a process that has ended fails with ESRCH");
	munmap(mem, PAGES * PAGE);
}

/* clone() writes the new process's PID to t->at. The process exits with 7 if SIGUSR1 is pending. */
static void *make_process(void *arg)
{
	struct toucher *t = arg;
	sigset_t pending;

	t->value = (int)syscall(SYS_clone, SIGCHLD | CLONE_PARENT_SETTID, 0, t->at, 0, 0);
	if (t->value == 0)
		_exit(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) ? 7 : 1);
	return NULL;
}

/*
 * Send a blocked signal to the group while clone() waits for a page. It must not interrupt the
 * call: otherwise a process could keep all others of its group from forking by sending signals.
 */
static void test_clone(void)
{
	int fd = open_uffd(O_NONBLOCK), status = 0;
	struct toucher t = { .at = map_anon() };
	pid_t group = getpgrp();
	struct uffd_msg msg;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setpgid(0, 0);
	enter(fd, (char *)t.at, PAGE, UFFDIO_REGISTER_MODE_MISSING);
	pthread_create(&t.thread, NULL, make_process, &t);
	ok(next_fault(fd, &msg) && kill(0, SIGUSR1) == 0 &&
		   copy(fd, (char *)t.at, (char[PAGE]){ 0 }, PAGE) == PAGE,
	   "a signal can be sent to the group while clone() waits for a page");
	pthread_join(t.thread, NULL);
	waitpid(t.value, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7,
	   "a signal sent to the group during clone() is pending in the new process");
	sigtimedwait(&set, NULL, &(struct timespec){ 0 });
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	setpgid(0, group);
	close(fd);
	munmap((char *)t.at, PAGES * PAGE);
}

/* The pipe has 50 bytes left in a page, and the second half of the record has to be faulted in. */
static void test_atomic_write(void)
{
	static char bytes[PAGE];
	char *p = map_anon();
	int fd = open_uffd(O_CLOEXEC | O_NONBLOCK);
	struct toucher writer = { .at = p + PAGE - 50 }, reader = { .at = bytes };
	struct uffd_msg msg;

	ok(pipe(record_pipe) == 0 && write(record_pipe[1], bytes, PAGE - 50) == PAGE - 50 &&
		   read(record_pipe[0], bytes, PAGE) == PAGE - 50,
	   "a pipe is filled and read");
	memset(p, 1, PAGE);
	enter(fd, p + PAGE, PAGE, UFFDIO_REGISTER_MODE_MISSING);
	pthread_create(&writer.thread, NULL, write_record, &writer);
	ok(next_fault(fd, &msg), "a short write waits for a page");
	pthread_create(&reader.thread, NULL, read_record, &reader);
	usleep(50000);
	copy(fd, p + PAGE, p, PAGE);
	pthread_join(reader.thread, NULL);
	pthread_join(writer.thread, NULL);
	ok(reader.value == 100 && writer.value == 100, "a reader gets it whole");
	close(record_pipe[0]);
	close(record_pipe[1]);
	close(fd);
	munmap(p, PAGES * PAGE);
}

int main(void)
{
	test_wrong_use();
	test_giant();
	test_missing();
	test_shared();
	test_signals();
	test_sigbus();
	test_ended();
	test_clone();
	test_atomic_write();
	return tap_done();
}
