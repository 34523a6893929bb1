// SPDX-License-Identifier: MIT
/* bootargs.h - the host's own command line (chosen/bootargs of the device tree). */
#ifndef HOST_BOOTARGS_H
#define HOST_BOOTARGS_H

#include "hv/types.h"

void bootargs_init(const char *cmdline);
/* Return NAME's first value, "" for a bare NAME, NULL if absent. The string is never freed. */
const char *bootarg_get(const char *name);
/* Return the next argument ("NAME=VALUE" or "NAME"), NULL at the end. *iterator starts at 0. */
const char *bootarg_next(unsigned int *iterator);
/*
 * Return NAME's VALUE as a number, with an optional suffix K, M or G. Returns `fallback` if NAME is
 * absent, or if VALUE is malformed, which is logged.
 */
unsigned long bootarg_size(const char *name, unsigned long fallback);

#endif
