// SPDX-License-Identifier: MIT
/*
 * signal.c - sending signals, and what happens to them on the way back to user mode.
 *
 * A signal is a bit in `pending` of a thread or of the process, and a siginfo in a queue;
 * ordinary signals (1 to 31) are pending once, real-time ones as often as sent. Who sends
 * kicks one thread that has not blocked it; every thread looks in user_return_work().
 * Stopping (SIGSTOP, SIGTSTP, …) is not there: such signals do nothing by default.
 * Locks: p->lock (threads) > p->sig_lock (queues, masks, actions).
 */
#include "hv/trace.h"
#include "signal.h"
#include <linux/errno.h>
#include <string.h>
#include "hv/bits.h"
#include "hv/csr.h"
#include "hv/host.h"
#include "mm.h"
#include "page.h"
#include "printk.h"
#include "signal_impl.h"
#include "syscall.h"
#include "uaccess.h"
#include "vma.h"

#define QUEUE_LIMIT 1024 /* siginfos of one process, as RLIMIT_SIGPENDING would bound them */

struct sigqueue {
	struct list_head link;
	siginfo_t info;
};

/* Signals that do nothing unless there is a handler; stopping is among them here. */
#define DEFAULT_IGNORED                                                              \
	(SIG_BIT(SIGCHLD) | SIG_BIT(SIGURG) | SIG_BIT(SIGWINCH) | SIG_BIT(SIGCONT) | \
	 SIG_BIT(SIGSTOP) | SIG_BIT(SIGTSTP) | SIG_BIT(SIGTTIN) | SIG_BIT(SIGTTOU))

static bool is_ignored(const struct process *p, int signo)
{
	unsigned long handler = p->actions[signo - 1].handler;

	if (handler == (unsigned long)SIG_IGN)
		return true;
	return handler == (unsigned long)SIG_DFL && (DEFAULT_IGNORED & SIG_BIT(signo));
}

bool thread_signal_pending(const struct thread *t)
{
	const struct process *p = t->process;

	if (!p)
		return false;
	return READ_ONCE(t->sig.kill) ||
	       ((READ_ONCE(t->sig.pending) | READ_ONCE(p->pending)) & ~READ_ONCE(t->sig.blocked));
}

/* ---- sending ---- */

/* sig_lock is held. The bit alone tells of an ordinary signal whose siginfo found no room. */
static int enqueue(struct process *p, struct thread *t, const siginfo_t *info)
{
	u64 *pending = t ? &t->sig.pending : &p->pending;
	struct list_head *queue = t ? &t->sig.queue : &p->sigqueue;
	u64 bit = SIG_BIT(info->si_signo);
	struct sigqueue *q = NULL;

	if (!SIG_IS_RT(info->si_signo) && (*pending & bit))
		return 0;
	if (p->nr_queued < QUEUE_LIMIT)
		q = kmalloc(sizeof(*q));
	if (!q && SIG_IS_RT(info->si_signo))
		return -EAGAIN;
	if (q) {
		q->info = *info;
		list_add_tail(&q->link, queue);
		p->nr_queued++;
	}
	WRITE_ONCE(*pending, *pending | bit);
	return 0;
}

/* p->lock is held: wake one thread that will take the signal. */
static void kick_one(struct process *p, u64 bit)
{
	struct thread *t, *first = NULL;

	list_for_each_entry(t, &p->threads, process_link) {
		if (READ_ONCE(t->sig.blocked) & bit)
			continue;
		if (t == current)
			return;
		if (!first)
			first = t;
	}
	if (first)
		thread_signal_kick(first);
}

static bool blocked_everywhere(struct process *p, u64 bit)
{
	struct thread *t;

	list_for_each_entry(t, &p->threads, process_link)
		if (!(t->sig.blocked & bit))
			return false;
	return true;
}

