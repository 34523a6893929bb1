// SPDX-License-Identifier: MIT
/*
 * signal_send.c - send signals: queue them, choose a thread, end or continue the process.
 *
 * A signal that is going to end its process does so when it is sent, as on Linux, unless Linux
 * would dump core. So it also ends killable sleeps, which a merely pending signal does not end. A
 * stop signal discards a pending SIGCONT, and vice versa. Locks: p->lock (threads) > p->sig_lock
 * (pending signals, queues, actions).
 */
#include "signal.h"
#include <linux/errno.h>
#include <string.h>
#include "hv/bits.h"
#include "hv/host.h"
#include "mm/page.h"
#include "signal_impl.h"

#define QUEUE_LIMIT 1024 /* siginfos queued for one process, in place of RLIMIT_SIGPENDING */

/* Signals for which Linux dumps core: they end the process only when a thread takes them. */
#define DUMPS                                                                       \
	(SIG_BIT(SIGQUIT) | SIG_BIT(SIGILL) | SIG_BIT(SIGTRAP) | SIG_BIT(SIGABRT) | \
	 SIG_BIT(SIGFPE) | SIG_BIT(SIGSEGV) | SIG_BIT(SIGBUS) | SIG_BIT(SIGSYS) |   \
	 SIG_BIT(SIGXCPU) | SIG_BIT(SIGXFSZ))

/* sig_lock is held. */
static bool is_ignored(const struct process *p, int signo)
{
	unsigned long handler = p->actions[signo - 1].handler;

	if (handler == (unsigned long)SIG_IGN)
		return true;
	return handler == (unsigned long)SIG_DFL && (SIG_DEFAULT_IGNORED & SIG_BIT(signo));
}

/* sig_lock is held. If there is no room for the siginfo, an ordinary signal sets only its bit. */
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
		return p->nr_queued < QUEUE_LIMIT ? -ENOMEM : -EAGAIN;
	if (q) {
		q->info = *info;
		list_add_tail(&q->link, queue);
		p->nr_queued++;
	}
	WRITE_ONCE(*pending, *pending | bit);
	return 0;
}

/*
 * p->lock is held. Kick one of p's threads that do not block the signal, unless the current thread
 * is one of them.
 */
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

void signal_kick_for(struct process *p, u64 set)
{
	for (; set; set &= set - 1)
		kick_one(p, set & -set);
}

/* Can a thread take a signal that was sent to it or to the process? */
struct taker {
	bool now;    /* a thread has not blocked it */
	bool action; /* a thread has not blocked it, is not stopped, and does not wait for it; during
		      * KVM_RUN, its usual mask does not block the signal either */
	bool call;   /* a thread waits for it in sigtimedwait() */
};

/* p->lock and sig_lock are held. */
static struct taker find_taker(struct process *p, const struct thread *only, u64 bit)
{
	struct taker taker = { 0 };
	struct thread *t;

	list_for_each_entry(t, &p->threads, process_link) {
		if (only && t != only)
			continue;
		if (READ_ONCE(t->sig.waiting) & bit)
			taker.call = taker.now = true;
		else if (!(READ_ONCE(t->sig.blocked) & bit))
			taker.now = true,
			taker.action |= !t->sig.stopped && !(READ_ONCE(t->sig.real_blocked) & bit);
	}
	return taker;
}

/* sig_lock is held. */
static bool ends_process(const struct process *p, int signo)
{
	return p->actions[signo - 1].handler == (unsigned long)SIG_DFL &&
	       !(SIG_BIT(signo) & (SIG_DEFAULT_IGNORED | SIG_STOPS | DUMPS));
}

/* sig_lock is held. */
static void drop_from(struct process *p, struct list_head *queue, u64 *pending, u64 set)
{
	struct sigqueue *q, *n;

	if (!(*pending & set))
		return;
	WRITE_ONCE(*pending, *pending & ~set);
	list_for_each_entry_safe(q, n, queue, link) {
		if (!(SIG_BIT(q->info.si_signo) & set))
			continue;
		list_del(&q->link);
		kfree(q);
		p->nr_queued--;
	}
}

