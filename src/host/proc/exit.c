// SPDX-License-Identifier: MIT
/*
 * exit.c - end threads and processes, and wait for children.
 *
 * A thread ends only itself, in thread_end(); other threads mark it (sig.kill) and kick it. The
 * last thread of a process frees the process's files and memory and makes the process a zombie. Its
 * struct is freed when the parent has waited, or immediately if the parent will not wait. Locks: as
 * in process.c.
 */
#include <linux/errno.h>
#include <linux/resource.h>
#include <linux/wait.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <limits.h>
#include <string.h>
#include "hv/bits.h"
#include "sched/clock.h"
#include "file/file.h"
#include "fs/inode.h"
#include "mm/account.h"
#include "mm/mm.h"
#include "oom.h"
#include "rlimit.h"
#include "process_impl.h"
#include "seccomp.h"
#include "rusage.h"
#include "sched/smp.h"
#include "syscall.h"
#include "mm/uaccess.h"

void process_end_locked(struct process *p, int wait_status)
{
	struct thread *t;

	if (p->exiting)
		return;
	WRITE_ONCE(p->exiting, true);
	p->wait_status = wait_status;
	WRITE_ONCE(p->stopping, false);
	p->stopped = false;
	p->stop_report = 0;
	list_for_each_entry(t, &p->threads, process_link) {
		WRITE_ONCE(t->sig.kill, true);
		thread_signal_kick(t);
	}
	waitq_wake_all(&p->thread_wait);
}

void process_end(struct process *p, int wait_status)
{
	spin_lock(&p->lock);
	process_end_locked(p, wait_status);
	spin_unlock(&p->lock);
}

static bool is_alone(const struct process *p)
{
	return __atomic_load_n(&p->nr_threads, __ATOMIC_ACQUIRE) == 1 || READ_ONCE(p->exiting);
}

int process_kill_other_threads(struct process *p)
{
	struct thread *t;
	bool exiting;

	spin_lock(&p->lock);
	if (p->exiting || p->stop_all) {
		spin_unlock(&p->lock);
		return -EAGAIN;
	}
	p->stop_all = true;
	list_for_each_entry(t, &p->threads, process_link)
		if (t != current) {
			WRITE_ONCE(t->sig.kill, true);
			thread_signal_kick(t);
		}
	spin_unlock(&p->lock);
	wait_event(&p->thread_wait, is_alone(p));
	spin_lock(&p->lock);
	p->stop_all = false;
	exiting = p->exiting;
	spin_unlock(&p->lock);
	if (exiting)
		return -EINTR;
	current->tid = p->pid; /* the remaining thread becomes the main thread */
	return 0;
}

/* Remove p from all lists of processes. all_processes_lock is held. */
static void hide(struct process *p)
{
	list_del(&p->sibling);
	list_del(&p->all_link);
	list_del(&p->group_link);
}

/* Make init the parent of p's first child, and put it on the list. Returns false if there is none. */
static bool orphan_child(struct process *p, struct list_head *orphans)
{
	struct process *child = NULL;

	spin_lock(&all_processes_lock);
	if (!list_empty(&p->children)) {
		child = list_first_entry(&p->children, struct process, sibling);
		child->parent = &init_process;
		list_del(&child->sibling);
		list_add_tail(&child->sibling, orphans);
	}
	spin_unlock(&all_processes_lock);
	return child;
}

/*
 * Let init adopt p's first orphan, or free it if it is a zombie: init never waits. Returns false if
 * there is none.
 */
static bool adopt_orphan(const struct process *p, struct list_head *orphans, u64 round)
{
	struct process *child = NULL;
	bool dead = false;

	spin_lock(&all_processes_lock);
	if (!list_empty(orphans)) {
		child = list_first_entry(orphans, struct process, sibling);
		list_del(&child->sibling);
		list_add_tail(&child->sibling, &init_process.children);
		if (child->pgid != p->pgid && child->sid == p->sid && child->hangup_round != round)
			job_hangup(child->pgid, child->sid, round);
		dead = child->zombie;
		if (dead)
			hide(child);
	}
	spin_unlock(&all_processes_lock);
	if (dead)
		process_put(child);
	return child;
}

/*
 * Give the children to init. A group is orphaned only once p is the parent of no member, so this
 * takes two loops; the second one looks at each group once. An orphan that ends in between removes
 * itself from the list. A process may have thousands of children: take interrupts between them.
 */
static void orphan_children(struct process *p)
{
	u64 round = job_hangup_round();
	struct list_head orphans;

	list_init(&orphans);
	while (orphan_child(p, &orphans))
		irq_window();
	while (adopt_orphan(p, &orphans, round))
		irq_window();
}

/* Return the si_code (CLD_*) for a wait status. */
static int exit_code(int wait_status)
{
	return wait_status & 0x7f ? CLD_KILLED : CLD_EXITED;
}

static int exit_value(int wait_status)
{
	int signo = wait_status & 0x7f;

	return signo ? signo : (wait_status >> 8) & 0xff;
}

