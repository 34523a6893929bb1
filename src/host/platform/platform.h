// SPDX-License-Identifier: MIT
/* platform.h - check at boot for the SBI and ISA extensions that the host requires. */
#ifndef HOST_PLATFORM_H
#define HOST_PLATFORM_H

#include "hv/types.h"

extern hpa_t kernel_image_pa; /* where the image was loaded: host_main() sets it */

/*
 * Panics if a required extension is missing, and names it. Needs the device tree and the boot
 * arguments.
 */
void platform_check(void);

#endif