/* p->lock is held. */
static int send_locked(struct process *p, struct thread *t, const siginfo_t *info)
{
	u64 bit = SIG_BIT(info->si_signo);
	bool held;
	int err;

	spin_lock(&p->sig_lock);
	held = t ? t->sig.blocked & bit : blocked_everywhere(p, bit);
	/* An ignored signal is kept only while it is blocked: a handler may come yet. */
	if (p->zombie || p->exiting || (is_ignored(p, info->si_signo) && !held)) {
		spin_unlock(&p->sig_lock);
		return 0;
	}
	err = enqueue(p, t, info);
	spin_unlock(&p->sig_lock);
	if (err == 0 && !held) {
		if (!t)
			kick_one(p, bit);
		else if (t != current)
			thread_signal_kick(t);
	}
	return err;
}

int signal_send(struct process *p, int tid, const siginfo_t *info)
{
	struct thread *t = NULL;
	int err = -ESRCH;

	spin_lock(&p->lock);
	if (tid)
		t = thread_of_process(p, tid);
	if (!tid || t)
		err = info->si_signo == SIGKILL ? 0 : send_locked(p, t, info);
	spin_unlock(&p->lock);
	if (err == 0 && info->si_signo == SIGKILL)
		process_end(p, SIGKILL);
	return err;
}

int signal_send_process(struct process *p, int signo, int code)
{
	siginfo_t info = { 0 };

	info.si_signo = signo;
	info.si_code = code;
	return signal_send(p, 0, &info);
}

int signal_send_thread(struct thread *t, int signo, int code)
{
	siginfo_t info = { 0 };

	info.si_signo = signo;
	info.si_code = code;
	return signal_send(t->process, t->tid, &info);
}

void signal_child(struct process *p, const struct process *child, int signo)
{
	int by = child->wait_status & 0x7f;
	siginfo_t info = { 0 };

	info.si_signo = signo;
	info.si_code = by ? CLD_KILLED : CLD_EXITED;
	info.si_pid = child->pid;
	info.si_status = by ? by : (child->wait_status >> 8) & 0xff;
	info.si_utime = (__kernel_clock_t)(child->run_time / (hv_timebase_hz() / 100));
	if (signo >= 1 && signo <= NR_SIGNALS)
		signal_send(p, 0, &info);
}

bool signal_child_ignored(struct process *p)
{
	const struct sig_action *a = &p->actions[SIGCHLD - 1];

	return a->handler == (unsigned long)SIG_IGN || (a->flags & SA_NOCLDWAIT);
}

/* ---- taking ---- */

/* sig_lock is held. Removes signo from one queue; *info if a siginfo was there. */
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

/* Faults of the thread itself come first, then the lowest number. */
static int lowest(u64 set)
{
	const u64 faults = SIG_BIT(SIGSEGV) | SIG_BIT(SIGBUS) | SIG_BIT(SIGILL) | SIG_BIT(SIGTRAP) |
			   SIG_BIT(SIGFPE);
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
	signo = lowest(current->sig.pending & set);
	if (signo) {
		dequeue_one(p, &current->sig.queue, &current->sig.pending, signo, info);
	} else {
		signo = lowest(p->pending & set);
		if (signo)
			dequeue_one(p, &p->sigqueue, &p->pending, signo, info);
	}
	spin_unlock(&p->sig_lock);
	return signo;
}

/* ---- masks ---- */

