// SPDX-License-Identifier: MIT
/* signal_impl.h - what the signal files and jobctl.c share. */
#ifndef HOST_SIGNAL_IMPL_H
#define HOST_SIGNAL_IMPL_H

#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/signal.h>
#include "process_impl.h"

#define SIG_BIT(signo)   (1ULL << ((signo)-1))
#define SIG_UNBLOCKABLE  (SIG_BIT(SIGKILL) | SIG_BIT(SIGSTOP))
#define SIG_IS_RT(signo) ((signo) >= SIGRTMIN)

/* What a signal does without a handler: nothing, or stop the process; else it ends it. */
#define SIG_DEFAULT_IGNORED \
	(SIG_BIT(SIGCHLD) | SIG_BIT(SIGURG) | SIG_BIT(SIGWINCH) | SIG_BIT(SIGCONT))
#define SIG_STOPS (SIG_BIT(SIGSTOP) | SIG_BIT(SIGTSTP) | SIG_BIT(SIGTTIN) | SIG_BIT(SIGTTOU))

struct sigqueue { /* a siginfo of what is pending */
	struct list_head link;
	siginfo_t info;
};

/* signal_send.c; p->lock is held: wake one thread that will take the signal. */
void signal_kick_one(struct process *p, u64 bit);

/* Fill in a siginfo: code SI_USER or SI_TKILL with the current process's id, any other with none. */
void signal_info(siginfo_t *info, int signo, int code);
/*
 * To the process, or to its thread tid (0: any). -ESRCH; for a real-time signal also -EAGAIN (the queue is
 * full) and -ENOMEM.
 */
int signal_send(struct process *p, int tid, const siginfo_t *info);
/* Takes the lowest pending signal of `set` from the current thread or its process; 0: none. */
int signal_dequeue(u64 set, siginfo_t *info);
/* The signal mask of the current thread; what is pending may become deliverable. */
void signal_set_blocked(u64 blocked);

/* ---- jobctl.c ---- */
void job_stop(int signo); /* the current process stops, unless SIGCONT came meanwhile */
void job_stop_here(void); /* the current thread sleeps as long as its process is stopped */
void job_continue(struct process *p); /* p->lock is held */

/* signal_frame.c: makes the thread run the handler next; -EFAULT: no stack for it. */
int signal_push_frame(struct trap_frame *frame, const siginfo_t *info,
		      const struct sig_action *action, u64 restore_mask);

#endif
