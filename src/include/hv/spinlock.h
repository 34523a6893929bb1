// SPDX-License-Identifier: MIT
/*
 * spinlock.h - a ticket lock, fair among harts.
 *
 * The host kernel runs with interrupts off, so there is no irq-safe variant. A
 * holder neither sleeps nor touches user memory. Zero is the unlocked state.
 */
#ifndef HV_SPINLOCK_H
#define HV_SPINLOCK_H

#include "hv/types.h"

struct spinlock {
	u32 next;  /* the ticket that the next caller draws */
	u32 owner; /* the ticket being served */
};

/* A hint in a busy-wait; the host's own, since QEMU and pthreads differ. */
void hv_cpu_relax(void);

static inline void spin_lock(struct spinlock *lock)
{
	u32 ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&lock->owner, __ATOMIC_ACQUIRE) != ticket)
		hv_cpu_relax();
}

static inline bool spin_trylock(struct spinlock *lock)
{
	u32 owner = __atomic_load_n(&lock->owner, __ATOMIC_RELAXED);

	return __atomic_compare_exchange_n(&lock->next, &owner, owner + 1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static inline void spin_unlock(struct spinlock *lock)
{
	__atomic_store_n(&lock->owner, lock->owner + 1, __ATOMIC_RELEASE);
}

static inline bool spin_is_locked(struct spinlock *lock)
{
	return __atomic_load_n(&lock->owner, __ATOMIC_RELAXED) !=
	       __atomic_load_n(&lock->next, __ATOMIC_RELAXED);
}

#endif
