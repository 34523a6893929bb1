// SPDX-License-Identifier: MIT
/* bootargs.h - the host's own command line (chosen/bootargs of the device tree). */
#ifndef HOST_BOOTARGS_H
#define HOST_BOOTARGS_H

#include "hv/types.h"

void bootargs_init(const char *cmdline);
/* The value of NAME=VALUE, "" for a bare NAME, NULL if absent. Lives forever. */
const char *bootarg_get(const char *name);
/* Every argument in turn ("NAME=VALUE"), NULL at the end; *iterator starts at 0. */
const char *bootarg_next(unsigned int *iterator);
/* VALUE as a number with optional K, M, G; `fallback` if absent; a malformed one is logged. */
unsigned long bootarg_size(const char *name, unsigned long fallback);

#endif
