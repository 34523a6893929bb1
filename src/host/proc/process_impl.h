// SPDX-License-Identifier: MIT
/* process_impl.h - internal interface of the process files; also for procfs and the terminal. */
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
	struct list_head link; /* in the parent's `forks`; guarded by all_processes_lock */
	u64 set;               /* signals sent to the parent meanwhile by signal_send_many() */
};

/* ---- exit.c ---- */
/* End all threads of p (asynchronously), with this wait status, unless p is already ending. */
void process_end(struct process *p, int wait_status);
void process_end_locked(struct process *p, int wait_status); /* p->lock is held */
void thread_end(int code) __attribute__((noreturn));         /* ends the current thread */
/*
 * For exec: end p's other threads and wait until they have ended. Returns 0, -EAGAIN if p is ending
 * or another of its threads is in exec, or -EINTR if p starts to end during the wait.
 */
int process_kill_other_threads(struct process *p);

/* ---- exec.c ---- */
void process_path(struct process *p, char *path, size_t size); /* copy the path of p's program */

/* ---- futex.c ---- */
void futex_thread_exit(struct thread *t); /* handle t's robust list and clear_child_tid */

/* ---- rseq.c ---- */
/*
 * Before a signal handler runs: if the pc is in the thread's critical section, set it to the abort
 * address. Returns false if the section is invalid; the process then ends. May sleep.
 */
bool rseq_abort(struct trap_frame *frame);
void rseq_reset(void); /* forget the current thread's area */

/* ---- signal.c ---- */
void signal_init_process(struct process *p, struct process *parent);
void signal_free_process(struct process *p);
void signal_free_thread(struct thread *t);
void signal_exec(struct process *p);
/* Send p signo for a change of child's state. code: CLD_*; status: exit status or signal. */
void signal_child(struct process *p, const struct process *child, int signo, int code, int status);
bool signal_child_ignored(struct process *p); /* true: p will not wait; free ended children */

/* ---- jobctl.c ---- */
/*
 * Called when a thread of p has stopped or ended. p->lock is held. Returns true if p's stop is now
 * complete: the caller then releases p->lock and calls job_tell_stopped().
 */
bool job_stop_completes(struct process *p);
void job_tell_stopped(struct process *p);
/*
 * If the group is orphaned and a member has stopped, send the group SIGHUP and SIGCONT. Sets the
 * members' hangup_round to `round`. all_processes_lock is held.
 */
void job_hangup(int pgid, int sid, u64 round);
u64 job_hangup_round(void); /* a new number */
/* Move p to a group. all_processes_lock is held. */
void job_join(struct process *p, int pgid);
/*
 * The list that contains, through group_link, all members of the group, and some of others.
 * all_processes_lock is held.
 */
struct list_head *job_members(int pgid);
/*
 * Check that the group is in session sid. Returns 0, -ESRCH (there is no such group) or -EPERM (the
 * group is in another session). all_processes_lock is held.
 */
int job_group_check(int pgid, int sid);
u64 job_tids_in_use(int from); /* for process_tids_in_use (thread.h) */

/* ---- sys_time.c ---- */
void itimer_free_process(struct process *p);
void itimer_signal_taken(struct process *p); /* call when SIGALRM is dequeued: rearm ITIMER_REAL */

#endif
