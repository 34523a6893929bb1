// SPDX-License-Identifier: MIT
/* signal_impl.h - what signal.c, signal_frame.c and sys_signal.c share. */
#ifndef HOST_SIGNAL_IMPL_H
#define HOST_SIGNAL_IMPL_H

#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/signal.h>
#include "process_impl.h"

#define SIG_BIT(signo)   (1ULL << ((signo)-1))
#define SIG_UNBLOCKABLE  (SIG_BIT(SIGKILL) | SIG_BIT(SIGSTOP))
#define SIG_IS_RT(signo) ((signo) >= SIGRTMIN)

/* To the process, or to its thread tid (0: any). -ESRCH; -EAGAIN: the queue is full (real-time). */
int signal_send(struct process *p, int tid, const siginfo_t *info);
/* Takes the lowest pending signal of `set` from the current thread or its process; 0: none. */
int signal_dequeue(u64 set, siginfo_t *info);
/* The signal mask of the current thread; what is pending may become deliverable. */
void signal_set_blocked(u64 blocked);

/* signal_frame.c: makes the thread run the handler next; -EFAULT: no stack for it. */
int signal_push_frame(struct trap_frame *frame, const siginfo_t *info,
		      const struct sig_action *action, u64 restore_mask);

#endif