/* p->lock and sig_lock are held. SIGCONT discards pending stop signals, and vice versa. */
static void prepare_job_signal(struct process *p, int signo)
{
	u64 undone = signo == SIGCONT ? SIG_STOPS : SIG_BIT(SIGCONT);
	struct thread *t;

	if (signo != SIGCONT && !(SIG_STOPS & SIG_BIT(signo)))
		return;
	drop_from(p, &p->sigqueue, &p->pending, undone);
	list_for_each_entry(t, &p->threads, process_link) {
		drop_from(p, &t->sig.queue, &t->sig.pending, undone);
		if (signo == SIGCONT)
			t->sig.stop_ok = false;
	}
	if (signo == SIGCONT)
		job_continue(p);
}

/* p->lock is held. */
static int send_locked(struct process *p, struct thread *t, const siginfo_t *info)
{
	int signo = info->si_signo, err;
	struct taker taker;
	bool ends;

	if (p->exiting) /* or already a zombie */
		return 0;
	spin_lock(&p->sig_lock);
	taker = find_taker(p, t, SIG_BIT(signo));
	prepare_job_signal(p, signo);
	/* Drop an ignored signal unless it is waited for or blocked: a handler may yet be set. */
	if (is_ignored(p, signo) && taker.now && !taker.call) {
		spin_unlock(&p->sig_lock);
		return 0;
	}
	err = enqueue(p, t, info);
	ends = taker.action && ends_process(p, signo);
	spin_unlock(&p->sig_lock);
	if (err || !taker.now)
		return err;
	if (ends)
		process_end_locked(p, signo);
	else if (!t)
		kick_one(p, SIG_BIT(signo));
	else if (t != current)
		thread_signal_kick(t);
	return 0;
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

struct sig_action signal_action(struct process *p, int signo)
{
	struct sig_action action;

	spin_lock(&p->sig_lock);
	action = p->actions[signo - 1];
	spin_unlock(&p->sig_lock);
	return action;
}

void signal_info(siginfo_t *info, int signo, int code)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = signo;
	info->si_code = code;
	if (code == SI_USER || code == SI_TKILL)
		info->si_pid = current_process->pid;
}

int signal_send_process(struct process *p, int signo, int code)
{
	siginfo_t info;

	signal_info(&info, signo, code);
	return signal_send(p, 0, &info);
}

/* all_processes_lock is held. Record the signal for the processes that p is forking. */
static void add_to_forks(struct process *p, int signo)
{
	struct fork_signals *f;

	list_for_each_entry(f, &p->forks, link) {
		if (signo == SIGCONT)
			f->set &= ~SIG_STOPS;
		else if (SIG_STOPS & SIG_BIT(signo))
			f->set &= ~SIG_BIT(SIGCONT);
		f->set |= SIG_BIT(signo);
	}
}

static void send_one_of_many(struct process *p, const siginfo_t *info)
{
	if (!info->si_signo || p->zombie)
		return;
	signal_send(p, 0, info);
	add_to_forks(p, info->si_signo);
}

bool signal_send_many(int pgid, int signo, int code)
{
	struct process *p;
	siginfo_t info;
	bool found = false;

	signal_info(&info, signo, code);
	if (pgid) {
		list_for_each_entry(p, job_members(pgid), group_link) {
			if (p->pgid != pgid)
				continue;
			found = true;
			send_one_of_many(p, &info);
		}
		return found;
	}
	list_for_each_entry(p, &all_processes, all_link) {
		if (p == current_process)
			continue;
		found = true;
		send_one_of_many(p, &info);
	}
	return found;
}

void signal_child(struct process *p, const struct process *child, int signo, int code, int status)
{
	siginfo_t info;

	/* As on Linux, an ignored SIGCHLD does not become pending, even if it is blocked. */
	if (signo == SIGCHLD && signal_action(p, SIGCHLD).handler == (unsigned long)SIG_IGN)
		return;
	signal_info(&info, signo, code);
	info.si_pid = child->pid;
	info.si_status = status;
	info.si_utime = (__kernel_clock_t)(child->run_time / (hv_timebase_hz() / 100));
	if (signo >= 1 && signo <= NR_SIGNALS)
		signal_send(p, 0, &info);
}

bool signal_child_ignored(struct process *p)
{
	struct sig_action action = signal_action(p, SIGCHLD);

	return action.handler == (unsigned long)SIG_IGN || (action.flags & SA_NOCLDWAIT);
}
