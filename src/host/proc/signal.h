// SPDX-License-Identifier: MIT
/* signal.h - a thread's signal state, temporary signal masks, and restarts of system calls. */
#ifndef HOST_SIGNAL_H
#define HOST_SIGNAL_H

#include "hv/list.h"
#include "hv/types.h"

#define NR_SIGNALS 64

/*
 * One per thread. The process's sig_lock guards pending, queue, and writes of blocked and waiting,
 * which are the thread's own; others read these two.
 */
struct thread_signals {
	u64 blocked;            /* bit n - 1: signal n */
	u64 waiting;            /* sigtimedwait() waits for these: not blocked, but not acted on */
	u64 pending;            /* sent to this thread */
	struct list_head queue; /* struct sigqueue: the siginfos of pending signals */
	u64 real_blocked;       /* during KVM_RUN: the mask that its own one has replaced, else 0 */
	u64 saved_mask;         /* the mask that ppoll, epoll_pwait, sigsuspend etc. replaced */
	bool restore_saved_mask;
	union {
		struct {
			/*
			 * leave the kernel and end: the process ends, or another thread is in exec
			 */
			bool kill;
			bool rseq_due; /* call rseq_update() before returning to user mode */
		};
		u16 kill_or_rseq; /* both, for one load on the return to user mode */
	};
	bool stop_ok; /* took a stop signal, and no SIGCONT has been sent since */
	bool stopped; /* sleeps in job_stop_here() */
	unsigned long altstack_sp, altstack_size;
	int altstack_flags;
	u8 restart;           /* enum syscall_restart: the call returned -EINTR and may run again */
	u64 restart_deadline; /* in ticks: when a restarted sleep has to end; 0: none */
};

/*
 * Set a signal mask for the duration of one call (ppoll, pselect6, epoll_pwait, sigsuspend). mask
 * is a user address; 0 changes nothing. Returns 0, -EFAULT, or -EINVAL if size is wrong. The call
 * ends with signal_mask_restore(), unless it returns -EINTR: then the handler still runs with the
 * temporary mask, and the return from the handler restores the old one.
 */
int signal_mask_set_user(unsigned long mask, size_t size);
void signal_mask_restore(void);

struct trap_frame;

/* Make the interrupted call run again when the thread returns to user mode. */
void signal_restart_syscall(struct trap_frame *frame);

#endif
