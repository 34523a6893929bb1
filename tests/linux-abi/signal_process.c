// SPDX-License-Identifier: MIT
/*
 * signal_process.c - which thread takes a signal that is sent to the process.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
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

int main(void)
{
	test_process_signal();
	test_retarget();
	return tap_done();
}
