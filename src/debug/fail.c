// SPDX-License-Identifier: MIT
/*
 * fail.c - /sys/kernel/debug/fail_alloc: make an allocation fail on request, for tests.
 *
 * Writing N to the file makes one allocation fail: of the calls of kmalloc() and the page allocator
 * that threads of the writing process make in system calls, the Nth from then on. 0 cancels the
 * request. Reading the file gives three numbers: how many allocations are left until the one that
 * fails, or 0 once it has failed; the bytes of all kmalloc() objects; and the pages in use, without
 * those of such objects. In contrast to free_pages (shortage.c), the host does not treat the failure
 * as a lack of memory, so it does not repeat the system call: the program sees ENOMEM. A test
 * repeats its steps with N = 1, 2, 3, ... until none fails anymore. Allocations of a page fault do
 * not count, because a page fault cannot return an error.
 *
 * /sys/kernel/debug/fail_alloc_sites lists the return addresses of the allocations that have failed
 * so, and of their callers, because some allocators (hv_alloc()) only call another one.
 *
 * Locks: none. A request is one atomic word, and tests do not make concurrent requests.
 */
#include <linux/errno.h>
#include <stdlib.h>
#include "check.h"
#include "fs/pseudo.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "proc/process.h"

static const struct process *target; /* the process whose allocation fails */
static long left;                    /* allocations until then; 0: none will fail */
static const struct thread *failed;  /* the thread whose latest allocation was made to fail */

#define SITES_MAX 1024

static unsigned long sites[SITES_MAX]; /* return addresses */
static unsigned int nr_sites;

void __real_shortage_init(void);
int __real_mm_fault(struct mm *mm, unsigned long va, bool write, bool exec, bool user);
void __wrap_shortage_init(void);
int __wrap_mm_fault(struct mm *mm, unsigned long va, bool write, bool exec, bool user);

/* In the thread's kernel stack, between the canary and its list of mutexes (lock.c). */
static bool *in_fault(void)
{
	return (bool *)current->kstack + sizeof(unsigned long);
}

int __wrap_mm_fault(struct mm *mm, unsigned long va, bool write, bool exec, bool user)
{
	int err;

	if (!current->fault_disabled)
		debug_may_sleep("mm_fault");
	*in_fault() = true;
	err = __real_mm_fault(mm, va, write, exec, user);
	*in_fault() = false;
	return err;
}

static void add_site(unsigned long address)
{
	for (unsigned int i = 0; i < nr_sites; i++)
		if (sites[i] == address)
			return;
	if (nr_sites < SITES_MAX)
		sites[nr_sites++] = address;
}

/* Record the caller of the function with this frame, and the caller's caller. */
static void record(const unsigned long *frame)
{
	unsigned long low = (unsigned long)current->kstack;

	/* The two words below a frame are the return address and the caller's frame. */
	for (int i = 0; i < 2; i++) {
		if ((unsigned long)frame <= low || (unsigned long)frame > low + KSTACK_SIZE)
			return;
		add_site(frame[-1]);
		frame = (const unsigned long *)frame[-2];
	}
}

bool debug_alloc_fails(const void *frame)
{
	if (failed == current)
		failed = NULL;
	if (!READ_ONCE(left) || current->process != READ_ONCE(target) || *in_fault())
		return false;
	if (__atomic_sub_fetch(&left, 1, __ATOMIC_RELAXED))
		return false;
	failed = current;
	record(frame);
	return true;
}

bool debug_failed(void)
{
	return failed == current;
}

static int store(struct inode *inode, const char *line)
{
	unsigned long n;
	char *end;

	(void)inode;
	n = strtoul(line, &end, 0);
	if (end == line || *end)
		return -EINVAL;
	target = current_process;
	WRITE_ONCE(left, (long)n);
	return 0;
}

static int show(struct inode *inode, struct text *t)
{
	struct kmalloc_class class;
	size_t slabs = 0, used = page_total_count() - page_free_count();

	(void)inode;
	for (unsigned int i = 0; kmalloc_class(i, &class); i++)
		slabs += class.pages;
	text_add(t, "%ld %zu %zu\n", READ_ONCE(left), debug_slab_bytes(), used - slabs);
	return 0;
}

static int show_sites(struct inode *inode, struct text *t)
{
	(void)inode;
	for (unsigned int i = 0; i < nr_sites; i++)
		text_add(t, "0x%lx\n", sites[i]);
	return 0;
}

/* Called where the file system is ready for the files of debugfs. */
void __wrap_shortage_init(void)
{
	static const struct pseudo_file file = {
		.path = "/sys/kernel/debug/fail_alloc", .show = show, .store = store, .mode = 0600
	};

	static const struct pseudo_file reached = { .path = "/sys/kernel/debug/fail_alloc_sites",
						    .show = show_sites,
						    .mode = 0400 };

	__real_shortage_init();
	pseudo_make(&file);
	pseudo_make(&reached);
}
