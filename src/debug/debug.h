// SPDX-License-Identifier: MIT
/*
 * debug.h - the hooks of the debug kernel, which make DEBUG=1 builds (docs/testing.md).
 *
 * The compiler reads this file before each C file of src/host and src/kvm. The macros replace the
 * functions that take and release locks, and in the core hv_hart(), by checked ones (lock.c), and let
 * lock.c implement hv_pin() and hv_unpin(). All other checkers need no hook in the sources: the
 * linker redirects the calls of the functions in wrapped.def. The normal kernel is built without this
 * file and without that list, so it does not contain an instruction of either.
 */
#ifndef DEBUG_DEBUG_H
#define DEBUG_DEBUG_H

#define HV_CHECK_PINS /* hv/pin.h; before the next headers, which include it */
#include "hv/host.h"
#include "hv/spinlock.h"

/* A place in the sources that takes a lock. */
struct lock_site {
	const char *file;
	int line;
	int lock_class; /* lock.c: index into the table of classes; -1: not looked up yet */
};

enum lock_kind {
	LOCK_SPIN,
	LOCK_MUTEX
};

/* Check that the caller may take the lock; `waits` is false for a trylock. */
void debug_lock_wanted(const void *lock, enum lock_kind kind, struct lock_site *site, bool waits);
/* Record that the hart (for a spinlock) or the calling thread (for a mutex) holds the lock. */
void debug_lock_taken(const void *lock, enum lock_kind kind, const struct lock_site *site);
/* Check that the hart or thread holds the lock, and forget it. Call before the release. */
void debug_lock_released(const void *lock, enum lock_kind kind);

#define DEBUG_LOCK_WANTED(lock, kind, waits)                         \
	static struct lock_site __site = { __FILE__, __LINE__, -1 }; \
	__typeof__(lock) __lock = (lock);                            \
	debug_lock_wanted(__lock, kind, &__site, waits)

/* Call `fn`, which takes the lock and returns nothing; an error; or true if it took the lock. */
#define DEBUG_LOCK(fn, lock, kind)                       \
	({                                               \
		DEBUG_LOCK_WANTED(lock, kind, true);     \
		fn(__lock);                              \
		debug_lock_taken(__lock, kind, &__site); \
	})
#define DEBUG_LOCK_ERR(fn, lock, kind)                           \
	({                                                       \
		DEBUG_LOCK_WANTED(lock, kind, true);             \
		int __err = fn(__lock);                          \
		if (!__err)                                      \
			debug_lock_taken(__lock, kind, &__site); \
		__err;                                           \
	})
#define DEBUG_TRYLOCK(fn, lock, kind)                            \
	({                                                       \
		DEBUG_LOCK_WANTED(lock, kind, false);            \
		bool __taken = fn(__lock);                       \
		if (__taken)                                     \
			debug_lock_taken(__lock, kind, &__site); \
		__taken;                                         \
	})
#define DEBUG_UNLOCK(fn, lock, kind)               \
	({                                         \
		__typeof__(lock) __lock = (lock);  \
		debug_lock_released(__lock, kind); \
		fn(__lock);                        \
	})

/* For the core: hv_hart(), but panics if the core is not pinned to its hart. */
unsigned int debug_hart(const char *file, int line);
#ifndef DEBUG_HOST
#define hv_hart() debug_hart(__FILE__, __LINE__)
#endif

#define spin_lock(lock)    DEBUG_LOCK(spin_lock, lock, LOCK_SPIN)
#define spin_trylock(lock) DEBUG_TRYLOCK(spin_trylock, lock, LOCK_SPIN)
#define spin_unlock(lock)  DEBUG_UNLOCK(spin_unlock, lock, LOCK_SPIN)

#ifndef DEFINES_MUTEX /* the two files that define these functions */
#define hv_mutex_lock(m)          DEBUG_LOCK(hv_mutex_lock, m, LOCK_MUTEX)
#define hv_mutex_lock_killable(m) DEBUG_LOCK_ERR(hv_mutex_lock_killable, m, LOCK_MUTEX)
#define hv_mutex_trylock(m)       DEBUG_TRYLOCK(hv_mutex_trylock, m, LOCK_MUTEX)
#define hv_mutex_unlock(m)        DEBUG_UNLOCK(hv_mutex_unlock, m, LOCK_MUTEX)
#ifdef DEBUG_HOST /* src/host and src/debug */
#include "sched/wait.h"
#define mutex_lock(m)               DEBUG_LOCK(mutex_lock, m, LOCK_MUTEX)
#define mutex_lock_interruptible(m) DEBUG_LOCK_ERR(mutex_lock_interruptible, m, LOCK_MUTEX)
#define mutex_lock_killable(m)      DEBUG_LOCK_ERR(mutex_lock_killable, m, LOCK_MUTEX)
#define mutex_trylock(m)            DEBUG_TRYLOCK(mutex_trylock, m, LOCK_MUTEX)
#define mutex_unlock(m)             DEBUG_UNLOCK(mutex_unlock, m, LOCK_MUTEX)
#endif
#endif

#endif
