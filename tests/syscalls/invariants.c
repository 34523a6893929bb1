// SPDX-License-Identifier: MIT
/*
 * invariants.c - checks of the host's data after each call, and of leaks after each sequence.
 *
 * An address space whose lock is held is skipped: its holder sleeps in the middle of a change.
 */
#include "invariants.h"
#include <linux/mman.h>
#include <linux/signal.h>
#include <string.h>
#include "file/file.h"
#include "machine.h"
#include "mm/hugetlb.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "mm/vma.h"
#include "proc/process.h"

#define MAX_SPACES 16

/* The address spaces in use, with a hash of their areas at the last check. */
static struct space {
	struct mm *mm;
	u64 areas;
} spaces[MAX_SPACES];
static unsigned int nr_spaces;
static unsigned long last_satp;

static u64 mix(u64 hash, u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 29;
}

/* Returns a hash of the areas. */
static u64 check_areas(struct mm *mm)
{
	unsigned long end = 0, n = 0;
	u64 hash = 0;
	struct vma *vma;

	list_for_each_entry(vma, &mm->vmas, link) {
		if (vma->start >= vma->end || vma->start < end || vma->end > USER_END)
			machine_fail("mm %p: the area 0x%lx-0x%lx is out of order", (void *)mm,
				     vma->start, vma->end);
		if ((vma->start | vma->end) % vma_page_size(vma))
			machine_fail("mm %p: the area 0x%lx-0x%lx is misaligned", (void *)mm,
				     vma->start, vma->end);
		if (vma->file && !vma->file->refs)
			machine_fail("mm %p: an area has a freed file", (void *)mm);
		hash = mix(hash, vma->start);
		hash = mix(hash, vma->end);
		hash = mix(hash, (u64)vma->flags << 32 | vma->prot);
		hash = mix(hash, (unsigned long)vma->file);
		hash = mix(hash, vma->pgoff);
		end = vma->end;
		n++;
	}
	if (n != mm->nr_areas)
		machine_fail("mm %p: nr_areas is %lu, not %lu", (void *)mm, mm->nr_areas, n);
	return hash;
}

static bool is_busy(const struct mm *mm)
{
	return mm->lock.holder != 0;
}

static void check_space(struct space *space)
{
	struct mm *mm = space->mm;
	u64 areas = check_areas(mm);
	unsigned long pages = space_check(mm, areas != space->areas);

	space->areas = areas;
	if (pages != mm->total_pages)
		machine_fail("mm %p: total_pages is %lu, not %lu", (void *)mm, mm->total_pages,
			     pages);
}

static const char *host_maps(const void *owner, unsigned long hva, unsigned long pa,
			     unsigned long size, bool writable)
{
	const struct mm *mm = owner;
	unsigned long leaf_size;
	const pte_t *pte;

	(void)size;
	if (!mm->root)
		return "a VM has a leaf, and its address space is gone";
	if (is_busy(mm))
		return NULL;
	pte = pgtable_find(mm, hva, &leaf_size);
	if (!pte)
		return "the host maps nothing where a G-stage leaf does";
	if (pte_to_hpa(*pte) + (hva & (leaf_size - 1)) != pa)
		return "a G-stage leaf maps another page than the host";
	if (writable && !(*pte & PTE_W))
		return "a G-stage leaf is writable, and the host's is not";
	return NULL;
}

static bool is_unchecked(const struct mm *mm)
{
	for (unsigned int i = 0; i < nr_spaces; i++)
		if (spaces[i].mm == mm)
			return is_busy(mm);
	return true;
}

/* Find the address spaces of all processes. */
static void find_spaces(void)
{
	struct space old[MAX_SPACES];
	unsigned int nr_old = nr_spaces, i;
	struct process *p;

	memcpy(old, spaces, sizeof(old));
	nr_spaces = 0;
	list_for_each_entry(p, &all_processes, all_link) {
		if (!p->mm || p->memory_freed || !p->mm->users)
			continue;
		for (i = 0; i < nr_spaces && spaces[i].mm != p->mm; i++)
			;
		if (i < nr_spaces)
			continue;
		if (nr_spaces == MAX_SPACES)
			machine_fail("more than %d address spaces", MAX_SPACES);
		spaces[nr_spaces++] = (struct space){ p->mm, 0 };
		for (i = 0; i < nr_old; i++)
			if (old[i].mm == p->mm)
				spaces[nr_spaces - 1] = old[i];
	}
}

