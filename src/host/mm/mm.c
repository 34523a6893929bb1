// SPDX-License-Identifier: MIT
/*
 * mm.c - address spaces: create, copy and free them, and their interface to the hypervisor core.
 *
 * There are two counts. `users` counts the processes that use the address space and the callers of
 * mm_next() that look at it; `refs` counts the references to its struct. A VM holds only a
 * reference to the struct: its vCPUs' run pages are mapped in the same address space, so a VM that
 * kept the areas alive would keep itself alive forever. When the last user drops its reference,
 * release() of every notifier is called, and areas and pages are freed. Locks: mm->lock.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/stat.h>
#include <linux/unistd.h>
#include <string.h>
#include "hv/bits.h"
#include "hv/host.h"
#include "file/file.h"
#include "fs/inode.h"
#include "platform/layout.h"
#include "page.h"
#include "proc/oom.h"
#include "proc/process.h"
#include "userfaultfd.h"
#include "vma.h"

static struct mm *to_mm(const struct hv_mm *mm)
{
	return (struct mm *)mm;
}

static struct list_head all_mms = LIST_HEAD_INIT(all_mms);
static struct spinlock all_mms_lock;

struct mm *mm_create(void)
{
	struct mm *mm = kmalloc(sizeof(*mm));

	if (!mm)
		return NULL;
	mm->users = 1;
	mm->refs = 1;
	mutex_init(&mm->lock);
	list_init(&mm->vmas);
	list_init(&mm->dead_vmas);
	list_init(&mm->spare_vmas);
	list_init(&mm->notifiers);
	if (pgtable_init_mm(mm) < 0) {
		kfree(mm);
		return NULL;
	}
	spin_lock(&all_mms_lock);
	list_add_tail(&mm->all_link, &all_mms);
	spin_unlock(&all_mms_lock);
	return mm;
}

void mm_get(struct mm *mm)
{
	__atomic_fetch_add(&mm->users, 1, __ATOMIC_RELAXED);
}

/* Take a reference, unless the last one is gone: returns false then. */
static bool hold_unless_zero(u32 *count)
{
	u32 now = READ_ONCE(*count);

	while (now && !__atomic_compare_exchange_n(count, &now, now + 1, false, __ATOMIC_ACQUIRE,
						   __ATOMIC_ACQUIRE))
		;
	return now;
}

/* The first mm after prev, with a reference: as one of its users, or to its struct only. */
static struct mm *hold_next(const struct mm *prev, bool as_user)
{
	struct list_head *link;
	struct mm *mm = NULL;

	spin_lock(&all_mms_lock);
	for (link = prev ? prev->all_link.next : all_mms.next; link != &all_mms;
	     link = link->next) {
		mm = list_entry(link, struct mm, all_link);
		if (hold_unless_zero(as_user ? &mm->users : &mm->refs))
			break;
		mm = NULL; /* it is being torn down, or mm_drop() waits for the lock to free it */
	}
	spin_unlock(&all_mms_lock);
	return mm;
}

struct mm *mm_next(struct mm *prev)
{
	struct mm *mm = hold_next(prev, true);

	if (prev)
		mm_put(prev);
	return mm;
}

