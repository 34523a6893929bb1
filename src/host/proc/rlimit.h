// SPDX-License-Identifier: MIT
/* rlimit.h - resource limits of processes, and the number of processes and threads. */
#ifndef HOST_RLIMIT_H
#define HOST_RLIMIT_H

#include <asm/resource.h>
#include "hv/bits.h"
#include "process.h"

/* Return the calling process's soft limit; which: RLIMIT_*. */
static inline unsigned long rlimit(unsigned int which)
{
	return READ_ONCE(current_process->rlimits[which][0]);
}

void rlimits_init(struct process *p);                         /* set the first process's limits */
void rlimits_copy(struct process *p, struct process *parent); /* fork() */
struct inode;
struct text;
int rlimits_show(struct inode *inode, struct text *t); /* /proc/PID/limits */

/*
 * May a new process (if `process` is set) or a new thread be created? Returns 0, or -EAGAIN if a
 * limit has been reached.
 */
int nproc_check(bool process);
/* Change both counts; called when a process is created or freed, or a thread is created or ends. */
void nproc_add(int processes, int threads);

#endif
