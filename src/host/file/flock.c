// SPDX-License-Identifier: MIT
/*
 * flock.c - flock(): advisory locks on open files.
 *
 * A lock belongs to the open file, not to the process: descriptors made by dup() or fork() share
 * the lock, and it ends when the last of them is closed. When a lock changes between shared and
 * exclusive, the old one is dropped first, as on Linux.
 *
 * Locks: flock_lock guards the lock counts of all inodes; all waiters share one queue.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include "file.h"
#include "fs/inode.h"
#include "proc/syscall.h"

#define LOCK_SH 1
#define LOCK_EX 2
#define LOCK_NB 4
#define LOCK_UN 8

static struct spinlock flock_lock;
static struct waitq flock_wait;

static void drop(struct file *f)
{
	if (f->flock == LOCK_EX)
		f->inode->flock_exclusive = false;
	else if (f->flock == LOCK_SH)
		f->inode->flock_shared--;
	WRITE_ONCE(f->flock, 0);
}

/*
 * Drop f's lock, if any (another thread may just have taken one), and try to take a lock of type
 * `kind`. Returns true on success.
 */
static bool try_take(struct file *f, unsigned int kind)
{
	struct inode *inode = f->inode;
	bool dropped, got;

	spin_lock(&flock_lock);
	dropped = f->flock;
	drop(f);
	got = !inode->flock_exclusive && (kind == LOCK_SH || !inode->flock_shared);
	if (got && kind == LOCK_EX)
		inode->flock_exclusive = true;
	else if (got)
		inode->flock_shared++;
	if (got)
		WRITE_ONCE(f->flock, kind);
	spin_unlock(&flock_lock);
	if (dropped)
		waitq_wake_all(&flock_wait);
	return got;
}

void flock_release(struct file *f)
{
	if (!READ_ONCE(f->flock)) /* another thread of the file may change it now */
		return;
	spin_lock(&flock_lock);
	drop(f);
	spin_unlock(&flock_lock);
	waitq_wake_all(&flock_wait);
}

void flock_init(void)
{
	waitq_init(&flock_wait);
}

static long do_flock(struct file *f, unsigned int op)
{
	unsigned int kind = op & ~LOCK_NB;

	if (kind != LOCK_SH && kind != LOCK_EX && kind != LOCK_UN)
		return -EINVAL;
	if (!f->inode) /* a pipe, for example: succeed without a lock */
		return 0;
	if (READ_ONCE(f->flock) == kind)
		return 0;
	flock_release(f);
	if (kind == LOCK_UN || try_take(f, kind))
		return 0;
	if (op & LOCK_NB)
		return -EWOULDBLOCK;
	return wait_event_interruptible(&flock_wait, try_take(f, kind));
}

long sys_flock(struct trap_frame *frame)
{
	struct file *f = fd_get((int)frame->a0);
	long ret;

	if (!f)
		return -EBADF;
	ret = do_flock(f, (unsigned int)frame->a1);
	file_put(f);
	return ret;
}
