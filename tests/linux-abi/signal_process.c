// SPDX-License-Identifier: MIT
/*
 * signal_process.c - signals to a process: which thread takes one, and calls that a stop interrupts.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

static atomic_int hits;

static void count(int signo)
{
	(void)signo;
	hits++;
}

/* Wait at most 5 seconds until there are `wanted` hits. */
static void wait_for_hits(int wanted)
{
	time_t start = time(NULL);

	while (hits < wanted && time(NULL) - start < 5)
		sched_yield();
}

static void *spin(void *arg)
{
	while (!*(volatile int *)arg)
		;
	return NULL;
}

static void test_process_signal(void)
{
	static volatile int stop;
	pthread_t t;
	sigset_t all;

	signal(SIGUSR1, count);
	pthread_create(&t, NULL, spin, (void *)&stop);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	kill(getpid(), SIGUSR1);
	wait_for_hits(1);
	ok(hits == 1, "a signal to the process goes to a thread that does not block it");
	stop = 1;
	pthread_join(t, NULL);
	pthread_sigmask(SIG_UNBLOCK, &all, NULL);
}

/*
 * One thread unblocks a signal while another one sends it to the process: whichever is first, the
 * signal is taken, although the thread then makes no further call. On one hart, each round takes
 * several time slices.
 */
static int rounds;
static atomic_int next_round; /* both threads begin this round */
static atomic_int given_up;

static void delay(int loops)
{
	while (loops-- > 0)
		__asm__ volatile("nop");
}

static void *unblock_and_spin(void *arg)
{
	sigset_t set;
	int i;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	for (i = 1; i <= rounds && !given_up; i++) {
		pthread_sigmask(SIG_BLOCK, &set, NULL);
		next_round = i;
		delay(i * 7 % 1000);
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
		while (hits < i && !given_up)
			;
	}
	return arg;
}

static void test_unblock_race(void)
{
	pthread_t t;
	sigset_t all;
	int i;

	hits = 0;
	rounds = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 1500 : 50;
	signal(SIGUSR1, count);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pthread_create(&t, NULL, unblock_and_spin, NULL);
	for (i = 1; i <= rounds; i++) {
		while (next_round < i)
			sched_yield();
		delay(i * 11 % 1000);
		kill(getpid(), SIGUSR1);
		wait_for_hits(i);
		if (hits < i)
			break;
	}
	given_up = 1;
	pthread_join(t, NULL);
	if (!ok(hits == rounds, "a signal that is sent while a thread unblocks it is taken"))
		printf("# round %d\n", i);
	pthread_sigmask(SIG_UNBLOCK, &all, NULL);
}

static void *pause_blocking(void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, (int)(intptr_t)arg);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	for (;;)
		pause();
	return NULL;
}

/*
 * The first thread blocks three signals, waits for them and takes SIGHUP. The other two signals go
 * to the two other threads, each of which blocks SIGHUP and one of those two.
 */
