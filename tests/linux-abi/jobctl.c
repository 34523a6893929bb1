// SPDX-License-Identifier: MIT
/*
 * jobctl.c - stopping and continuing: signals, wait(), threads, orphaned groups.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
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

/* Start a child in its own group: it may stop, because its parent could continue it. */
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

	ok(waitpid(pid, NULL, WNOHANG | WUNTRACED | WCONTINUED) == 0, "nothing to report yet");
	kill(pid, SIGSTOP);
	ok(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT) == 0 &&
		   info.si_code == CLD_STOPPED && info.si_status == SIGSTOP,
	   "waitid tells of a stop");
	ok(state_of(pid) == 'T', "its state is T");
	ok(waitpid(pid, NULL, WNOHANG) == 0, "wait without WUNTRACED does not");
	ok(wait_is(pid, WUNTRACED, STOPPED(SIGSTOP)), "wait4 with it does");
	ok(waitpid(pid, NULL, WNOHANG | WUNTRACED) == 0, "once");
	kill(pid, SIGCONT);
	ok(wait_is(pid, WCONTINUED, CONTINUED), "that it goes on is told under WCONTINUED");
	ok(waitpid(pid, NULL, WNOHANG | WUNTRACED | WCONTINUED) == 0, "once");
	kill(pid, SIGTSTP);
	wait_is(pid, WUNTRACED, STOPPED(SIGTSTP));
	kill(pid, SIGTERM);
	sleep_ms(20);
	ok(waitpid(pid, NULL, WNOHANG) == 0, "SIGTERM waits for who is stopped");
	kill(pid, SIGCONT);
	ok(wait_is(pid, 0, SIGTERM), "and ends it when it goes on");
	pid = start(forever);
	kill(pid, SIGSTOP);
	wait_is(pid, WUNTRACED, STOPPED(SIGSTOP));
	kill(pid, SIGKILL);
	ok(wait_is(pid, 0, SIGKILL), "SIGKILL does not wait");
	pid = start(forever);
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	fails_with(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WCONTINUED | WNOHANG), ECHILD,
		   "without WEXITED a zombie is no child");
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

	ok(all_move(), "three threads run");
	for (int i = 0; i < 5; i++) {
		kill(pid, SIGSTOP);
		waitpid(pid, NULL, WUNTRACED);
		stood &= none_moves();
		kill(pid, SIGCONT);
		waitpid(pid, NULL, WCONTINUED);
		went &= all_move();
	}
	ok(stood, "when a stop is told all threads stand still");
	ok(went, "and go on after SIGCONT");
	for (int i = 0; i < 300; i++) {
		kill(pid, i & 1 ? SIGCONT : SIGSTOP);
		kill(pid, i & 2 ? SIGTSTP : SIGCONT);
	}
	kill(pid, SIGCONT);
	ok(all_move(), "and after any quick sequence that ends with it");
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
	   "SIGCHLD tells of a stop");
	kill(pid, SIGCONT);
	ok(handled_becomes(2) && last_code == CLD_CONTINUED && last_status == SIGCONT,
	   "and that it goes on");
	sa.sa_flags |= SA_NOCLDSTOP;
	sigaction(SIGCHLD, &sa, NULL);
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	ok(handled == 2, "unless SA_NOCLDSTOP is set");
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
	   "SIGCONT takes it back");
	signal(SIGTSTP, on_any);
	raise(SIGTSTP);
	sigpending(&pending);
	ok(sigismember(&pending, SIGTSTP) && !sigismember(&pending, SIGCONT),
	   "and the other way round");
	handled = 0;
	sigprocmask(SIG_SETMASK, &old, NULL);
	ok(handled == SIGTSTP, "SIGTSTP can have a handler");
	signal(SIGTSTP, SIG_IGN);
	raise(SIGTSTP);
	ok(true, "and be ignored");
	signal(SIGTSTP, SIG_DFL);
	signal(SIGCONT, SIG_DFL);
}

static void sleeper(void)
{
	struct timespec ts = { 0, 100000000 };

	shared[1] = 0;
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
	pid_t pid;

	shared[0] = 0;
	pid = start(sleeper);
	while (!shared[0])
		sleep_ms(1);
	sleep_ms(10);
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	sleep_ms(10);
	kill(pid, SIGCONT);
	waitpid(pid, NULL, 0);
	ok(shared[1] == 1, "a sleep sees nothing of a stop");
	(void)!pipe(ends);
	shared[0] = 0;
	pid = start(reader);
	while (!shared[0])
		sleep_ms(1);
	sleep_ms(10);
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	kill(pid, SIGCONT);
	(void)!write(ends[1], "x", 1);
	waitpid(pid, NULL, 0);
	ok(shared[1] == 1, "nor does a read");
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

/* Leads a session of its own. Its child stops, and then it exits. */
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

	ok(wait_is(pid, WUNTRACED, 5 << 8), "who has nobody to continue it does not stop itself");
	(void)!pipe(ends);
	pid = start(leader);
	ok(wait_is(pid, 0, 6 << 8), "a parent leaves a stopped child");
	close(ends[1]);
	ok(read(ends[0], &c, 1) == 0, "which is hung up");
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
	ok(wait_is(pid, 0, SIGTERM), "a parent in vfork can be ended");
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
	   "sigtimedwait gets a signal that is ignored by default");
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
	ok(sigtimedwait(&set, NULL, &ts) == SIGUSR1, "and one that would end the process");
	wait(NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* Poll, so that on two harts the child is reaped as soon as it can be. */
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

	ok(getpgid(pid) == pid, "a child gets a group of its own");
	fails_with(setpgid(pid, 30000), EPERM, "no group without a process in it");
	fails_with(setpgid(pid, -1), EINVAL, "no negative group");
	ok(setpgid(pid, getpgrp()) == 0 && getpgid(pid) == getpgrp(), "back into the parent's");
	end(pid);
}

int main(void)
{
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	setsid(); /* pid 1 of Linux is in group 0 */
	test_wait();
	test_threads();
	test_sigchld();
	test_own_signals();
	test_restart();
	test_orphans();
	test_vfork();
	test_sigtimedwait();
	test_sigchld_before_wait();
	test_groups();
	return tap_done();
}
