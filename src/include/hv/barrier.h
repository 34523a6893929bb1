// SPDX-License-Identifier: MIT
/*
 * barrier.h - barriers that also order accesses to devices.
 *
 * Those of the compiler (__ATOMIC_RELEASE and the like) order accesses to memory only (RISC-V
 * unprivileged specification, "FENCE").
 */
#ifndef HV_BARRIER_H
#define HV_BARRIER_H

#ifdef __riscv

/* Order all accesses before all later ones. */
#define barrier_all() __asm__ volatile("fence iorw, iorw" ::: "memory")

/* Store a value to memory after all earlier accesses. */
#define store_release_all(pointer, value)                           \
	do {                                                        \
		__asm__ volatile("fence iorw, w" ::: "memory");     \
		__atomic_store_n(pointer, value, __ATOMIC_RELAXED); \
	} while (0)

#else /* the native test host, whose devices are memory */

#define barrier_all()                     __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define store_release_all(pointer, value) __atomic_store_n(pointer, value, __ATOMIC_RELEASE)

#endif

#endif
