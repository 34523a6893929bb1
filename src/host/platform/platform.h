// SPDX-License-Identifier: MIT
/* platform.h - does the firmware have what the host cannot do without? */
#ifndef HOST_PLATFORM_H
#define HOST_PLATFORM_H

#include "hv/types.h"

extern hpa_t kernel_image_pa; /* where the image was loaded: host_main() sets it */

/* Panics with the name of what is missing. Needs the device tree and the boot arguments. */
void platform_check(void);

#endif