static void test_retarget(void)
{
	static const int signals[] = { SIGHUP, SIGUSR1, SIGUSR2 };
	pthread_t threads[2];
	sigset_t set;
	int i, taken;

	hits = 0;
	signal(SIGUSR1, count);
	signal(SIGUSR2, count);
	sigemptyset(&set);
	for (i = 0; i < 3; i++)
		sigaddset(&set, signals[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, pause_blocking, (void *)(intptr_t)signals[i + 1]);
	if (fork() == 0) {
		usleep(50000);
		for (i = 0; i < 3; i++)
			kill(getppid(), signals[i]);
		_exit(0);
	}
	taken = sigwaitinfo(&set, NULL);
	wait_for_hits(2);
	ok(taken == SIGHUP && hits == 2,
	   "signals that sigwaitinfo() does not take go to threads that do not block them");
	for (i = 0; i < 2; i++)
		pthread_cancel(threads[i]), pthread_join(threads[i], NULL);
	wait(NULL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void *tell_tid(void *arg)
{
	*(atomic_int *)arg = (int)syscall(SYS_gettid);
	for (;;)
		pause();
	return NULL;
}

/* A thread that blocks the signal: it is sent to the process, not to the thread. */
static void test_number_of_thread(void)
{
	static atomic_int tid;
	siginfo_t info = { .si_code = SI_QUEUE };
	pthread_t thread;
	sigset_t set;

	hits = 0;
	signal(SIGUSR1, count);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_create(&thread, NULL, tell_tid, &tid);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	while (!tid)
		sched_yield();
	ok(kill(tid, 0) == 0 && kill(tid, SIGUSR1) == 0 && hits == 1,
	   "kill() with the number of a thread signals the thread's process");
	ok(syscall(SYS_rt_sigqueueinfo, tid, SIGUSR1, &info) == 0 && hits == 2,
	   "rt_sigqueueinfo() as well");
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	while (kill(tid, 0) == 0) /* Linux frees the number a moment after the join */
		sched_yield();
	ok(errno == ESRCH, "kill() fails with ESRCH once the thread has ended");
}

static void test_exit_signal(void)
{
	pid_t child;

	hits = 0;
	signal(SIGCHLD, count);
	child = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (!child) {
		execl("/proc/self/exe", "signal_process", "exit", NULL);
		_exit(1);
	}
	wait_for_hits(1);
	ok(hits == 1 && waitpid(child, NULL, 0) == child,
	   "after execve(), a process's end sends SIGCHLD, whatever signal clone() has set");
	signal(SIGCHLD, SIG_DFL);
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Run the body in a child, which is stopped six times. Returns whether the body succeeds. */
static bool runs_stopped(bool (*body)(void))
{
	pid_t child = fork();
	int status = -1;

	if (!child)
		_exit(!body());
	for (int i = 0; i < 6; i++) {
		usleep(250000);
		kill(child, SIGSTOP);
		usleep(10000);
		kill(child, SIGCONT);
	}
	waitpid(child, &status, 0);
	return status == 0;
}

static bool is_a_second(long ms)
{
	return ms >= 990 && ms <= 2200; /* 2500 if each stop begins the time-out anew */
}

static bool poll_a_second(void)
{
	long from = now_ms();

	return poll(NULL, 0, 1000) == 0 && is_a_second(now_ms() - from);
}

static bool select_a_second(void)
{
	struct timeval second = { .tv_sec = 1 };
	long from = now_ms();

	return select(0, NULL, NULL, NULL, &second) == 0 && is_a_second(now_ms() - from);
}

/* The call that follows one that has failed must not take over that call's end. */
static bool sleep_badly(void)
{
	const struct timespec long_time = { .tv_sec = 30 };
	struct timespec *volatile bad = (struct timespec *)8;
	long from = now_ms();

	return nanosleep(&long_time, bad) == -1 && errno == EFAULT && usleep(1000) == 0 &&
	       now_ms() - from < 10000;
}

/* Time-outs that are too long for the clock of the host count as endless. */
static void test_long_poll(void)
{
	const struct timespec years = { .tv_sec = 0x20000000 };
	struct sigaction action = { .sa_handler = count };

	sigaction(SIGALRM, &action, NULL);
	alarm(1);
	fails_with(ppoll(NULL, 0, &years, NULL), EINTR,
		   "ppoll() with a time-out of 17 years waits until a signal comes");
}

static void test_stopped(void)
{
	ok(runs_stopped(poll_a_second), "poll() ends on time if its process is stopped meanwhile");
	ok(runs_stopped(select_a_second), "select() as well");
	ok(runs_stopped(sleep_badly),
	   "a nanosleep() that cannot store the remaining time does not delay the next call");
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return 0;
	test_process_signal();
	test_unblock_race();
	test_retarget();
	test_number_of_thread();
	test_exit_signal();
	test_stopped();
	test_long_poll();
	return tap_done();
}
