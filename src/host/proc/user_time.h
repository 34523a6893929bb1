// SPDX-License-Identifier: MIT
/* user_time.h - conversion between a program's struct timespec, nanoseconds and ticks. */
#ifndef HOST_USER_TIME_H
#define HOST_USER_TIME_H

#include "hv/types.h"

/*
 * Read the struct timespec at user address addr; *ns saturates. Returns 0, -EFAULT, or -EINVAL if
 * the time is negative or tv_nsec >= 10^9.
 */
int user_timespec_get(unsigned long addr, u64 *ns);
/*
 * Return a deadline in ticks: `ns` nanoseconds from now, or the time at which CLOCK_REALTIME (if
 * `realtime`) or CLOCK_MONOTONIC reads `ns`.
 */
u64 deadline_after(u64 ns);
u64 deadline_at(u64 ns, bool realtime);

#endif
