// SPDX-License-Identifier: MIT
/* rusage.h - resource usage for getrusage() and wait4(); see sys_time.c. */
#ifndef HOST_RUSAGE_H
#define HOST_RUSAGE_H

#include "hv/types.h"

struct rusage;

/*
 * Fill in *ru for a processor time of `ticks`. All of it is reported as user time, because the host
 * does not measure system time separately.
 */
void rusage_fill(struct rusage *ru, u64 ticks);

#endif
