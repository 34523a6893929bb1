// SPDX-License-Identifier: MIT
/* power.h - ending the machine. */
#ifndef HOST_POWER_H
#define HOST_POWER_H

/* `code` becomes QEMU's exit status where there is a SiFive test device; else it is lost. */
void power_off(int code) __attribute__((noreturn));

#endif
