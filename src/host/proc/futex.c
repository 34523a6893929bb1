// SPDX-License-Identifier: MIT
/*
 * futex.c - futexes: sleeping on a word of user memory.
 *
 * A futex in private memory is identified by (address space, address), whether or not
 * FUTEX_PRIVATE_FLAG is set, so the kernel's own wake-up for clear_child_tid finds the waiters in
 * both cases. Without the flag, a futex in shared memory is identified by the number of the file's
 * inode, which is never used again, and the word's offset in the file: two processes may have it at
 * different addresses, and the page may be freed, and used by another file, while a thread waits.
 *
 * Invariant: the word is compared and the waiter added under the bucket's lock, which a waker also
 * takes. So a change of the word followed by a wake-up is never missed. The word is read under the
 * lock without sleeping; if its page is not mapped, it is faulted in without the lock, and
 * everything is repeated. Locks: bucket lock (two: in order of address) > a waiter's queue.
 */
#include <linux/errno.h>
#include <linux/futex.h>
#include "hv/bits.h"
#include "hv/host.h"
#include "platform/layout.h"
#include "file/file.h"
#include "fs/inode.h"
#include "mm/mm.h"
#include "process_impl.h"
#include "syscall.h"
#include "mm/uaccess.h"
#include "user_time.h"
#include "mm/vma.h"

#define BUCKETS      256
#define ROBUST_LIMIT 2048 /* maximum number of robust-list entries that are walked, as on Linux */

struct futex_key {
	const struct mm *mm; /* NULL: a shared futex */
	u64 ino;             /* of a shared futex; 0: the file has no inode, and addr is physical */
	u64 addr;            /* virtual address, or offset in the file */
};

struct bucket {
	struct spinlock lock;
	struct list_head waiters; /* initialized when first used: see bucket_lock() */
};

struct waiter {
	struct list_head link;
	struct bucket *bucket; /* changed by requeue, under both buckets' locks */
	struct futex_key key;
	u32 bitset;
	bool woken;
	struct waitq wq;
};

static struct bucket buckets[BUCKETS];

static struct bucket *bucket_lock(const struct futex_key *key)
{
	u64 h = (key->addr >> 2) * 0x9e3779b97f4a7c15ULL + (unsigned long)key->mm +
		(key->ino << 40);
	struct bucket *b = &buckets[(h >> 40) % BUCKETS];

	spin_lock(&b->lock);
	if (!b->waiters.next)
		list_init(&b->waiters);
	return b;
}

static bool same_key(const struct futex_key *a, const struct futex_key *b)
{
	return a->mm == b->mm && a->ino == b->ino && a->addr == b->addr;
}

/* If the word is in a shared mapping, set *key to the file and the word's offset in it. */
static int shared_key(struct mm *mm, unsigned long addr, struct futex_key *key)
{
	struct hv_user_page page;
	u64 ino = 0, offset = 0;
	struct vma *vma;
	bool shared;
	int err;

	mutex_lock(&mm->lock);
	vma = vma_find(mm, addr);
	shared = vma && (vma->flags & VMA_SHARED);
	if (shared && vma->file && vma->file->inode) {
		ino = vma->file->inode->ino;
		offset = vma->pgoff * PAGE_SIZE + (addr - vma->start);
	}
	mutex_unlock(&mm->lock);
	if (!vma)
		return -EFAULT;
	if (!shared)
		return 0;
	err = mm_page_get(mm, addr, false, &page);
	if (err < 0)
		return err;
	key->mm = NULL;
	key->ino = ino;
	key->addr = ino ? offset : page.pa + (addr & (PAGE_SIZE - 1));
	hv_user_page_put(&page);
	return 0;
}

static int get_key(unsigned long addr, int op, struct futex_key *key)
{
	if (addr % sizeof(u32))
		return -EINVAL;
	if (addr >= USER_END)
		return -EFAULT;
	*key = (struct futex_key){ .mm = current_process->mm, .addr = addr };
	return op & FUTEX_PRIVATE_FLAG ? 0 : shared_key(current_process->mm, addr, key);
}

/* ---- waking ---- */

static void wake_waiter(struct waiter *w, struct hv_kicks *kicks)
{
	list_del(&w->link);
	WRITE_ONCE(w->woken, true);
	waitq_wake_gather(&w->wq, kicks);
}

static long wake(const struct futex_key *key, long count, u32 bitset)
{
	struct bucket *b = bucket_lock(key);
	struct waiter *w, *n;
	struct hv_kicks kicks;
	long woken = 0;

	kicks.count = 0;
	list_for_each_entry_safe(w, n, &b->waiters, link) {
		if (woken >= count)
			break;
		if (!same_key(&w->key, key) || !(w->bitset & bitset))
			continue;
		wake_waiter(w, &kicks);
		woken++;
	}
	spin_unlock(&b->lock);
	hv_kicks_send(&kicks);
	return woken;
}

