// SPDX-License-Identifier: MIT
/*
 * signal.c - signal masks, and delivery on the return to user mode.
 *
 * A signal is a bit in `pending` of a thread or of the process, and a siginfo in a queue. An
 * ordinary signal (1 to 31) is pending only once, a real-time signal as often as it was sent. The
 * sender (signal_send.c) kicks one thread that has not blocked the signal; each thread checks for
 * signals in user_return_work(). jobctl.c stops processes. Locks: p->lock (threads) > p->sig_lock
 * (pending signals, queues, actions, writes of masks). Only the thread itself writes its mask of
 * blocked signals.
 */
#include "hv/trace.h"
#include "signal.h"
#include <linux/errno.h>
#include <string.h>
#include "hv/bits.h"
#include "hv/csr.h"
#include "hv/host.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "lib/printk.h"
#include "signal_impl.h"
#include "syscall.h"
#include "mm/uaccess.h"
#include "mm/vma.h"

bool thread_sleep_ends(const struct thread *t, enum thread_state state)
{
	if (state == THREAD_INTERRUPTIBLE)
		return thread_signal_pending(t);
	return state == THREAD_KILLABLE && READ_ONCE(t->sig.kill);
}

/* ---- taking ---- */

/*
 * sig_lock is held. Take one instance of signo from a queue; signo stays pending if the queue has
 * another. Set *info to its siginfo or, if the queue has none, to one with SI_USER.
 */
static void dequeue_one(struct process *p, struct list_head *queue, u64 *pending, int signo,
			siginfo_t *info)
{
	struct sigqueue *q, *n, *first = NULL;
	bool more = false;

	list_for_each_entry_safe(q, n, queue, link) {
		if (q->info.si_signo != signo)
			continue;
		more = first != NULL;
		if (more)
			break;
		first = q;
	}
	memset(info, 0, sizeof(*info));
	info->si_signo = signo;
	info->si_code = SI_USER;
	if (first) {
		*info = first->info;
		list_del(&first->link);
		kfree(first);
		p->nr_queued--;
	}
	if (!more)
		WRITE_ONCE(*pending, *pending & ~SIG_BIT(signo));
}

/* Return the first signal to take: faults come first, then the lowest number. 0: set is empty. */
static int lowest_signal(u64 set)
{
	const u64 faults = SIG_BIT(SIGSEGV) | SIG_BIT(SIGBUS) | SIG_BIT(SIGILL) | SIG_BIT(SIGTRAP) |
			   SIG_BIT(SIGFPE) | SIG_BIT(SIGSYS);
	int signo;

	if (set & faults)
		set &= faults;
	for (signo = 1; signo <= NR_SIGNALS; signo++)
		if (set & SIG_BIT(signo))
			return signo;
	return 0;
}

int signal_dequeue(u64 set, siginfo_t *info)
{
	struct process *p = current_process;
	int signo;

	if (!((READ_ONCE(current->sig.pending) | READ_ONCE(p->pending)) & set))
		return 0;
	spin_lock(&p->sig_lock);
	signo = lowest_signal(current->sig.pending & set);
	if (signo) {
		dequeue_one(p, &current->sig.queue, &current->sig.pending, signo, info);
	} else {
		signo = lowest_signal(p->pending & set);
		if (signo)
			dequeue_one(p, &p->sigqueue, &p->pending, signo, info);
	}
	if (signo)
		current->sig.stop_ok = SIG_STOPS & SIG_BIT(signo);
	spin_unlock(&p->sig_lock);
	if (signo == SIGALRM)
		itimer_signal_taken(p);
	return signo;
}

/* ---- masks ---- */

/*
 * A sender looks for a thread that does not block the signal and makes the signal pending in one
 * section of sig_lock. So either it finds the new masks, or this thread then finds the signal.
 */
static void write_masks(u64 blocked, u64 waiting)
{
	struct process *p = current_process;

	spin_lock(&p->sig_lock);
	WRITE_ONCE(current->sig.blocked, blocked & ~SIG_UNBLOCKABLE);
	WRITE_ONCE(current->sig.waiting, waiting);
	spin_unlock(&p->sig_lock);
}

void signal_wait_for(u64 set)
{
	write_masks(current->sig.blocked & ~set, set);
}

