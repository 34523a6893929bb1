// SPDX-License-Identifier: MIT
/*
 * jobctl.c - stopping and continuing: signals, wait(), threads, orphaned groups.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

static volatile unsigned long *shared; /* a page shared with children */

static void sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) < 0)
		;
}

static char state_of(pid_t pid)
{
	char path[64], buf[256] = "", *end;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return '?';
	(void)!read(fd, buf, sizeof(buf) - 1);
	close(fd);
	end = strrchr(buf, ')');
	return end ? end[2] : '?';
}

static void *count(void *arg)
{
	volatile unsigned long *mine = arg;

	while (*mine + 1)
		(*mine)++;
	return NULL;
}

/* Start a child in its own group, which is not orphaned: the parent is in the same session. */
static pid_t start(void (*body)(void))
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		body();
		_exit(0);
	}
	setpgid(pid, pid);
	return pid;
}

static bool wait_is(pid_t pid, int options, int want)
{
	int status = -1;
	bool good = waitpid(pid, &status, options) == pid && status == want;

	if (!good)
		printf("# status 0x%x, not 0x%x\n", (unsigned int)status, (unsigned int)want);
	return good;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#define STOPPED(signo) ((signo) << 8 | 0x7f)
#define CONTINUED      0xffff

static void forever(void)
{
	for (;;)
		pause();
}

static void test_wait(void)
{
	pid_t pid = start(forever);
	siginfo_t info = { 0 };

	ok(waitpid(pid, NULL, WNOHANG | WUNTRACED | WCONTINUED) == 0,
	   "waitpid() with WNOHANG reports nothing about a running child");
	kill(pid, SIGSTOP);
	ok(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT) == 0 &&
		   info.si_code == CLD_STOPPED && info.si_status == SIGSTOP,
	   "waitid() reports a stop");
	ok(state_of(pid) == 'T', "a stopped process is in state T");
	ok(waitpid(pid, NULL, WNOHANG) == 0, "waitpid() without WUNTRACED does not report a stop");
	ok(wait_is(pid, WUNTRACED, STOPPED(SIGSTOP)), "waitpid() with WUNTRACED reports a stop");
	ok(waitpid(pid, NULL, WNOHANG | WUNTRACED) == 0, "a stop is reported only once");
	kill(pid, SIGCONT);
	ok(wait_is(pid, WCONTINUED, CONTINUED), "waitpid() with WCONTINUED reports a continuation");
	ok(waitpid(pid, NULL, WNOHANG | WUNTRACED | WCONTINUED) == 0,
	   "a continuation is reported only once");
	kill(pid, SIGTSTP);
	wait_is(pid, WUNTRACED, STOPPED(SIGTSTP));
	kill(pid, SIGTERM);
	sleep_ms(20);
	ok(waitpid(pid, NULL, WNOHANG) == 0, "SIGTERM does not end a stopped process");
	kill(pid, SIGCONT);
	ok(wait_is(pid, 0, SIGTERM), "a pending SIGTERM ends the process when it continues");
	pid = start(forever);
	kill(pid, SIGSTOP);
	wait_is(pid, WUNTRACED, STOPPED(SIGSTOP));
	kill(pid, SIGKILL);
	ok(wait_is(pid, 0, SIGKILL), "SIGKILL ends a stopped process");
	pid = start(forever);
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	fails_with(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WCONTINUED | WNOHANG), ECHILD,
		   "waitid() without WEXITED fails with ECHILD for a zombie");
	waitpid(pid, NULL, 0);
}

static void three_threads(void)
{
	pthread_t t;

	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, count, (void *)&shared[8 * i]);
	forever();
}

static bool all_move(void)
{
	unsigned long before[3];
	int tries, moved = 0;

	for (int i = 0; i < 3; i++)
		before[i] = shared[8 * i];
	for (tries = 0; tries < 200 && moved < 3; tries++) {
		sleep_ms(10);
		moved = 0;
		for (int i = 0; i < 3; i++)
			moved += shared[8 * i] != before[i];
	}
	return moved == 3;
}

static bool none_moves(void)
{
	unsigned long before[3];

	for (int i = 0; i < 3; i++)
		before[i] = shared[8 * i];
	sleep_ms(50);
	for (int i = 0; i < 3; i++)
		if (shared[8 * i] != before[i])
			return false;
	return true;
}

