// SPDX-License-Identifier: MIT
/*
 * tap.h - claims as TAP, for programs that run on the host and, for reference, on Linux.
 *
 * Every program here passes under `qemu-riscv64` (Linux), so its claims are Linux's behavior.
 */
#ifndef ABI_TAP_H
#define ABI_TAP_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int tap_count, tap_failed;

static inline bool tap_ok(bool good, const char *name, const char *file, int line)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tap_count, name);
	if (!good) {
		tap_failed++;
		printf("# at %s:%d, errno %d (%s)\n", file, line, errno, strerror(errno));
	}
	fflush(stdout);
	return good;
}

#define ok(good, name) tap_ok((good), (name), __FILE__, __LINE__)

/* Claim that expr returns -1 and sets errno to `error`. */
#define fails_with(expr, error, name)                                                      \
	({                                                                                 \
		errno = 0;                                                                 \
		long __r = (long)(expr);                                                   \
		if (!ok(__r == -1 && errno == (error), name))                              \
			printf("# %s returned %ld, errno %d, not %s\n", #expr, __r, errno, \
			       #error);                                                    \
	})

static inline int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? 1 : 0;
}

#endif
