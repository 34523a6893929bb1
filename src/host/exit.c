// SPDX-License-Identifier: MIT
/*
 * exit.c - how threads and processes end, and how parents learn of it.
 *
 * A thread ends itself only, in thread_end(): others mark it (sig.kill) and kick it. The
 * last thread of a process gives back files and memory, then makes the process a
 * zombie; its parent's wait, or nobody's interest, frees the rest.
 * Locks: as in process.c.
 */
#include <linux/errno.h>
#include <linux/resource.h>
#include <linux/wait.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <limits.h>
#include <string.h>
#include "hv/bits.h"
#include "clock.h"
#include "file.h"
#include "inode.h"
#include "mm.h"
#include "process_impl.h"
#include "rusage.h"
#include "smp.h"
#include "syscall.h"
#include "uaccess.h"

void process_end(struct process *p, int wait_status)
{
	struct thread *t;

	spin_lock(&p->lock);
	if (!p->exiting) {
		p->exiting = true;
		p->wait_status = wait_status;
		list_for_each_entry(t, &p->threads, process_link) {
			t->sig.kill = true;
			thread_signal_kick(t);
		}
	}
	spin_unlock(&p->lock);
	waitq_wake_all(&p->thread_wait);
}

/* Children go to init; those that are zombies already are nobody's business any more. */
static void orphan_children(struct process *p)
{
	struct process *child, *n;
	struct list_head dead;

	list_init(&dead);
	spin_lock(&all_processes_lock);
	list_for_each_entry_safe(child, n, &p->children, sibling) {
		list_del(&child->sibling);
		child->parent = &init_process;
		if (child->zombie) {
			list_del(&child->all_link);
			list_add_tail(&child->sibling, &dead);
		} else {
			list_add_tail(&child->sibling, &init_process.children);
		}
	}
	spin_unlock(&all_processes_lock);
	list_for_each_entry_safe(child, n, &dead, sibling) {
		list_del(&child->sibling);
		process_put(child);
	}
}

/* The process is a zombie now, or gone if nobody will ask. */
static void become_zombie(struct process *p)
{
	struct process *parent;
	bool gone;

	spin_lock(&all_processes_lock);
	parent = p->parent;
	process_get(parent);
	gone = parent->is_init || signal_child_ignored(parent);
	if (gone) {
		list_del(&p->sibling);
		list_del(&p->all_link);
	}
	p->zombie = true;
	spin_unlock(&all_processes_lock);
	if (!parent->is_init) {
		if (p->exit_signal)
			signal_child(parent, p, p->exit_signal);
		waitq_wake_all(&parent->child_wait);
	}
	process_put(parent);
	if (gone)
		process_put(p);
}

/* By the last thread: everything that programs can hold is given back. */
static void process_teardown(struct process *p)
{
	struct mm *mm = p->mm;

	itimer_free_process(p);
	fd_table_put(p->fds);
	p->fds = NULL;
	if (p->cwd)
		inode_put(p->cwd);
	p->cwd = NULL;
	spin_lock(&p->lock);
	p->mm = NULL;
	spin_unlock(&p->lock);
	mm_activate(NULL);
	process_vfork_done(p);
	mm_put(mm);
	orphan_children(p);
	if (p->is_first)
		host_first_exited(p->wait_status);
	become_zombie(p);
}

void thread_end(int code)
{
	struct process *p = current_process;
	bool last;

	futex_thread_exit(current);
	/*
	 * Before the count falls: from then on the last thread may free the page table under
	 * this hart's feet. Nothing down to the unlock sleeps, which would bring it back.
	 */
	mm_activate(NULL);
	spin_lock(&p->lock);
	list_del(&current->process_link); /* from here on nobody sends it a signal */
	last = p->nr_threads == 1;
	if (last && !p->exiting) {
		p->exiting = true;
		p->wait_status = (code & 0xff) << 8;
	}
	p->run_time += current->run_time + (hv_time() - current->run_start);
	__atomic_store_n(&p->nr_threads, p->nr_threads - 1, __ATOMIC_RELEASE);
	spin_unlock(&p->lock);
	signal_free_thread(current);
	if (last)
		process_teardown(p);
	else
		waitq_wake_all(&p->thread_wait);
	/* Under the lock: who finds us in the list takes a reference by ours (proc_process()). */
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
	bool reap;             /* not WNOWAIT */
	struct process *found; /* a zombie, referenced; unlinked if reap */
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

/* True when the wait is over: a zombie was found, or there is no such child. */
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
		req->none = false;
		if (!child->zombie)
			continue;
		req->found = child;
		if (req->reap) {
			list_del(&child->sibling);
			list_del(&child->all_link);
			current_process->child_time += child->run_time + child->child_time;
		} else {
			process_get(child);
		}
		break;
	}
	spin_unlock(&all_processes_lock);
	return req->found || req->none;
}

/* 1: req->found is set; 0: WNOHANG and nothing yet; -ECHILD, -EINTR. */
static int wait_for_child(struct wait_request *req, unsigned int options)
{
	int err;

	if (!wait_scan(req)) {
		if (options & WNOHANG)
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

long sys_wait4(struct trap_frame *frame)
{
	struct wait_request req = { .reap = true };
	unsigned int options = (unsigned int)frame->a2;
	int pid = (int)frame->a0;
	int status;
	long ret;

	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (pid == INT_MIN)
		return -ESRCH;
	req.type = pid == -1 ? P_ALL : pid > 0 ? P_PID : P_PGID;
	req.id = pid > 0 ? pid : pid == 0 ? current_process->pgid : -pid;
	ret = wait_for_child(&req, options);
	if (ret <= 0)
		return ret;
	ret = req.found->pid;
	status = req.found->wait_status;
	if (frame->a1 && put_user(status, frame->a1) < 0)
		ret = -EFAULT;
	if (write_rusage(frame->a3, req.found) < 0)
		ret = -EFAULT;
	process_put(req.found);
	return ret;
}

static void fill_siginfo(siginfo_t *info, const struct process *child)
{
	int signo = child->wait_status & 0x7f;

	memset(info, 0, sizeof(*info));
	info->si_signo = SIGCHLD;
	info->si_code = signo ? CLD_KILLED : CLD_EXITED;
	info->si_pid = child->pid;
	info->si_status = signo ? signo : (child->wait_status >> 8) & 0xff;
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
		req.id = current_process->pgid;
	req.reap = !(options & WNOWAIT);
	ret = wait_for_child(&req, options);
	if (ret < 0)
		return ret;
	if (ret > 0)
		fill_siginfo(&info, req.found);
	ret = 0;
	if (frame->a2 && copy_to_user(frame->a2, &info, sizeof(info)) < 0)
		ret = -EFAULT;
	if (req.found && write_rusage(frame->a4, req.found) < 0)
		ret = -EFAULT;
	if (req.found)
		process_put(req.found);
	return ret;
}
