// SPDX-License-Identifier: MIT
/*
 * sys_thread.c - system calls for identity, process groups, sessions and scheduling.
 *
 * There is one scheduling class. Policies and priorities are accepted and have no effect.
 */
#include <linux/errno.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <string.h>
#include "hv/bits.h"
#include "hv/host.h"
#include "process_impl.h"
#include "syscall.h"
#include "mm/uaccess.h"

/* ---- identity ---- */

long sys_getpid(struct trap_frame *frame)
{
	(void)frame;
	return current_process->pid;
}

long sys_getppid(struct trap_frame *frame)
{
	struct process *p = current_process;
	int pid;

	(void)frame;
	spin_lock(&all_processes_lock);
	pid = p->parent->pid;
	spin_unlock(&all_processes_lock);
	return pid;
}

long sys_gettid(struct trap_frame *frame)
{
	(void)frame;
	return current->tid;
}

long sys_set_tid_address(struct trap_frame *frame)
{
	current->clear_child_tid = (u32 *)frame->a0;
	return current->tid;
}

long sys_set_robust_list(struct trap_frame *frame)
{
	if (frame->a1 != sizeof(struct robust_list_head))
		return -EINVAL;
	current->robust_list = frame->a0;
	return 0;
}

long sys_get_robust_list(struct trap_frame *frame)
{
	struct process *p = current_process;
	unsigned long head = current->robust_list, size = sizeof(struct robust_list_head);
	struct thread *t;

	if ((int)frame->a0) {
		spin_lock(&p->lock);
		t = thread_of_process(p, (int)frame->a0);
		head = t ? t->robust_list : 0;
		spin_unlock(&p->lock);
		if (!t)
			return -ESRCH;
	}
	if (put_user(size, frame->a2) < 0)
		return -EFAULT;
	return put_user(head, frame->a1);
}

/* ---- process groups and sessions: for shells, wait() and kill() ---- */

/* Return the process with this pid (0: the caller's), with a reference taken, or NULL. */
static struct process *find_or_self(int pid)
{
	if (pid && pid != current_process->pid)
		return process_find(pid);
	process_get(current_process);
	return current_process;
}

/* all_processes_lock is held. */
static long set_group(struct process *p, int pgid)
{
	if (p != current_process && p->parent != current_process)
		return -ESRCH;
	if (p->sid == p->pid || p->sid != current_process->sid)
		return -EPERM;
	if (pgid != p->pid && job_group_check(pgid, p->sid))
		return -EPERM;
	job_join(p, pgid);
	return 0;
}

long sys_setpgid(struct trap_frame *frame)
{
	int pgid = (int)frame->a1;
	struct process *p;
	long ret;

	if (pgid < 0)
		return -EINVAL;
	p = find_or_self((int)frame->a0);
	if (!p)
		return -ESRCH;
	spin_lock(&all_processes_lock);
	ret = set_group(p, pgid ? pgid : p->pid);
	spin_unlock(&all_processes_lock);
	process_put(p);
	return ret;
}

long sys_getpgid(struct trap_frame *frame)
{
	struct process *p = find_or_self((int)frame->a0);
	int pgid;

	if (!p)
		return -ESRCH;
	pgid = READ_ONCE(p->pgid);
	process_put(p);
	return pgid;
}

long sys_getsid(struct trap_frame *frame)
{
	struct process *p = find_or_self((int)frame->a0);
	int sid;

	if (!p)
		return -ESRCH;
	sid = READ_ONCE(p->sid);
	process_put(p);
	return sid;
}

long sys_setsid(struct trap_frame *frame)
{
	struct process *p = current_process;
	long ret = -EPERM;

	(void)frame;
	spin_lock(&all_processes_lock);
	/* A group with this number may have other members even if p has left it. */
	if (job_group_check(p->pid, p->sid) == -ESRCH) {
		WRITE_ONCE(p->sid, p->pid);
		job_join(p, p->pid);
		ret = p->pid;
	}
	spin_unlock(&all_processes_lock);
	return ret;
}

/* ---- scheduling ---- */

/*
 * Return the user thread with this tid (0: the calling thread), or NULL. all_threads_lock is held.
 */
static struct thread *find_user_thread(int tid)
{
	struct thread *t;

