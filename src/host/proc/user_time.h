// SPDX-License-Identifier: MIT
/* user_time.h - times as programs give them: struct timespec to nanoseconds and ticks. */
#ifndef HOST_USER_TIME_H
#define HOST_USER_TIME_H

#include "hv/types.h"

/* A user's struct timespec; -EFAULT, -EINVAL (negative, or 10^9 ns and more). Saturates. */
int user_timespec_get(unsigned long addr, u64 *ns);
int user_timespec_put(unsigned long addr, u64 ns);
/* When `ns` from now, or at an absolute time of CLOCK_MONOTONIC or CLOCK_REALTIME, is: in ticks. */
u64 deadline_after(u64 ns);
u64 deadline_at(u64 ns, bool realtime);

#endif
