// SPDX-License-Identifier: MIT
/* oom.h - out of memory: end the largest process of the largest family, and wait for its memory. */
#ifndef HOST_OOM_H
#define HOST_OOM_H

#include "hv/types.h"

struct process;

/*
 * Call when no page was free for `what`. True: try again, because memory has been or may have been
 * freed. False: the calling thread is being killed. May sleep: the caller holds no spinlock and no
 * mm->lock. It may hold other sleeping locks: a victim that waits for one is passed over after a
 * while.
 */
bool oom_wait(const char *what);
extern u32 oom_round; /* rises when a process, or an mm that was activated, has freed its memory */
void oom_round_ended(void);               /* memory has been freed: increment oom_round */
extern u32 oom_nr_ending;                 /* processes between the next two calls; atomic */
void oom_memory_freeing(void);            /* called before a process frees its memory at its end */
void oom_memory_freed(struct process *p); /* called when p has freed its memory */

#endif