void signal_set_blocked(u64 blocked)
{
	struct process *p = current_process;
	u64 newly = blocked & ~current->sig.blocked;

	WRITE_ONCE(current->sig.blocked, blocked & ~SIG_UNBLOCKABLE);
	/* What was sent to the process and left to us is another thread's business now. */
	if (newly & READ_ONCE(p->pending)) {
		spin_lock(&p->lock);
		kick_one(p, newly & p->pending);
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

void hv_sigmask_swap(u64 set, u64 *old)
{
	*old = current->sig.blocked;
	signal_set_blocked(set);
}

/* ---- on the way back to user mode ---- */

void signal_restart_syscall(struct trap_frame *frame)
{
	current->sig.restart = RESTART_NEVER;
	signal_mask_restore();
	frame->a0 = frame->orig_a0;
	frame->epc -= 4;
}

/* A handler runs: does the interrupted call run again behind it? */
static void settle_restart(struct trap_frame *frame, const struct sig_action *action)
{
	bool again = current->sig.restart == RESTART_SYS && (action->flags & SA_RESTART);

	current->sig.restart = RESTART_NEVER;
	current->sig.restart_deadline = 0;
	if (again) {
		frame->a0 = frame->orig_a0;
		frame->epc -= 4;
	}
}

static void log_death(const struct trap_frame *frame, const siginfo_t *info)
{
	/* Only for what the program did itself: a line that saves a debugger. */
	if (info->si_code <= 0 || info->si_code == SI_KERNEL || info->si_signo == SIGCHLD)
		return;
	printk("host: %s (%d) gets signal %d: pc 0x%lx, address 0x%lx\n", current->name,
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
	settle_restart(frame, action);
	trace_signal_deliver((u64)info->si_signo, action->handler);
	if (!(action->flags & SA_NODEFER))
		next |= SIG_BIT(info->si_signo);
	if (signal_push_frame(frame, info, action, mask) < 0) {
		/* No stack for the handler: as Linux, the thread cannot go on. */
		printk("host: %s (%d): no stack for the handler of signal %d\n", current->name,
		       current->tid, info->si_signo);
		process_end(current_process, SIGSEGV);
		return;
	}
	signal_set_blocked(next);
}

/* What is to be done with signo; a copy, since another thread may change it meanwhile. */
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

	while (!current->sig.kill) {
		signo = signal_dequeue(~current->sig.blocked, &info);
		if (!signo)
			break;
		action = take_action(p, signo);
		if (action.handler == (unsigned long)SIG_IGN ||
		    (action.handler == (unsigned long)SIG_DFL &&
		     (DEFAULT_IGNORED & SIG_BIT(signo))))
			continue;
		if (action.handler == (unsigned long)SIG_DFL) {
			log_death(frame, &info);
			process_end(p, signo);
			continue;
		}
		run_handler(frame, &info, &action);
		return;
	}
	if (current->sig.kill)
		thread_end(0);
	if (current->sig.restart != RESTART_NEVER)
		signal_restart_syscall(frame);
	signal_mask_restore();
}

/* Is there an area at addr, which then did not allow the access? */
static bool is_mapped(unsigned long addr)
{
	struct mm *mm = current_process->mm;
	bool mapped;

	mutex_lock(&mm->lock);
	mapped = vma_find(mm, addr) != NULL;
	mutex_unlock(&mm->lock);
	return mapped;
}

void signal_fault(struct trap_frame *frame, int signo, int code, unsigned long addr)
{
	struct process *p = current_process;
	u64 bit = SIG_BIT(signo);
	siginfo_t info = { 0 };

	if (signo == SIGSEGV && code == SEGV_MAPERR && is_mapped(addr))
		code = SEGV_ACCERR;
	info.si_signo = signo;
	info.si_code = code;
	info.si_addr = (void *)addr;
	/* A fault cannot wait: who blocks or ignores it would fault again for ever. */
	if ((current->sig.blocked & bit) ||
	    p->actions[signo - 1].handler == (unsigned long)SIG_IGN) {
		log_death(frame, &info);
		process_end(p, signo);
		return;
	}
	signal_send(p, current->tid, &info);
}

/* ---- processes and threads come and go ---- */

void signal_init_process(struct process *p, const struct process *parent)
{
	if (parent)
		memcpy(p->actions, parent->actions, sizeof(p->actions));
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
	spin_unlock(&p->sig_lock);
	/* Others may have counted on this thread to take what is pending. */
	t->sig.blocked = ~0ULL;
	if (READ_ONCE(p->pending)) {
		spin_lock(&p->lock);
		kick_one(p, p->pending);
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
