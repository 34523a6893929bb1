// SPDX-License-Identifier: MIT
/*
 * thread.h - threads of the host, and the scheduler's interface.
 *
 * A thread runs its process's program in user mode, a vCPU in a guest, or the kernel on its own
 * stack. The kernel runs with interrupts off and is not preempted: a thread gives up its hart only
 * when it calls schedule() to sleep, to yield, to end, or because need_resched is set. This flag is
 * checked on the return to user mode, in irq_window(), and by the core.
 */
#ifndef HOST_THREAD_H
#define HOST_THREAD_H

#include "hv/hartmask.h"
#include "hv/list.h"
#include "hv/spinlock.h"
#include "hv/types.h"
#include "platform/layout.h"
#include "proc/signal.h"

struct account;
struct hart;
struct hv_kicks;
struct hv_sched_hook;
struct mm;
struct process;
struct seccomp_filter;

/* What a trap saves on the kernel stack; from user mode, at its top. ORDER: trap.S */
struct trap_frame {
	unsigned long epc;
	union {
		unsigned long x[31]; /* x1 .. x31: x[n - 1] */
		struct {
			unsigned long ra, sp, gp, tp, t0, t1, t2, s0, s1;
			unsigned long a0, a1, a2, a3, a4, a5, a6, a7;
			unsigned long s2, s3, s4, s5, s6, s7, s8, s9, s10, s11;
			unsigned long t3, t4, t5, t6;
		};
	};
	unsigned long status;
	unsigned long cause; /* scause, or CAUSE_PAGE_MISSED */
	unsigned long tval;
	unsigned long orig_a0; /* a0 at system-call entry: for restarting */
};

/*
 * page_missed() stores this value in the user's trap frame if the code that handles the trap could
 * not get a page. The next trap from user mode overwrites it with its own cause, so no system call
 * has to clear it.
 */
#define CAUSE_PAGE_MISSED (~0UL)

/* The user's FP registers while they are not in the FP unit. */
struct fp_state {
	u64 f[32];
	u32 fcsr;
};

/* What switch_context() saves. ORDER: trap.S */
struct context {
	unsigned long ra, sp, s[12];
};

enum thread_state {
	THREAD_RUNNING,       /* on a hart, ready in a run queue, or being moved to one */
	THREAD_SLEEPING,      /* until thread_wake() */
	THREAD_KILLABLE,      /* until thread_wake() or a kill (sig.kill) */
	THREAD_INTERRUPTIBLE, /* until thread_wake() or a signal */
	THREAD_DEAD,
};

/* A thread's registered restartable sequence area (rseq.c). */
struct thread_rseq {
	unsigned long area; /* user address of a struct rseq; 0: none */
	u32 len, sig;
};

#define THREAD_NAME_LEN 16

struct thread {
	/* trap.S accesses these members through generated offsets (offsets.c). */
	unsigned long kernel_sp;    /* sp on entry from user mode: the user's trap frame */
	unsigned long user_sp;      /* scratch while trap.S changes stacks */
	unsigned long kstack_limit; /* the lowest sp that leaves room for a kernel trap frame */
	unsigned long trap_t0;      /* scratch while trap.S checks kstack_limit */
	struct context context;

	/* Scheduler: guarded by the rq_lock of `hart`, except what the thread itself sets. */
	unsigned int hart;
	u32 state;              /* enum thread_state */
	struct hart *queued_at; /* the hart in whose run queue it is; NULL: in none */
	bool is_idle;
	struct hv_hartmask affinity; /* allowed harts */
	bool hands_over; /* set while the thread wakes others before it sleeps (sched.c) */
	struct list_head run_link;
	u64 run_time; /* ticks spent running (for /proc/TID/schedstat) */
	u64 run_start;
	u64 wait_time; /* ticks spent ready but not running */
	u64 wait_start;
	u64 run_count;

	/* FP: see fpu.c */
	struct fp_state fp;
	bool fp_in_unit; /* registers are in the unit, or are loaded when the thread runs again */
	unsigned int fp_hart; /* hart on which the FP registers were last loaded */

	struct hv_sched_hook *hook;

	int tid;
	char name[THREAD_NAME_LEN];
	void *kstack;
	struct process *process;       /* NULL: a kernel thread */
	struct account *account;       /* the process's account; NULL: memory is not charged */
	struct list_head process_link; /* in process->threads */
	struct list_head all_link;     /* in all_threads */

