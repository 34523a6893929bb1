// SPDX-License-Identifier: MIT
/*
 * layout.h - replaces src/host/platform/layout.h: the linear map lies where a program of the build
 * machine can map memory. Addresses of user space are the same as in the kernel, but are not pointers here.
 */
#ifndef TESTS_SYSCALLS_LAYOUT_H
#define TESTS_SYSCALLS_LAYOUT_H

#define HOST_LAYOUT_H

#include "hv/types.h"

#define LINEAR_BASE   0x550000000000
#define LINEAR_SIZE   0x2000000000
#define KSTACK_BASE   0x5f0000000000
#define KERNEL_BASE   0x5f8000000000
#define USER_END      0x4000000000
#define KERNEL_ALIGN  0x200000
#define KSTACK_ORDER  2
#define KSTACK_SIZE   (4096 << KSTACK_ORDER)
#define KSTACK_CANARY 0x6b73746b636e7279

static inline void *pa_to_va(hpa_t pa)
{
	return (void *)(unsigned long)(LINEAR_BASE + pa);
}

static inline hpa_t va_to_pa(const void *va)
{
	return (hpa_t)((unsigned long)va - LINEAR_BASE);
}

#ifdef MACHINE_HARTS /* harts/: each has its own `current` */
struct thread;
struct thread **native_current_here();
#define native_current (*native_current_here())
#define HART_LOCAL     __thread

/* Let other harts run before and after a lock is taken, and after it is released. */
#include "hv/spinlock.h"

void machine_pause();

#define spin_lock(lock)   (machine_pause(), spin_lock(lock), machine_pause())
#define spin_unlock(lock) (spin_unlock(lock), machine_pause())
#else
#define MACHINE_HARTS 1
#define HART_LOCAL

/* Count held spinlocks, for invariants.c. */
#include "hv/spinlock.h"

extern int held_spinlocks;

#define spin_lock(lock)    (held_spinlocks++, spin_lock(lock))
#define spin_trylock(lock) (spin_trylock(lock) && (held_spinlocks++, true))
#define spin_unlock(lock)  (spin_unlock(lock), (void)held_spinlocks--)
#endif

#endif
