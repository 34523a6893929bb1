// SPDX-License-Identifier: MIT
/*
 * uaccess.c - checked access to the calling process's memory.
 *
 * A range is first checked against USER_END; without this check, a program could pass an address in
 * the kernel's half. Then the access is simply attempted. If it faults, trap.c calls mm_fault(); if
 * mm_fault() fails, execution continues at user_fault.
 */
#include <linux/errno.h>
#include "platform/layout.h"
#include "sched/thread.h"
#include "uaccess.h"

/* uaccess.S */
int user_copy(void *dst, const void *src, size_t n);
int user_clear(unsigned long dst, size_t n);
long user_strncpy(char *dst, unsigned long src, size_t n);
int user_load_8(void *value, unsigned long addr);
int user_load_4(void *value, unsigned long addr);
int user_store_8(unsigned long addr, const void *value);
int user_store_4(unsigned long addr, const void *value);
int user_cmpxchg_4(unsigned long addr, u32 old, u32 new, u32 *seen);

static inline bool range_ok(unsigned long addr, size_t size)
{
	return size <= USER_END && addr <= USER_END - size;
}

/* A kernel address can be misaligned, too: read() may copy 8 bytes from within a file's page. */
static inline bool aligned_both(const void *kernel, unsigned long user, size_t size)
{
	return (((unsigned long)kernel | user) & (size - 1)) == 0;
}

int copy_from_user(void *dst, unsigned long src, size_t size)
{
	if (!range_ok(src, size))
		return -EFAULT;
	if (size == 8 && aligned_both(dst, src, 8))
		return user_load_8(dst, src);
	if (size == 4 && aligned_both(dst, src, 4))
		return user_load_4(dst, src);
	return user_copy(dst, (const void *)src, size);
}

int copy_to_user(unsigned long dst, const void *src, size_t size)
{
	if (!range_ok(dst, size))
		return -EFAULT;
	if (size == 8 && aligned_both(src, dst, 8))
		return user_store_8(dst, src);
	if (size == 4 && aligned_both(src, dst, 4))
		return user_store_4(dst, src);
	return user_copy((void *)dst, src, size);
}

int clear_user(unsigned long dst, size_t size)
{
	if (!range_ok(dst, size))
		return -EFAULT;
	return user_clear(dst, size);
}

long strncpy_from_user(char *dst, unsigned long src, size_t size)
{
	size_t room = size;
	long len;

	if (src >= USER_END)
		return -EFAULT;
	if (room > USER_END - src)
		room = USER_END - src;
	len = user_strncpy(dst, src, room);
	if (len < 0)
		return len;
	if ((size_t)len < room)
		return len;
	return room < size ? -EFAULT : -ENAMETOOLONG;
}

int copy_to_user_nofault(unsigned long dst, const void *src, size_t size)
{
	int err;

	current->fault_disabled = true;
	err = copy_to_user(dst, src, size);
	current->fault_disabled = false;
	return err;
}

int get_user_u32_nofault(u32 *value, unsigned long addr)
{
	int err;

	if (!range_ok(addr, 4))
		return -EFAULT;
	current->fault_disabled = true;
	err = user_load_4(value, addr);
	current->fault_disabled = false;
	return err;
}

int cmpxchg_user_u32_nofault(unsigned long addr, u32 old, u32 new, u32 *seen)
{
	int err;

	if (!range_ok(addr, 4))
		return -EFAULT;
	current->fault_disabled = true;
	err = user_cmpxchg_4(addr, old, new, seen);
	current->fault_disabled = false;
	return err;
}
