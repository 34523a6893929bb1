// SPDX-License-Identifier: MIT
/*
 * sys_signal.c - system calls for signals, on top of signal.c and signal_send.c.
 */
#include <linux/errno.h>
#include <string.h>
#include "hv/bits.h"
#include "signal_impl.h"
#include "syscall.h"
#include "mm/uaccess.h"
#include "user_time.h"

static bool signo_ok(int signo)
{
	return signo >= 1 && signo <= NR_SIGNALS;
}

long sys_rt_sigaction(struct trap_frame *frame)
{
	struct process *p = current_process;
	int signo = (int)frame->a0;
	struct sig_action next, old;

	if (frame->a3 != sizeof(u64))
		return -EINVAL;
	if (!signo_ok(signo) || (frame->a1 && (SIG_UNBLOCKABLE & SIG_BIT(signo))))
		return -EINVAL;
	if (frame->a1 && copy_from_user(&next, frame->a1, sizeof(next)) < 0)
		return -EFAULT;
	spin_lock(&p->sig_lock);
	old = p->actions[signo - 1];
	if (frame->a1) {
		next.mask &= ~SIG_UNBLOCKABLE;
		p->actions[signo - 1] = next;
	}
	spin_unlock(&p->sig_lock);
	if (frame->a2 && copy_to_user(frame->a2, &old, sizeof(old)) < 0)
		return -EFAULT;
	return 0;
}

long sys_rt_sigprocmask(struct trap_frame *frame)
{
	u64 old = current->sig.blocked, set;

	if (frame->a3 != sizeof(set))
		return -EINVAL;
	if (frame->a1) {
		if (get_user(set, frame->a1) < 0)
			return -EFAULT;
		switch ((int)frame->a0) {
		case SIG_BLOCK:
			signal_set_blocked(old | set);
			break;
		case SIG_UNBLOCK:
			signal_set_blocked(old & ~set);
			break;
		case SIG_SETMASK:
			signal_set_blocked(set);
			break;
		default:
			return -EINVAL;
		}
	}
	return frame->a2 ? put_user(old, frame->a2) : 0;
}

long sys_rt_sigpending(struct trap_frame *frame)
{
	u64 set = (READ_ONCE(current->sig.pending) | READ_ONCE(current_process->pending)) &
		  current->sig.blocked;

	if (frame->a1 > sizeof(set))
		return -EINVAL;
	return copy_to_user(frame->a0, &set, frame->a1);
}

long sys_rt_sigsuspend(struct trap_frame *frame)
{
	struct waitq never;
	int err;

	if (!frame->a0)
		return -EFAULT;
	err = signal_mask_set_user(frame->a0, frame->a1);
	if (err < 0)
		return err;
	waitq_init(&never);
	return wait_event_interruptible(&never, false);
}

/*
 * While the thread waits, the signals in the set are unblocked, so that a sender wakes the thread.
 * The mask is restored before the return to user mode, so no handler runs for a signal that was
 * blocked before the call.
 */
long sys_rt_sigtimedwait(struct trap_frame *frame)
{
	u64 set, blocked = current->sig.blocked, deadline = WAIT_FOREVER, ns;
	struct waitq never;
	siginfo_t info;
	int signo, err;

	if (frame->a3 != sizeof(set))
		return -EINVAL;
	if (get_user(set, frame->a0) < 0)
		return -EFAULT;
	if (frame->a2) {
		err = user_timespec_get(frame->a2, &ns);
		if (err < 0)
			return err;
		deadline = deadline_after(ns);
	}
	set &= ~SIG_UNBLOCKABLE;
	signo = signal_dequeue(set, &info);
	if (!signo && (deadline == WAIT_FOREVER || ns)) {
		waitq_init(&never);
		signal_wait_for(set);
		err = wait_event_deadline(&never, false, deadline);
		signo = signal_dequeue(set, &info);
		/*
		 * Other signals in the set may have arrived, too: signal_set_blocked() lets other
		 * threads take them.
		 */
		signal_set_blocked(blocked);
		if (!signo)
			return err == -EINTR ? -EINTR : -EAGAIN;
	}
	if (!signo)
		return -EAGAIN;
	if (frame->a1 && copy_to_user(frame->a1, &info, sizeof(info)) < 0)
		return -EFAULT;
	return signo;
}

/* ---- sending ---- */

/* As kill() with pid <= 0. 0: the caller's group; -1: all processes but the caller's; else -pid. */
static long send_to_many(int pid, int signo)
{
	bool found;
	int pgid;

	spin_lock(&all_processes_lock);
	pgid = pid == 0 ? current_process->pgid : pid == -1 ? 0 : (int)-(unsigned int)pid;
	found = signal_send_many(pgid, signo, SI_USER);
	spin_unlock(&all_processes_lock);
	return found ? 0 : -ESRCH;
}

/* Return the process that contains thread tid, with a reference taken, or NULL if there is none. */
static struct process *process_of_thread(int tid)
{
	struct process *p, *found = NULL;

	spin_lock(&all_processes_lock);
	list_for_each_entry(p, &all_processes, all_link) {
		spin_lock(&p->lock);
		if (thread_of_process(p, tid)) {
			process_get(p);
			found = p;
		}
		spin_unlock(&p->lock);
		if (found == p)
			break;
	}
	spin_unlock(&all_processes_lock);
	return found;
}

