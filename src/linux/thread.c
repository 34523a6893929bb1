// SPDX-License-Identifier: MIT
/*
 * thread.c - locks that sleep, waits, signals, the scheduler's hook, and the FP unit.
 *
 * A vCPU may stay loaded while its thread is in user space (src/kvm/vcpu/lazy_put.c). On Linux, a
 * program may use the FP unit at any time, so the unit is given back at the end of each ioctl. If the
 * vCPU is put earlier, the FP unit is given back when interrupts are next switched on. The vector unit
 * is given back each time that interrupts are switched on (vector.c).
 */
#include <linux/instruction_pointer.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sched/clock.h>
#include <linux/sched/deadline.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/smp.h>
#include <linux/wait.h>
#include <asm/ptrace.h>
#include "linux.h"
#include "work.h"

/* ---- pinned sections: hv/pin.h ---------------------------------------------- */

#ifdef HV_CHECK_PINS
void __kprobes hv_pin(void)
{
	preempt_disable();
}

void __kprobes hv_unpin(void)
{
	preempt_enable();
}
#endif

/* ---- mutexes --------------------------------------------------------------- */

static_assert(sizeof(struct mutex) <= sizeof(struct hv_mutex));

static struct mutex *mutex_of(struct hv_mutex *m)
{
	return (struct mutex *)m;
}

/*
 * Lockdep checks the order of lock classes, not of single locks. Mutexes that the same place
 * initializes are one class.
 */
static struct lock_class_key *class_of(unsigned long place)
{
	static unsigned long places[4];
	static struct lock_class_key keys[ARRAY_SIZE(places)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places) - 1; i++)
		if (cmpxchg(&places[i], 0, place) == 0 || places[i] == place)
			break;
	return &keys[i];
}

void hv_mutex_init(struct hv_mutex *m)
{
	if (IS_ENABLED(CONFIG_LOCKDEP))
		__mutex_init(mutex_of(m), "hv_mutex", class_of(_RET_IP_));
	else
		mutex_init(mutex_of(m));
}

void hv_mutex_lock(struct hv_mutex *m)
{
	check_not_pinned();
	if (mutex_trylock(mutex_of(m)))
		return;
	leave_core();
	mutex_lock(mutex_of(m));
	enter_core();
}

int hv_mutex_lock_killable(struct hv_mutex *m)
{
	int err;

	check_not_pinned();
	if (mutex_trylock(mutex_of(m)))
		return 0;
	leave_core();
	err = mutex_lock_killable(mutex_of(m));
	enter_core();
	return err;
}

bool hv_mutex_trylock(struct hv_mutex *m)
{
	return mutex_trylock(mutex_of(m));
}

void hv_mutex_unlock(struct hv_mutex *m)
{
	mutex_unlock(mutex_of(m));
}

/* ---- waits ------------------------------------------------------------------- */

static_assert(sizeof(struct wait_queue_head) <= sizeof(struct hv_waitq));

static struct wait_queue_head *head_of(struct hv_waitq *wq)
{
	return (struct wait_queue_head *)wq;
}

void hv_waitq_init(struct hv_waitq *wq)
{
	init_waitqueue_head(head_of(wq));
}

void hv_waitq_destroy(struct hv_waitq *wq)
{
	WARN_ON(waitqueue_active(head_of(wq)));
}

static bool is_true(bool (*cond)(void *arg), void *arg)
{
	bool result;

	enter_core();
	result = cond(arg);
	leave_core();
	return result;
}

static int wait_for(struct hv_waitq *wq, bool (*cond)(void *arg), void *arg, unsigned int state)
{
	struct wait_queue_head *head = head_of(wq);
	DEFINE_WAIT(wait);
	int err = 0;

	leave_core();
	/* lab 13: write wait_for: sleep until the condition is true, or another reason ends the wait */
	for (;;) {
		prepare_to_wait(head, &wait, state);
		if (is_true(cond, arg))
			break;
		if (state == TASK_INTERRUPTIBLE && signal_pending(current)) {
			err = -EINTR;
			break;
		}
		schedule();
	}
	/* lab 13 end */
	finish_wait(head, &wait);
	enter_core();
	return err;
}

int hv_wait(struct hv_waitq *wq, bool (*cond)(void *arg), void *arg)
{
	return wait_for(wq, cond, arg, TASK_INTERRUPTIBLE);
}

/*
 * A thread whose condition is true does not join the queue. Since hv_sched_hook_request_out()
 * returns only after out() has been called, no thread that waits for out() joins it, and hook_out()
 * has none to wake.
 */
void hv_wait_uninterruptible(struct hv_waitq *wq, bool (*cond)(void *arg), void *arg)
{
	if (!cond(arg))
		wait_for(wq, cond, arg, TASK_UNINTERRUPTIBLE);
}

