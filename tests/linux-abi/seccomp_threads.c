// SPDX-License-Identifier: MIT
/*
 * seccomp_threads.c - several filters of system calls, and which threads and processes have them.
 */
#include "seccomp.h"

static int lowest_wins(void)
{
	add(0, FILTER_OF(__NR_getppid, SECCOMP_RET_ERRNO | 5));
	add(0, FILTER_OF(__NR_getppid, SECCOMP_RET_ALLOW));
	if (syscall(__NR_getppid) != -1 || errno != 5)
		return 1;
	add(0, FILTER_OF(__NR_getppid, SECCOMP_RET_ERRNO | 6));
	if (syscall(__NR_getppid) != -1 || errno != 6)
		return 2;
	add(0, FILTER_OF(__NR_getsid, SECCOMP_RET_ERRNO | 7));
	return !(syscall(__NR_getppid) == -1 && errno == 6 && syscall(__NR_getsid, 0) == -1 &&
		 errno == 7);
}

static int in_grandchild(void)
{
	add(0, FILTER_OF(__NR_getppid, SECCOMP_RET_ERRNO | 5));
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(!(syscall(__NR_getppid) == -1 && errno == 5));
	waitpid(pid, &status, 0);
	return status != 0;
}

static int over_exec(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	add(0, FILTER_OF(__NR_getppid, SECCOMP_RET_ERRNO | 5));
	execl("/proc/self/exe", "seccomp_threads", "filtered", NULL);
	return 1;
}

static volatile int filtered, errno_seen, release;

static void *wait_and_call(void *arg)
{
	(void)arg;
	while (!filtered)
		;
	errno = 0;
	syscall(__NR_getppid);
	errno_seen = errno;
	return NULL;
}

static int sync_threads(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, wait_and_call, NULL);
	if (add(SECCOMP_FILTER_FLAG_TSYNC, FILTER_OF(__NR_getppid, SECCOMP_RET_ERRNO | 5)))
		return 1;
	filtered = 1;
	pthread_join(thread, NULL);
	return errno_seen != 5;
}

static int not_synchronized(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, wait_and_call, NULL);
	add(0, FILTER_OF(__NR_getppid, SECCOMP_RET_ERRNO | 5));
	filtered = 1;
	pthread_join(thread, NULL);
	return errno_seen != 0;
}

static volatile int other_tid;

static void *filter_itself(void *arg)
{
	(void)arg;
	add(0, FILTER_OF(__NR_getsid, SECCOMP_RET_ERRNO | 5));
	other_tid = (int)syscall(__NR_gettid);
	while (!release)
		;
	return NULL;
}

static int cannot_sync(void)
{
	pthread_t thread;
	long refused;

	pthread_create(&thread, NULL, filter_itself, NULL);
	while (!other_tid)
		;
	refused = add(SECCOMP_FILTER_FLAG_TSYNC, FILTER_OF(__NR_getppid, SECCOMP_RET_ERRNO | 5));
	if (refused != other_tid || syscall(__NR_getppid) < 0)
		return 1;
	refused = add(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
		      FILTER_OF(__NR_getppid, SECCOMP_RET_ERRNO | 5));
	if (refused != -1 || errno != ESRCH)
		return 2;
	release = 1;
	pthread_join(thread, NULL);
	return 0;
}

/* Adding this filter takes so long that another thread's filter comes first. */
static void *add_long_filter(void *arg)
{
	static struct sock_filter program[1500];

	(void)arg;
	for (size_t i = 0; i < sizeof(program) / sizeof(program[0]); i++)
		program[i] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1);
	program[sizeof(program) / sizeof(program[0]) - 1] = (struct sock_filter)ALLOW;
	filtered = 1;
	add_with(0, program, sizeof(program) / sizeof(program[0]));
	errno = 0;
	syscall(__NR_getppid);
	errno_seen = errno;
	return NULL;
}

static int sync_while_adding(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, add_long_filter, NULL);
	while (!filtered)
		;
	if (add(SECCOMP_FILTER_FLAG_TSYNC, FILTER_OF(__NR_getppid, SECCOMP_RET_ERRNO | 5)) > 0)
		return 0; /* the other thread was faster */
	pthread_join(thread, NULL);
	return errno_seen != 5;
}

static int new_privileges(void)
{
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0)
		return 1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) != -1 || errno != EINVAL)
		return 2;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return 3;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1;
}

static int too_many(void)
{
	static struct sock_filter program[BPF_MAXINSNS];

	for (int i = 0; i < BPF_MAXINSNS; i++)
		program[i] = (struct sock_filter)ALLOW;
	for (int i = 0; i < 20; i++) {
		if (add_with(0, program, BPF_MAXINSNS))
			return errno != ENOMEM;
	}
	return 1;
}

static void test_chains(void)
{
	exits_0(lowest_wins, "of several filters, the action with the lowest value is taken");
	exits_0(in_grandchild, "a child inherits the filter");
	exits_0(over_exec, "a filter and PR_SET_NO_NEW_PRIVS stay over an execve");
	exits_0(sync_threads, "with TSYNC, other threads get the filter");
	exits_0(not_synchronized, "without TSYNC, other threads do not get it");
	exits_0(sync_while_adding, "a filter that comes while another is added stays in effect");
	exits_0(cannot_sync, "TSYNC names a thread that has another filter");
	exits_0(new_privileges, "PR_SET_NO_NEW_PRIVS can be set and read, not unset");
	exits_0(too_many, "too many instructions in all filters fail with ENOMEM");
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "filtered") == 0)
		return !(syscall(__NR_getppid) == -1 && errno == 5 &&
			 prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	test_chains();
	return tap_done();
}
