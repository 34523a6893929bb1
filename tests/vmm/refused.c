// SPDX-License-Identifier: MIT
/* refused.c - a die() that jumps back into the test; the one in src/vmm/message.c exits instead. */
#include <stdarg.h>
#include <stdio.h>
#include "refused.h"
#include "vmm.h"

jmp_buf refused;
char why[300];

void die(enum exit_status status, const char *format, ...)
{
	va_list args;

	(void)status;
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	longjmp(refused, 1);
}
