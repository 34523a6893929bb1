// SPDX-License-Identifier: MIT
/* oom.h - out of memory: which process is ended, and who waits for its memory. */
#ifndef HOST_OOM_H
#define HOST_OOM_H

#include "hv/types.h"

struct process;

/*
 * A page could not be had for `what`. True: memory was freed, or may have been: try again. False: the
 * calling thread's process is ending. May sleep: no spinning lock and no mm->lock is held. Other
 * sleeping locks may be: a victim that waits for one is given up after a while.
 */
bool oom_wait(const char *what);
extern u32 oom_round; /* how many processes have given their memory back */
/* For a system call that failed since a page was missing, for the `tries`th time: as oom_wait(). */
bool oom_retry(unsigned int tries);
void oom_memory_freed(struct process *p); /* p's end has given its memory back */

#endif
