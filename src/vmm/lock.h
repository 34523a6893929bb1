// SPDX-License-Identifier: MIT
/*
 * lock.h - a lock for devices that costs only a few instructions while it is not contended.
 *
 * Most accesses to devices take such a lock, so taking a free lock has to be cheap: it does not
 * make a system call.
 *
 * state is 0: free; 1: held; 2: held, and a thread may be sleeping on the futex until the lock is
 * free. A zeroed lock is free. Not for signal handlers; not recursive.
 */
#ifndef VMM_LOCK_H
#define VMM_LOCK_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

struct lock {
	atomic_int state;
};

static inline void lock_wait(struct lock *lock)
{
	while (atomic_exchange_explicit(&lock->state, 2, memory_order_acquire))
		syscall(SYS_futex, &lock->state, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
}

static inline void lock_take(struct lock *lock)
{
	int free = 0;

	if (!atomic_compare_exchange_strong_explicit(&lock->state, &free, 1, memory_order_acquire,
						     memory_order_relaxed))
		lock_wait(lock);
}

static inline void lock_release(struct lock *lock)
{
	if (atomic_exchange_explicit(&lock->state, 0, memory_order_release) == 2)
		syscall(SYS_futex, &lock->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

#endif