void __kprobes hv_wake_all(struct hv_waitq *wq, struct hv_kicks *kicks)
{
	const struct trap_csrs csrs = trap_csrs_save();

	/* The caller's stores, which the condition reads, come before the look at the queue. */
	if (wq_has_sleeper(head_of(wq)))
		wake_up_all(head_of(wq));
	trap_csrs_restore(&csrs);
}

/* ---- signals and rescheduling --------------------------------------------------- */

bool hv_signal_pending(void)
{
	return signal_pending(current);
}

/*
 * Linux does a thread's pending work (task_work, rseq: TIF_NOTIFY_RESUME) on the thread's way to user
 * space, and a guest may run for a long time before that. So such work counts as a need to reschedule;
 * hv_resched() does it.
 */
bool __kprobes hv_resched_needed(void)
{
	return read_thread_flags() & (RESCHED_FLAGS | _TIF_NOTIFY_RESUME);
}

bool hv_hart_wanted(void)
{
	return !single_task_running();
}

bool hv_host_needed(void)
{
	return hv_resched_needed() || hv_signal_pending();
}

/*
 * If a signal is pending, do_thread_work() returns before it reschedules, so reschedule first. If
 * Linux has not asked for that, give the hart to a thread that waits for it.
 */
void hv_resched(void)
{
	leave_core();
	if (read_thread_flags() & RESCHED_FLAGS)
		schedule();
	else if (!hv_resched_needed() && hv_hart_wanted() && !dl_task(current))
		yield(); /* a deadline thread would lose the rest of its budget */
	do_thread_work();
	enter_core();
}

/* Unlike hv_resched(), this leaves the thread's other work for later: the caller may hold locks. */
void hv_cond_resched(void)
{
	leave_core();
	cond_resched(); /* does nothing on a kernel with preemption */
	if (read_thread_flags() & RESCHED_FLAGS)
		schedule();
	enter_core();
}

int hv_thread_id(void)
{
	return task_pid_nr(current);
}

u64 hv_run_delay_ns(void)
{
#ifdef CONFIG_SCHED_INFO
	return current->sched_info.run_delay;
#else
	return 0;
#endif
}

void hv_sigmask_begin(u64 set)
{
	sigset_t mask;

	leave_core();
	siginitset(&mask, set);
	sigdelsetmask(&mask, sigmask(SIGKILL) | sigmask(SIGSTOP));
	sigprocmask(SIG_SETMASK, &mask, &current->real_blocked);
	enter_core();
}

/* ---- the FP unit -------------------------------------------------------------------- */

/* The core's (src/kvm/vcpu/fp.S); its format is that of struct __riscv_d_ext_state. */
void fp_save_regs(struct __riscv_d_ext_state *state);
void fp_restore_regs(const struct __riscv_d_ext_state *state);

DEFINE_PER_CPU(struct units, units);

/*
 * While the unit is the core's, the program's registers are in thread.fstate, as if Linux had saved
 * them. When the thread is scheduled out, hook_out() saves the guest's, and Linux loads the program's
 * when the thread continues.
 */
void hv_fp_take(const void *owner)
{
	struct pt_regs *regs = task_pt_regs(current);
	struct units *here = this_cpu_ptr(&units);

	if ((regs->status & SR_FS) == SR_FS_DIRTY) {
		fp_save_regs(&current->thread.fstate);
		regs->status = (regs->status & ~SR_FS) | SR_FS_CLEAN;
	}
	here->fp_owner = owner;
	here->taken |= FP_TAKEN;
}

bool hv_fp_is_of(const void *owner)
{
	const struct units *here = this_cpu_ptr(&units);

	return here->taken & FP_TAKEN && here->fp_owner == owner;
}

static void fp_give_back(struct units *here)
{
	unsigned long fs = task_pt_regs(current)->status & SR_FS;

	/* Dirty: the program's registers are already in the unit, and newer than those in memory. */
	if (fs != SR_FS_OFF && fs != SR_FS_DIRTY)
		fp_restore_regs(&current->thread.fstate);
	here->taken &= ~(FP_TAKEN | FP_UNHOOKED);
}

void units_give_back(void)
{
	struct units *here = this_cpu_ptr(&units);

	if (here->taken & FP_TAKEN) {
		kvm_units_release();
		fp_give_back(here);
	}
	if (here->taken & VECTOR_TAKEN)
		vector_give_back();
}

void units_give_back_early(void)
{
	struct units *here = this_cpu_ptr(&units);

	if (here->taken & FP_UNHOOKED)
		fp_give_back(here);
	if (here->taken & VECTOR_TAKEN)
		vector_give_back();
}

/* Called when the thread gets a hook or loses it. */
static void fp_note_hook(bool hooked)
{
	struct units *here = this_cpu_ptr(&units);

	if (hooked)
		here->taken &= ~FP_UNHOOKED;
	else if (here->taken & FP_TAKEN)
		here->taken |= FP_UNHOOKED;
}

