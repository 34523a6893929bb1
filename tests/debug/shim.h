// SPDX-License-Identifier: MIT
/* shim.h - included first in src/debug/page.c for test_page.c: memory is mapped one to one. */
#ifndef TESTS_DEBUG_SHIM_H
#define TESTS_DEBUG_SHIM_H

#define HOST_LAYOUT_H
#define HOST_THREAD_H
#include "hv/spinlock.h"
#include "hv/types.h"

static inline void *pa_to_va(hpa_t pa)
{
	return (void *)(unsigned long)pa;
}

#endif
