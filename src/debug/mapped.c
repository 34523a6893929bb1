// SPDX-License-Identifier: MIT
/*
 * mapped.c - search the page tables of all processes and VMs for pages in the quarantine.
 *
 * The tables are read without their locks. That is safe because nothing leaves the quarantine
 * meanwhile: a table that is freed during the search keeps its place, and poison is not a valid
 * entry. A table's root is registered while it exists.
 *
 * Shadow tables are not registered (rules.mk). One may map a freed page as long as its vCPU is outside
 * and has REQ_SHADOW pending (docs/locking.md, rule 26). So the vCPU's thread searches its own tables
 * whenever it has served this request (shadow.c).
 *
 * Locks: roots_lock guards the registry and the search, and is held while a block leaves the
 * quarantine. It is taken without the checks of lock.c. The vCPU's mutex guards its shadow tables.
 */
#include "check.h"
#include "hv/pte.h"
#include "lib/printk.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "mmu/gstage.h"
#include "sched/thread.h"

#define ROOTS_MAX  8192
#define ENTRIES    512
#define USER_ROOTS 256 /* entries of a process's root; the others map the kernel */

static const unsigned int host_levels = 3;

struct root {
	const void *owner; /* struct mm or struct gstage; NULL: unused */
	hpa_t table;
	/*
	 * Points to the number of levels: host_levels, or the `levels` of the G-stage, which
	 * gstage_set_gpa_bits() may change after the table has been registered.
	 */
	const unsigned int *levels;
	unsigned int entries;
	const struct kvm_vcpu *vcpu; /* it uses this shadow table; NULL: not a shadow table */
};

static struct root roots[ROOTS_MAX];
static struct spinlock roots_lock;

int __real_pgtable_init_mm(struct mm *mm);
void __real_pgtable_free_mm(struct mm *mm);
int __real_gstage_init(struct gstage *gs, const struct gstage_ops *ops, bool huge);
void __real_gstage_destroy(struct gstage *gs);
int __wrap_pgtable_init_mm(struct mm *mm);
void __wrap_pgtable_free_mm(struct mm *mm);
int __wrap_gstage_init(struct gstage *gs, const struct gstage_ops *ops, bool huge);
void __wrap_gstage_destroy(struct gstage *gs);

#undef spin_lock
#undef spin_unlock

/* Replace the registry's first entry for `old` by `new`. If all entries are in use, ignore `new`. */
static void replace(const void *old, struct root new)
{
	spin_lock(&roots_lock);
	for (unsigned int i = 0; i < ROOTS_MAX; i++)
		if (roots[i].owner == old) {
			roots[i] = new;
			break;
		}
	spin_unlock(&roots_lock);
}

/*
 * Does the entry still map the page, although no request is pending that will remove it? Its A and D may
 * have changed.
 */
static bool still_maps(const struct root *root, const pte_t *ptep, pte_t pte)
{
	pte_t now;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	now = READ_ONCE(*ptep);
	if (root->vcpu && debug_shadow_pending(root->vcpu))
		return false;
	return pte_is_leaf(now) && pte_to_hpa(now) == pte_to_hpa(pte);
}

static const char *kind(const struct root *root)
{
	if (root->vcpu)
		return "the shadow table of a vCPU";
	return root->levels == &host_levels ? "the page table of a process"
					    : "the G-stage table of a VM";
}

/*
 * The page may have been unmapped and freed since *ptep was read as `pte`, so read the entry again
 * once the page is found to be freed.
 */
static void check_leaf(const struct root *root, const pte_t *ptep, pte_t pte, int level,
		       u64 address)
{
	for (u64 at = 0; at < PAGE_SIZE << (9 * level); at += PAGE_SIZE) {
		if (!debug_page_is_freed(pte_to_hpa(pte) + at) || !still_maps(root, ptep, pte))
			continue;
		printk("host: %s at 0x%llx has the entry 0x%lx\n", kind(root), address, pte);
		debug_page_panic("still mapped", pte_to_hpa(pte) + at, root->owner);
	}
}

/*
 * Check the `entries` of a table and the tables below it. `address`: the address that the first entry
 * maps.
 */
static void check_table(const struct root *root, hpa_t pa, int level, unsigned int entries,
			u64 address)
{
	const pte_t *table = pa_to_va(pa);

	for (unsigned int i = 0; i < entries; i++, address += PAGE_SIZE << (9 * level)) {
		pte_t pte = READ_ONCE(table[i]);

		if (pte_is_leaf(pte) && page_of(pte_to_hpa(pte)))
			check_leaf(root, &table[i], pte, level, address);
		else if (pte_is_table(pte) && level > 0 && page_of(pte_to_hpa(pte)))
			check_table(root, pte_to_hpa(pte), level - 1, ENTRIES, address);
	}
}

void debug_check_mappings(void)
{
	spin_lock(&roots_lock);
	for (unsigned int i = 0; i < ROOTS_MAX; i++)
		if (roots[i].owner)
			check_table(&roots[i], roots[i].table, (int)READ_ONCE(*roots[i].levels) - 1,
				    roots[i].entries, 0);
	spin_unlock(&roots_lock);
}

void debug_check_shadow(const struct kvm_vcpu *vcpu, const struct gstage *gs)
{
	struct root root = { gs, gs->root, &gs->levels, 4 * ENTRIES, vcpu };

	spin_lock(&roots_lock);
	check_table(&root, root.table, (int)gs->levels - 1, root.entries, 0);
	spin_unlock(&roots_lock);
}

void debug_mappings_lock(void)
{
	spin_lock(&roots_lock);
}

void debug_mappings_unlock(void)
{
	spin_unlock(&roots_lock);
}

int __wrap_pgtable_init_mm(struct mm *mm)
{
	int err = __real_pgtable_init_mm(mm);

	if (!err)
		replace(NULL, (struct root){ mm, mm->root, &host_levels, USER_ROOTS, NULL });
	return err;
}

void __wrap_pgtable_free_mm(struct mm *mm)
{
	replace(mm, (struct root){ 0 });
	__real_pgtable_free_mm(mm);
}

int __wrap_gstage_init(struct gstage *gs, const struct gstage_ops *ops, bool huge)
{
	int err = __real_gstage_init(gs, ops, huge);

	if (!err)
		replace(NULL, (struct root){ gs, gs->root, &gs->levels, 4 * ENTRIES, NULL });
	return err;
}

void __wrap_gstage_destroy(struct gstage *gs)
{
	replace(gs, (struct root){ 0 });
	__real_gstage_destroy(gs);
}
