// SPDX-License-Identifier: MIT
/* printk.h - formatted output, and the host's log, which goes to the UART or the SBI console. */
#ifndef HOST_PRINTK_H
#define HOST_PRINTK_H

#include <stdarg.h>
#include "hv/types.h"

/*
 * Conversions: %d %i %u %o %x %X %c %s %p, with h, l, ll or z, a width, the flags 0 and -, and (for
 * %s only) a precision. May be called in any context.
 */
void printk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* For messages that a program can cause repeatedly: bursts of 20 lines, then 5 lines a second. */
void printk_limited(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int snprintf(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
/* For panic(): release the log's lock, even if another hart holds it. */
void printk_force_unlock(void);
/* Log the message and the last events, and power off with state PANICKED and status 125. */
void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#define BUG_ON(cond)                                                   \
	do {                                                           \
		if (__builtin_expect(!!(cond), 0))                     \
			panic("%s:%d: %s", __FILE__, __LINE__, #cond); \
	} while (0)

#endif
