// SPDX-License-Identifier: MIT
/* stdlib.h - the part of <stdlib.h> that libfdt and the kernel need. */
#ifndef HOST_STDLIB_H
#define HOST_STDLIB_H

#include <stddef.h>

unsigned long strtoul(const char *s, char **end, int base);

#endif
