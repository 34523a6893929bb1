// SPDX-License-Identifier: MIT
/*
 * userfaultfd.c - userfaultfd(2): report page faults to the program, which answers them.
 *
 * A new fault is in `queued`, and read() moves it to `delivered`. The fault is woken when its page
 * is filled (uffd_fill.c; not if DONTWAKE is set), by UFFDIO_WAKE, or when its range is
 * unregistered or the uffd is closed: uffd_wake() then removes the fault from its list and sets
 * `woken`. A thread that stops waiting earlier removes its fault itself.
 *
 * There are two modes: missing pages, for private anonymous memory and for shared memory; and minor
 * faults, for pages that the file already has. Not implemented: write protection, events of fork,
 * mremap and munmap, UFFDIO_MOVE, UFFDIO_POISON. A child of fork does not inherit registrations.
 *
 * A uffd is referenced by its file, by each registered area, and by each waiting fault. A uffd
 * keeps the struct of the address space alive, but not its contents. Locks: mm->lock > uffd->lock.
 */
#include <linux/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/ioctl.h>
#include <linux/mman.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include "hv/bits.h"
#include "hv/host.h"
#include "file/file.h"
#include "platform/layout.h"
#include "page.h"
#include "file/poll.h"
#include "proc/process.h"
#include "proc/syscall.h"
#include "sched/thread.h"
#include "uaccess.h"
#include "userfaultfd.h"
#include "vma.h"

#define FEATURES                                                                                  \
	(UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_SIGBUS |            \
	 UFFD_FEATURE_MISSING_HUGETLBFS | UFFD_FEATURE_MINOR_HUGETLBFS | UFFD_FEATURE_THREAD_ID | \
	 UFFD_FEATURE_EXACT_ADDRESS)

struct uffd {
	u32 refs;
	struct hv_mm *mm;
	bool user_only; /* UFFD_USER_MODE_ONLY: kernel accesses fail instead of being reported */
	bool ready;     /* UFFDIO_API was called */
	u64 features;
	struct spinlock lock;
	struct list_head queued, delivered; /* struct uffd_wait */
	struct waitq readers, faulters;
};

void uffd_get(struct uffd *uffd)
{
	if (uffd)
		__atomic_fetch_add(&uffd->refs, 1, __ATOMIC_RELAXED);
}

void uffd_put(struct uffd *uffd)
{
	if (!uffd || __atomic_sub_fetch(&uffd->refs, 1, __ATOMIC_ACQ_REL))
		return;
	hv_mm_release(uffd->mm);
	kfree(uffd);
}

struct mm *uffd_mm(const struct uffd *uffd)
{
	return (struct mm *)uffd->mm;
}

/* ---- faults ---------------------------------------------------------------------------- */

bool uffd_wants(const struct vma *vma, unsigned long va)
{
	u64 index = vma->pgoff + ((va - vma->start) >> PAGE_SHIFT);
	bool present = vma->file && vma->file->ops->has_page(vma->file, index);

	return vma->flags & (present ? VMA_UFFD_MINOR : VMA_UFFD_MISSING);
}

int uffd_queue_fault(const struct vma *vma, unsigned long va, bool write, struct uffd_wait *wait)
{
	struct uffd *uffd = vma->uffd;

	if ((uffd->features & UFFD_FEATURE_SIGBUS) || (uffd->user_only && !wait->user))
		return -EIO;
	wait->va = va;
	wait->page = ALIGN_DOWN(va, vma_page_size(vma));
	wait->woken = false;
	wait->tid = current->tid;
	wait->flags = write ? UFFD_PAGEFAULT_FLAG_WRITE : 0;
	if (!(vma->flags & VMA_UFFD_MISSING) ||
	    (vma->file && (vma->flags & VMA_UFFD_MINOR) &&
	     vma->file->ops->has_page(vma->file, vma->pgoff + ((va - vma->start) >> PAGE_SHIFT))))
		wait->flags |= UFFD_PAGEFAULT_FLAG_MINOR;
	wait->uffd = uffd;
	uffd_get(uffd);
	spin_lock(&uffd->lock);
	list_add_tail(&wait->link, &uffd->queued);
	spin_unlock(&uffd->lock);
	current->hands_over = true;
	waitq_wake_all(&uffd->readers);
	current->hands_over = false;
	return -EAGAIN;
}

