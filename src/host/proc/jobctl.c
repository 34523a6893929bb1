// SPDX-License-Identifier: MIT
/*
 * jobctl.c - stop and continue processes: SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT.
 *
 * The thread that takes a stop signal marks its process (p->stopping) and kicks the other threads;
 * each thread sleeps in job_stop_here() before it returns to user mode. So a vCPU's thread leaves
 * the guest first, and KVM_RUN returns EINTR. The last thread to stop notifies the parent. SIGCONT
 * takes effect when it is sent (signal_send.c), even if it is ignored or blocked.
 * Locks: all_processes_lock > p->lock > p->sig_lock.
 */
#include <linux/errno.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include "hv/bits.h"
#include "signal_impl.h"
#include "syscall.h"

/* As on Linux (do_signal_stop()), wait() may report the stop or continue before SIGCHLD is sent. */
static void notify_parent(struct process *p, int code, int value)
{
	struct process *parent;

	spin_lock(&all_processes_lock);
	parent = p->parent;
	process_get(parent);
	spin_unlock(&all_processes_lock);
	if (!parent->is_init) {
		if (!(signal_action(parent, SIGCHLD).flags & SA_NOCLDSTOP))
			signal_child(parent, p, SIGCHLD, code, value);
		waitq_wake_all(&parent->child_wait);
	}
	process_put(parent);
}

bool job_stop_completes(struct process *p)
{
	if (!p->stopping || p->stopped || !p->nr_threads || p->nr_stopped != p->nr_threads)
		return false;
	p->stopped = true;
	p->stop_report = p->stop_signo;
	p->cont_report = false;
	return true;
}

void job_tell_stopped(struct process *p)
{
	notify_parent(p, CLD_STOPPED, p->stop_signo);
}

/* Can p's parent, outside p's group but in its session, continue the group? */
static bool has_job_parent(const struct process *p, int sid)
{
	return !p->zombie && !p->parent->is_init && p->parent->pgid != p->pgid &&
	       p->parent->sid == sid;
}

/* all_processes_lock is held. */
static bool is_orphaned(int pgid, int sid)
{
	struct process *p;

	list_for_each_entry(p, job_members(pgid), group_link)
		if (p->pgid == pgid && has_job_parent(p, sid))
			return false;
	return true;
}

/*
 * True if no member of p's group has a parent that could continue the group: one outside the group,
 * but in the same session.
 */
static bool job_group_is_orphaned(const struct process *p)
{
	bool orphaned;

	spin_lock(&all_processes_lock);
	orphaned = is_orphaned(p->pgid, p->sid);
	spin_unlock(&all_processes_lock);
	return orphaned;
}

void job_stop(int signo)
{
	struct process *p = current_process;
	struct thread *t;

	/* No shell would continue an orphaned group, so only SIGSTOP stops it. */
	if (signo != SIGSTOP && job_group_is_orphaned(p))
		return;
	spin_lock(&p->lock);
	if (current->sig.stop_ok && !p->stopping && !p->exiting && !p->stop_all) {
		p->stop_signo = signo;
		WRITE_ONCE(p->stopping, true);
		list_for_each_entry(t, &p->threads, process_link)
			if (t != current)
				thread_signal_kick(t);
	}
	current->sig.stop_ok = false;
	spin_unlock(&p->lock);
}

void job_stop_here(void)
{
	struct process *p = current_process;
	bool last, tell;

	spin_lock(&p->lock);
	if (!p->stopping || READ_ONCE(current->sig.kill)) {
		spin_unlock(&p->lock);
		return;
	}
	WRITE_ONCE(current->sig.stopped, true);
	p->nr_stopped++;
	last = job_stop_completes(p);
	spin_unlock(&p->lock);
	if (last)
		job_tell_stopped(p);
	wait_event_killable(&p->stop_wait, !READ_ONCE(p->stopping));
	spin_lock(&p->lock);
	WRITE_ONCE(current->sig.stopped, false);
	p->nr_stopped--;
	tell = p->tell_continued;
	p->tell_continued = false;
	spin_unlock(&p->lock);
	if (tell)
		notify_parent(p, CLD_CONTINUED, SIGCONT);
}

void job_continue(struct process *p)
{
	if (!p->stopping)
		return;
	WRITE_ONCE(p->stopping, false);
	p->stopped = false;
	p->stop_report = 0;
	/*
	 * A thread that wakes up notifies the parent, because the notification takes locks that
	 * must be taken before p->lock.
	 */
	p->tell_continued = p->cont_report = p->nr_stopped > 0;
	waitq_wake_all(&p->stop_wait);
}

/* ---- process groups ---- */

/*
 * A hash table of groups, so that finding the members of one does not visit all processes. Numbers
 * of groups are given out in order, so a program cannot fill one bucket without writing to
 * ns_last_pid. Lock: all_processes_lock.
 */
#define BUCKETS 1024

static struct list_head buckets[BUCKETS];

struct list_head *job_members(int pgid)
{
	struct list_head *bucket = &buckets[(unsigned int)pgid % BUCKETS];

	if (!bucket->next)
		list_init(bucket);
	return bucket;
}

void job_join(struct process *p, int pgid)
{
	list_del(&p->group_link);
	WRITE_ONCE(p->pgid, pgid);
	list_add_tail(&p->group_link, job_members(pgid));
}

u64 job_hangup_round(void)
{
	static u64 round; /* atomic */

	return __atomic_add_fetch(&round, 1, __ATOMIC_RELAXED);
}

void job_hangup(int pgid, int sid, u64 round)
{
	bool stopped = false, orphaned = true;
	struct process *p;

	list_for_each_entry(p, job_members(pgid), group_link) {
		if (p->pgid != pgid)
			continue;
		p->hangup_round = round;
		stopped |= READ_ONCE(p->stopped);
		orphaned &= !has_job_parent(p, sid);
	}
	if (!stopped || !orphaned)
		return;
	signal_send_many(pgid, SIGHUP, SI_KERNEL);
	signal_send_many(pgid, SIGCONT, SI_KERNEL);
}

int job_in_background(int signo)
{
	struct process *p = current_process;
	bool orphaned;

	if ((current->sig.blocked & SIG_BIT(signo)) ||
	    signal_action(p, signo).handler == (unsigned long)SIG_IGN)
		return signo == SIGTTOU ? 0 : -EIO;
	spin_lock(&all_processes_lock);
	orphaned = is_orphaned(p->pgid, p->sid);
	if (!orphaned)
		signal_send_many(p->pgid, signo, SI_KERNEL);
	spin_unlock(&all_processes_lock);
	return orphaned ? -EIO : -ERESTARTSYS;
}

int job_group_check(int pgid, int sid)
{
	struct process *p;
	int err = -ESRCH;

	list_for_each_entry(p, job_members(pgid), group_link)
		if (p->pgid == pgid)
			err = p->sid == sid ? 0 : -EPERM;
	return err;
}

u64 job_tids_in_use(int from)
{
	struct process *p;
	u64 used = 0;

	spin_lock(&all_processes_lock);
	list_for_each_entry(p, &all_processes, all_link) {
		tid_mark(&used, from, p->pid);
		tid_mark(&used, from, p->pgid);
		tid_mark(&used, from, p->sid);
	}
	spin_unlock(&all_processes_lock);
	return used;
}
