// SPDX-License-Identifier: MIT
/* power.h - power off the machine. */
#ifndef HOST_POWER_H
#define HOST_POWER_H

/*
 * `code` becomes QEMU's exit status if there is a SiFive test device; otherwise, QEMU exits with
 * status 0.
 */
void power_off(int code) __attribute__((noreturn));
/* Write the last trace events of each hart to the log, for a panic or sysrq. Any context. */
void log_last_events(void);

#endif
