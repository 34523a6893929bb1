// SPDX-License-Identifier: MIT
/* random.h - random bytes for getrandom(), /dev/urandom and AT_RANDOM. */
#ifndef HOST_RANDOM_H
#define HOST_RANDOM_H

#include "hv/types.h"

void random_init(void); /* mixes in the device tree's rng-seed */
void random_bytes(void *buf, size_t size);

#endif
