// SPDX-License-Identifier: MIT
/* uaccess.h - access the calling process's memory. All functions but *_nofault() may sleep. */
#ifndef HOST_UACCESS_H
#define HOST_UACCESS_H

#include "hv/types.h"

/* Return 0 or -EFAULT. sstatus.SUM is 1 only within these functions. */
int copy_from_user(void *dst, unsigned long src, size_t size);
int copy_to_user(unsigned long dst, const void *src, size_t size);
int clear_user(unsigned long dst, size_t size);
/* Returns the length without the NUL, -EFAULT, or -ENAMETOOLONG if there is no NUL within size. */
long strncpy_from_user(char *dst, unsigned long src, size_t size);

/*
 * Variants of copy_to_user(), get_user() and an atomic 32-bit compare-and-swap for use under a
 * spinlock: they return -EFAULT on any page fault, even one that mm_fault() could resolve. *seen:
 * the value that was found at addr.
 */
int copy_to_user_nofault(unsigned long dst, const void *src, size_t size);
int get_user_u32_nofault(u32 *value, unsigned long addr);
int cmpxchg_user_u32_nofault(unsigned long addr, u32 old, u32 new, u32 *seen);

#define get_user(value, addr) copy_from_user(&(value), (unsigned long)(addr), sizeof(value))
#define put_user(value, addr)                                           \
	({                                                              \
		__typeof__(value) __v = (value);                        \
		copy_to_user((unsigned long)(addr), &__v, sizeof(__v)); \
	})

#endif
