// SPDX-License-Identifier: MIT
/*
 * thread.c - creation and end of threads.
 */
#include "thread.h"
#include <string.h>
#include "mm/mm.h"
#include "mm/page.h"
#include "lib/printk.h"
#include "proc/process.h"
#include "smp.h"

struct list_head all_threads = LIST_HEAD_INIT(all_threads);
struct spinlock all_threads_lock;

static struct spinlock affinity_lock; /* a thread's affinity as a whole: several words */

/* ---- numbers of threads, and so of processes, groups and sessions ---- */

#define TID_REUSED 300 /* as on Linux, lower numbers are given out only once: init has one */

static int next_tid = 1; /* atomic */
static bool reuses_tids;
u64 (*process_tids_in_use)(int from);

int thread_last_tid(void)
{
	return READ_ONCE(next_tid) - 1;
}

void thread_set_last_tid(int tid)
{
	WRITE_ONCE(reuses_tids, true);
	WRITE_ONCE(next_tid, MAX(tid + 1, TID_REUSED));
}

/* Return which of the 64 numbers from `from` are in use, as a bitmap. */
static u64 tids_in_use(int from)
{
	/* The threads last: while a process is being created, only its thread has its number. */
	u64 used = process_tids_in_use(from);
	struct thread *t;

	spin_lock(&all_threads_lock);
	list_for_each_entry(t, &all_threads, all_link)
		tid_mark(&used, from, t->tid);
	spin_unlock(&all_threads_lock);
	return used;
}

/* Numbers are given out in order, so that one is not used again soon after its thread's end. */
static int tid_alloc(void)
{
	int from, tid, next;
	u64 used;

	do {
		from = READ_ONCE(next_tid);
		used = READ_ONCE(reuses_tids) ? tids_in_use(from) : 0;
		for (tid = from; tid < from + 64 && used & 1; tid++)
			used >>= 1;
		next = tid < from + 64 ? tid + 1 : tid;
		if (next >= TID_LIMIT) {
			next = TID_REUSED;
			WRITE_ONCE(reuses_tids, true);
		}
	} while (!__atomic_compare_exchange_n(&next_tid, &from, next, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED) ||
		 tid == from + 64 || tid >= TID_LIMIT);
	return tid;
}

/* The first switch_context() to a thread returns to one of these functions. */
void thread_first_kernel(void);
void thread_first_user(void);

/* Like every thread that is switched to, a new one starts with its hart's rq_lock held. */
void thread_first_kernel(void)
{
	sched_finish_switch();
	current->fn(current->arg);
	thread_exit();
}

void thread_first_user(void)
{
	sched_finish_switch();
	trap_user_exit(thread_frame(current));
	trap_return_to_user();
}

struct thread *thread_create(const char *name, void (*fn)(void *arg), void *arg)
{
	struct thread *t = kmalloc(sizeof(*t));
	void *stack = kstack_alloc();

	if (!t || !stack) {
		kfree(t);
		if (stack)
			kstack_free(stack);
		return NULL;
	}
	t->kstack = stack;
	t->kstack_limit = (unsigned long)stack + sizeof(struct trap_frame);
	*(unsigned long *)t->kstack = KSTACK_CANARY;
	t->kernel_sp =
		(unsigned long)t->kstack + KSTACK_SIZE - ALIGN_UP(sizeof(struct trap_frame), 16);
	t->context.sp = t->kernel_sp;
	t->context.ra = (unsigned long)(fn ? thread_first_kernel : thread_first_user);
	t->state = THREAD_SLEEPING;
	hartmask_set_all(&t->affinity);
	t->fn = fn;
	t->arg = arg;
	t->tid = tid_alloc();
	strlcpy(t->name, name, sizeof(t->name));
	list_init(&t->run_link);
	list_init(&t->process_link);
	list_init(&t->sig.queue);
	spin_lock(&all_threads_lock);
	list_add_tail(&t->all_link, &all_threads);
	spin_unlock(&all_threads_lock);
	return t;
}

void thread_set_name(const char *name)
{
	char padded[THREAD_NAME_LEN] = { 0 }; /* PR_GET_NAME copies all bytes */

	strlcpy(padded, name, sizeof(padded));
	spin_lock(&all_threads_lock); /* /proc copies names under it */
	memcpy(current->name, padded, sizeof(padded));
	spin_unlock(&all_threads_lock);
}

void thread_write_affinity(struct thread *t, const struct hv_hartmask *mask)
{
	spin_lock(&affinity_lock);
	for (unsigned int i = 0; i < hv_hartmask_words; i++)
		WRITE_ONCE(t->affinity.word[i], mask->word[i]);
	spin_unlock(&affinity_lock);
}

void thread_read_affinity(const struct thread *t, struct hv_hartmask *mask)
{
	spin_lock(&affinity_lock);
	*mask = t->affinity;
	spin_unlock(&affinity_lock);
}

void thread_start(struct thread *t)
{
	/*
	 * Another thread may already be sending t a signal or changing its affinity. Fence as in
	 * place(): either sched_set_affinity() sees the new hart, or pick_hart() sees the new mask.
	 */
	WRITE_ONCE(t->hart, this_hart());
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	thread_wake(t, NULL);
}

void thread_free(struct thread *t)
{
	spin_lock(&all_threads_lock);
	list_del(&t->all_link);
	spin_unlock(&all_threads_lock);
	kstack_free(t->kstack);
	kfree(t);
}

void thread_exit(void)
{
	fpu_thread_exit(current);
	__atomic_store_n(&current->state, THREAD_DEAD, __ATOMIC_SEQ_CST);
	schedule();
	panic("dead thread %d is running", current->tid);
}
