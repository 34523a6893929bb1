// SPDX-License-Identifier: MIT
/* silent.c - the VMM's messages are discarded, in tests of what it does. */
#include "vmm.h"

unsigned int nr_complaints; /* messages that have no rate limit */

void complain(const char *format, ...)
{
	(void)format;
	nr_complaints++;
}

void inform(const char *format, ...)
{
	(void)format;
}

void guest_reboots(void)
{
}

void guest_error(const char *format, ...)
{
	(void)format;
}
