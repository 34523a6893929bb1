// SPDX-License-Identifier: MIT
/*
 * syscall.c - system-call dispatch.
 *
 * The table comes from syscall.def. If a call that may be restarted ends with -EINTR, its enum
 * syscall_restart is stored in current->sig.restart. signal.c then decides whether to restart the
 * call, because only signal.c knows whether a handler runs.
 */
#include <linux/errno.h>
#include <linux/unistd.h>
#include "hv/bits.h"
#include "hv/host.h"
#include "hv/trace.h"
#include "lib/printk.h"
#include "mm/page.h"
#include "oom.h"
#include "process.h"
#include "sched/smp.h"
#include "seccomp.h"
#include "signal.h"
#include "syscall.h"

typedef long syscall_fn(struct trap_frame *frame);

struct syscall {
	syscall_fn *fn;      /* NULL: not implemented, or regs_fn */
	syscall_fn *regs_fn; /* for a call that needs all registers in the frame */
	enum syscall_restart restart;
};

static const struct syscall table[SYSCALL_LIMIT] = {
#define SYSCALL(number, name, again)      [number] = { sys_##name, NULL, again },
#define SYSCALL_REGS(number, name, again) [number] = { NULL, sys_##name, again },
#define SYSCALL_ABSENT(number, name)
#include "syscall.def"
#undef SYSCALL
#undef SYSCALL_ABSENT
};

#define SYSCALL(number, name, again) \
	_Static_assert(number == __NR_##name, #name " has another number");
#define SYSCALL_ABSENT(number, name) SYSCALL(number, name, RESTART_NEVER)
#include "syscall.def"
#undef SYSCALL
#undef SYSCALL_ABSENT

#define NR_NAMED  512
#define LINES_MAX 32 /* a program that tries all numbers must not flood the log */

/* Return true for a call that is not implemented and that C libraries only probe for. */
static bool is_probed(unsigned long number)
{
	switch (number) {
#define SYSCALL(nr, name, again)
#define SYSCALL_ABSENT(nr, name) case nr:
#include "syscall.def"
#undef SYSCALL
#undef SYSCALL_ABSENT
		return true;
	default:
		return false;
	}
}

/*
 * A call that is not implemented: it returns ENOSYS. Log the call the first time, to show which
 * calls a program lacks, unless C libraries only probe for it.
 */
static void syscall_missing(struct trap_frame *frame, unsigned long number)
{
	static unsigned long named[NR_NAMED / BITS_PER_LONG];
	static u32 lines;
	unsigned long bit;

	trace_sys_enter(number, frame->a0, frame->a1, frame->a2, frame->a3);
	frame->a0 = (unsigned long)-ENOSYS;
	if (number >= NR_NAMED || is_probed(number))
		return;
	bit = BIT(number % BITS_PER_LONG);
	if (!(__atomic_fetch_or(&named[number / BITS_PER_LONG], bit, __ATOMIC_RELAXED) & bit) &&
	    __atomic_fetch_add(&lines, 1, __ATOMIC_RELAXED) < LINES_MAX)
		printk("host: %s calls system call %lu, which is not there\n", current->name,
		       number);
}

static syscall_fn *function_of(unsigned long number)
{
	return table[number].fn ? table[number].fn : table[number].regs_fn;
}

/* Kept out of line so that calls that are not traced need no additional registers. */
static __attribute__((noinline)) void observe_syscall(unsigned long number, long ret)
{
	trace_sys_exit(number, ret);
	if (trace_sample_enabled())
		hv_sample(SAMPLE_HS, (unsigned long)function_of(number));
}

/*
 * Repeat a call that failed because it could not get a page: the call may succeed once another
 * process has freed its memory. So a call that fails with ENOMEM must not leave behind an effect
 * that would change the result of the repetition: the call allocates its memory before it causes
 * such an effect, or undoes the effect.
 */
static __attribute__((noinline)) long try_with_memory(struct trap_frame *frame,
						      unsigned long number, long ret)
{
	while (ret == -ENOMEM && page_was_missed() && oom_wait("a system call")) {
		page_miss_forget();
		frame->a0 = frame->orig_a0;
		ret = function_of(number)(frame);
	}
	return ret;
}

/*
 * Finish a call with a negative result. A call that lacked memory is repeated first. A call that
 * returned -EINTR and may be restarted is restarted immediately if no signal is pending for this
 * thread (because another thread took the signal). Otherwise, signal.c decides.
 */
static __attribute__((noinline)) void syscall_failed(struct trap_frame *frame, unsigned long number,
						     long ret)
{
	enum syscall_restart restart = table[number].restart;
	bool failed = number != __NR_rt_sigreturn; /* its result is the interrupted code's a0 */

	if (failed && ret == -ENOMEM)
		ret = try_with_memory(frame, number, ret);
	if (failed && (ret == -ERESTARTSYS || ret == -ERESTARTNOINTR)) {
		restart = ret == -ERESTARTSYS ? RESTART_SYS : RESTART_ALWAYS;
		ret = -EINTR;
	}
	if (trace_group_sys_exit())
		observe_syscall(number, ret);
	frame->a0 = (unsigned long)ret;
	if (ret != -EINTR || restart == RESTART_NEVER)
		return;
	current->sig.restart = restart;
	if (!thread_signal_pending(current))
		signal_restart_syscall(frame);
}

static inline void run(struct trap_frame *frame, unsigned long number, syscall_fn *fn)
{
	long ret;

	frame->orig_a0 = frame->a0;
	trace_sys_enter(number, frame->a0, frame->a1, frame->a2, frame->a3);
	ret = fn(frame);
	if (ret < 0) {
		syscall_failed(frame, number, ret);
		return;
	}
	frame->a0 = (unsigned long)ret;
	if (trace_group_sys_exit())
		observe_syscall(number, ret);
}

/* What trap.S has to let syscall_finish() do once all registers are in the frame. */
enum syscall_left {
	LEFT_NOTHING, /* return to user mode. ORDER: trap.S */
	LEFT_CALL,    /* the call itself: it needs the registers, or is not implemented */
	LEFT_WORK,    /* work before the return to user mode, which needs them for a signal frame */
};

/*
 * Called for a number that is too large and, if the thread has a seccomp filter, for any number.
 * Returns what is left to be done if the call must not be run now.
 */
static __attribute__((noinline)) enum syscall_left check(struct trap_frame *frame,
							 unsigned long number)
{
	frame->orig_a0 = frame->a0;
	if (current->seccomp && !seccomp_allows(frame))
		return LEFT_WORK;
	return number < SYSCALL_LIMIT ? LEFT_NOTHING : LEFT_CALL;
}

unsigned int syscall_dispatch(struct trap_frame *frame)
{
	unsigned long number = frame->a7;
	enum syscall_left left;

	if (__builtin_expect(number >= READ_ONCE(current->syscall_limit), 0)) {
		left = check(frame, number);
		if (left != LEFT_NOTHING)
			return left;
	}
	if (!table[number].fn)
		return LEFT_CALL;
	run(frame, number, table[number].fn);
	return need_resched() || thread_return_pending(current) ? LEFT_WORK : LEFT_NOTHING;
}

void syscall_finish(struct trap_frame *frame, unsigned int left)
{
	unsigned long number = frame->a7;

	if (left == LEFT_CALL && number < SYSCALL_LIMIT && table[number].regs_fn)
		run(frame, number, table[number].regs_fn);
	else if (left == LEFT_CALL)
		syscall_missing(frame, number);
	trap_user_exit(frame);
}
