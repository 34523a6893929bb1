/* SPDX-License-Identifier: MIT */
/*
 * logdev.h - access to the VMM's device that reads the dirty log.
 *
 * Registers and their meaning: src/vmm/logdev.c.
 */
#ifndef GUEST_LOGDEV_H
#define GUEST_LOGDEV_H

#include "rt.h"

enum logdev_register {
	LOGDEV_LOG = 0x00,
	LOGDEV_GET = 0x08,
	LOGDEV_FIRST = 0x10,
	LOGDEV_BITS = 0x18,
	LOGDEV_CLEAR = 0x20,
	LOGDEV_MANUAL = 0x28,
	LOGDEV_ANSWER = 0x30,
};

static unsigned long logdev; /* the device's address; 0 if there is none */
static unsigned long ram_base, ram_size;

static inline bool logdev_find(void)
{
	struct fdt_reg reg, ram;

	if (!fdt_find("hyperscope,logdev", 0, &reg) || !fdt_memory(&ram))
		return false;
	logdev = reg.base;
	ram_base = ram.base;
	ram_size = ram.size;
	return true;
}

static inline unsigned long logdev_get(unsigned long reg)
{
	return *(volatile unsigned long *)(logdev + reg);
}

static inline void logdev_set(unsigned long reg, unsigned long value)
{
	*(volatile unsigned long *)(logdev + reg) = value;
}

static inline void logdev_point(const void *at)
{
	logdev_set(LOGDEV_FIRST, ((unsigned long)at - ram_base) >> PAGE_SHIFT);
}

/* Return the 64 bits, as of the last LOGDEV_GET, of the pages from `at`, a multiple of 256 KiB. */
static inline unsigned long logdev_word(const void *at)
{
	logdev_point(at);
	return logdev_get(LOGDEV_BITS);
}

#endif
