// SPDX-License-Identifier: MIT
/* initramfs.h - the archive given with -initrd. */
#ifndef HOST_INITRAMFS_H
#define HOST_INITRAMFS_H

#include "hv/types.h"

/* Unpack the archive below the root directory. An error in it is reported in the log. */
void initramfs_unpack(hpa_t pa, size_t size);

#endif
