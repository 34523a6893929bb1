// SPDX-License-Identifier: MIT
/* process_impl.h - what process.c, exit.c, exec.c and the signal files share. */
#ifndef HOST_PROCESS_IMPL_H
#define HOST_PROCESS_IMPL_H

#include "process.h"

/* ---- process.c ---- */
void process_get(struct process *p);
void process_put(struct process *p);
struct process *process_find(int pid);                        /* referenced, or NULL */
struct thread *thread_of_process(struct process *p, int tid); /* p->lock held */
void process_vfork_done(struct process *p);

/* A fork() in progress: the new process is not in all_processes yet. */
struct fork_signals {
	struct list_head link; /* process->forks; all_processes_lock */
	u64 set;               /* that the parent has got by signal_send_many() meanwhile */
};

/* ---- exit.c ---- */
/* All threads of p end, with this wait status, unless it is already ending. */
void process_end(struct process *p, int wait_status);
void process_end_locked(struct process *p, int wait_status); /* p->lock is held */
void thread_end(int code) __attribute__((noreturn));         /* the current one */
/* exec: ends the other threads and waits for them. -EAGAIN, -EINTR: somebody else ends this one. */
int process_kill_other_threads(struct process *p);

/* ---- futex.c ---- */
void futex_thread_exit(struct thread *t); /* robust list; clear_child_tid */

/* ---- signal.c ---- */
void signal_init_process(struct process *p, struct process *parent);
void signal_free_process(struct process *p);
void signal_free_thread(struct thread *t);
void signal_exec(struct process *p);
/* A child of p changed its state: SIGCHLD with CLD_* and what goes with that. */
void signal_child(struct process *p, const struct process *child, int signo, int code, int status);
bool signal_child_ignored(struct process *p); /* nobody will wait: children vanish at once */

/* ---- jobctl.c ---- */
/* p->lock is held, a thread stopped or left: true if that completes a stop; then job_tell_stopped(). */
bool job_stop_completes(struct process *p);
void job_tell_stopped(struct process *p);
/* Has the group nobody outside of it, in its session, who could continue it? */
bool job_group_is_orphaned(const struct process *p);
/* all_processes_lock is held: a group that lost its last such parent, and is stopped, ends. */
void job_hangup(int pgid, int sid);
/* Is there such a group (-ESRCH), in that session (-EPERM)? */
int job_group_check(int pgid, int sid);

/* ---- sys_time.c ---- */
void itimer_free_process(struct process *p);
void itimer_signal_taken(struct process *p); /* SIGALRM was dequeued: ITIMER_REAL goes on */

#endif
