// SPDX-License-Identifier: MIT
/* signal.h - the signal state of threads and processes. */
#ifndef HOST_SIGNAL_H
#define HOST_SIGNAL_H

#include "hv/list.h"
#include "hv/types.h"

#define NR_SIGNALS 64

/* Per thread; the lists and masks under the process's signal lock. */
struct thread_signals {
	u64 blocked;		  /* bit n - 1: signal n */
	u64 pending;		  /* sent to this thread */
	struct list_head queue;	  /* struct sigqueue: siginfo of what is pending */
	u64 saved_mask;		  /* restored after a handler, for sigsuspend, ppoll, epoll_pwait */
	bool restore_saved_mask;
	bool kill;		  /* the process is going: leave the kernel and die */
	unsigned long altstack_sp, altstack_size;
	int altstack_flags;
};

#endif
