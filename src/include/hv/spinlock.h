// SPDX-License-Identifier: MIT
/*
 * spinlock.h - an unfair spinlock: the first to try a free lock gets it.
 *
 * The lock is unfair on purpose. Under QEMU, a hart is a thread, and if there are more harts than
 * processors, the hart that a fair lock would serve next is often not running, so all the others
 * would wait for its time slice. With a ticket lock, guests' page faults were 20 times slower with
 * 4 harts on 2 processors. With few harts and short critical sections, no hart starves.
 *
 * The host kernel runs with interrupts off, so there is no irq-safe variant. A holder is pinned to
 * its hart (hv/pin.h): it neither sleeps nor accesses user memory. Zero is the unlocked state.
 */
#ifndef HV_SPINLOCK_H
#define HV_SPINLOCK_H

#include "hv/pin.h"
#include "hv/types.h"

struct spinlock {
	u32 locked;
};

/*
 * Called in each round of a busy-wait. Each host has its own version: a pause hint on harts,
 * sched_yield() in native tests.
 */
void hv_cpu_relax(void);

static inline bool spin_trylock(struct spinlock *lock)
{
	bool taken;

	hv_pin();
	taken = !__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE);
	if (!taken)
		hv_unpin();
	return taken;
}

/* Always inline: scripts/hyperscope locks tells locks apart by the instruction that takes them. */
static inline __attribute__((always_inline)) void spin_lock(struct spinlock *lock)
{
	/* Spin on loads: these can share the cache line, but an exchange needs it exclusively. */
	while (!spin_trylock(lock))
		while (__atomic_load_n(&lock->locked, __ATOMIC_RELAXED))
			hv_cpu_relax();
}

static inline void spin_unlock(struct spinlock *lock)
{
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
	hv_unpin();
}

static inline bool spin_is_locked(struct spinlock *lock)
{
	return __atomic_load_n(&lock->locked, __ATOMIC_RELAXED);
}

#endif
