// SPDX-License-Identifier: MIT
/*
 * process.c - processes: the first one, clone(), and looking them up.
 *
 * A process is referenced by its threads, by its parent until the parent has waited for it, and by
 * code that uses it. p->lock protects the list and number of its threads; all_processes_lock
 * protects parents, children and zombies. Order: all_processes_lock > p->lock > p->sig_lock.
 */
#include "process.h"
#include <linux/errno.h>
#include <linux/sched.h>
#include <asm/signal.h>
#include <string.h>
#include "hv/bits.h"
#include "hv/trace.h"
#include "exec.h"
#include "exec_spec.h"
#include "file/file.h"
#include "fs/inode.h"
#include "mm/account.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "process_impl.h"
#include "seccomp.h"
#include "rlimit.h"
#include "sched/smp.h"
#include "syscall.h"
#include "mm/uaccess.h"
#include "mm/vma.h"

struct spinlock all_processes_lock;
struct list_head all_processes = LIST_HEAD_INIT(all_processes);

/*
 * The adopter of orphans, which are freed as soon as they end: init is not a program and never
 * waits.
 */
struct process init_process = {
	.refs = 1,
	.pid = 1,
	.pgid = 1,
	.sid = 1,
	.is_init = true,
	.path = "init",
	.threads = LIST_HEAD_INIT(init_process.threads),
	.children = LIST_HEAD_INIT(init_process.children),
	.sibling = LIST_HEAD_INIT(init_process.sibling),
	.all_link = LIST_HEAD_INIT(init_process.all_link),
	.group_link = LIST_HEAD_INIT(init_process.group_link),
	.sigqueue = LIST_HEAD_INIT(init_process.sigqueue),
	.forks = LIST_HEAD_INIT(init_process.forks),
};

void process_get(struct process *p)
{
	__atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
}

