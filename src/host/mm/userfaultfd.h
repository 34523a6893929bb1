// SPDX-License-Identifier: MIT
/*
 * userfaultfd.h - page faults that a program answers itself (userfaultfd(2)).
 *
 * A registered area has a struct uffd and VMA_UFFD_* flags. A fault that the program has to answer
 * takes three steps: mm_fault_locked() queues it (uffd_queue_fault()) and returns -EAGAIN; its
 * caller releases mm->lock and sleeps in uffd_sleep(); then the caller tries again.
 */
#ifndef HOST_USERFAULTFD_H
#define HOST_USERFAULTFD_H

#include "hv/list.h"
#include "hv/types.h"

struct mm;
struct uffd;
struct vma;

/* A fault that waits for an answer, on the stack of the faulting thread. */
struct uffd_wait {
	bool user; /* the program's own access, not the kernel's on its behalf; set by the caller */
	bool woken;
	unsigned long va, page; /* the address, and the start of its page */
	u64 flags;              /* UFFD_PAGEFAULT_FLAG_* */
	int tid;
	struct uffd *uffd;
	struct list_head link;
};

/* Must the program fill the unmapped page at va? vma is registered; mm->lock is held. */
bool uffd_wants(const struct vma *vma, unsigned long va);
/*
 * Queue the fault. -EAGAIN: call uffd_sleep() next. -EIO: the fault is not reported, but fails
 * (UFFD_FEATURE_SIGBUS, or a kernel access with UFFD_USER_MODE_ONLY). mm->lock is held.
 */
int uffd_queue_fault(const struct vma *vma, unsigned long va, bool write, struct uffd_wait *wait);
/*
 * Sleep, without mm->lock, until the fault is woken. 0: try again. -EINTR: a signal is pending
 * (only for the program's own access: it handles the signal and faults again), or the thread is
 * being killed.
 */
int uffd_sleep(struct uffd_wait *wait);

void uffd_get(struct uffd *uffd); /* NULL is allowed */
void uffd_put(struct uffd *uffd);

/* ---- between userfaultfd.c and uffd_fill.c ---- */

struct mm *uffd_mm(const struct uffd *uffd);
/* Wake the threads whose faults are in [start, start + len); they then try again. */
void uffd_wake(struct uffd *uffd, unsigned long start, unsigned long len);
/* Does [start, start + len) consist of one or more whole pages of user addresses? */
bool uffd_range_valid(unsigned long start, unsigned long len);
/* UFFDIO_COPY, UFFDIO_ZEROPAGE, UFFDIO_CONTINUE; arg: address of the program's struct. */
long uffd_copy(struct uffd *uffd, unsigned long arg);
long uffd_zeropage(struct uffd *uffd, unsigned long arg);
long uffd_continue(struct uffd *uffd, unsigned long arg);

#endif