int uffd_sleep(struct uffd_wait *wait)
{
	struct uffd *uffd = wait->uffd;
	int err;

	/*
	 * A kernel access can't be interrupted to run a signal handler, but must end if the thread
	 * is killed.
	 */
	if (wait->user)
		err = wait_event_interruptible(&uffd->faulters, READ_ONCE(wait->woken));
	else
		err = wait_event_killable(&uffd->faulters, READ_ONCE(wait->woken));
	spin_lock(&uffd->lock);
	if (!wait->woken)
		list_del(&wait->link);
	spin_unlock(&uffd->lock);
	uffd_put(uffd);
	return err ? -EINTR : 0;
}

static bool wake_list(struct list_head *list, unsigned long start, unsigned long len)
{
	struct uffd_wait *wait, *n;
	bool any = false;

	list_for_each_entry_safe(wait, n, list, link) {
		if (wait->va < start || wait->va - start >= len)
			continue;
		list_del(&wait->link);
		WRITE_ONCE(wait->woken, true);
		any = true;
	}
	return any;
}

void uffd_wake(struct uffd *uffd, unsigned long start, unsigned long len)
{
	bool any, idle;

	spin_lock(&uffd->lock);
	any = wake_list(&uffd->queued, start, len);
	any |= wake_list(&uffd->delivered, start, len);
	idle = list_empty(&uffd->queued);
	spin_unlock(&uffd->lock);
	/* If there is no other fault to read, the answering thread will probably sleep next. */
	current->hands_over = idle;
	if (any)
		waitq_wake_all(&uffd->faulters);
	current->hands_over = false;
}

/* ---- reading --------------------------------------------------------------------------- */

static bool take_message(struct uffd *uffd, struct uffd_msg *msg)
{
	struct uffd_wait *wait;
	bool any;

	memset(msg, 0, sizeof(*msg));
	spin_lock(&uffd->lock);
	any = !list_empty(&uffd->queued);
	if (any) {
		wait = list_first_entry(&uffd->queued, struct uffd_wait, link);
		list_del(&wait->link);
		list_add_tail(&wait->link, &uffd->delivered);
		msg->event = UFFD_EVENT_PAGEFAULT;
		msg->arg.pagefault.flags = wait->flags;
		msg->arg.pagefault.address =
			uffd->features & UFFD_FEATURE_EXACT_ADDRESS ? wait->va : wait->page;
		if (uffd->features & UFFD_FEATURE_THREAD_ID)
			msg->arg.pagefault.feat.ptid = (u32)wait->tid;
	}
	spin_unlock(&uffd->lock);
	return any;
}

static bool has_message(struct uffd *uffd)
{
	bool any;

	spin_lock(&uffd->lock);
	any = !list_empty(&uffd->queued);
	spin_unlock(&uffd->lock);
	return any;
}

static long uffd_read(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	struct uffd *uffd = f->priv;
	struct uffd_msg msg;
	size_t done = 0;
	int err;

	(void)pos;
	if (!__atomic_load_n(&uffd->ready, __ATOMIC_ACQUIRE) || size < sizeof(msg))
		return -EINVAL;
	while (size - done >= sizeof(msg)) {
		if (take_message(uffd, &msg)) {
			if (copy_to_user(buf + done, &msg, sizeof(msg)) < 0)
				return done ? (long)done : -EFAULT;
			done += sizeof(msg);
			continue;
		}
		if (done)
			break;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&uffd->readers, has_message(uffd));
		if (err)
			return err;
	}
	return (long)done;
}

static unsigned int uffd_poll(struct file *f, struct poll_table *table)
{
	struct uffd *uffd = f->priv;

	poll_wait(table, &uffd->readers);
	/*
	 * As on Linux, poll() returns an error before UFFDIO_API, and also if O_NONBLOCK is not
	 * set, because read() could then block.
	 */
	if (!__atomic_load_n(&uffd->ready, __ATOMIC_ACQUIRE) || !(f->flags & O_NONBLOCK))
		return EPOLLERR;
	return has_message(uffd) ? EPOLLIN : 0;
}

