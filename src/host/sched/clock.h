// SPDX-License-Identifier: MIT
/* clock.h - the timebase and the clocks. Per-hart timers (struct hv_timer): see hv/host.h. */
#ifndef HOST_CLOCK_H
#define HOST_CLOCK_H

#include "hv/host.h"

extern unsigned long timebase_hz;
extern u64 boot_realtime_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC: from the goldfish RTC, else 0 */

u64 ticks_to_ns(u64 ticks);
u64 ns_to_ticks(u64 ns); /* the result saturates at WAIT_FOREVER - 1 */
u64 clock_monotonic_ns(void);
u64 clock_realtime_ns(void);
/*
 * Take the timer off its hart's list. Unlike hv_timer_cancel(), this function does not wait until fn
 * has ended on another hart: it is for a timer that only the calling hart starts.
 */
void timer_remove(struct hv_timer *timer);

#endif
