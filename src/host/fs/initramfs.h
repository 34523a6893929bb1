// SPDX-License-Identifier: MIT
/* initramfs.h - the archive given with -initrd. */
#ifndef HOST_INITRAMFS_H
#define HOST_INITRAMFS_H

#include "hv/types.h"

/* Into the tree below the root. What is wrong with the archive is said in the log. */
void initramfs_unpack(hpa_t pa, size_t size);

#endif
