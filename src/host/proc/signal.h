// SPDX-License-Identifier: MIT
/* signal.h - the signal state of threads and processes. */
#ifndef HOST_SIGNAL_H
#define HOST_SIGNAL_H

#include "hv/list.h"
#include "hv/types.h"

#define NR_SIGNALS 64

/* Per thread; the lists and masks under the process's signal lock. */
struct thread_signals {
	u64 blocked;            /* bit n - 1: signal n */
	u64 waiting;            /* in sigtimedwait() for these: not blocked, and no action */
	u64 pending;            /* sent to this thread */
	struct list_head queue; /* struct sigqueue: siginfo of what is pending */
	u64 saved_mask;         /* restored after a handler, for sigsuspend, ppoll, epoll_pwait */
	bool restore_saved_mask;
	bool kill;    /* the process is going: leave the kernel and die */
	bool stop_ok; /* took a stop signal, and no SIGCONT came since */
	bool stopped; /* sleeps in job_stop_here() */
	unsigned long altstack_sp, altstack_size;
	int altstack_flags;
	u8 restart;           /* enum syscall_restart: the call returned -EINTR and may run again */
	u64 restart_deadline; /* ticks: where an interrupted sleep that runs again ends; 0: none */
};

/*
 * A signal mask for the time of one call (ppoll, pselect6, epoll_pwait): mask is a user
 * address, 0 leaves everything as it is. 0, -EFAULT, or -EINVAL (size). Afterwards
 * signal_mask_restore(), unless the call returns -EINTR: then the handler still runs
 * under the temporary mask and its return restores the old one.
 */
int signal_mask_set_user(unsigned long mask, size_t size);
void signal_mask_restore(void);

struct trap_frame;

/* The interrupted call runs again when the thread returns to user mode. */
void signal_restart_syscall(struct trap_frame *frame);

#endif
