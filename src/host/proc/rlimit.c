// SPDX-License-Identifier: MIT
/*
 * rlimit.c - resource limits, /proc/PID/limits, and the number of processes and threads.
 *
 * Every process is user 0 with every capability, so each may raise its hard limits. AS, DATA,
 * MEMLOCK, NOFILE, NPROC and STACK are enforced; the others are only stored. Linux exempts user 0
 * from NPROC and MEMLOCK, but then they would have no effect here.
 *
 * In addition to RLIMIT_NPROC, there are limits for the whole machine. Like Linux's threads-max,
 * they depend on the size of its memory: the kernel memory of threads (stack, struct) and of
 * processes (struct, page tables) must leave enough for the programs themselves.
 */
#include "rlimit.h"
#include <linux/errno.h>
#include <linux/fs.h>
#include <string.h>
#include "exec.h"
#include "file/file.h"
#include "fs/procfs.h"
#include "fs/pseudo.h"
#include "lib/printk.h"
#include "mm/page.h"
#include "mm/uaccess.h"
#include "process_impl.h"
#include "syscall.h"

_Static_assert(sizeof(((struct process *)0)->rlimits) == RLIM_NLIMITS * 2 * sizeof(long), "limits");

void rlimits_init(struct process *p)
{
	unsigned int i;

	for (i = 0; i < RLIM_NLIMITS; i++)
		p->rlimits[i][0] = p->rlimits[i][1] = RLIM_INFINITY;
	p->rlimits[RLIMIT_STACK][0] = EXEC_STACK_SIZE;
	p->rlimits[RLIMIT_CORE][0] = 0;
	p->rlimits[RLIMIT_NOFILE][0] = 1024; /* as in Linux's first process */
	p->rlimits[RLIMIT_NOFILE][1] = 4096;
}

void rlimits_copy(struct process *p, struct process *parent)
{
	spin_lock(&parent->lock); /* another thread may be in prlimit() */
	memcpy(p->rlimits, parent->rlimits, sizeof(p->rlimits));
	spin_unlock(&parent->lock);
}

/* ---- setting and reading ---- */

static int set_and_get(struct process *p, unsigned int which, const unsigned long *next,
		       unsigned long *old)
{
	if (which >= RLIM_NLIMITS || (next && next[0] > next[1]))
		return -EINVAL;
	if (next && which == RLIMIT_NOFILE && next[1] > FD_MAX)
		return -EPERM;
	spin_lock(&p->lock);
	memcpy(old, p->rlimits[which], sizeof(p->rlimits[which]));
	if (next) {
		WRITE_ONCE(p->rlimits[which][0], next[0]); /* rlimit() reads it without the lock */
		p->rlimits[which][1] = next[1];
	}
	spin_unlock(&p->lock);
	return 0;
}

long sys_prlimit64(struct trap_frame *frame)
{
	unsigned long next[2], old[2];
	int pid = (int)frame->a0;
	struct process *p;
	long ret;

	if (frame->a2 && copy_from_user(next, frame->a2, sizeof(next)) < 0)
		return -EFAULT;
	p = pid ? proc_process(pid) : current_process;
	if (!p)
		return -ESRCH;
	ret = set_and_get(p, (unsigned int)frame->a1, frame->a2 ? next : NULL, old);
	if (pid)
		process_put(p);
	if (ret == 0 && frame->a3 && copy_to_user(frame->a3, old, sizeof(old)) < 0)
		ret = -EFAULT;
	return ret;
}

static const struct {
	const char *name, *unit;
} names[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = { "Max cpu time", "seconds" },
	[RLIMIT_FSIZE] = { "Max file size", "bytes" },
	[RLIMIT_DATA] = { "Max data size", "bytes" },
	[RLIMIT_STACK] = { "Max stack size", "bytes" },
	[RLIMIT_CORE] = { "Max core file size", "bytes" },
	[RLIMIT_RSS] = { "Max resident set", "bytes" },
	[RLIMIT_NPROC] = { "Max processes", "processes" },
	[RLIMIT_NOFILE] = { "Max open files", "files" },
	[RLIMIT_MEMLOCK] = { "Max locked memory", "bytes" },
	[RLIMIT_AS] = { "Max address space", "bytes" },
	[RLIMIT_LOCKS] = { "Max file locks", "locks" },
	[RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
	[RLIMIT_MSGQUEUE] = { "Max msgqueue size", "bytes" },
	[RLIMIT_NICE] = { "Max nice priority", "" },
	[RLIMIT_RTPRIO] = { "Max realtime priority", "" },
	[RLIMIT_RTTIME] = { "Max realtime timeout", "us" },
};

static void add_padded(struct text *t, const char *word, size_t width)
{
	size_t len = strlen(word);

	text_add(t, "%s", word);
	for (; len <= width; len++)
		text_add(t, " ");
}

static void add_value(struct text *t, unsigned long value)
{
	char word[24] = "unlimited";

	if (value != RLIM_INFINITY)
		snprintf(word, sizeof(word), "%lu", value);
	add_padded(t, word, 20);
}

int rlimits_show(struct inode *inode, struct text *t)
{
	struct process *p = proc_process((int)inode->id);
	unsigned long limits[2];
	unsigned int i;

	if (!p)
		return -ESRCH;
	add_padded(t, "Limit", 25);
	add_padded(t, "Soft Limit", 20);
	add_padded(t, "Hard Limit", 20);
	text_add(t, "Units     \n");
	for (i = 0; i < RLIM_NLIMITS; i++) {
		add_padded(t, names[i].name, 25);
		set_and_get(p, i, NULL, limits);
		add_value(t, limits[0]);
		add_value(t, limits[1]);
		if (*names[i].unit)
			add_padded(t, names[i].unit, 9);
		text_add(t, "\n");
	}
	process_put(p);
	return 0;
}

/* ---- the number of processes and threads ---- */

#define PAGES_PER_THREAD  32 /* 128 KiB: at most 1/8 of memory is kernel stacks, as on Linux */
#define PAGES_PER_PROCESS 64 /* a minimal process uses about a third of these */

static int nr_processes, nr_user_threads; /* atomic */

void nproc_add(int processes, int threads)
{
	__atomic_fetch_add(&nr_processes, processes, __ATOMIC_RELAXED);
	__atomic_fetch_add(&nr_user_threads, threads, __ATOMIC_RELAXED);
}

int nproc_check(bool process)
{
	unsigned long threads = (unsigned long)READ_ONCE(nr_user_threads);

	if (threads >= rlimit(RLIMIT_NPROC) || threads >= page_total_count() / PAGES_PER_THREAD)
		return -EAGAIN;
	if (process &&
	    (unsigned long)READ_ONCE(nr_processes) >= page_total_count() / PAGES_PER_PROCESS)
		return -EAGAIN;
	return 0;
}
