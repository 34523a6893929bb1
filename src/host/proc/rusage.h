// SPDX-License-Identifier: MIT
/* rusage.h - what getrusage() and wait4() report. sys_time.c */
#ifndef HOST_RUSAGE_H
#define HOST_RUSAGE_H

#include "hv/types.h"

struct rusage;

/* `ticks` of processor time; the host does not tell user from system time. */
void rusage_fill(struct rusage *ru, u64 ticks);

#endif
