// SPDX-License-Identifier: MIT
/* power.h - power off the machine. */
#ifndef HOST_POWER_H
#define HOST_POWER_H

/*
 * `code` becomes the exit status of QEMU or Spike if there is a SiFive test device or an HTIF;
 * otherwise, QEMU exits with status 0.
 */
void power_off(int code) __attribute__((noreturn));
const char *power_off_method(void); /* "finisher", "HTIF" or "SBI" */
/* Write the last trace events of each hart to the log, for a panic or sysrq. Any context. */
void log_last_events(void);
void log_events_at_end(void); /* as many as the boot argument trace.end=N says (0) */

#endif
