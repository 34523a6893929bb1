// SPDX-License-Identifier: MIT
/* process.h - processes: the state that the threads of a program share. */
#ifndef HOST_PROCESS_H
#define HOST_PROCESS_H

#include "hv/list.h"
#include "hv/types.h"
#include "sched/thread.h"
#include "sched/wait.h"

struct account;
struct fd_table;
struct hv_timer;
struct inode;
struct mm;

struct sig_action { /* as in the kernel ABI of riscv64: no restorer */
	unsigned long handler;
	unsigned long flags;
	u64 mask;
};

#define PROCESS_PATH_LEN 256

struct process {
	u32 refs;
	int pid;
	struct mm *mm;
	struct account *account; /* for kernel memory; NULL once it is closed */
	struct fd_table *fds;
	struct inode *cwd; /* guarded by lock: any thread may replace it; NULL: the root */
	u32 umask;
	struct spinlock lock; /* for threads, mm, fds, account, exiting, and members marked so */
	struct list_head threads;
	unsigned int nr_threads;
	struct process *parent;
	struct list_head children, sibling;
	struct waitq child_wait; /* its threads wait here for its children */
	struct list_head all_link;
	struct list_head group_link; /* jobctl.c: in the list of its group */
	u64 hangup_round;            /* jobctl.c: when job_hangup() last looked at its group */
	bool exiting, zombie;
	bool memory_freed;           /* its files and its memory have been freed */
	bool oom_passed_over;        /* oom.c: was a victim, and is not chosen again */
	int wait_status;             /* as wait4() reports it */
	int pgid, sid;               /* written under all_processes_lock */
	char path[PROCESS_PATH_LEN]; /* of the program; guarded by lock: process_path() */

	u64 run_time, child_time; /* ticks: of threads that ended, and of reaped children */
	const struct first_program_ops *first; /* only for the first program, else NULL */
	struct waitq thread_wait;              /* exec waits here until only one thread is left */
	bool is_init;                          /* pid 1: not a program, adopts orphans */
	bool stop_all;                         /* exec is ending the other threads: no new ones */
	bool vfork_done;                       /* it no longer uses its vfork() parent's mm */
	struct waitq vfork_wait;
	int exit_signal; /* sent to the parent when the process ends, usually SIGCHLD; 0: none */

	/* Job control (jobctl.c); protected by lock. */
	bool stopping;           /* its threads are stopping, or have stopped */
	bool stopped;            /* all its threads have stopped */
	bool tell_continued;     /* after SIGCONT: the first thread to wake notifies the parent */
	unsigned int nr_stopped; /* threads in job_stop_here() */
	int stop_signo;
	int stop_report;  /* the stop signal that wait() has not reported yet; 0: none */
	bool cont_report; /* the process was continued, and wait() has not reported that yet */
	struct waitq stop_wait;

	unsigned long rlimits[16][2]; /* soft, hard; written under lock (rlimit.c) */

	struct spinlock sig_lock;
	u64 pending; /* sent to the process */
	struct sig_action actions[NR_SIGNALS];
	struct list_head sigqueue;
	unsigned int nr_queued;  /* siginfos in all queues of the process */
	struct list_head forks;  /* forks in progress: struct fork_signals; all_processes_lock */
	struct hv_timer *itimer; /* sys_time.c: ITIMER_REAL */
};

extern struct spinlock all_processes_lock;
extern struct list_head all_processes;
extern struct process init_process;

#define current_process (current->process)

struct exec_spec;
struct fd_table;

/* Callbacks into the boot code for the first program. */
struct first_program_ops {
	int (*open_std)(struct fd_table *fds, const struct exec_spec *spec); /* open files 0 to 2 */
	void (*exited)(int wait_status); /* powers the machine off: does not return */
};

/* Start the first program: called by main.c when the machine is up. */
int process_start_first(const struct exec_spec *spec, const struct first_program_ops *ops);
/* Return the process's working directory, referenced; NULL stands for the root. */
struct inode *process_cwd(struct process *p);

/*
 * signal.c: called before the return to user mode if thread_signal_pending(): handle signals and
 * stops, or end the thread.
 */
void user_return_work(struct trap_frame *frame);

/*
 * rseq.c: before the return to user mode, store the hart's number in the thread's area and abort
 * its critical section, or end the process. Clears sig.rseq_due; may sleep, which can set it again.
 */
void rseq_update(struct trap_frame *frame);

/* signal.c: handle a synchronous fault of user code that trap.c could not resolve. */
void signal_fault(struct trap_frame *frame, int signo, int code, unsigned long addr);
/* Send signo to a process from the kernel itself: SIGPIPE, or a timer's signal. */
int signal_send_process(struct process *p, int signo, int code);
/*
 * Send signo, unless it is 0, to every process of a group or, for pgid 0, to every process but the
 * current one. all_processes_lock is held. Returns false if there is no such process.
 */
bool signal_send_many(int pgid, int signo, int code);

/*
 * jobctl.c: called when the current process uses its terminal from the background. If the current
 * thread blocks signo (SIGTTIN or SIGTTOU) or the process ignores it, return 0 for SIGTTOU, which
 * allows the access, or -EIO for SIGTTIN. Otherwise, if the process's group is orphaned, return
 * -EIO; if not, send signo to the group and return -ERESTARTSYS.
 */
int job_in_background(int signo);

/*
 * syscall.c, called by trap.S with the frame of an ecall; epc is already advanced. The frame's
 * callee-saved registers are not those of the program. If syscall_dispatch() does not return 0, the
 * next call is syscall_finish() with its result and with all registers in the frame, which are
 * then loaded from there.
 */
unsigned int syscall_dispatch(struct trap_frame *frame);
void syscall_finish(struct trap_frame *frame, unsigned int left);

/*
 * Must t leave the kernel to handle an unblocked signal, a stop or its own end? False for a kernel
 * thread.
 */
static inline bool thread_signal_pending(const struct thread *t)
{
	const struct process *p = t->process;

	if (!p)
		return false;
	return READ_ONCE(t->sig.kill) | READ_ONCE(p->stopping) |
	       (((READ_ONCE(t->sig.pending) | READ_ONCE(p->pending)) &
		 ~READ_ONCE(t->sig.blocked)) != 0);
}

/* Does thread_signal_pending() or sig.rseq_due keep t from returning to user mode? */
static inline bool thread_return_pending(const struct thread *t)
{
	const struct process *p = t->process;

	if (!p)
		return false;
	return (READ_ONCE(t->sig.kill_or_rseq) | READ_ONCE(p->stopping) |
		((READ_ONCE(t->sig.pending) | READ_ONCE(p->pending)) &
		 ~READ_ONCE(t->sig.blocked))) != 0;
}

#endif