void process_put(struct process *p)
{
	if (__atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	struct account *account = p->account;

	signal_free_process(p);
	kfree(p);
	if (account) /* not closed yet: the process never ran */
		account_close(account);
	nproc_add(-1, 0);
}

struct process *process_find(int pid)
{
	struct process *p, *found = NULL;

	spin_lock(&all_processes_lock);
	list_for_each_entry(p, &all_processes, all_link)
		if (p->pid == pid) {
			process_get(p);
			found = p;
			break;
		}
	spin_unlock(&all_processes_lock);
	return found;
}

struct thread *thread_of_process(struct process *p, int tid)
{
	struct thread *t;

	list_for_each_entry(t, &p->threads, process_link)
		if (t->tid == tid)
			return t;
	return NULL;
}

struct inode *process_cwd(struct process *p)
{
	struct inode *dir;

	/*
	 * Take the reference under the lock: another thread's chdir() may free the old directory.
	 */
	spin_lock(&p->lock);
	dir = p->cwd;
	if (dir)
		inode_get(dir);
	spin_unlock(&p->lock);
	return dir;
}

/* Create a process that has no threads, memory or files and is not visible yet. */
static struct process *process_alloc(struct process *parent)
{
	struct process *p = kmalloc(sizeof(*p));

	if (!p)
		return NULL;
	p->refs = 1;                   /* held by the parent until it has waited */
	p->account = current->account; /* already the new process's own account: see sys_clone() */
	account_get(p->account);
	list_init(&p->threads);
	list_init(&p->children);
	list_init(&p->sibling);
	list_init(&p->all_link);
	list_init(&p->group_link);
	list_init(&p->sigqueue);
	list_init(&p->forks);
	waitq_init(&p->child_wait);
	waitq_init(&p->vfork_wait);
	waitq_init(&p->thread_wait);
	waitq_init(&p->stop_wait);
	p->umask = 022;
	p->exit_signal = SIGCHLD;
	rlimits_init(p);
	if (parent) {
		p->cwd = process_cwd(parent);
		p->umask = READ_ONCE(parent->umask);
		memcpy(p->path, parent->path, sizeof(p->path));
		rlimits_copy(p, parent);
	}
	signal_init_process(p, parent);
	nproc_add(1, 0);
	return p;
}

/* Free a process that never ran. */
static void process_discard(struct process *p)
{
	if (p->mm)
		mm_put(p->mm);
	if (p->fds)
		fd_table_put(p->fds);
	if (p->cwd)
		inode_put(p->cwd);
	process_put(p);
}

/*
 * Add t to p's threads. Returns -EAGAIN if p is ending or executing another program, so that no
 * thread may be added.
 */
static int process_add_thread(struct process *p, struct thread *t)
{
	int err = 0;

	spin_lock(&p->lock);
	if (p->exiting || p->stop_all) {
		err = -EAGAIN;
	} else {
		process_get(p);
		t->process = p;
		t->account = p->account;
		seccomp_inherit(t);
		list_add_tail(&t->process_link, &p->threads);
		WRITE_ONCE(p->nr_threads, p->nr_threads + 1);
		nproc_add(0, 1);
	}
	spin_unlock(&p->lock);
	return err;
}

/*
 * Make p visible: add it to its parent's children and to all_processes, with its first thread t. As
 * on Linux, p gets the signals that signal_send_many() has sent to its parent since fork_begin().
 */
static void process_publish(struct process *p, struct process *parent, struct thread *t,
			    struct fork_signals *signals)
{
	p->pid = t->tid;
	spin_lock(&all_processes_lock);
	list_del(&signals->link);
	p->pending = signals->set;
	job_join(p, parent->is_init ? p->pid : parent->pgid);
	p->sid = parent->is_init ? p->pid : parent->sid;
	p->parent = parent;
	(void)process_add_thread(p, t); /* fails only for a process that is visible */
	list_add_tail(&p->sibling, &parent->children);
	list_add_tail(&p->all_link, &all_processes);
	spin_unlock(&all_processes_lock);
	trace_sched_process_fork((u64)parent->pid, (u64)p->pid);
}

/* Collect signals for the new process until process_publish() or fork_cancel(). */
static void fork_begin(struct process *parent, struct fork_signals *signals)
{
	signals->set = 0;
	spin_lock(&all_processes_lock);
	list_add(&signals->link, &parent->forks);
	spin_unlock(&all_processes_lock);
}

static void fork_cancel(struct fork_signals *signals)
{
	spin_lock(&all_processes_lock);
	list_del(&signals->link);
	spin_unlock(&all_processes_lock);
}

/* ---- the first program ---- */

struct first_start {
	const struct exec_spec *spec;
	struct waitq wq;
	bool done;
	int err;
};

static int first_args(const struct exec_spec *spec, struct exec_args *args)
{
	int err = 0;

	args->argc = (unsigned int)spec->argc;
	args->envc = (unsigned int)spec->envc;
	for (int i = 0; i < spec->argc && err == 0; i++)
		err = exec_args_add(args, spec->argv[i]);
	for (int i = 0; i < spec->envc && err == 0; i++)
		err = exec_args_add(args, spec->envp[i]);
	return err;
}

static int first_set_cwd(struct process *p, const char *path)
{
	struct walk w = { 0 };
	int err;

	if (!path)
		return 0;
	mutex_lock(&tree_lock);
	err = path_walk(root_inode, path, WALK_DIRECTORY, &w);
	mutex_unlock(&tree_lock);
	if (err == 0)
		p->cwd = w.inode;
	return err;
}

/* Body of the first program's thread, which runs in the kernel until the program is in place. */
static void first_thread(void *arg)
{
	struct first_start *start = arg;
	struct exec_args args = { 0 };
	int err = first_set_cwd(current_process, start->spec->cwd);

	if (err == 0)
		err = current_process->first->open_std(current_process->fds, start->spec);
	if (err == 0)
		err = first_args(start->spec, &args);
	if (err == 0)
		err = exec_program(start->spec->argv[0], &args, thread_frame(current));
	exec_args_free(&args);
	start->err = err;
	__atomic_store_n(&start->done, true, __ATOMIC_RELEASE);
	waitq_wake_all(&start->wq);
	if (err == 0)
		trap_return_to_user();
	current->process = NULL; /* main.c reports the error and ends the machine */
}

int process_start_first(const struct exec_spec *spec, const struct first_program_ops *ops)
{
	/* Static: this function may have returned while the waker still uses the wait queue. */
	static struct first_start start;
	struct account *account = account_create();
	struct fork_signals signals;
	struct process *p;
	struct thread *t;

	if (!account)
		return -ENOMEM;
	process_tids_in_use = job_tids_in_use;
	account_use(account);
	p = process_alloc(NULL);
	t = thread_create("first", first_thread, &start);
	account_use(NULL);
	account_put(account);
	if (!p || !t)
		return -ENOMEM;
	start.spec = spec;
	waitq_init(&start.wq);
	p->first = ops;
	p->fds = fd_table_create();
	if (!p->fds)
		return -ENOMEM;
	fork_begin(&init_process, &signals);
	process_publish(p, &init_process, t, &signals);
	thread_start(t);
	wait_event(&start.wq, __atomic_load_n(&start.done, __ATOMIC_ACQUIRE));
	return start.err;
}

/* ---- clone ---- */

#define CLONE_KNOWN                                                                  \
	(CSIGNAL | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_VFORK | \
	 CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |         \
	 CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | CLONE_DETACHED | CLONE_IO | CLONE_UNTRACED)

struct clone_request {
	unsigned long flags, stack, parent_tid, tls, child_tid;
};

static int clone_check(const struct clone_request *args)
{
	unsigned long flags = args->flags;

	if (flags & ~(unsigned long)CLONE_KNOWN)
		return -EINVAL;
	if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM))
		return -EINVAL;
	return 0;
}