/*
 * The receiver of kill(): as on Linux, the number of any thread stands for its process. Returned
 * with a reference taken, or NULL. A process can be found until its parent has waited for it.
 */
static struct process *receiver_of(int id)
{
	struct process *p = process_find(id);

	return p || id <= 0 ? p : process_of_thread(id);
}

long sys_kill(struct trap_frame *frame)
{
	int pid = (int)frame->a0, signo = (int)frame->a1;
	struct process *p;
	siginfo_t info;
	long ret = 0;

	if (signo < 0 || signo > NR_SIGNALS)
		return -EINVAL;
	if (pid <= 0)
		return send_to_many(pid, signo);
	p = receiver_of(pid);
	if (!p)
		return -ESRCH;
	signal_info(&info, signo, SI_USER);
	if (signo)
		ret = signal_send(p, 0, &info);
	process_put(p);
	return ret;
}

/* tgid 0: any process. */
static long send_to_thread(int tgid, int tid, const siginfo_t *info)
{
	struct process *p;
	long ret = 0;

	if (tid <= 0 || info->si_signo < 0 || info->si_signo > NR_SIGNALS)
		return -EINVAL;
	p = process_of_thread(tid);
	if (!p)
		return -ESRCH;
	if (tgid && p->pid != tgid)
		ret = -ESRCH;
	else if (info->si_signo)
		ret = signal_send(p, tid, info);
	process_put(p);
	return ret;
}

long sys_tkill(struct trap_frame *frame)
{
	siginfo_t info;

	signal_info(&info, (int)frame->a1, SI_TKILL);
	return send_to_thread(0, (int)frame->a0, &info);
}

long sys_tgkill(struct trap_frame *frame)
{
	siginfo_t info;

	if ((int)frame->a0 <= 0)
		return -EINVAL;
	signal_info(&info, (int)frame->a2, SI_TKILL);
	return send_to_thread((int)frame->a0, (int)frame->a1, &info);
}

/*
 * Read a siginfo from user memory. A program may not send another process a signal that pretends to
 * be from the kernel, kill() or tkill().
 */
static int get_info(siginfo_t *info, unsigned long addr, int signo, int pid)
{
	if (copy_from_user(info, addr, sizeof(*info)) < 0)
		return -EFAULT;
	info->si_signo = signo;
	if ((info->si_code >= 0 || info->si_code == SI_TKILL) && pid != current_process->pid)
		return -EPERM;
	return 0;
}

long sys_rt_sigqueueinfo(struct trap_frame *frame)
{
	int signo = (int)frame->a1;
	struct process *p;
	siginfo_t info;
	long ret = get_info(&info, frame->a2, signo, (int)frame->a0);

	if (ret < 0)
		return ret;
	if (signo < 0 || signo > NR_SIGNALS)
		return -EINVAL;
	p = receiver_of((int)frame->a0);
	if (!p)
		return -ESRCH;
	if (signo)
		ret = signal_send(p, 0, &info);
	process_put(p);
	return ret;
}

long sys_rt_tgsigqueueinfo(struct trap_frame *frame)
{
	siginfo_t info;
	long ret = get_info(&info, frame->a3, (int)frame->a2, (int)frame->a0);

	if (ret < 0)
		return ret;
	if ((int)frame->a0 <= 0)
		return -EINVAL;
	return send_to_thread((int)frame->a0, (int)frame->a1, &info);
}

/* ---- the alternate stack ---- */

static bool sp_on_altstack(unsigned long sp)
{
	const struct thread_signals *sig = &current->sig;

	return sig->altstack_size && sp > sig->altstack_sp &&
	       sp - sig->altstack_sp <= sig->altstack_size;
}

static int set_altstack(const stack_t *st, unsigned long sp)
{
	int mode = st->ss_flags & ~(int)SS_AUTODISARM;

	if (sp_on_altstack(sp))
		return -EPERM;
	if (mode != 0 && mode != SS_ONSTACK && mode != SS_DISABLE)
		return -EINVAL;
	if (mode == SS_DISABLE) {
		current->sig.altstack_sp = 0;
		current->sig.altstack_size = 0;
		current->sig.altstack_flags = 0;
		return 0;
	}
	if (st->ss_size < MINSIGSTKSZ)
		return -ENOMEM;
	current->sig.altstack_sp = (unsigned long)st->ss_sp;
	current->sig.altstack_size = st->ss_size;
	current->sig.altstack_flags = st->ss_flags & (int)SS_AUTODISARM;
	return 0;
}

long sys_sigaltstack(struct trap_frame *frame)
{
	stack_t next, old = { 0 };
	int err = 0;

	old.ss_sp = (void *)current->sig.altstack_sp;
	old.ss_size = current->sig.altstack_size;
	old.ss_flags = !old.ss_size ? SS_DISABLE : sp_on_altstack(frame->sp) ? SS_ONSTACK : 0;
	old.ss_flags |= current->sig.altstack_flags;
	if (frame->a0) {
		if (copy_from_user(&next, frame->a0, sizeof(next)) < 0)
			return -EFAULT;
		err = set_altstack(&next, frame->sp);
	}
	if (err == 0 && frame->a1 && copy_to_user(frame->a1, &old, sizeof(old)) < 0)
		return -EFAULT;
	return err;
}