/* Make the process a zombie, or free it immediately if its parent will not wait. */
static void become_zombie(struct process *p)
{
	struct process *parent;
	bool gone;

	spin_lock(&all_processes_lock);
	parent = p->parent;
	process_get(parent);
	gone = parent->is_init || (p->exit_signal == SIGCHLD && signal_child_ignored(parent));
	if (gone) {
		hide(p);
		p->parent = &init_process; /* the parent may be freed from now on */
	}
	WRITE_ONCE(p->zombie, true);
	/* Send the signal before the unlock: it has to be pending when wait() finds the child. */
	if (!parent->is_init && p->exit_signal)
		signal_child(parent, p, p->exit_signal, exit_code(p->wait_status),
			     exit_value(p->wait_status));
	if (parent->pgid != p->pgid && parent->sid == p->sid)
		job_hangup(p->pgid, p->sid, job_hangup_round());
	spin_unlock(&all_processes_lock);
	if (!parent->is_init)
		waitq_wake_all(&parent->child_wait);
	process_put(parent);
	if (gone)
		process_put(p);
}

/*
 * Detach p's account from p and close it. Memory that is still charged to the account may be in use
 * by other processes.
 */
static void close_account(struct process *p)
{
	struct account *account = p->account;

	spin_lock(&p->lock);
	p->account = NULL;
	spin_unlock(&p->lock);
	account_close(account);
}

/* Called by the last thread: free everything that a program can hold. */
static void process_teardown(struct process *p)
{
	struct fd_table *fds = p->fds;
	struct inode *cwd = p->cwd;
	struct mm *mm = p->mm;

	oom_memory_freeing();
	itimer_free_process(p);
	fd_table_put(fds); /* before cwd and mm, which a file's release() may still use */
	spin_lock(&p->lock);
	p->fds = NULL;
	p->cwd = NULL;
	p->mm = NULL;
	spin_unlock(&p->lock);
	if (cwd)
		inode_put(cwd);
	mm_activate(NULL);
	process_vfork_done(p);
	mm_put(mm);
	close_account(p);
	oom_memory_freed(p);
	orphan_children(p);
	if (p->first)
		p->first->exited(p->wait_status);
	become_zombie(p);
}

void thread_end(int code)
{
	struct process *p = current_process;
	bool last, stopped;

	sched_hook_drop();
	futex_thread_exit(current);
	/*
	 * Leave the page table before nr_threads drops: after that, the last thread may free the
	 * table. Any other thread must not sleep from here until current->process is NULL: when
	 * scheduled in again, it would make the table active again.
	 */
	mm_activate(NULL);
	current->account = NULL; /* the last thread closes it */
	spin_lock(&p->lock);
	nproc_add(0, -1);
	list_del(&current->process_link); /* from now on, no signal is sent to this thread */
	last = p->nr_threads == 1;
	if (last && !p->exiting) {
		WRITE_ONCE(p->exiting, true);
		p->wait_status = (code & 0xff) << 8;
	}
	p->run_time += current->run_time + (hv_time() - current->run_start);
	__atomic_store_n(&p->nr_threads, p->nr_threads - 1, __ATOMIC_RELEASE);
	stopped = job_stop_completes(p); /* this thread may be the last that had not stopped */
	spin_unlock(&p->lock);
	if (stopped)
		job_tell_stopped(p);
	signal_free_thread(current);
	seccomp_free_thread(current);
	if (last)
		process_teardown(p);
	else
		waitq_wake_all(&p->thread_wait);
	/* Take the lock, because proc_process() may find this thread and reference its process. */
	spin_lock(&all_threads_lock);
	current->process = NULL;
	spin_unlock(&all_threads_lock);
	process_put(p);
	thread_exit();
}

long sys_exit(struct trap_frame *frame)
{
	thread_end((int)frame->a0);
}

long sys_exit_group(struct trap_frame *frame)
{
	process_end(current_process, ((int)frame->a0 & 0xff) << 8);
	thread_end((int)frame->a0);
}

/* ---- wait ---- */

struct wait_request {
	int type; /* P_ALL, P_PID, P_PGID */
	int id;
	unsigned int options;  /* WEXITED, WSTOPPED, WCONTINUED, WNOHANG, WNOWAIT */
	struct process *found; /* referenced; unlinked if it is a zombie to be reaped */
	int code, value;       /* CLD_*; exit status or signal */
	bool none;             /* no child matches */
};

static bool wait_matches(const struct wait_request *req, const struct process *child)
{
	if (req->type == P_PID)
		return child->pid == req->id;
	if (req->type == P_PGID)
		return child->pgid == req->id;
	return true;
}

/* all_processes_lock is held. */
static bool take_zombie(struct wait_request *req, struct process *child)
{
	if (!child->zombie)
		return false;
	req->code = exit_code(child->wait_status);
	req->value = exit_value(child->wait_status);
	if (req->options & WNOWAIT) {
		process_get(child);
	} else { /* the parent's reference becomes the request's */
		hide(child);
		child->parent = &init_process; /* the parent may be freed before the child */
		WRITE_ONCE(current_process->child_time,
			   current_process->child_time + child->run_time + child->child_time);
	}
	return true;
}