/* The child continues after the same ecall, with 0 in a0. */
static void clone_thread_state(struct thread *t, const struct trap_frame *frame,
			       const struct clone_request *args)
{
	struct trap_frame *child = thread_frame(t);

	fpu_save(current);
	t->fp = current->fp;
	*child = *frame;
	child->a0 = 0;
	if (args->stack)
		child->sp = args->stack;
	if (args->flags & CLONE_SETTLS)
		child->tp = args->tls;
	thread_read_affinity(current, &t->affinity); /* another thread may be changing it */
	t->sig.blocked = current->sig.blocked;
	if (!(args->flags & CLONE_VM) || (args->flags & CLONE_VFORK)) {
		t->sig.altstack_sp = current->sig.altstack_sp;
		t->sig.altstack_size = current->sig.altstack_size;
		t->sig.altstack_flags = current->sig.altstack_flags;
	}
	if (!(args->flags & CLONE_VM))
		t->rseq = current->rseq;
	if (args->flags & CLONE_CHILD_CLEARTID)
		t->clear_child_tid = (u32 *)args->child_tid;
}

/* Create a copy of the current process, which either gets a copy of its memory or shares it. */
static struct process *clone_process(const struct clone_request *args)
{
	struct process *self = current_process;
	struct process *p = process_alloc(self);

	if (!p)
		return NULL;
	p->exit_signal = (int)(args->flags & CSIGNAL);
	if (args->flags & CLONE_VM) {
		mm_get(self->mm);
		p->mm = self->mm;
	} else {
		p->mm = mm_copy(self->mm);
	}
	if (args->flags & CLONE_FILES) {
		fd_table_get(self->fds);
		p->fds = self->fds;
	} else {
		p->fds = fd_table_copy(self->fds);
	}
	if (p->mm && p->fds)
		return p;
	process_discard(p);
	return NULL;
}

static void clone_write_tids(const struct clone_request *args, struct mm *child_mm, int tid)
{
	if (args->flags & CLONE_PARENT_SETTID)
		put_user(tid, args->parent_tid);
	if (args->flags & CLONE_CHILD_SETTID)
		mm_write(child_mm, args->child_tid, &tid, sizeof(tid));
}

static long clone_new_thread(struct thread *t, const struct clone_request *args)
{
	int tid = t->tid;
	int err;

	clone_write_tids(args, current_process->mm, tid);
	err = process_add_thread(current_process, t);
	if (err < 0) {
		thread_free(t);
		return err;
	}
	thread_start(t);
	return tid;
}

static long clone_new_process(struct thread *t, const struct clone_request *args)
{
	struct fork_signals signals;
	struct process *p = NULL;
	int tid = t->tid;
	bool interrupted;

	fork_begin(current_process, &signals);
	/*
	 * The child does not inherit pending signals, so the parent handles them before the fork.
	 */
	interrupted = thread_signal_pending(current);
	if (!interrupted)
		p = clone_process(args);
	if (!p) {
		fork_cancel(&signals);
		thread_free(t);
		return interrupted ? -ERESTARTNOINTR : -ENOMEM;
	}
	clone_write_tids(args, p->mm, tid);
	process_get(p); /* keeps p during the wait below */
	process_publish(p, current_process, t, &signals);
	thread_start(t);
	/* Wait for the child's exec or exit. Only a kill ends the wait early. */
	if (args->flags & CLONE_VFORK)
		wait_event_killable(&p->vfork_wait,
				    __atomic_load_n(&p->vfork_done, __ATOMIC_ACQUIRE));
	process_put(p);
	return tid;
}

/*
 * Memory that this function allocates is charged to the new process or, for a new thread, to the
 * current process.
 */
static long clone_as(const struct clone_request *args, const struct trap_frame *frame)
{
	struct thread *t = thread_create(current->name, NULL, NULL);

	if (!t)
		return -ENOMEM;
	clone_thread_state(t, frame, args);
	if (args->flags & CLONE_THREAD)
		return clone_new_thread(t, args);
	return clone_new_process(t, args);
}

long sys_clone(struct trap_frame *frame)
{
	struct account *account, *before;
	struct clone_request args = {
		.flags = frame->a0 & 0xffffffff,
		.stack = frame->a1,
		.parent_tid = frame->a2,
		.tls = frame->a3,
		.child_tid = frame->a4,
	};
	long ret = clone_check(&args);

	if (ret == 0)
		ret = nproc_check(!(args.flags & CLONE_THREAD));
	if (ret < 0)
		return ret;
	if (args.flags & CLONE_THREAD)
		return clone_as(&args, frame);
	account = account_create();
	if (!account)
		return -ENOMEM;
	before = account_use(account);
	ret = clone_as(&args, frame);
	account_use(before);
	if (ret < 0)
		account_close(account); /* a page of small objects may be charged to it */
	else
		account_put(account);
	return ret;
}

/* ---- vfork ---- */

void process_vfork_done(struct process *p)
{
	if (READ_ONCE(p->vfork_done))
		return;
	__atomic_store_n(&p->vfork_done, true, __ATOMIC_RELEASE); /* after the child's stores */
	waitq_wake_all(&p->vfork_wait);
}
