// SPDX-License-Identifier: MIT
/*
 * seccomp.c - filters of system calls: seccomp() and prctl(PR_SET_SECCOMP).
 *
 * Each filter is a classic BPF program (bpf.c) whose result is an action. All filters of a thread's
 * chain are run, and the action with the lowest value as a signed number is taken. For most system
 * calls, the result does not depend on the arguments: each filter has a bitmap of the calls that it
 * and all older filters always allow, and no program is run for these calls.
 *
 * A filter is immutable and counts references, by threads and by the next newer filter. A thread's
 * pointer changes under its process's lock, and always to a descendant of the old filter. The
 * descendant holds a reference to the old filter, so a hart that has just read the old pointer can
 * still use it.
 *
 * Strict mode, notification of user space and tracers are not supported. Source:
 * Documentation/userspace-api/seccomp_filter.rst of Linux 6.12.
 */
#include "seccomp.h"
#include <linux/audit.h>
#include <linux/errno.h>
#include <linux/prctl.h>
#include <string.h>
#include "bpf.h"
#include "hv/bits.h"
#include "hv/host.h"
#include "lib/printk.h"
#include "mm/page.h"
#include "mm/uaccess.h"
#include "process_impl.h"
#include "signal_impl.h"
#include "syscall.h"

/*
 * All filters of a thread together have at most this many instructions (Linux: 32768), because
 * they run with interrupts off. As on Linux, each filter but the newest counts as 4 more.
 */
#define CHAIN_MAX   2048
#define FILTER_COST 4
#define LINES_MAX   32 /* of refusals in the log */

#define FLAGS_KNOWN                                                                             \
	(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW | \
	 SECCOMP_FILTER_FLAG_TSYNC_ESRCH)

struct seccomp_filter {
	u32 refs;
	struct seccomp_filter *older;
	unsigned int len;       /* of the program, in instructions */
	unsigned int chain_len; /* of this filter and all older ones, with FILTER_COST */
	/* The calls that this filter and all older ones allow, whatever the arguments. */
	unsigned long allowed[SYSCALL_LIMIT / BITS_PER_LONG + 1];
	struct sock_filter program[];
};

static struct seccomp_filter *filter_get(struct seccomp_filter *filter)
{
	if (filter)
		__atomic_fetch_add(&filter->refs, 1, __ATOMIC_RELAXED);
	return filter;
}

static void filter_put(struct seccomp_filter *filter)
{
	while (filter && __atomic_sub_fetch(&filter->refs, 1, __ATOMIC_ACQ_REL) == 0) {
		struct seccomp_filter *older = filter->older;

		kfree(filter);
		filter = older;
	}
}

/* ---- the check of a call ---- */

static bool is_lower(u32 result, u32 than)
{
	return (s32)(result & SECCOMP_RET_ACTION_FULL) < (s32)(than & SECCOMP_RET_ACTION_FULL);
}

/* If several filters return this action, the data of the newest one is used. */
static u32 run_chain(const struct seccomp_filter *filter, const struct trap_frame *frame)
{
	struct seccomp_data data = {
		.nr = (int)frame->a7,
		.arch = AUDIT_ARCH_RISCV64,
		.instruction_pointer = frame->epc,
		.args = { frame->a0, frame->a1, frame->a2, frame->a3, frame->a4, frame->a5 },
	};
	u32 lowest = SECCOMP_RET_ALLOW, result;

	for (; filter; filter = filter->older) {
		bpf_run(filter->program, &data, false, &result);
		if (is_lower(result, lowest))
			lowest = result;
	}
	return lowest;
}

static void log_call(const struct trap_frame *frame, const char *what)
{
	static u32 lines;

	if (__atomic_fetch_add(&lines, 1, __ATOMIC_RELAXED) < LINES_MAX)
		printk("host: %s: system call %lu at 0x%lx: %s\n", current->name, frame->a7,
		       frame->epc, what);
}

