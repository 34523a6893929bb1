// SPDX-License-Identifier: MIT
/*
 * message.c - the VMM's messages on standard error.
 *
 * The guest's output is flushed first, so that output and messages are in order.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "vmm.h"

/*
 * A hostile guest must not be able to fill the user's disk with messages: of the messages that it
 * can cause repeatedly, only the first ones are shown.
 */
#define GUEST_ERRORS_SHOWN  20
#define GUEST_REBOOTS_SHOWN 20

bool quiet;

static void say(const char *format, va_list args)
{
	char line[512];

	vsnprintf(line, sizeof(line), format, args);
	console_flush();
	fprintf(stderr, "vmm: %s\n", line);
}

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

void inform(const char *format, ...)
{
	va_list args;

	if (quiet)
		return;
	va_start(args, format);
	say(format, args);
	va_end(args);
}

void guest_reboots(void)
{
	static unsigned int shown; /* used by the main thread only */

	if (shown == GUEST_REBOOTS_SHOWN)
		return;
	shown++;
	inform("the guest reboots%s",
	       shown == GUEST_REBOOTS_SHOWN ? "; further reboots are not reported" : "");
}

void guest_error(const char *format, ...)
{
	static atomic_int shown;
	int before = atomic_fetch_add(&shown, 1);
	va_list args;

	if (before >= GUEST_ERRORS_SHOWN) {
		atomic_store(&shown, GUEST_ERRORS_SHOWN + 1);
		if (before == GUEST_ERRORS_SHOWN)
			complain("too many errors of the guest and its devices; further ones are "
				 "not reported");
		return;
	}
	va_start(args, format);
	say(format, args);
	va_end(args);
}

void die(enum exit_status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	exit(status);
}
