// SPDX-License-Identifier: MIT
/*
 * silent.c - discard the VMM's messages, for tests that check only what the VMM does, and start its
 * threads without the sandbox.
 */
#include "vmm.h"

unsigned int nr_complaints; /* number of messages from complain(), which has no rate limit */
unsigned int nr_informed;   /* from inform(), which has none either */

void complain(const char *format, ...)
{
	(void)format;
	nr_complaints++;
}

void inform(const char *format, ...)
{
	(void)format;
	nr_informed++;
}

void guest_reboots(void)
{
}

void guest_error(const char *format, ...)
{
	(void)format;
}

int thread_create(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	return pthread_create(thread, NULL, fn, arg);
}