static void test_threads(void)
{
	pid_t pid = start(three_threads);
	bool stood = true, went = true;

	ok(all_move(), "three threads of a child run");
	for (int i = 0; i < 5; i++) {
		kill(pid, SIGSTOP);
		waitpid(pid, NULL, WUNTRACED);
		stood &= none_moves();
		kill(pid, SIGCONT);
		waitpid(pid, NULL, WCONTINUED);
		went &= all_move();
	}
	ok(stood, "all threads have stopped when a stop is reported");
	ok(went, "all threads continue after SIGCONT");
	for (int i = 0; i < 300; i++) {
		kill(pid, i & 1 ? SIGCONT : SIGSTOP);
		kill(pid, i & 2 ? SIGTSTP : SIGCONT);
	}
	kill(pid, SIGCONT);
	ok(all_move(),
	   "all threads continue after quick stops and continuations if SIGCONT comes last");
	end(pid);
}

static volatile sig_atomic_t last_code, last_status, handled;

static void on_child(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	last_code = info->si_code;
	last_status = info->si_status;
	handled++;
}

static bool handled_becomes(int n)
{
	for (int tries = 0; tries < 200 && handled != n; tries++)
		sleep_ms(5);
	return handled == n;
}

static void test_sigchld(void)
{
	struct sigaction sa = { .sa_sigaction = on_child, .sa_flags = SA_SIGINFO }, old;
	pid_t pid = start(forever);

	sigaction(SIGCHLD, &sa, &old);
	handled = 0;
	kill(pid, SIGSTOP);
	ok(handled_becomes(1) && last_code == CLD_STOPPED && last_status == SIGSTOP,
	   "SIGCHLD reports a stop");
	kill(pid, SIGCONT);
	ok(handled_becomes(2) && last_code == CLD_CONTINUED && last_status == SIGCONT,
	   "SIGCHLD reports a continuation");
	sa.sa_flags |= SA_NOCLDSTOP;
	sigaction(SIGCHLD, &sa, NULL);
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	ok(handled == 2, "with SA_NOCLDSTOP, a stop does not raise SIGCHLD");
	sigaction(SIGCHLD, &old, NULL);
	end(pid);
}

static void on_any(int signo)
{
	handled = signo;
}

static void test_own_signals(void)
{
	sigset_t set, pending, old;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGCONT);
	sigprocmask(SIG_BLOCK, &set, &old);
	raise(SIGTSTP);
	sigpending(&pending);
	ok(sigismember(&pending, SIGTSTP), "a blocked SIGTSTP is pending");
	signal(SIGCONT, on_any);
	raise(SIGCONT);
	sigpending(&pending);
	ok(!sigismember(&pending, SIGTSTP) && sigismember(&pending, SIGCONT),
	   "SIGCONT removes a pending SIGTSTP");
	signal(SIGTSTP, on_any);
	raise(SIGTSTP);
	sigpending(&pending);
	ok(sigismember(&pending, SIGTSTP) && !sigismember(&pending, SIGCONT),
	   "SIGTSTP removes a pending SIGCONT");
	handled = 0;
	sigprocmask(SIG_SETMASK, &old, NULL);
	ok(handled == SIGTSTP, "SIGTSTP can have a handler");
	signal(SIGTSTP, SIG_IGN);
	raise(SIGTSTP);
	ok(true, "SIGTSTP can be ignored");
	signal(SIGTSTP, SIG_DFL);
	signal(SIGCONT, SIG_DFL);
}

static void sleeper(void)
{
	struct timespec ts = { 0, 100000000 };

	shared[0] = 1;
	shared[1] = nanosleep(&ts, NULL) == 0 ? 1 : (unsigned long)errno;
}

static int ends[2];

static void reader(void)
{
	char c;

	shared[0] = 1;
	shared[1] = read(ends[0], &c, 1) == 1 ? 1 : (unsigned long)errno;
}

static void test_restart(void)
{
	int status = -1;
	pid_t pid;

	shared[0] = shared[1] = 0;
	pid = start(sleeper);
	while (!shared[0])
		sleep_ms(1);
	sleep_ms(10);
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	sleep_ms(10);
	kill(pid, SIGCONT);
	waitpid(pid, NULL, 0);
	ok(shared[1] == 1, "a stop does not interrupt nanosleep()");
	(void)!pipe(ends);
	shared[0] = shared[1] = 0;
	pid = start(reader);
	while (!shared[0])
		sleep_ms(1);
	sleep_ms(10);
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	kill(pid, SIGCONT);
	(void)!write(ends[1], "x", 1);
	waitpid(pid, &status, 0);
	ok(shared[1] == 1 && status == 0, "a stop does not interrupt read()");
}

static void orphan(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		raise(SIGTSTP);
		raise(SIGTTIN);
		_exit(5);
	}
	waitpid(pid, &status, 0);
	_exit(WEXITSTATUS(status));
}

