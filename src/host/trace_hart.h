// SPDX-License-Identifier: MIT
/*
 * trace_hart.h - which hart is this, without a call: for trace_ring.c alone.
 *
 * tests/trace/ring.c defines the guard and brings its own.
 */
#ifndef TRACE_HART_H
#define TRACE_HART_H

#include "thread.h"

static inline unsigned int trace_this_hart(void)
{
	return this_hart();
}

#endif
