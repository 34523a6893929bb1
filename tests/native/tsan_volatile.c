// SPDX-License-Identifier: MIT
/*
 * tsan_volatile.c - READ_ONCE() and WRITE_ONCE() as TSan sees them: relaxed atomics.
 *
 * With the parameter tsan-distinguish-volatile, which was added for KCSAN in Linux, gcc calls these
 * functions before each volatile access instead of treating the access as a plain one. So two
 * volatile accesses do not race with each other, but each of them still races with a plain one. For
 * TSan, adding 0 is a write; for other threads, it changes nothing.
 */
#include "hv/types.h"

#define VOLATILE_ACCESS(bytes, type)                                \
	void __tsan_volatile_read##bytes(void *p);                  \
	void __tsan_volatile_write##bytes(void *p);                 \
	void __tsan_volatile_read##bytes(void *p)                   \
	{                                                           \
		(void)__atomic_load_n((type *)p, __ATOMIC_RELAXED); \
	}                                                           \
	void __tsan_volatile_write##bytes(void *p)                  \
	{                                                           \
		__atomic_fetch_add((type *)p, 0, __ATOMIC_RELAXED); \
	}

VOLATILE_ACCESS(1, u8)
VOLATILE_ACCESS(2, u16)
VOLATILE_ACCESS(4, u32)
VOLATILE_ACCESS(8, u64)
