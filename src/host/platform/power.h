// SPDX-License-Identifier: MIT
/* power.h - ending the machine. */
#ifndef HOST_POWER_H
#define HOST_POWER_H

/* `code` becomes QEMU's exit status where there is a SiFive test device; else it is lost. */
void power_off(int code) __attribute__((noreturn));
/* The last events of each hart into the log: of a panic, and for sysrq. Any context. */
void log_last_events(void);

#endif
