// SPDX-License-Identifier: MIT
/*
 * qemu_store.c - a library for LD_PRELOAD that widens a race in QEMU between harts that store to and
 * execute the same page
 *
 * When a hart stores to a page with translated instructions, QEMU discards their translation, calls
 * g_free(), and then stores. A delay in g_free() lets another hart translate the old instructions
 * meanwhile (src/host/sched/static_key.c).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include "in_qemu.h"

#define DELAY_NS 1000000
#define ONE_IN   16 /* with a delay in each call, a boot would take minutes */

static void delay_hart(void)
{
	static __thread unsigned int calls;
	struct timespec t = { .tv_nsec = DELAY_NS };

	if (++calls % ONE_IN == 0 && in_qemu(false))
		nanosleep(&t, NULL);
}

void g_free(void *p);

void g_free(void *p)
{
	void (*next)(void *) = (void (*)(void *))dlsym(RTLD_NEXT, "g_free");

	next(p);
	delay_hart();
}