/* ---- ioctls ---------------------------------------------------------------------------- */

static long uffd_api(struct uffd *uffd, unsigned long arg)
{
	static const struct uffdio_api none;
	struct uffdio_api api;
	bool was = false;

	if (copy_from_user(&api, arg, sizeof(api)) < 0)
		return -EFAULT;
	if (api.api != UFFD_API || (api.features & ~(u64)FEATURES))
		return copy_to_user(arg, &none, sizeof(none)) < 0 ? -EFAULT : -EINVAL;
	spin_lock(&uffd->lock);
	was = uffd->ready;
	if (!was)
		uffd->features = api.features;
	__atomic_store_n(&uffd->ready, true, __ATOMIC_RELEASE); /* after the features */
	spin_unlock(&uffd->lock);
	if (was)
		return copy_to_user(arg, &none, sizeof(none)) < 0 ? -EFAULT : -EINVAL;
	api.features = FEATURES;
	api.ioctls = UFFD_API_IOCTLS;
	return copy_to_user(arg, &api, sizeof(api));
}

bool uffd_range_valid(unsigned long start, unsigned long len)
{
	return IS_ALIGNED(start | len, PAGE_SIZE) && len && start < USER_END &&
	       len <= USER_END - start;
}

/* May this area be registered in this mode? Returns 0, -EBUSY, -EINVAL or -EPERM. */
static int check_area(const struct vma *vma, const struct uffd *uffd, unsigned int mode)
{
	if (vma->file && (!(vma->flags & VMA_SHARED) || !vma->file->ops->has_page))
		return -EINVAL;
	if ((!vma->file && (mode & VMA_UFFD_MINOR)) || (vma->flags & VMA_GIANT))
		return -EINVAL;
	if (vma->file && vma_is_read_only(vma))
		return -EPERM;
	return vma->uffd && vma->uffd != uffd ? -EBUSY : 0;
}

static int register_locked(struct mm *mm, struct uffd *uffd, unsigned long start, unsigned long end,
			   unsigned int mode, bool *huge)
{
	struct vma *vma = vma_next(mm, start);
	int err = 0;

	if (!vma || vma->start >= end)
		return vma ? -EINVAL : -ENOMEM;
	for_each_vma(vma, mm)
		if (!err && vma->end > start && vma->start < end)
			err = check_area(vma, uffd, mode);
	vma = vma_find(mm, end - 1);
	*huge = vma && vma_page_size(vma) != PAGE_SIZE;
	return err ? err : vma_set_uffd(mm, start, end, uffd, mode);
}

static long uffd_register(struct uffd *uffd, unsigned long arg)
{
	struct mm *mm = uffd_mm(uffd);
	struct uffdio_register reg;
	unsigned int mode = 0;
	bool huge = false;
	int err;

	if (copy_from_user(&reg, arg, sizeof(reg) - sizeof(reg.ioctls)) < 0)
		return -EFAULT;
	if (!reg.mode ||
	    (reg.mode & ~(u64)(UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR)))
		return -EINVAL;
	if (!uffd_range_valid(reg.range.start, reg.range.len))
		return -EINVAL;
	if (reg.mode & UFFDIO_REGISTER_MODE_MISSING)
		mode |= VMA_UFFD_MISSING;
	if (reg.mode & UFFDIO_REGISTER_MODE_MINOR)
		mode |= VMA_UFFD_MINOR;
	mutex_lock(&mm->lock);
	err = register_locked(mm, uffd, reg.range.start, reg.range.start + reg.range.len, mode,
			      &huge);
	vma_unlock(mm);
	if (err)
		return err;
	reg.ioctls = BIT(_UFFDIO_WAKE) | BIT(_UFFDIO_COPY);
	if (!huge)
		reg.ioctls |= BIT(_UFFDIO_ZEROPAGE);
	if (mode & VMA_UFFD_MINOR)
		reg.ioctls |= BIT(_UFFDIO_CONTINUE);
	return copy_to_user(arg, &reg, sizeof(reg));
}

