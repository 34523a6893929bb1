// SPDX-License-Identifier: MIT
/*
 * limits.c - limits of an address space: total size, data, locked pages, number of areas.
 *
 * RLIMIT_AS, RLIMIT_DATA and RLIMIT_MEMLOCK of the calling process are checked as on Linux, except
 * that RLIMIT_MEMLOCK also applies to user 0, because there is no other user here. If a limit is
 * finite, each check adds up the sizes of all areas, so these sizes need no counters that would
 * have to be kept correct. These functions only check; they change nothing. Locks: mm->lock.
 */
#include <linux/errno.h>
#include <linux/mman.h>
#include <asm/resource.h>
#include "fs/pseudo.h"
#include "hv/bits.h"
#include "proc/rlimit.h"
#include "vma.h"

static unsigned long max_areas = 65530; /* as Linux's DEFAULT_MAX_MAP_COUNT */

/* In pages. */
struct sizes {
	unsigned long mapped, data, locked;
};

/*
 * RLIMIT_DATA applies to private writable memory as well as to brk, but not to areas with
 * VMA_STACK.
 */
static bool is_data(unsigned int prot, unsigned int flags)
{
	return (prot & PROT_WRITE) && !(flags & (VMA_SHARED | VMA_STACK));
}

static void add_part(struct sizes *sizes, const struct vma *vma, unsigned long start,
		     unsigned long end)
{
	unsigned long from = MAX(vma->start, start), to = MIN(vma->end, end);
	unsigned long pages = from < to ? (to - from) >> PAGE_SHIFT : 0;

	sizes->mapped += pages;
	if (is_data(vma->prot, vma->flags))
		sizes->data += pages;
	if (vma->flags & VMA_LOCKED)
		sizes->locked += pages;
}

/* Add up the sizes of the areas' parts within [start, end). */
static struct sizes sizes_of(struct mm *mm, unsigned long start, unsigned long end)
{
	struct sizes sizes = { 0 };
	struct vma *vma;

	for_each_vma(vma, mm)
		add_part(&sizes, vma, start, end);
	return sizes;
}

static bool is_limited(unsigned int which)
{
	return rlimit(which) != RLIM_INFINITY;
}

static bool fits(unsigned int which, unsigned long pages)
{
	return pages <= rlimit(which) >> PAGE_SHIFT;
}

bool mm_may_have_areas(const struct mm *mm, unsigned int more)
{
	return mm->nr_areas + more <= READ_ONCE(max_areas);
}

/* May an area with these properties get `pages` more pages? */
static bool may_expand(struct mm *mm, unsigned int prot, unsigned int flags, unsigned long pages)
{
	bool data = is_data(prot, flags) && is_limited(RLIMIT_DATA);
	struct sizes now;

	if (!data && !is_limited(RLIMIT_AS))
		return true;
	now = sizes_of(mm, 0, USER_END);
	return fits(RLIMIT_AS, now.mapped + pages) &&
	       (!data || fits(RLIMIT_DATA, now.data + pages));
}

/* May `pages` more pages be locked? */
static bool may_lock(struct mm *mm, unsigned long pages)
{
	return !is_limited(RLIMIT_MEMLOCK) ||
	       fits(RLIMIT_MEMLOCK, sizes_of(mm, 0, USER_END).locked + pages);
}

int mm_may_map(struct mm *mm, const struct vma_spec *spec)
{
	unsigned long pages = spec->len >> PAGE_SHIFT, end = spec->addr + spec->len;

	/* `>` as on Linux: the process may get one more area than max_areas. */
	if (mm->nr_areas > READ_ONCE(max_areas))
		return -ENOMEM;
	if ((spec->flags & VMA_LOCKED) && !may_lock(mm, pages))
		return -EAGAIN;
	if (may_expand(mm, spec->prot, spec->flags, pages))
		return 0;
	/* Don't count the areas that a fixed mapping replaces: they are unmapped. */
	if (!spec->fixed || spec->noreplace)
		return -ENOMEM;
	pages -= sizes_of(mm, spec->addr, end).mapped;
	return may_expand(mm, spec->prot, spec->flags, pages) ? 0 : -ENOMEM;
}

int mm_may_brk(struct mm *mm, unsigned long end)
{
	struct vma_spec spec = { .prot = PROT_READ | PROT_WRITE, .flags = mm->new_flags };

	spec.addr = ALIGN_UP(mm->brk, PAGE_SIZE);
	spec.len = ALIGN_UP(end, PAGE_SIZE) - spec.addr;
	if (end - mm->brk_start > rlimit(RLIMIT_DATA))
		return -ENOMEM;
	return mm_may_map(mm, &spec);
}

int mm_may_remap(struct mm *mm, const struct vma *vma, unsigned long old_len, unsigned long new_len)
{
	unsigned long more = new_len > old_len ? (new_len - old_len) >> PAGE_SHIFT : 0;

	if ((vma->flags & VMA_LOCKED) && more && !may_lock(mm, more))
		return -EAGAIN;
	return more && !may_expand(mm, vma->prot, vma->flags, more) ? -ENOMEM : 0;
}

bool mm_may_make_writable(struct mm *mm, unsigned long start, unsigned long end)
{
	unsigned long more = 0;
	struct sizes part;
	struct vma *vma;

	if (!is_limited(RLIMIT_DATA))
		return true;
	for_each_vma(vma, mm) {
		part = (struct sizes){ 0 };
		if (is_data(PROT_WRITE, vma->flags))
			add_part(&part, vma, start, end);
		more += part.mapped - part.data;
	}
	return !more || fits(RLIMIT_DATA, sizes_of(mm, 0, USER_END).data + more);
}

bool mm_can_lock(void)
{
	return rlimit(RLIMIT_MEMLOCK) != 0;
}

bool mm_may_lock(struct mm *mm, unsigned long start, unsigned long end)
{
	return may_lock(mm, ((end - start) >> PAGE_SHIFT) - sizes_of(mm, start, end).locked);
}

bool mm_may_lock_all(struct mm *mm)
{
	return !is_limited(RLIMIT_MEMLOCK) ||
	       fits(RLIMIT_MEMLOCK, sizes_of(mm, 0, USER_END).mapped);
}

bool mm_is_within_limits(struct mm *mm)
{
	return may_expand(mm, PROT_WRITE, 0, 0);
}

/* ---- /proc/sys/vm/max_map_count ---- */

static int show_max(struct inode *inode, struct text *t)
{
	(void)inode;
	text_add(t, "%lu\n", READ_ONCE(max_areas));
	return 0;
}

static int store_max(struct inode *inode, const char *line)
{
	unsigned long wanted;

	(void)inode;
	if (pseudo_number(line, 0x7fffffff, &wanted))
		return -EINVAL;
	WRITE_ONCE(max_areas, wanted);
	return 0;
}

void mm_limits_init(void)
{
	static const struct pseudo_file file = { .path = "/proc/sys/vm/max_map_count",
						 .show = show_max,
						 .store = store_max };

	pseudo_make(&file);
}
