// SPDX-License-Identifier: MIT
/* rusage.h - resource usage for getrusage() and wait4(); see sys_time.c. */
#ifndef HOST_RUSAGE_H
#define HOST_RUSAGE_H

#include "hv/types.h"

struct rusage;

/*
 * Fill in *ru for a processor time of `ticks`; the host does not distinguish user and system time.
 */
void rusage_fill(struct rusage *ru, u64 ticks);

#endif
