// SPDX-License-Identifier: MIT
/*
 * userfaultfd.h - faults that a program answers itself (userfaultfd(2)).
 *
 * An area that is registered has a struct uffd and VMA_UFFD_* flags. A fault there that is the
 * program's to answer goes three ways: mm_fault_locked() enters it (uffd_ask()) and returns
 * -EAGAIN; its caller drops mm->lock and sleeps in uffd_sleep(); then it looks again.
 */
#ifndef HOST_USERFAULTFD_H
#define HOST_USERFAULTFD_H

#include "hv/list.h"
#include "hv/types.h"

struct file;
struct mm;
struct uffd;
struct vma;

/* One fault that waits, on the stack of who has it. */
struct uffd_wait {
	bool user; /* of the program itself, not of the kernel for it: the caller sets it */
	bool woken;
	unsigned long va, page; /* the address, and where its page begins */
	u64 flags;              /* UFFD_PAGEFAULT_FLAG_* */
	int tid;
	struct uffd *uffd;
	struct list_head link;
};

/* Is a missing page at va the program's to answer? mm->lock is held. */
bool uffd_wants(const struct vma *vma, unsigned long va);
/* Enters the fault: -EAGAIN, then uffd_sleep() is due; -EIO if nobody shall be asked. mm->lock is held. */
int uffd_ask(const struct vma *vma, unsigned long va, bool write, struct uffd_wait *wait);
/*
 * Sleeps until somebody has answered, without mm->lock: 0, look again. -EINTR: a signal came
 * first (only to a fault of the program itself, which takes the signal and faults again), or
 * the thread is being killed.
 */
int uffd_sleep(struct uffd_wait *wait);

void uffd_get(struct uffd *uffd); /* NULL is allowed */
void uffd_put(struct uffd *uffd);

/* ---- between userfaultfd.c and uffd_fill.c ---- */

bool uffd_is_of(const struct uffd *uffd, const struct mm *mm);
struct mm *uffd_mm(const struct uffd *uffd);
/* Faults in [start, start + len) look again. */
void uffd_wake(struct uffd *uffd, unsigned long start, unsigned long len);
/* Is [start, start + len) pages of user memory? */
bool uffd_range_valid(unsigned long start, unsigned long len);
/* UFFDIO_COPY, UFFDIO_ZEROPAGE, UFFDIO_CONTINUE; arg: the user's struct. */
long uffd_copy(struct uffd *uffd, unsigned long arg);
long uffd_zeropage(struct uffd *uffd, unsigned long arg);
long uffd_continue(struct uffd *uffd, unsigned long arg);

#endif
