// SPDX-License-Identifier: MIT
/*
 * hogs.c - programs that take all the memory there is, each in its own way, beside one that does not.
 *
 *   hogs            each hog once, in order: for a machine with little memory (tests/qemu/abi.t)
 *   hogs SECONDS [SEED]   hogs chosen at random, up to three at once
 *
 * A hog is refused, or is ended by SIGKILL. The bystander, which is smaller than any hog, goes on
 * forking, mapping and making pipes meanwhile, and its memory keeps its contents.
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

#define PAGE 4096UL
#define MB   0x100000UL
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

/* ---- the bystander ---- */

#define OWN_WORDS (6 * MB / sizeof(uint64_t))

static struct shared {
	volatile unsigned int rounds;
	volatile bool stop;
	char complaint[80];
} * shared;

static uint64_t word_at(size_t i, unsigned int round)
{
	return (i + 1) * 0x9e3779b97f4a7c15ULL ^ round;
}

static void complain(const char *what)
{
	snprintf(shared->complaint, sizeof(shared->complaint), "%s: errno %d", what, errno);
	_exit(1);
}

/* What an ordinary program does now and then. */
static void use_the_kernel(void)
{
	int fds[2], status = 0;
	char *p, byte = 5;
	pid_t pid;

	p = mmap(NULL, 16 * PAGE, RW, ANON, -1, 0);
	if (p == MAP_FAILED)
		complain("mmap");
	memset(p, 1, 16 * PAGE);
	munmap(p, 16 * PAGE);
	if (pipe(fds))
		complain("pipe");
	if (write(fds[1], &byte, 1) != 1 || read(fds[0], &byte, 1) != 1 || byte != 5)
		complain("a pipe's byte");
	close(fds[0]);
	close(fds[1]);
	pid = fork();
	if (pid == 0)
		_exit(7);
	if (pid < 0 && errno == EAGAIN)
		return; /* as many processes as there may be: somebody's fork bomb */
	if (pid < 0)
		complain("fork");
	if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 7)
		complain("the child's status");
}

static void bystander(void)
{
	uint64_t *own = mmap(NULL, OWN_WORDS * sizeof(*own), RW, ANON, -1, 0);
	unsigned int round;
	size_t i;

	for (i = 0; i < OWN_WORDS; i++)
		own[i] = word_at(i, 0);
	for (round = 0; !shared->stop; round++) {
		for (i = 0; i < OWN_WORDS; i++) {
			if (own[i] != word_at(i, round))
				complain("a changed word");
			own[i] = word_at(i, round + 1);
		}
		use_the_kernel();
		shared->rounds++;
		usleep(5000);
	}
	_exit(0);
}

/* ---- hogs: each returns when it is refused ---- */

static void hog_populate(void)
{
	while (mmap(NULL, 4 * MB, RW, ANON | MAP_POPULATE, -1, 0) != MAP_FAILED)
		;
}

static void hog_touch(void)
{
	char *p;

	while ((p = mmap(NULL, MB, RW, ANON, -1, 0)) != MAP_FAILED)
		for (size_t i = 0; i < MB; i += PAGE)
			p[i] = 1;
}

static void hog_madvise(void)
{
	char *p;

	do
		p = mmap(NULL, 4 * MB, RW, ANON, -1, 0);
	while (p != MAP_FAILED && madvise(p, 4 * MB, MADV_POPULATE_WRITE) == 0);
}

static void hog_read(void)
{
	int fd = open("/dev/zero", O_RDONLY);
	char *p;

	do
		p = mmap(NULL, MB, RW, ANON, -1, 0);
	while (p != MAP_FAILED && read(fd, p, MB) > 0);
}

