// SPDX-License-Identifier: MIT
/*
 * timers.c - several threads set, read and close timers with random intervals in random order: each
 * count agrees with the clock, and nothing hangs.
 * usage: timers [SECONDS [SEED]]; 2 seconds by default.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

#define THREADS 4
#define SHARED  3
#define SLACK   100000 /* ns by which CLOCK_REALTIME and its timers may differ on Linux */

static volatile bool stop;
static int shared[SHARED]; /* timers that every thread sets and reads */
static double seconds = 2;
static unsigned int seed;
static volatile int alarms;

static uint64_t now_ns(int clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){ (time_t)(ns / 1000000000), (long)(ns % 1000000000) };
}

/* Return a random time from 1 ns to 16 ms, with each power of two as likely as any other. */
static uint64_t random_ns(unsigned int *state)
{
	uint64_t least = 1ULL << rand_r(state) % 24;

	return least + (uint64_t)rand_r(state) % least;
}

/* Use a timer of this thread. Returns 1 if reads return more or fewer expirations than it had. */
static long count_one(unsigned int *state)
{
	static const int clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME };
	int clock = clocks[rand_r(state) % 3], fd = timerfd_create(clock, TFD_NONBLOCK);
	uint64_t interval = random_ns(state), first = random_ns(state), n, sum = 0;
	uint64_t before = now_ns(clock), asked, last = before, after;
	bool absolute = rand_r(state) % 2;
	struct itimerspec its = {
		.it_value = to_timespec(absolute ? before + first : first),
		.it_interval = to_timespec(interval),
	};

	timerfd_settime(fd, absolute ? TFD_TIMER_ABSTIME : 0, &its, NULL);
	for (int i = rand_r(state) % 20; i >= 0 && !stop; i--) {
		switch (rand_r(state) % 4) {
		case 0:
			poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 20);
			break;
		case 1:
			timerfd_gettime(fd, &its);
			break;
		case 2:
			nanosleep(&(struct timespec){ 0, (long)random_ns(state) / 8 }, NULL);
			break;
		}
		asked = now_ns(clock);
		if (read(fd, &n, 8) != 8)
			continue; /* no expiration yet: the timer's interrupt may come late */
		sum += n;
		last = asked;
	}
	after = now_ns(clock);
	close(fd);
	if (sum > (after - before + SLACK) / interval + 1)
		return 1;
	return absolute && last > before + first + SLACK &&
	       sum < (last - before - first - SLACK) / interval;
}

/* Make a random call on a timer that all threads share. */
static void disturb(unsigned int *state)
{
	int *slot = &shared[rand_r(state) % SHARED], fd = *slot, other;
	struct itimerspec its = {
		.it_value = to_timespec(rand_r(state) % 4 ? random_ns(state) : 0),
		.it_interval = to_timespec(rand_r(state) % 4 ? random_ns(state) : 0),
	};
	struct epoll_event ev = { .events = EPOLLIN | (rand_r(state) % 2 ? EPOLLET : 0u) };
	uint64_t n;

	switch (rand_r(state) % 5) {
	case 0:
		timerfd_settime(fd, rand_r(state) % 2 ? TFD_TIMER_ABSTIME : 0, &its, NULL);
		break;
	case 1:
		(void)!read(fd, &n, 8);
		break;
	case 2:
		poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 1);
		break;
	case 3:
		other = epoll_create1(0);
		epoll_ctl(other, EPOLL_CTL_ADD, fd, &ev);
		epoll_wait(other, &ev, 1, 1);
		close(other);
		break;
	case 4: /* replace the timer behind a descriptor while others read it */
		other = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
		dup2(other, fd);
		close(other);
		break;
	}
}

static void *timers(void *arg)
{
	unsigned int state = seed + (unsigned int)(intptr_t)arg * 7919;
	long bad = 0;

	while (!stop) {
		bad += count_one(&state);
		for (int i = 0; i < 8; i++)
			disturb(&state);
	}
	return (void *)bad;
}

static void alarmed(int signo)
{
	(void)signo;
	alarms++;
}

/*
 * Kill children while their interval timers fire and SIGALRM is handled, ignored or blocked.
 * Returns the number of children that did not end by SIGKILL.
 */
static long children(unsigned int *state)
{
	int i, n = 1 + rand_r(state) % 40, status;
	pid_t child[40];
	long bad = 0;

	for (i = 0; i < n; i++) {
		uint64_t us = random_ns(state) / 1000;
		struct itimerval it = { { 0, (long)us }, { 0, 1 + (long)us } };
		int kind = rand_r(state) % 3;
		sigset_t set;

		child[i] = fork();
		if (child[i])
			continue;
		sigfillset(&set);
		if (kind == 2)
			sigprocmask(SIG_BLOCK, &set, NULL);
		signal(SIGALRM, kind == 1 ? SIG_IGN : alarmed);
		setitimer(ITIMER_REAL, &it, NULL);
		for (;;)
			pause();
	}
	usleep(1000 + rand_r(state) % 5000);
	for (i = 0; i < n; i++) {
		kill(child[i], SIGKILL);
		bad += waitpid(child[i], &status, 0) != child[i] || WTERMSIG(status) != SIGKILL;
	}
	return bad;
}

int main(int argc, char **argv)
{
	struct timespec ts;
	pthread_t t[THREADS];
	long bad = 0, bad_children = 0, rounds = 0;
	unsigned int state;
	uint64_t end;
	void *ret;

	clock_gettime(CLOCK_REALTIME, &ts);
	seed = (unsigned int)(ts.tv_nsec ^ ts.tv_sec);
	if (argc > 1)
		seconds = atof(argv[1]);
	if (argc > 2)
		seed = (unsigned int)strtoul(argv[2], NULL, 0);
	printf("# seed %u\n", seed);
	fflush(stdout);
	state = seed;
	for (int i = 0; i < SHARED; i++)
		shared[i] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	for (intptr_t i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, timers, (void *)i);
	end = now_ns(CLOCK_MONOTONIC) + (uint64_t)(seconds * 1e9);
	for (; now_ns(CLOCK_MONOTONIC) < end; rounds++)
		bad_children += children(&state);
	stop = true;
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &ret);
		bad += (long)ret;
	}
	ok(bad == 0, "reads return exactly the expirations that the clock implies");
	ok(bad_children == 0 && rounds > 0, "processes with interval timers end when killed");
	return tap_done();
}