void signal_set_blocked(u64 blocked)
{
	struct process *p = current_process;
	u64 newly = blocked & ~current->sig.blocked;

	if (blocked == current->sig.blocked && !current->sig.waiting)
		return;
	write_masks(blocked, 0);
	/*
	 * This thread may have been kicked for process signals that it now blocks: other threads
	 * have to take them.
	 */
	if (newly & READ_ONCE(p->pending)) {
		spin_lock(&p->lock);
		signal_kick_for(p, newly & READ_ONCE(p->pending));
		spin_unlock(&p->lock);
	}
}

int signal_mask_set_user(unsigned long mask, size_t size)
{
	u64 set;

	if (!mask)
		return 0;
	if (size != sizeof(set))
		return -EINVAL;
	if (get_user(set, mask) < 0)
		return -EFAULT;
	current->sig.saved_mask = current->sig.blocked;
	current->sig.restore_saved_mask = true;
	signal_set_blocked(set);
	return 0;
}

void signal_mask_restore(void)
{
	if (!current->sig.restore_saved_mask)
		return;
	current->sig.restore_saved_mask = false;
	signal_set_blocked(current->sig.saved_mask);
}

void hv_sigmask_begin(u64 set)
{
	WRITE_ONCE(current->sig.real_blocked, current->sig.blocked);
	signal_set_blocked(set);
}

void hv_sigmask_end(void)
{
	signal_set_blocked(current->sig.real_blocked);
	WRITE_ONCE(current->sig.real_blocked, 0);
}

/* ---- on the way back to user mode ---- */

void signal_restart_syscall(struct trap_frame *frame)
{
	current->sig.restart = RESTART_NEVER;
	signal_mask_restore();
	frame->a0 = frame->orig_a0;
	frame->epc -= 4;
}

/* A handler will run: decide whether the interrupted call runs again after it. */
static void prepare_restart(struct trap_frame *frame, const struct sig_action *action)
{
	bool again = current->sig.restart == RESTART_ALWAYS ||
		     (current->sig.restart == RESTART_SYS && (action->flags & SA_RESTART));

	current->sig.restart = RESTART_NEVER;
	current->sig.restart_deadline = 0;
	if (again) {
		frame->a0 = frame->orig_a0;
		frame->epc -= 4;
	}
}

static void log_death(const struct trap_frame *frame, const siginfo_t *info)
{
	/* Log only the program's own faults: the line may make a debugger unnecessary. */
	if (info->si_code <= 0 || info->si_code == SI_KERNEL || info->si_signo == SIGCHLD)
		return;
	printk_limited("host: %s (%d) gets signal %d: pc 0x%lx, address 0x%lx\n", current->name,
		       current->tid, info->si_signo, frame->epc, (unsigned long)info->si_addr);
}

static void run_handler(struct trap_frame *frame, const siginfo_t *info,
			const struct sig_action *action)
{
	u64 mask = current->sig.blocked, next = mask | action->mask;

	if (current->sig.restore_saved_mask) {
		mask = current->sig.saved_mask;
		current->sig.restore_saved_mask = false;
	}
	prepare_restart(frame, action);
	if (!rseq_abort(frame))
		return;
	trace_signal_deliver((u64)info->si_signo, action->handler);
	if (!(action->flags & SA_NODEFER))
		next |= SIG_BIT(info->si_signo);
	if (signal_push_frame(frame, info, action, mask) < 0) {
		/* No stack for the handler: end the process. Linux would try a SIGSEGV handler. */
		printk_limited("host: %s (%d): no stack for the handler of signal %d\n",
			       current->name, current->tid, info->si_signo);
		process_end(current_process, SIGSEGV);
		return;
	}
	signal_set_blocked(next);
}

/* Copy the action for signo, which another thread may change. For SA_RESETHAND, also reset it. */
static struct sig_action take_action(struct process *p, int signo)
{
	struct sig_action action;

	spin_lock(&p->sig_lock);
	action = p->actions[signo - 1];
	if ((action.flags & SA_RESETHAND) && action.handler != (unsigned long)SIG_IGN)
		p->actions[signo - 1].handler = (unsigned long)SIG_DFL;
	spin_unlock(&p->sig_lock);
	return action;
}

