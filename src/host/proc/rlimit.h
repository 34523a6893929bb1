// SPDX-License-Identifier: MIT
/* rlimit.h - resource limits of processes, and how many processes and threads there may be. */
#ifndef HOST_RLIMIT_H
#define HOST_RLIMIT_H

#include <asm/resource.h>
#include "hv/bits.h"
#include "process.h"

/* The calling process's soft limit RLIMIT_*. */
static inline unsigned long rlimit(unsigned int which)
{
	return READ_ONCE(current_process->rlimits[which][0]);
}

void rlimits_init(struct process *p); /* what the first process has */
struct inode;
struct text;
int rlimits_show(struct inode *inode, struct text *t); /* /proc/PID/limits */

/* Of a new process, or of a thread. -EAGAIN: there are as many as there may be. */
int nproc_check(bool process);
/* Both are counted by those who make and end them. */
void nproc_add(int processes, int threads);

#endif