/*
 * all_processes_lock is held. If the child has a stop or continuation that req asks for and that
 * has not been reported yet, store it in req, reference the child and return true.
 */
static bool take_job(struct wait_request *req, struct process *child)
{
	bool keep = req->options & WNOWAIT;

	req->code = 0;
	spin_lock(&child->lock);
	if ((req->options & WSTOPPED) && child->stop_report) {
		req->code = CLD_STOPPED;
		req->value = child->stop_report;
		child->stop_report = keep ? child->stop_report : 0;
	} else if ((req->options & WCONTINUED) && child->cont_report) {
		req->code = CLD_CONTINUED;
		req->value = SIGCONT;
		child->cont_report = keep;
	}
	spin_unlock(&child->lock);
	if (req->code)
		process_get(child);
	return req->code;
}

/* True if the wait is over: there is something to report, or no child matches. */
static bool wait_scan(struct wait_request *req)
{
	struct process *child;

	if (req->found)
		return true;
	req->none = true;
	spin_lock(&all_processes_lock);
	list_for_each_entry(child, &current_process->children, sibling) {
		if (!wait_matches(req, child))
			continue;
		if (child->zombie && !(req->options & WEXITED))
			continue; /* its state can no longer change */
		req->none = false;
		if (!take_zombie(req, child) && !take_job(req, child))
			continue;
		req->found = child;
		break;
	}
	spin_unlock(&all_processes_lock);
	return req->found || req->none;
}

/*
 * Wait until there is something to report for req. Returns 1 if req->found is set, 0 if WNOHANG is
 * set and there is nothing to report yet, -ECHILD if no child matches, or -EINTR.
 */
static int wait_for_child(struct wait_request *req)
{
	int err;

	if (!wait_scan(req)) {
		if (req->options & WNOHANG)
			return 0;
		err = wait_event_interruptible(&current_process->child_wait, wait_scan(req));
		if (err < 0 && !req->found)
			return err;
	}
	return req->found ? 1 : -ECHILD;
}

static int write_rusage(unsigned long addr, const struct process *child)
{
	struct rusage ru;

	if (!addr)
		return 0;
	rusage_fill(&ru, child->run_time + child->child_time);
	return copy_to_user(addr, &ru, sizeof(ru));
}

/* Return the status that wait4() writes. */
static int wait_status_of(const struct wait_request *req)
{
	switch (req->code) {
	case CLD_STOPPED:
		return req->value << 8 | 0x7f;
	case CLD_CONTINUED:
		return 0xffff;
	default:
		return req->found->wait_status;
	}
}

long sys_wait4(struct trap_frame *frame)
{
	unsigned int options = (unsigned int)frame->a2;
	struct wait_request req = { .options = options | WEXITED };
	int pid = (int)frame->a0;
	int status;
	long ret;

	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (pid == INT_MIN)
		return -ESRCH;
	req.type = pid == -1 ? P_ALL : pid > 0 ? P_PID : P_PGID;
	req.id = pid > 0 ? pid : pid == 0 ? READ_ONCE(current_process->pgid) : -pid;
	ret = wait_for_child(&req);
	if (ret <= 0)
		return ret;
	ret = req.found->pid;
	status = wait_status_of(&req);
	if (frame->a1 && put_user(status, frame->a1) < 0)
		ret = -EFAULT;
	if (write_rusage(frame->a3, req.found) < 0)
		ret = -EFAULT;
	process_put(req.found);
	return ret;
}

static void fill_siginfo(siginfo_t *info, const struct wait_request *req)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = SIGCHLD;
	info->si_code = req->code;
	info->si_pid = req->found->pid;
	info->si_status = req->value;
}

long sys_waitid(struct trap_frame *frame)
{
	unsigned int options = (unsigned int)frame->a3;
	struct wait_request req = { .type = (int)frame->a0, .id = (int)frame->a1 };
	siginfo_t info = { 0 };
	long ret;

	if (options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD |
			__WCLONE | __WALL))
		return -EINVAL;
	if (!(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	if (req.type != P_ALL && req.type != P_PID && req.type != P_PGID)
		return -EINVAL;
	if (req.type == P_PGID && req.id == 0)
		req.id = READ_ONCE(current_process->pgid);
	req.options = options;
	ret = wait_for_child(&req);
	if (ret < 0)
		return ret;
	if (ret > 0)
		fill_siginfo(&info, &req);
	ret = 0;
	if (frame->a2 && copy_to_user(frame->a2, &info, sizeof(info)) < 0)
		ret = -EFAULT;
	if (req.found && write_rusage(frame->a4, req.found) < 0)
		ret = -EFAULT;
	if (req.found)
		process_put(req.found);
	return ret;
}
