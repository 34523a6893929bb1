// SPDX-License-Identifier: MIT
/* random.h - random bytes for getrandom(), /dev/urandom and AT_RANDOM. */
#ifndef HOST_RANDOM_H
#define HOST_RANDOM_H

#include "hv/types.h"

/* Mix bytes into the generator's state. random_init() mixes in the device tree's rng-seed. */
void random_add_seed(const void *data, size_t size);
void random_init(void);
void random_bytes(void *buf, size_t size);

#endif