/* Is part of the range registered with another userfaultfd? mm->lock is held. */
static bool is_watched_by_another(struct mm *mm, const struct uffdio_range *range,
				  const struct uffd *uffd)
{
	struct vma *vma;

	for_each_vma(vma, mm)
		if (vma->end > range->start && vma->start < range->start + range->len &&
		    vma->uffd && vma->uffd != uffd)
			return true;
	return false;
}

static long uffd_unregister(struct uffd *uffd, unsigned long arg)
{
	struct mm *mm = uffd_mm(uffd);
	struct uffdio_range range;
	struct vma *vma;
	int err = 0;

	if (copy_from_user(&range, arg, sizeof(range)) < 0)
		return -EFAULT;
	if (!uffd_range_valid(range.start, range.len))
		return -EINVAL;
	mutex_lock(&mm->lock);
	vma = vma_next(mm, range.start);
	if (!vma)
		err = -ENOMEM;
	else if (vma->start >= range.start + range.len)
		err = -EINVAL;
	if (is_watched_by_another(mm, &range, uffd))
		err = -EINVAL;
	if (!err)
		err = vma_set_uffd(mm, range.start, range.start + range.len, NULL, 0);
	vma_unlock(mm);
	if (!err)
		uffd_wake(uffd, range.start, range.len);
	return err;
}

static long uffd_wake_range(struct uffd *uffd, unsigned long arg)
{
	struct uffdio_range range;

	if (copy_from_user(&range, arg, sizeof(range)) < 0)
		return -EFAULT;
	if (!uffd_range_valid(range.start, range.len))
		return -EINVAL;
	uffd_wake(uffd, range.start, range.len);
	return 0;
}

static long uffd_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct uffd *uffd = f->priv;

	if (cmd != UFFDIO_API && !__atomic_load_n(&uffd->ready, __ATOMIC_ACQUIRE))
		return -EINVAL;
	switch (cmd) {
	case UFFDIO_API:
		return uffd_api(uffd, arg);
	case UFFDIO_REGISTER:
		return uffd_register(uffd, arg);
	case UFFDIO_UNREGISTER:
		return uffd_unregister(uffd, arg);
	case UFFDIO_WAKE:
		return uffd_wake_range(uffd, arg);
	case UFFDIO_COPY:
		return uffd_copy(uffd, arg);
	case UFFDIO_ZEROPAGE:
		return uffd_zeropage(uffd, arg);
	case UFFDIO_CONTINUE:
		return uffd_continue(uffd, arg);
	default:
		return -EINVAL;
	}
}

/* No more answers can arrive: unregister all areas, and wake all waiting faults. */
static void uffd_release(struct file *f)
{
	struct uffd *uffd = f->priv;
	struct mm *mm = uffd_mm(uffd);

	mutex_lock(&mm->lock);
	vma_forget_uffd(mm, uffd);
	vma_unlock(mm);
	uffd_wake(uffd, 0, ~0UL);
	uffd_put(uffd);
}

static const struct file_ops uffd_ops = {
	.read = uffd_read,
	.ioctl = uffd_ioctl,
	.poll = uffd_poll,
	.release = uffd_release,
};

long sys_userfaultfd(struct trap_frame *frame)
{
	unsigned int flags = (unsigned int)frame->a0;
	struct uffd *uffd;
	struct file *f;

	if (flags & ~(unsigned int)(O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY))
		return -EINVAL;
	uffd = kmalloc(sizeof(*uffd));
	f = uffd ? file_alloc(&uffd_ops, uffd, O_RDONLY | (flags & O_NONBLOCK)) : NULL;
	if (!f) {
		kfree(uffd);
		return -ENOMEM;
	}
	uffd->refs = 1;
	uffd->mm = hv_mm_hold_current();
	uffd->user_only = flags & UFFD_USER_MODE_ONLY;
	list_init(&uffd->queued);
	list_init(&uffd->delivered);
	waitq_init(&uffd->readers);
	waitq_init(&uffd->faulters);
	f->anon_name = "anon_inode:[userfaultfd]";
	return fd_install_new(f, flags & O_CLOEXEC);
}