/* Start a session whose leader exits once its child has stopped. */
static void leader(void)
{
	int status;
	pid_t pid, session = fork();

	if (session) {
		close(ends[1]);
		waitpid(session, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	setsid();
	close(ends[0]);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		raise(SIGSTOP);
		_exit(0);
	}
	setpgid(pid, pid);
	waitpid(pid, NULL, WUNTRACED);
	_exit(6);
}

static void test_orphans(void)
{
	char c;
	pid_t pid = start(orphan);

	ok(wait_is(pid, WUNTRACED, 5 << 8), "a process in an orphaned group does not stop itself");
	(void)!pipe(ends);
	pid = start(leader);
	ok(wait_is(pid, 0, 6 << 8), "a session's leader can exit while its child is stopped");
	close(ends[1]);
	ok(read(ends[0], &c, 1) == 0, "a stopped process is ended when its group becomes orphaned");
	close(ends[0]);
}

static void stuck_in_vfork(void)
{
	if (vfork() == 0) {
		shared[0] = 1;
		for (;;)
			pause();
	}
}

static void test_vfork(void)
{
	pid_t pid;

	shared[0] = 0;
	pid = start(stuck_in_vfork);
	while (!shared[0])
		sleep_ms(1);
	kill(pid, SIGTERM);
	ok(wait_is(pid, 0, SIGTERM), "SIGTERM ends a parent that waits in vfork()");
	kill(-pid, SIGKILL);
}

static void test_sigtimedwait(void)
{
	struct timespec ts = { 5, 0 };
	sigset_t set, old;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	pid = start(forever);
	if (fork() == 0) {
		sleep_ms(30);
		kill(pid, SIGKILL);
		_exit(0);
	}
	ok(sigtimedwait(&set, NULL, &ts) == SIGCHLD,
	   "sigtimedwait() returns a signal that is ignored by default");
	while (wait(NULL) > 0)
		;
	while (sigtimedwait(&set, NULL, &(struct timespec){ 0 }) > 0)
		;
	pid = getpid();
	if (fork() == 0) {
		sleep_ms(30);
		kill(pid, SIGUSR1);
		_exit(0);
	}
	ok(sigtimedwait(&set, NULL, &ts) == SIGUSR1,
	   "sigtimedwait() returns a signal that would end the process");
	wait(NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* A parent that ignores SIGCHLD can wait only for a child with another exit signal, or none. */
static void test_sigchld_ignored(void)
{
	sigset_t set, pending;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGCHLD, SIG_IGN);
	if ((pid = fork()) == 0)
		_exit(0);
	ok(waitpid(pid, NULL, 0) == -1 && errno == ECHILD && sigpending(&pending) == 0 &&
		   !sigismember(&pending, SIGCHLD),
	   "an ignored SIGCHLD is not pending while blocked, and wait() finds no child");
	if ((pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0)) == 0)
		_exit(0);
	ok(waitpid(pid, NULL, __WALL) == pid, "a child without an exit signal is kept for wait()");
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* SIGCHLD is pending when a wait returns. Poll, to reap the child as soon as possible. */
static void test_sigchld_before_wait(void)
{
	sigset_t set, old, pending;
	int missing = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &old);
	for (int i = 0; i < 400; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		while (waitpid(pid, NULL, WNOHANG) == 0)
			;
		sigpending(&pending);
		missing += !sigismember(&pending, SIGCHLD);
		sigtimedwait(&set, NULL, &(struct timespec){ 0, 1000000 });
	}
	ok(missing == 0, "SIGCHLD is pending when wait() returns the child");
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void test_groups(void)
{
	pid_t pid = start(forever);

	ok(getpgid(pid) == pid, "setpgid() moves a child to a new group");
	fails_with(setpgid(pid, 30000), EPERM,
		   "setpgid() to a group that does not exist fails with EPERM");
	fails_with(setpgid(pid, -1), EINVAL, "setpgid() to a negative group fails with EINVAL");
	ok(setpgid(pid, getpgrp()) == 0 && getpgid(pid) == getpgrp(),
	   "setpgid() moves a child to its parent's group");
	end(pid);
}

int main(void)
{
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	setsid(); /* as pid 1 of Linux, this process starts in group 0 */
	test_wait();
	test_threads();
	test_sigchld();
	test_own_signals();
	test_restart();
	test_orphans();
	test_vfork();
	test_sigtimedwait();
	test_sigchld_ignored();
	test_sigchld_before_wait();
	test_groups();
	return tap_done();
}
