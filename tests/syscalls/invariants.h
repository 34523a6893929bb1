// SPDX-License-Identifier: MIT
/* invariants.h - checks of what must hold while a program is in user mode. A violation aborts. */
#ifndef TESTS_SYSCALLS_INVARIANTS_H
#define TESTS_SYSCALLS_INVARIANTS_H

#include <stdbool.h>
#include "machine.h"

struct mm;
struct mutex;

/*
 * Check the address spaces, the reference counts of pages, the TLB, G-stage tables and locks: what
 * can have changed since the last check, or everything. `guest`: the core may have changed a G-stage
 * table since then.
 */
void check_invariants(bool guest);
void check_all_invariants(void);
/*
 * Check the signal that an access of the current process got: SIGSEGV only where no area permits it,
 * and SIGBUS only where a file or huge pages are mapped.
 */
void check_signal(unsigned long va, enum machine_access access, unsigned long signal);
/*
 * Compare the pages and objects in use with those at the first call. No process but the caller may
 * be left.
 */
void check_leaks(void);
/* Is the caller the only process? */
bool check_alone(void);
void tree_clear(void); /* remove what is below /w */

/* ---- locks.c ---- */
extern int held_spinlocks;
int held_mutexes(void); /* by the current thread */
/* objects_show_new(): print the callers that allocated the objects left since objects_mark(). */
void objects_mark(void);
void objects_show_new(void);

/* ---- spaces.c: the tables of address spaces, and the pages that they map ---- */
/*
 * Called when the host locks or unlocks a mutex, creates an address space, or takes or drops a
 * reference to a page.
 */
void space_lock_taken(const struct mutex *m);
void space_created(void);
void space_page_changed(unsigned long long pa);
/* Since the last check: may any page table or page, or this address space, have changed? */
bool spaces_changed(void);
bool space_changed(const struct mm *mm);
/*
 * Check the leaves of an address space that have changed or, if its areas have changed, all of
 * them. Returns how many pages they map, as mm->total_pages counts them.
 */
unsigned long space_check(const struct mm *mm, bool all);
/* Check the references to pages. `exact`: all address spaces have been checked. */
void spaces_check_pages(bool exact);
/* All address spaces have been checked; those that space_watch() names may change later. */
void spaces_checked(void);
void space_watch(const struct mm *mm);
/*
 * Drop the copies of the address spaces for which is_gone() returns true; NULL: of all. The next
 * space_check() then checks such a space as a whole.
 */
void spaces_forget(bool (*is_gone)(const struct mm *mm));

/*
 * Return the index of the first entry of a page table, from `i` on, that is not 0, or `n`. Tables
 * are read after every call, and most of their entries are 0, so this is not instrumented.
 */
static inline __attribute__((no_sanitize("address", "undefined"))) unsigned long
next_entry(const unsigned long *entries, unsigned long i, unsigned long n)
{
	for (; i < n; i += 8 - i % 8) {
		const unsigned long *e = entries + i;

		if (i % 8 == 0 && !(e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7]))
			continue;
		for (; e < entries + n && (e == entries + i || (e - entries) % 8); e++)
			if (*e)
				return (unsigned long)(e - entries);
	}
	return n;
}

/* ---- core.c: the hypervisor core's side ---- */
/*
 * Call fn for each leaf of each VM's G-stage: the VM's address space, the leaf's user address, and
 * what it maps. Returns the first message that fn returns, or NULL.
 */
typedef const char *gstage_fn(const void *mm, unsigned long hva, unsigned long pa,
			      unsigned long size, bool writable);
const char *core_each_leaf(gstage_fn *fn);
unsigned int core_nr_vms(void);
/* Let every KVM_RUN execute the accesses that `seed` determines, as the guest. */
void core_guest_begin(unsigned int seed);

#endif
