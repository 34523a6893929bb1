// SPDX-License-Identifier: MIT
/* platform.h - does the firmware have what the host cannot do without? */
#ifndef HOST_PLATFORM_H
#define HOST_PLATFORM_H

/* Panics with the name of what is missing. Needs the device tree and the boot arguments. */
void platform_check(void);

#endif