/* ---- the scheduler's hook --------------------------------------------------------------- */

struct host_hook {
	struct preempt_notifier pn;
	bool scheduling; /* the scheduler has called hook_out(), but not yet hook_in() */
	bool unlinked;   /* hook_out() has unlinked the notifier at least once */
};

static_assert(sizeof(struct host_hook) <= sizeof_field(struct hv_sched_hook, opaque));

static struct host_hook *host_of(struct hv_sched_hook *hook)
{
	return (struct host_hook *)hook->opaque;
}

static struct hv_sched_hook *hook_of(struct preempt_notifier *pn)
{
	struct host_hook *host = container_of(pn, struct host_hook, pn);

	return container_of((void *)host, struct hv_sched_hook, opaque);
}

static void hook_in(struct preempt_notifier *pn, int cpu)
{
	/* lab 13: write hook_in: call in() as hv/host.h says, and update `scheduling` */
	struct hv_sched_hook *hook = hook_of(pn);
	unsigned long flags;

	local_irq_save(flags);
	host_of(hook)->scheduling = false;
	hook->in(hook, cpu);
	if (__this_cpu_read(units.taken) & VECTOR_TAKEN)
		vector_give_back();
	local_irq_restore(flags);
	/* lab 13 end */
}

/*
 * Called with the run queue's lock held, so out() must not wake a thread. It calls hv_wake_all()
 * only for threads that wait for out(), and there are none (hv_sched_hook_request_out()). Nor may it
 * wait for another vCPU, which may be waking a thread, or take a lock under which another thread
 * wakes one. If the vCPU has a guest interrupt file, out() takes mmu_lock and then imsic->lock. It may
 * take imsic->lock, because an MSI that finds the registers in a file wakes no thread.
 */
static void hook_out(struct preempt_notifier *pn, struct task_struct *next)
{
	/* The scheduler will load another program's registers; out() still saves the guest's. */
	this_cpu_ptr(&units)->taken &= ~FP_TAKEN;
	/* lab 13: write hook_out: call out(), and update `scheduling` */
	struct hv_sched_hook *hook = hook_of(pn);

	host_of(hook)->scheduling = true;
	hook->out(hook);
	/* lab 13 end */
}

static struct preempt_ops hook_ops = {
	.sched_in = hook_in,
	.sched_out = hook_out,
};

struct hv_sched_hook *hv_sched_hook_get(void)
{
	struct preempt_notifier *pn;

	hlist_for_each_entry(pn, &current->preempt_notifiers, link)
		if (pn->ops == &hook_ops)
			return hook_of(pn);
	return NULL;
}

/*
 * Remove the notifier from the thread's list. hook_out() may have called this while the scheduler
 * walks that list. The scheduler then reads the notifier's `next`, perhaps when another thread
 * already runs the vCPU on another hart, or has put it again. So `next` must stay NULL. It does:
 * only KVM has notifiers, so a list never has two, and __hlist_del() leaves the entry as it is.
 * preempt_notifier_unregister() would store a poison value there.
 */
static void hook_remove(struct host_hook *host)
{
	__hlist_del(&host->pn.link);
	host->unlinked |= host->scheduling;
}

void hv_sched_hook_set(struct hv_sched_hook *hook)
{
	fp_note_hook(hook);
	/* lab 13: write hv_sched_hook_set: remove the thread's hook, if any, and register the new one */
	struct hv_sched_hook *old = hv_sched_hook_get();

	if (old == hook)
		return;
	if (old)
		hook_remove(host_of(old));
	if (!hook)
		return;
	host_of(hook)->scheduling = false;
	preempt_notifier_init(&host_of(hook)->pn, &hook_ops);
	preempt_notifier_register(&host_of(hook)->pn);
	/* lab 13 end */
}

bool in_sched_out(void)
{
	struct hv_sched_hook *hook = hv_sched_hook_get();

	return hook && host_of(hook)->scheduling;
}

/* The scheduler reads the notifier with interrupts off: it has finished when each hart has taken one. */
void hv_sched_hook_destroy(struct hv_sched_hook *hook)
{
	if (!host_of(hook)->unlinked)
		return;
	leave_core();
	kick_all_cpus_sync();
	enter_core();
}

static void out_here(void *arg)
{
	struct hv_sched_hook *hook = arg;

	if (hv_sched_hook_get() == hook)
		hook->out(hook);
}

/*
 * When this returns, out() has been called: by the interrupt, or by the scheduler if the thread has
 * left the hart before. So nobody waits for it.
 */
void hv_sched_hook_request_out(struct hv_sched_hook *hook, unsigned int hart)
{
	leave_core();
	smp_call_function_single(hart, out_here, hook, true);
	enter_core();
}

void hv_sigmask_end(void)
{
	leave_core();
	sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
	sigemptyset(&current->real_blocked);
	enter_core();
}
