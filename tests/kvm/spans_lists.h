// SPDX-License-Identifier: MIT
/* spans_lists.h - operations on lists whose length a program chooses, for spans.c. */
#ifndef TESTS_KVM_SPANS_LISTS_H
#define TESTS_KVM_SPANS_LISTS_H

#include <dirent.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include "guest.h"

static void wait_for(pid_t child)
{
	int status;

	must(waitpid(child, &status, 0) == child && status == 0, "the child");
}

#define LINKS 8
#define STEPS 800 /* in each link's text */

/* "la" leads to z, "lb" to "la", and so on, each through the directory and z, STEPS times. */
static void make_links(void)
{
	char text[5 * STEPS + 3], name[3] = "la";
	uint64_t i;

	for (i = 0; i < STEPS; i++)
		memcpy(text + 5 * i, "z/../", 5);
	strcpy(text + 5 * STEPS, "z");
	for (i = 0; i < LINKS; i++, name[1]++) {
		must(symlink(text, name) == 0, "symlink");
		strcpy(text + 5 * STEPS, name);
	}
}

static void many_names(uint64_t n)
{
	struct dirent *entry;
	struct stat st;
	char name[24];
	DIR *dir;
	uint64_t i;

	must(mkdir("/tmp/many", 0700) == 0 && chdir("/tmp/many") == 0, "/tmp/many");
	must(close(open("f", O_WRONLY | O_CREAT, 0600)) == 0, "f");
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "n%lu", i);
		must(link("f", name) == 0, "link");
	}
	must(mkdir("z", 0700) == 0, "z");
	make_links();
	snprintf(name, sizeof(name), "l%c", 'a' + LINKS - 1);
	must(stat(name, &st) == 0 && S_ISDIR(st.st_mode), "stat");
	dir = opendir(".");
	must(dir != NULL, "opendir");
	for (i = 0; (entry = readdir(dir)); i++)
		must(!strcmp(entry->d_name, "z")
			     ? rmdir("z") == 0
			     : entry->d_name[0] == '.' || unlink(entry->d_name) == 0,
		     "unlink");
	must(i == n + LINKS + 4, "readdir");
	closedir(dir);
	must(chdir("/") == 0 && rmdir("/tmp/many") == 0, "rmdir");
}

/* A process ends that has n children, each in a group of its own. */
static void many_children(uint64_t n)
{
	pid_t *children = mmap(NULL, n * sizeof(*children), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t parent = fork(), child;
	uint64_t i;

	must(children != MAP_FAILED && parent >= 0, "fork");
	for (i = 0; !parent && i < n; i++) {
		child = fork();
		must(child >= 0, "fork of a child");
		while (!child)
			pause();
		must(setpgid(child, child) == 0, "setpgid");
		children[i] = child;
	}
	if (!parent)
		_exit(0);
	wait_for(parent);
	for (i = 0; i < n; i++)
		must(kill(children[i], SIGKILL) == 0, "kill");
}

static void many_arguments(char *self, uint64_t n)
{
	char **argv = calloc(n + 3, sizeof(*argv));
	pid_t child;
	uint64_t i;

	must(argv != NULL, "argv");
	argv[0] = self;
	argv[1] = "arguments";
	for (i = 2; i < n + 2; i++)
		argv[i] = "";
	child = fork();
	if (!child) {
		execv(self, argv);
		_exit(1);
	}
	wait_for(child);
	free(argv);
}

static void many_descriptors(uint64_t n)
{
	struct pollfd *fds = calloc(n, sizeof(*fds));
	struct rlimit limit = { n + 64, n + 64 };
	int first = open("/dev/null", O_RDWR);
	pid_t child;
	uint64_t i;

	must(fds && !setrlimit(RLIMIT_NOFILE, &limit), "RLIMIT_NOFILE");
	for (i = 0; i < n; i++) {
		fds[i] = (struct pollfd){ .fd = dup(first), .events = POLLIN };
		must(fds[i].fd >= 0, "dup");
	}
	must(poll(fds, n, 0) == (int)n, "poll");
	child = fork();
	if (!child)
		_exit(0);
	wait_for(child);
	must(close_range((unsigned int)first, ~0U, 0) == 0, "close_range");
	must(dup2(0, (int)n) == (int)n && close((int)n) == 0, "the highest descriptor");
	free(fds);
}

static void read_arguments(void)
{
	static char text[65536];
	int fd = open("/proc/self/cmdline", O_RDONLY);

	must(fd >= 0 && read(fd, text, sizeof(text)) > 0, "cmdline");
}

static void many_buffers(void)
{
	static char page[PAGE];
	static struct iovec iov[1024];
	int fd = open("/tmp/spans", O_RDWR | O_CREAT | O_TRUNC, 0600);

	for (int i = 0; i < 1024; i++)
		iov[i] = (struct iovec){ page, PAGE };
	must(writev(fd, iov, 1024) == 1024 * PAGE, "writev");
	must(preadv(fd, iov, 1024, 0) == 1024 * PAGE, "preadv");
	close(fd);
	must(unlink("/tmp/spans") == 0, "unlink");
}

static void many_chunks(void)
{
	int fd = open("/tmp/spans", O_RDWR | O_CREAT | O_TRUNC, 0600);

	must(pwrite(fd, "x", 1, 64L << 30) == 1 && ftruncate(fd, 0) == 0, "a sparse file");
	close(fd);
	must(unlink("/tmp/spans") == 0, "unlink");
}

/* A process ends whose list of robust locks is as long as the kernel follows it. */
static void many_locks(void)
{
	static struct lock {
		struct robust_list link;
		int word;
	} locks[2048];
	static struct robust_list_head head = { .futex_offset = offsetof(struct lock, word) };
	pid_t child = fork();

	must(child >= 0, "fork");
	if (child) {
		wait_for(child);
		return;
	}
	for (int i = 0; i < 2047; i++)
		locks[i].link.next = &locks[i + 1].link;
	locks[2047].link.next = &head.list;
	head.list.next = &locks[0].link;
	must(syscall(SYS_set_robust_list, &head, sizeof(head)) == 0, "set_robust_list");
	_exit(0);
}

/* All timers expire at the same time. */
static void many_timers(uint64_t n)
{
	int *fds = calloc(n, sizeof(*fds));
	struct itimerspec at = { 0 };
	uint64_t i, times;

	must(fds && clock_gettime(CLOCK_MONOTONIC, &at.it_value) == 0, "clock_gettime");
	at.it_value.tv_sec++;
	for (i = 0; i < n; i++) {
		fds[i] = timerfd_create(CLOCK_MONOTONIC, 0);
		must(timerfd_settime(fds[i], TFD_TIMER_ABSTIME, &at, NULL) == 0, "timerfd");
	}
	for (i = 0; i < n; i++)
		must(read(fds[i], &times, sizeof(times)) == sizeof(times) && close(fds[i]) == 0,
		     "a timer's read");
	free(fds);
}

#endif
