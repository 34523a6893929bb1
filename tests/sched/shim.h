// SPDX-License-Identifier: MIT
/*
 * shim.h - replaces the host's thread.h in the tests of mutex.c: the same interface on pthreads,
 * with controls for tests. The compiler reads it before each source file (-include).
 */
#ifndef TESTS_SCHED_SHIM_H
#define TESTS_SCHED_SHIM_H

#define HOST_THREAD_H

#include <pthread.h>
#include <stdbool.h>

enum thread_state {
	THREAD_RUNNING,
	THREAD_SLEEPING,
	THREAD_KILLABLE,
	THREAD_INTERRUPTIBLE
};

struct thread {
	unsigned int state; /* atomic; enum thread_state */
	bool signal, kill;  /* atomic: a signal is pending; a fatal one is pending */
	/* Under shim_lock: */
	bool held_back;       /* must not run yet, even if woken */
	unsigned int sleeps;  /* how often it has gone to sleep */
	unsigned int resting; /* 1 while it sleeps */
	pthread_t pthread;
	int (*fn)(void); /* what it runs, and the result */
	int result;
	bool done; /* atomic */
};

extern __thread struct thread *current;

void schedule(void);
struct hv_kicks;

void thread_wake(struct thread *t, struct hv_kicks *kicks);
bool thread_sleep_ends(const struct thread *t, enum thread_state state);

#endif