static long futex_wake(unsigned long addr, int op, int count, u32 bitset)
{
	struct futex_key key;
	int err;

	if (!bitset)
		return -EINVAL;
	err = get_key(addr, op, &key);
	if (err < 0)
		return err;
	return wake(&key, MAX(count, 1), bitset);
}

/* ---- waiting ---- */

/*
 * Lock the word's bucket and read the word under the lock. The lock remains held only if 0 is
 * returned. -EFAULT: the word cannot be read.
 */
static int lock_and_read(unsigned long addr, int op, struct futex_key *key, struct bucket **b,
			 u32 *value)
{
	int err;

	for (;;) {
		err = get_key(addr, op, key);
		if (err < 0)
			return err;
		*b = bucket_lock(key);
		if (get_user_u32_nofault(value, addr) == 0)
			return 0;
		spin_unlock(&(*b)->lock);
		if (get_user(*value, addr) < 0)
			return -EFAULT;
	}
}

/* Remove w from its queue. Returns true if w was woken. After this call, no waker accesses w. */
static bool leave_queue(struct waiter *w)
{
	struct bucket *b;

	for (;;) {
		b = READ_ONCE(w->bucket);
		spin_lock(&b->lock);
		if (b == w->bucket)
			break;
		spin_unlock(&b->lock);
	}
	if (!w->woken)
		list_del(&w->link);
	spin_unlock(&b->lock);
	return w->woken;
}

static long futex_wait(unsigned long addr, int op, u32 expected, u64 deadline, u32 bitset)
{
	struct waiter w = { .bitset = bitset };
	u32 value;
	int err;

	if (!bitset)
		return -EINVAL;
	err = lock_and_read(addr, op, &w.key, &w.bucket, &value);
	if (err < 0)
		return err;
	if (value != expected) {
		spin_unlock(&w.bucket->lock);
		return -EAGAIN;
	}
	waitq_init(&w.wq);
	list_add_tail(&w.link, &w.bucket->waiters);
	spin_unlock(&w.bucket->lock);
	err = wait_event_deadline(&w.wq, READ_ONCE(w.woken), deadline);
	if (leave_queue(&w))
		return 0;
	if (err == -EINTR && deadline != WAIT_FOREVER)
		current->sig.restart_deadline = deadline;
	return err == -ETIME ? -ETIMEDOUT : err;
}

/* ---- requeue ---- */

static struct bucket *bucket_lock_second(struct bucket *first, const struct futex_key *key)
{
	struct bucket *second;

	/* `first` is locked already: find the second, then lock both in order of address. */
	spin_unlock(&first->lock);
	second = bucket_lock(key);
	spin_unlock(&second->lock);
	if (first == second) {
		spin_lock(&first->lock);
	} else if (first < second) {
		spin_lock(&first->lock);
		spin_lock(&second->lock);
	} else {
		spin_lock(&second->lock);
		spin_lock(&first->lock);
	}
	return second;
}

struct requeue {
	unsigned long from, to;
	int op;
	int wake, move;
	bool compare;
	u32 expected;
};

static long requeue_locked(const struct requeue *rq, struct bucket *from,
			   const struct futex_key *from_key, struct bucket *to,
			   const struct futex_key *to_key, struct hv_kicks *kicks)
{
	struct waiter *w, *n;
	long done = 0, moved = 0;

	list_for_each_entry_safe(w, n, &from->waiters, link) {
		if (!same_key(&w->key, from_key))
			continue;
		if (done < rq->wake) {
			wake_waiter(w, kicks);
			done++;
			continue;
		}
		if (moved >= rq->move)
			break;
		w->key = *to_key;
		if (from != to) {
			list_del(&w->link);
			list_add_tail(&w->link, &to->waiters);
			WRITE_ONCE(w->bucket, to);
		}
		moved++;
	}
	/* CMP_REQUEUE counts the waiters woken and moved, REQUEUE only those woken (futex(2)). */
	return rq->compare ? done + moved : done;
}

static long futex_requeue(const struct requeue *rq)
{
	struct futex_key from_key, to_key;
	struct bucket *from, *to;
	struct hv_kicks kicks;
	long ret;
	u32 value;

	if (rq->wake < 0 || rq->move < 0)
		return -EINVAL;
	kicks.count = 0;
again:
	ret = get_key(rq->from, rq->op, &from_key);
	if (!ret)
		ret = get_key(rq->to, rq->op, &to_key);
	if (ret)
		return ret;
	from = bucket_lock(&from_key);
	to = bucket_lock_second(from, &to_key);
	if (rq->compare) {
		ret = get_user_u32_nofault(&value, rq->from);
		if (ret == 0 && value != rq->expected)
			ret = -EAGAIN;
	}
	if (ret == 0)
		ret = requeue_locked(rq, from, &from_key, to, &to_key, &kicks);
	if (to != from)
		spin_unlock(&to->lock);
	spin_unlock(&from->lock);
	hv_kicks_send(&kicks);
	if (ret == -EFAULT && get_user(value, rq->from) == 0)
		goto again;
	return ret;
}