	/* Process layer (process.c, signal.c, futex.c) */
	struct thread_signals sig;
	struct thread_rseq rseq;
	struct seccomp_filter *seccomp; /* NULL: none; written under process->lock (seccomp.c) */
	unsigned long syscall_limit;    /* lower system-call numbers need no check by a filter */
	bool no_new_privs;              /* PR_SET_NO_NEW_PRIVS: only remembered */
	u32 *clear_child_tid;           /* user address; zeroed and woken as a futex at exit */
	unsigned long robust_list;      /* user address */
	int exit_code;
	u32 missed_in;       /* oom_round at the last page_missed() or oom_wait() */
	bool fault_disabled; /* uaccess returns -EFAULT on a page fault, without sleeping */
	bool expects_zeroes; /* the last new page was a cleared page of 4 KiB (fault_page.c) */

	void (*fn)(void *arg); /* a kernel thread's body, or NULL */
	void *arg;
};

/* In the kernel, tp holds the address of the running thread's struct thread. */
#ifdef __riscv
static inline struct thread *current_thread(void)
{
	struct thread *t;

	__asm__("mv %0, tp" : "=r"(t));
	return t;
}
#else /* tests/syscalls */
extern struct thread *native_current;
static inline struct thread *current_thread(void)
{
	return native_current;
}
#endif

#define current current_thread()

static inline unsigned int this_hart(void)
{
	return READ_ONCE(current->hart);
}

/*
 * If the calling thread's system call runs again after a signal, return the deadline that the
 * interrupted one had, in ticks, and forget it; otherwise return 0.
 */
static inline u64 take_restart_deadline(void)
{
	u64 deadline = current->sig.restart_deadline;

	current->sig.restart_deadline = 0;
	return deadline;
}

static inline struct trap_frame *thread_frame(struct thread *t)
{
	return (struct trap_frame *)(t->kernel_sp);
}

/*
 * Create a thread that is not runnable yet. fn: a kernel thread's body, or NULL. Returns NULL if
 * there is no memory.
 */
struct thread *thread_create(const char *name, void (*fn)(void *arg), void *arg);
void thread_set_name(const char *name);           /* name the current thread */
void thread_start(struct thread *t);              /* make it runnable for the first time */
void thread_exit(void) __attribute__((noreturn)); /* end the current thread; it is freed later */
void thread_free(struct thread *t);               /* a thread that never started, or has ended */

/*
 * Wake t from any sleep. If another hart has to be interrupted for this, and `kicks` is not NULL, the
 * hart is added to it, and the caller interrupts the hart once it has released its locks. Any
 * context.
 */
void thread_wake(struct thread *t, struct hv_kicks *kicks);
/*
 * A signal was sent to t: wake t if the signal ends its sleep, or kick t out of user or guest mode.
 */
void thread_signal_kick(struct thread *t);
/* Run another thread: sleep if current->state says so, else let queued threads run first. */
void schedule(void);
bool hart_is_wanted(void); /* is another thread ready to run on this hart? */
void irq_window(void);     /* take pending interrupts and reschedule if needed; for long loops */
int irq_window_killable(void); /* the same; -EINTR: the thread is being killed */
void sched_hook_drop(void);    /* call the hook's out(): put a vCPU that is still loaded */
/* Allow t only the online harts of the mask, and move it to one of them. -EINVAL: there is none. */
int sched_set_affinity(struct thread *t, const struct hv_hartmask *mask);
/*
 * Write or read t's affinity as a whole. The scheduler, which reads it without the lock, may see a
 * mixture of two masks: see pick_hart(). The mask may contain harts that do not exist.
 */
void thread_write_affinity(struct thread *t, const struct hv_hartmask *mask);
void thread_read_affinity(const struct thread *t, struct hv_hartmask *mask);
/*
 * signal.c: must t end a sleep in this state? INTERRUPTIBLE: for a signal, a stop or a kill;
 * KILLABLE: only for a kill; SLEEPING: never.
 */
bool thread_sleep_ends(const struct thread *t, enum thread_state state);

/* Numbers of threads are below TID_LIMIT. A process has the number of its first thread. */
#define TID_LIMIT 4194304
int thread_last_tid(void);         /* the number that was given out last */
void thread_set_last_tid(int tid); /* give out the next free number after tid */
/*
 * Set when the first program is started. Returns which of the 64 numbers from `from` are those of a
 * process, group or session, as a bitmap.
 */
extern u64 (*process_tids_in_use)(int from);

static inline void tid_mark(u64 *used, int from, int number)
{
	if (number >= from && number - from < 64)
		*used |= 1ULL << (number - from);
}

extern struct list_head all_threads;
extern struct spinlock all_threads_lock;

/* fpu.c */
void fpu_save(struct thread *t);    /* bring t->fp up to date; before clone or a signal frame */
void fpu_discard(struct thread *t); /* t->fp was changed: discard the unit's copy */

#endif
