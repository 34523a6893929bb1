// SPDX-License-Identifier: MIT
/* signal_impl.h - interface between the signal files and jobctl.c. */
#ifndef HOST_SIGNAL_IMPL_H
#define HOST_SIGNAL_IMPL_H

#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/signal.h>
#include "process_impl.h"

#define SIG_BIT(signo)   (1ULL << ((signo)-1))
#define SIG_UNBLOCKABLE  (SIG_BIT(SIGKILL) | SIG_BIT(SIGSTOP))
#define SIG_IS_RT(signo) ((signo) >= SIGRTMIN)

/*
 * By default, signals of the first set are ignored and signals of the second stop the process; all
 * others end it.
 */
#define SIG_DEFAULT_IGNORED \
	(SIG_BIT(SIGCHLD) | SIG_BIT(SIGURG) | SIG_BIT(SIGWINCH) | SIG_BIT(SIGCONT))
#define SIG_STOPS (SIG_BIT(SIGSTOP) | SIG_BIT(SIGTSTP) | SIG_BIT(SIGTTIN) | SIG_BIT(SIGTTOU))

struct sigqueue { /* the siginfo of a pending signal */
	struct list_head link;
	siginfo_t info;
};

/*
 * signal_send.c: for each signal of the set, kick one thread of p that does not block it, unless
 * the current thread is in p and can take the signal itself. p->lock is held.
 */
void signal_kick_for(struct process *p, u64 set);

/* Fill in a siginfo, with the current process's pid if code is SI_USER or SI_TKILL. */
void signal_info(siginfo_t *info, int signo, int code);
/* Copy the action for signo, which a thread of p may change. Takes sig_lock. */
struct sig_action signal_action(struct process *p, int signo);
/*
 * Send a signal to the process (tid 0) or to its thread tid. Returns 0, or -ESRCH if there is no
 * such thread; for a real-time signal also -EAGAIN (too many siginfos are queued) or -ENOMEM.
 */
int signal_send(struct process *p, int tid, const siginfo_t *info);
/* Send the current thread a signal that it has caused; end the process if it cannot take it. */
void signal_force(struct trap_frame *frame, const siginfo_t *info);
/*
 * Take a pending signal of `set`, first from the current thread, then from its process; in each,
 * faults come first, then the lowest number. Returns 0 if there is none.
 */
int signal_dequeue(u64 set, siginfo_t *info);
/* Set the current thread's signal mask. Pending signals may become deliverable. */
void signal_set_blocked(u64 blocked);
/*
 * For sigtimedwait(): unblock the signals of `set`, and mark them as waited for, until
 * signal_set_blocked().
 */
void signal_wait_for(u64 set);

/* ---- jobctl.c ---- */
void job_stop(int signo); /* stop the process, unless SIGCONT was sent since signo was taken */
void job_stop_here(void); /* sleep as long as the current process is stopped */
void job_continue(struct process *p); /* p->lock is held */

/*
 * signal_frame.c: make the current thread run the handler next. The return from the handler sets
 * the signal mask to restore_mask. -EFAULT: no stack for the handler.
 */
int signal_push_frame(struct trap_frame *frame, const siginfo_t *info,
		      const struct sig_action *action, u64 restore_mask);

#endif
