// SPDX-License-Identifier: MIT
/* silent.c - the VMM's messages, in tests that look at what it does. */
#include "vmm.h"

void complain(const char *format, ...)
{
	(void)format;
}

void inform(const char *format, ...)
{
	(void)format;
}

void guest_error(const char *format, ...)
{
	(void)format;
}