void user_return_work(struct trap_frame *frame)
{
	struct process *p = current_process;
	struct sig_action action;
	siginfo_t info;
	int signo;

	while (!READ_ONCE(current->sig.kill)) {
		if (READ_ONCE(p->stopping)) {
			job_stop_here();
			continue;
		}
		signo = signal_dequeue(~current->sig.blocked, &info);
		if (!signo)
			break;
		action = take_action(p, signo);
		if (action.handler == (unsigned long)SIG_IGN ||
		    (action.handler == (unsigned long)SIG_DFL &&
		     (SIG_DEFAULT_IGNORED & SIG_BIT(signo))))
			continue;
		if (action.handler == (unsigned long)SIG_DFL && (SIG_STOPS & SIG_BIT(signo))) {
			job_stop(signo);
			continue;
		}
		if (action.handler == (unsigned long)SIG_DFL) {
			log_death(frame, &info);
			process_end(p, signo);
			continue;
		}
		run_handler(frame, &info, &action);
		return;
	}
	if (READ_ONCE(current->sig.kill))
		thread_end(0);
	if (current->sig.restart != RESTART_NEVER)
		signal_restart_syscall(frame);
	signal_mask_restore();
}

/*
 * Returns true if there is an area at addr: then the fault means that the area did not allow the
 * access.
 */
static bool is_mapped(unsigned long addr)
{
	struct mm *mm = current_process->mm;
	bool mapped;

	mutex_lock(&mm->lock);
	mapped = vma_find(mm, addr) != NULL;
	mutex_unlock(&mm->lock);
	return mapped;
}

void signal_force(struct trap_frame *frame, const siginfo_t *info)
{
	struct process *p = current_process;
	int signo = info->si_signo;

	/* If the signal is blocked or ignored, its cause would repeat forever: end the process. */
	if ((current->sig.blocked & SIG_BIT(signo)) ||
	    signal_action(p, signo).handler == (unsigned long)SIG_IGN) {
		log_death(frame, info);
		process_end(p, signo);
		return;
	}
	signal_send(p, current->tid, info);
}

void signal_fault(struct trap_frame *frame, int signo, int code, unsigned long addr)
{
	siginfo_t info;

	if (signo == SIGSEGV && code == SEGV_MAPERR && is_mapped(addr))
		code = SEGV_ACCERR;
	signal_info(&info, signo, code);
	info.si_addr = (void *)addr;
	signal_force(frame, &info);
}

/* ---- creation and end of processes and threads ---- */

void signal_init_process(struct process *p, struct process *parent)
{
	if (!parent)
		return;
	spin_lock(&parent->sig_lock); /* another thread may be in sigaction() */
	memcpy(p->actions, parent->actions, sizeof(p->actions));
	spin_unlock(&parent->sig_lock);
}

static void free_queue(struct process *p, struct list_head *queue)
{
	struct sigqueue *q, *n;

	list_for_each_entry_safe(q, n, queue, link) {
		list_del(&q->link);
		kfree(q);
		p->nr_queued--;
	}
}

void signal_free_process(struct process *p)
{
	free_queue(p, &p->sigqueue);
}

void signal_free_thread(struct thread *t)
{
	struct process *p = t->process;

	spin_lock(&p->sig_lock);
	free_queue(p, &t->sig.queue);
	t->sig.pending = 0;
	WRITE_ONCE(t->sig.blocked, ~0ULL);
	spin_unlock(&p->sig_lock);
	/*
	 * This thread may have been kicked for process signals, which other threads now have to
	 * take.
	 */
	if (READ_ONCE(p->pending)) {
		spin_lock(&p->lock);
		signal_kick_for(p, READ_ONCE(p->pending));
		spin_unlock(&p->lock);
	}
}

void signal_exec(struct process *p)
{
	int i;

	spin_lock(&p->sig_lock);
	for (i = 0; i < NR_SIGNALS; i++) {
		if (p->actions[i].handler != (unsigned long)SIG_IGN)
			p->actions[i].handler = (unsigned long)SIG_DFL;
		p->actions[i].flags = 0;
		p->actions[i].mask = 0;
	}
	spin_unlock(&p->sig_lock);
}