/* ---- the call ---- */

/* FUTEX_WAIT has a relative timeout, FUTEX_WAIT_BITSET an absolute time on one of two clocks. */
static int get_deadline(unsigned long timeout, int op, u64 *deadline)
{
	u64 ns;
	int err;

	*deadline = WAIT_FOREVER;
	if (!timeout)
		return 0;
	*deadline = take_restart_deadline();
	if (*deadline)
		return 0;
	err = user_timespec_get(timeout, &ns);
	if (err < 0)
		return err;
	if ((op & FUTEX_CMD_MASK) == FUTEX_WAIT)
		*deadline = deadline_after(ns);
	else
		*deadline = deadline_at(ns, op & FUTEX_CLOCK_REALTIME);
	return 0;
}

long sys_futex(struct trap_frame *frame)
{
	unsigned long addr = frame->a0;
	int op = (int)frame->a1;
	u32 val = (u32)frame->a2, val3 = (u32)frame->a5;
	struct requeue rq = {
		.from = addr,
		.to = frame->a4,
		.op = op,
		.wake = (int)val,
		.move = (int)frame->a3,
		.compare = (op & FUTEX_CMD_MASK) == FUTEX_CMP_REQUEUE,
		.expected = val3,
	};
	u64 deadline;
	int err;

	switch (op & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
		err = get_deadline(frame->a3, op, &deadline);
		if (err < 0)
			return err;
		if ((op & FUTEX_CMD_MASK) == FUTEX_WAIT)
			val3 = FUTEX_BITSET_MATCH_ANY;
		return futex_wait(addr, op, val, deadline, val3);
	case FUTEX_WAKE:
		return futex_wake(addr, op, (int)val, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(addr, op, (int)val, val3);
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(&rq);
	default:
		return -ENOSYS;
	}
}

/* ---- a thread ends ---- */

/*
 * If the ending thread owns the lock at addr, mark the word, so that the next owner can see that
 * the thread died, and wake one waiter, if any.
 */
static void mark_owner_died(unsigned long addr, int tid)
{
	struct futex_key key;
	u32 value, seen;

	if (addr % sizeof(u32) || get_user(value, addr) < 0)
		return;
	for (;;) {
		if ((value & FUTEX_TID_MASK) != (u32)tid)
			return;
		if (cmpxchg_user_u32_nofault(
			    addr, value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &seen) < 0) {
			if (mm_fault(current_process->mm, addr, true, false, false) < 0)
				return;
			continue;
		}
		if (seen == value)
			break;
		value = seen;
	}
	if ((value & FUTEX_WAITERS) && get_key(addr, 0, &key) == 0)
		wake(&key, 1, FUTEX_BITSET_MATCH_ANY);
}

static void walk_robust_list(struct thread *t)
{
	struct robust_list_head head;
	unsigned long entry, next, pending;
	unsigned int limit = ROBUST_LIMIT;

	if (copy_from_user(&head, t->robust_list, sizeof(head)) < 0)
		return;
	/* Bit 0 marks a priority-inheriting lock, which this host does not support. */
	pending = (unsigned long)head.list_op_pending & ~1UL;
	entry = (unsigned long)head.list.next & ~1UL;
	while (entry != t->robust_list && limit--) {
		if (get_user(next, entry) < 0)
			break;
		if (entry != pending)
			mark_owner_died(entry + (unsigned long)head.futex_offset, t->tid);
		entry = next & ~1UL;
		if (limit % 32 == 0)
			irq_window();
	}
	if (pending)
		mark_owner_died(pending + (unsigned long)head.futex_offset, t->tid);
}

void futex_thread_exit(struct thread *t)
{
	unsigned long addr = (unsigned long)t->clear_child_tid;
	struct futex_key key;
	u32 zero = 0;

	if (t->robust_list)
		walk_robust_list(t);
	t->robust_list = 0;
	t->clear_child_tid = NULL;
	/* As on Linux, leave *clear_child_tid unchanged if no other thread can read it. */
	if (!addr ||
	    READ_ONCE(current_process->mm->users) + READ_ONCE(current_process->nr_threads) <= 2)
		return;
	if (put_user(zero, addr) == 0 && get_key(addr, 0, &key) == 0)
		wake(&key, 1, FUTEX_BITSET_MATCH_ANY);
}