/* Copies of what the parent has, each written: the children's memory is what is too much. */
static void hog_forks(void)
{
	char *p = mmap(NULL, 16 * MB, RW, ANON | MAP_POPULATE, -1, 0);
	pid_t pid;

	for (;;) {
		pid = fork();
		if (pid < 0)
			break;
		if (pid == 0) {
			memset(p, 2, 16 * MB);
			pause();
		}
		usleep(1000);
		if (waitpid(-1, NULL, WNOHANG) > 0) /* one was ended: enough */
			break;
	}
	kill(0, SIGKILL);
}

/* Every process forks until it is refused. */
static void hog_fork_bomb(void)
{
	pid_t pid, top = getpid();

	do
		pid = fork();
	while (pid >= 0);
	while (getpid() != top)
		pause();
}

static void *sleeping_thread(void *arg)
{
	pause();
	return arg;
}

static void hog_threads(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN);
	while (pthread_create(&thread, &attr, sleeping_thread, NULL) == 0)
		;
}

static const struct hog {
	const char *name;
	void (*run)(void);
	bool ended; /* by a signal, for nothing ever refuses it */
} hogs[] = {
	{ "MAP_POPULATE", hog_populate, true },
	{ "touching pages", hog_touch, true },
	{ "MADV_POPULATE_WRITE", hog_madvise, true },
	{ "read() into new pages", hog_read, true },
	{ "copies of pages after fork()", hog_forks, true },
	{ "a fork bomb", hog_fork_bomb, false },
	{ "threads", hog_threads, false },
};

#define NR_HOGS (sizeof(hogs) / sizeof(hogs[0]))

static pid_t start_hog(const struct hog *hog)
{
	pid_t pid = fork();
	struct rlimit fds = { 100000, 100000 };

	if (pid)
		return pid;
	setpgid(0, 0);
	setrlimit(RLIMIT_NOFILE, &fds);
	hog->run();
	usleep(20000); /* full as it is */
	_exit(0);
}

/* The bystander gets on. False: it has ended. */
static bool gets_on(pid_t pid)
{
	unsigned int from = shared->rounds;

	while (shared->rounds < from + 2) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return false;
		usleep(1000);
	}
	return true;
}

static long free_kb(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return (long)(info.freeram * info.mem_unit / 1024);
}

/* Memory of what was ended comes back, though not always before its parent hears of it. */
static bool comes_back(long kb)
{
	for (int i = 0; i < 2000 && free_kb() < kb; i++)
		usleep(1000);
	return free_kb() >= kb;
}

static void each_hog(pid_t other)
{
	long before = free_kb() - 2048;
	char name[128];

	for (size_t i = 0; i < NR_HOGS; i++) {
		int status = -1;
		pid_t pid;
		bool good;

		pid = start_hog(&hogs[i]);
		waitpid(pid, &status, 0);
		kill(-pid, SIGKILL); /* what it has forked */
		snprintf(name, sizeof(name), "%s: the hog is %s", hogs[i].name,
			 hogs[i].ended ? "ended" : "refused, or ended");
		good = WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL
					   : !hogs[i].ended && status == 0;
		if (!ok(good, name))
			printf("# its wait status is 0x%x\n", (unsigned int)status);
		snprintf(name, sizeof(name), "%s: a bystander goes on", hogs[i].name);
		if (!ok(gets_on(other), name)) {
			printf("# %s\n", shared->complaint);
			return;
		}
		snprintf(name, sizeof(name), "%s: the memory comes back", hogs[i].name);
		if (!ok(comes_back(before), name))
			printf("# %ld kB free, %ld before\n", free_kb(), before);
	}
}

int main(void)
{
	int status = -1;
	pid_t other;

	shared = mmap(NULL, sizeof(*shared), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	other = fork();
	if (other == 0)
		bystander();
	if (gets_on(other))
		each_hog(other);
	shared->stop = true;
	waitpid(other, &status, 0);
	if (!ok(status == 0,
		"the bystander comes to its own end, with all of its memory as it was"))
		printf("# status 0x%x, %s\n", (unsigned int)status, shared->complaint);
	return tap_done();
}