	if (tid == 0)
		return current;
	list_for_each_entry(t, &all_threads, all_link)
		if (t->tid == tid && t->process)
			return t;
	return NULL;
}

static long check_thread(int tid)
{
	struct thread *t;

	if (tid < 0)
		return -EINVAL;
	spin_lock(&all_threads_lock);
	t = find_user_thread(tid);
	spin_unlock(&all_threads_lock);
	return t ? 0 : -ESRCH;
}

long sys_sched_setaffinity(struct trap_frame *frame)
{
	int tid = (int)frame->a0;
	struct hv_hartmask mask = { 0 };
	size_t size = MIN(frame->a1, sizeof(mask));
	struct thread *t;
	long ret = -ESRCH;

	if (copy_from_user(&mask, frame->a2, size) < 0)
		return -EFAULT;
	if (tid == 0 || tid == current->tid)
		return sched_set_affinity(current, &mask);
	spin_lock(&all_threads_lock); /* keeps t alive; the call sleeps only if t is current */
	t = find_user_thread(tid);
	if (t)
		ret = sched_set_affinity(t, &mask);
	spin_unlock(&all_threads_lock);
	return ret;
}

long sys_sched_getaffinity(struct trap_frame *frame)
{
	size_t size = hv_hartmask_words * sizeof(long);
	struct hv_hartmask mask = { 0 }, allowed;
	struct thread *t;

	/*
	 * As on Linux, the size must be a multiple of the word size and provide a bit for every
	 * possible hart.
	 */
	if (frame->a1 % sizeof(long) || frame->a1 < size)
		return -EINVAL;
	spin_lock(&all_threads_lock);
	t = find_user_thread((int)frame->a0);
	if (t)
		thread_read_affinity(t, &allowed);
	spin_unlock(&all_threads_lock);
	if (!t)
		return -ESRCH;
	for (unsigned int i = 0; i < hv_nr_harts(); i++)
		if (hartmask_test(&allowed, i))
			hartmask_set(&mask, i);
	return copy_to_user(frame->a2, &mask, size) < 0 ? -EFAULT : (long)size;
}

long sys_sched_yield(struct trap_frame *frame)
{
	(void)frame;
	irq_window();
	schedule();
	return 0;
}

static bool policy_ok(int policy)
{
	policy &= ~SCHED_RESET_ON_FORK;
	return policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE ||
	       policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool is_realtime(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

long sys_sched_setscheduler(struct trap_frame *frame)
{
	int policy = (int)frame->a1, priority;

	if (!frame->a2 || !policy_ok(policy))
		return -EINVAL;
	if (get_user(priority, frame->a2) < 0)
		return -EFAULT;
	if (is_realtime(policy & ~SCHED_RESET_ON_FORK) ? priority < 1 || priority > 99 : priority)
		return -EINVAL;
	return check_thread((int)frame->a0);
}

long sys_sched_getscheduler(struct trap_frame *frame)
{
	return check_thread((int)frame->a0); /* SCHED_NORMAL is 0 */
}

long sys_sched_setparam(struct trap_frame *frame)
{
	int priority;

	if (!frame->a1)
		return -EINVAL;
	if (get_user(priority, frame->a1) < 0)
		return -EFAULT;
	return priority ? -EINVAL : check_thread((int)frame->a0);
}

long sys_sched_getparam(struct trap_frame *frame)
{
	long err = check_thread((int)frame->a0);
	int priority = 0;

	if (!frame->a1)
		return -EINVAL;
	return err < 0 ? err : put_user(priority, frame->a1);
}

long sys_sched_get_priority_max(struct trap_frame *frame)
{
	if (!policy_ok((int)frame->a0))
		return -EINVAL;
	return is_realtime((int)frame->a0) ? 99 : 0;
}

long sys_sched_get_priority_min(struct trap_frame *frame)
{
	if (!policy_ok((int)frame->a0))
		return -EINVAL;
	return is_realtime((int)frame->a0) ? 1 : 0;
}

long sys_setpriority(struct trap_frame *frame)
{
	return (unsigned int)frame->a0 > 2 ? -EINVAL : 0;
}

long sys_getpriority(struct trap_frame *frame)
{
	return (unsigned int)frame->a0 > 2 ? -EINVAL : 20; /* 20 - nice */
}