static void mm_drop(struct mm *mm)
{
	if (__atomic_sub_fetch(&mm->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	spin_lock(&all_mms_lock);
	list_del(&mm->all_link);
	spin_unlock(&all_mms_lock);
	kfree(mm);
}

bool mm_is_used(const struct mm *mm)
{
	return READ_ONCE(mm->users);
}

struct mm *mm_next_struct(struct mm *prev)
{
	struct mm *mm = hold_next(prev, false);

	if (prev)
		mm_drop(prev);
	return mm;
}

void mm_put(struct mm *mm)
{
	struct hv_notifier *n, *next;

	if (__atomic_sub_fetch(&mm->users, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	mutex_lock(&mm->lock);
	list_for_each_entry_safe(n, next, &mm->notifiers, link)
		n->release(n, true);
	vma_free_all(mm);
	vma_unlock(mm);
	if (mm->exe)
		file_put(mm->exe);
	pgtable_free_mm(mm);
	/*
	 * Called here because the last user may be a caller of mm_next(). An mm that was never
	 * activated belongs to a fork or exec that has failed: only what that call allocated is
	 * free again. If a round ended here, a call that lacks memory would be repeated for ever,
	 * and no victim would be chosen.
	 */
	if (READ_ONCE(mm->activated))
		oom_round_ended();
	mm_drop(mm);
}

struct mm *mm_copy(struct mm *from)
{
	struct mm *mm = mm_create();
	int err;

	if (!mm)
		return NULL;
	mutex_lock(&from->lock);
	/* mm_next() can already find the child. Lock order: the parent's before the child's. */
	mutex_lock(&mm->lock);
	mm->brk_start = from->brk_start;
	mm->brk = from->brk;
	mm->mmap_top = from->mmap_top;
	mm->sigreturn = from->sigreturn;
	mm->arg_start = from->arg_start;
	mm->arg_end = from->arg_end;
	mm->env_start = from->env_start;
	mm->env_end = from->env_end;
	mm->exe = from->exe;
	if (mm->exe)
		file_get(mm->exe);
	hartmask_set_all(&mm->icache_stale);
	err = vma_copy_all(mm, from);
	mutex_unlock(&mm->lock);
	mutex_unlock(&from->lock);
	if (err == 0)
		return mm;
	mm_put(mm);
	return NULL;
}

int mm_write(struct mm *mm, unsigned long addr, const void *src, size_t size)
{
	struct hv_user_page page;
	size_t part;
	int err;

	while (size) {
		part = MIN(size, PAGE_SIZE - (addr & (PAGE_SIZE - 1)));
		err = mm_page_get(mm, addr, true, &page);
		if (err < 0)
			return err;
		memcpy((u8 *)pa_to_va(page.pa) + (addr & (PAGE_SIZE - 1)), src, part);
		hv_user_page_put(&page);
		addr += part;
		src = (const u8 *)src + part;
		size -= part;
	}
	return 0;
}

struct file *shared_anon_file(unsigned long size, bool hugetlb)
{
	struct inode *inode = inode_alloc(S_IFREG | 0600, NULL);
	struct file *f = NULL;
	int err;

	if (!inode)
		return NULL;
	if (hugetlb)
		size = ALIGN_UP(size, SZ_2M);
	inode->data = ram_file_create(NULL, 0);
	if (inode->data) {
		ram_file_set_huge(inode->data, hugetlb); /* call before the file has a size */
		if (ram_file_truncate(inode->data, size) == 0)
			f = inode_open(inode, O_RDWR, &err);
		if (f && hugetlb)
			f->ops = &ram_huge_file_ops;
	}
	inode_put(inode);
	return f;
}

/* ---- the page with the rt_sigreturn call, because RISC-V has no SA_RESTORER ---- */

static struct file *sigreturn_file;

static const u32 sigreturn_code[] = {
	0x00000893 | __NR_rt_sigreturn << 20, /* li a7, 139: addi a7, zero, 139 */
	0x00000073,                           /* ecall */
};

static int sigreturn_mmap_page(struct file *f, u64 page_index, bool write, hpa_t *pa)
{
	if (page_index != 0 || write)
		return -EINVAL;
	*pa = va_to_pa(f->priv);
	page_get(*pa);
	return 0;
}

static const struct file_ops sigreturn_ops = {
	.mmap_page = sigreturn_mmap_page,
};

static struct file *sigreturn_get(void)
{
	hpa_t pa;
	u32 *code;

	if (sigreturn_file)
		return sigreturn_file;
	pa = page_alloc_zeroed(0);
	if (!pa)
		return NULL;
	code = pa_to_va(pa);
	code[0] = sigreturn_code[0];
	code[1] = sigreturn_code[1];
	sigreturn_file = file_alloc(&sigreturn_ops, code, O_RDONLY);
	return sigreturn_file;
}

int mm_map_sigreturn(struct mm *mm)
{
	struct vma_spec spec = {
		.addr = USER_END - 2 * PAGE_SIZE,
		.len = PAGE_SIZE,
		.prot = PROT_READ | PROT_EXEC,
		.flags = VMA_SHARED,
		.file = sigreturn_get(),
		.fixed = true,
	};
	long addr;

	if (!spec.file)
		return -ENOMEM;
	mutex_lock(&mm->lock);
	addr = vma_map(mm, &spec);
	vma_unlock(mm);
	if (addr < 0)
		return (int)addr;
	mm->sigreturn = (unsigned long)addr;
	return 0;
}

/* ---- hv/host.h: address spaces, notifiers ---- */

struct hv_mm *hv_mm_hold_current(void)
{
	struct mm *mm = current_process->mm;

	__atomic_fetch_add(&mm->refs, 1, __ATOMIC_RELAXED);
	return (struct hv_mm *)mm;
}

void hv_mm_release(struct hv_mm *mm)
{
	mm_drop(to_mm(mm));
}

bool hv_mm_is_current(const struct hv_mm *mm)
{
	return current->process && current_process->mm == to_mm(mm);
}

int hv_notifier_register(struct hv_mm *mm, struct hv_notifier *n)
{
	mutex_lock(&to_mm(mm)->lock);
	list_add_tail(&n->link, &to_mm(mm)->notifiers);
	mutex_unlock(&to_mm(mm)->lock);
	return 0;
}

void hv_notifier_unregister(struct hv_mm *mm, struct hv_notifier *n)
{
	mutex_lock(&to_mm(mm)->lock);
	list_del(&n->link);
	mutex_unlock(&to_mm(mm)->lock);
}
