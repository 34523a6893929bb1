// SPDX-License-Identifier: MIT
/*
 * shim.h - read before src/host/sched/mutex.c: threads of pthreads in place of the host's, as its
 * thread.h declares them, and a test's handles on them.
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
	bool signal, kill;  /* atomic: it has one */
	/* Under shim_lock: */
	bool held_back;       /* woken, it is not let run */
	unsigned int sleeps;  /* how often it has gone to sleep */
	unsigned int resting; /* of them: it sleeps now */
	pthread_t pthread;
	int (*fn)(void); /* what it does, and what came of it */
	int result;
	bool done; /* atomic */
};

extern __thread struct thread *current;

void schedule(void);
bool thread_wake(struct thread *t);
bool thread_sleep_ends(const struct thread *t, enum thread_state state);

#endif