/* Check the page tables that may have changed since the last check. */
static void check_spaces(void)
{
	bool exact = true;

	find_spaces();
	spaces_forget(is_unchecked);
	for (unsigned int i = 0; i < nr_spaces; i++) {
		if (is_busy(spaces[i].mm))
			exact = false;
		else if (space_changed(spaces[i].mm))
			check_space(&spaces[i]);
	}
	spaces_checked();
	for (unsigned int i = 0; i < nr_spaces; i++) {
		space_watch(spaces[i].mm);
		if (is_busy(spaces[i].mm))
			space_lock_taken(&spaces[i].mm->lock);
	}
	spaces_check_pages(exact);
}

void check_invariants(bool guest)
{
	unsigned long satp = native_csr_read(CSR_satp);
	const char *error;

	if (held_spinlocks)
		machine_fail("%d spinlocks are held in user mode", held_spinlocks);
	if (held_mutexes())
		machine_fail("%d mutexes are held in user mode", held_mutexes());
	if (spaces_changed() || satp != last_satp) {
		machine_check_tlb();
		check_spaces();
		last_satp = satp;
		guest = true;
	}
	error = guest ? core_each_leaf(host_maps) : NULL;
	if (error)
		machine_fail("%s", error);
}

void check_all_invariants(void)
{
	spaces_forget(NULL);
	check_invariants(true);
}

void check_signal(unsigned long va, enum machine_access access, unsigned long signal)
{
	static const unsigned int needs[] = {
		[MACHINE_LOAD] = PROT_READ,
		[MACHINE_STORE] = PROT_WRITE,
		[MACHINE_FETCH] = PROT_EXEC,
	};
	struct mm *mm = current_process->mm;
	const struct vma *vma;

	/* Others can change the areas after the access, and a userfaultfd can refuse it. */
	if (mm->users > 1 || current_process->nr_threads > 1 || is_busy(mm))
		return;
	vma = vma_find(mm, va);
	if (vma && vma->flags & VMA_UFFD)
		return;
	if (signal == SIGSEGV && vma && vma->prot & needs[access])
		machine_fail("0x%lx: SIGSEGV for an access that its area permits", va);
	if (signal == SIGBUS && (!vma || (!vma->file && !(vma->flags & VMA_HUGETLB))))
		machine_fail("0x%lx: SIGBUS for an access to no file", va);
}

/* ---- leaks ---- */

struct usage {
	size_t pages, objects[8], huge;
};

static void usage_now(struct usage *usage)
{
	struct kmalloc_class class;

	memset(usage, 0, sizeof(*usage));
	usage->pages = page_free_count();
	usage->huge = huge_page_free_count();
	for (unsigned int i = 0; kmalloc_class(i, &class); i++) {
		usage->pages += class.pages;
		usage->objects[i] = class.used;
	}
}

bool check_alone(void)
{
	struct process *p;
	struct thread *t;

	list_for_each_entry(p, &all_processes, all_link)
		if (p != current_process)
			return false;
	list_for_each_entry(t, &all_threads, all_link)
		if (t != current && t->process)
			return false;
	return true;
}

void check_leaks(void)
{
	static struct usage first;
	struct usage now;

	usage_now(&now);
	if (!first.pages)
		first = now;
	if (memcmp(now.objects, first.objects, sizeof(now.objects)))
		objects_show_new();
	objects_mark();
	for (unsigned int i = 0; i < 8; i++)
		if (now.objects[i] != first.objects[i])
			machine_fail("%zd objects of %u bytes have leaked",
				     now.objects[i] - first.objects[i], 32 << i);
	if (now.pages != first.pages || now.huge != first.huge)
		machine_fail("%zd pages and %zd huge pages have leaked", first.pages - now.pages,
			     first.huge - now.huge);
	if (core_nr_vms())
		machine_fail("%u VMs are left", core_nr_vms());
}
