// SPDX-License-Identifier: MIT
/* stdlib.h - what libfdt needs of it. */
#ifndef HOST_STDLIB_H
#define HOST_STDLIB_H

#include <stddef.h>

unsigned long strtoul(const char *s, char **end, int base);

#endif