static void end_program(const struct trap_frame *frame, bool whole_process)
{
	whole_process |= current_process->nr_threads == 1;
	log_call(frame, whole_process ? "a seccomp filter ends the process"
				      : "a seccomp filter ends the thread");
	if (whole_process)
		process_end(current_process, SIGSYS);
	else
		thread_end(SIGSYS);
}

static void trap(struct trap_frame *frame, u32 data)
{
	siginfo_t info;

	signal_info(&info, SIGSYS, SYS_SECCOMP);
	info.si_errno = (int)data;
	info.si_call_addr = (void *)frame->epc;
	info.si_syscall = (int)frame->a7;
	info.si_arch = AUDIT_ARCH_RISCV64;
	signal_force(frame, &info);
}

/* Carry out the action of the filters' result. Returns true if the call is allowed. */
static bool act(struct trap_frame *frame, u32 result)
{
	u32 data = result & SECCOMP_RET_DATA;

	switch (result & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		return true;
	case SECCOMP_RET_LOG:
		log_call(frame, "logged by a seccomp filter");
		return true;
	case SECCOMP_RET_ERRNO:
		frame->a0 = -(unsigned long)MIN(data, 4095U);
		return false;
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_USER_NOTIF:
		frame->a0 = (unsigned long)-ENOSYS; /* no tracer or listener exists */
		return false;
	case SECCOMP_RET_TRAP:
		trap(frame, data);
		return false;
	default:
		end_program(frame, (result & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_KILL_THREAD);
		return false;
	}
}

static bool always_allows(const struct seccomp_filter *filter, unsigned long number)
{
	return number < SYSCALL_LIMIT &&
	       (filter->allowed[number / BITS_PER_LONG] >> number % BITS_PER_LONG & 1);
}

bool seccomp_allows(struct trap_frame *frame)
{
	const struct seccomp_filter *filter = __atomic_load_n(&current->seccomp, __ATOMIC_ACQUIRE);

	return always_allows(filter, frame->a7) || act(frame, run_chain(filter, frame));
}

/* ---- adding a filter ---- */

static bool allows_number(const struct seccomp_filter *filter, int number)
{
	struct seccomp_data data = { .nr = number, .arch = AUDIT_ARCH_RISCV64 };
	u32 result;

	return bpf_run(filter->program, &data, true, &result) &&
	       (result & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW;
}

/* Called again if the filter gets other older ones: what it found before is then void. */
static void find_allowed(struct seccomp_filter *filter)
{
	memset(filter->allowed, 0, sizeof(filter->allowed));
	for (unsigned int i = 0; i < SYSCALL_LIMIT; i++) {
		if ((!filter->older || always_allows(filter->older, i)) &&
		    allows_number(filter, (int)i))
			filter->allowed[i / BITS_PER_LONG] |= BIT(i % BITS_PER_LONG);
		irq_window();
	}
}

/* Returns a filter that is not in any chain, or NULL with *err set. */
static struct seccomp_filter *filter_create(unsigned long user, int *err)
{
	struct seccomp_filter *filter;
	struct sock_fprog fprog;
	size_t size;

	*err = -EFAULT;
	if (copy_from_user(&fprog, user, sizeof(fprog)) < 0)
		return NULL;
	*err = -EINVAL;
	if (!fprog.filter || !fprog.len || fprog.len > BPF_MAXINSNS)
		return NULL;
	*err = -ENOMEM;
	size = fprog.len * sizeof(fprog.filter[0]);
	filter = fprog.len > CHAIN_MAX ? NULL : kmalloc(sizeof(*filter) + size);
	if (!filter)
		return NULL;
	filter->refs = 1;
	filter->len = fprog.len;
	*err = copy_from_user(filter->program, (unsigned long)fprog.filter, size) < 0 ? -EFAULT
	       : !bpf_check(filter->program, fprog.len)                               ? -EINVAL
										      : 0;
	if (*err) {
		kfree(filter);
		return NULL;
	}
	return filter;
}

static bool is_in_chain(const struct seccomp_filter *wanted, const struct seccomp_filter *chain)
{
	while (chain && chain != wanted)
		chain = chain->older;
	return chain == wanted;
}

/* Returns the id of a thread of p whose filters are not among the current thread's, or 0. */
static int find_other_chain(const struct process *p)
{
	const struct thread *t;

	list_for_each_entry(t, &p->threads, process_link) {
		if (!is_in_chain(t->seccomp, current->seccomp))
			return t->tid;
	}
	return 0;
}

/* Consumes the caller's reference. The process's lock is held. */
static void set_filter(struct thread *t, struct seccomp_filter *filter)
{
	struct seccomp_filter *old = t->seccomp;

	__atomic_store_n(&t->seccomp, filter, __ATOMIC_RELEASE);
	WRITE_ONCE(t->syscall_limit, 0UL); /* if seen first: check() then finds no filter */
	filter_put(old);
}

/* Returns 0, or the id of a thread that cannot be given the filter. The process's lock is held. */
static int attach(struct process *p, struct seccomp_filter *filter, bool synchronize)
{
	struct thread *t;
	int other = synchronize ? find_other_chain(p) : 0;

	if (other)
		return other;
	if (synchronize) {
		list_for_each_entry(t, &p->threads, process_link) {
			if (t != current)
				set_filter(t, filter_get(filter));
			t->no_new_privs |= current->no_new_privs;
		}
	}
	set_filter(current, filter_get(filter));
	return 0;
}

/* Put the filter, which is in no chain yet, before the current thread's filters. */
static int link_filter(struct seccomp_filter *filter)
{
	struct seccomp_filter *older = filter_get(current->seccomp);

	filter_put(filter->older);
	filter->older = older;
	filter->chain_len = filter->len + (older ? older->chain_len + FILTER_COST : 0);
	if (filter->chain_len > CHAIN_MAX)
		return -ENOMEM;
	find_allowed(filter);
	return 0;
}

/* If another thread gives this one a filter meanwhile, link the new filter again. */
static int link_and_attach(struct seccomp_filter *filter, bool synchronize, int *other)
{
	struct process *p = current_process;
	bool changed;

	do {
		int err = link_filter(filter);

		if (err)
			return err;
		spin_lock(&p->lock);
		changed = filter->older != current->seccomp;
		*other = changed ? 0 : attach(p, filter, synchronize);
		spin_unlock(&p->lock);
	} while (changed);
	return 0;
}

long seccomp_add_user(unsigned long user, unsigned long flags)
{
	struct seccomp_filter *filter;
	int err, other = 0;

	filter = filter_create(user, &err);
	if (!filter)
		return err;
	err = link_and_attach(filter, flags & SECCOMP_FILTER_FLAG_TSYNC, &other);
	filter_put(filter);
	if (err || !other)
		return err;
	return flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH ? -ESRCH : other;
}

static long action_is_available(unsigned long user)
{
	u32 action;

	if (get_user(action, user) < 0)
		return -EFAULT;
	switch (action) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_ALLOW:
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

long sys_seccomp(struct trap_frame *frame)
{
	unsigned int flags = (unsigned int)frame->a1;

	switch ((unsigned int)frame->a0) {
	case SECCOMP_SET_MODE_FILTER:
		return flags & ~FLAGS_KNOWN ? -EINVAL : seccomp_add_user(frame->a2, flags);
	case SECCOMP_GET_ACTION_AVAIL:
		return flags ? -EINVAL : action_is_available(frame->a2);
	default:
		return -EINVAL;
	}
}

void seccomp_inherit(struct thread *t)
{
	t->seccomp = filter_get(current->seccomp);
	t->no_new_privs = current->no_new_privs;
	t->syscall_limit = t->seccomp ? 0 : SYSCALL_LIMIT;
}

void seccomp_free_thread(struct thread *t)
{
	filter_put(t->seccomp);
}
