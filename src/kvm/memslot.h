// SPDX-License-Identifier: MIT
/*
 * memslot.h - the memory map of a VM, as memslot.c, the fault handler and the
 * notifier see it.
 *
 * A map is never changed: an update makes a new one, publishes it under mmu_lock and
 * drops the old one's reference. A vCPU reads its own reference without a lock; it
 * takes the new map at its next fault. What a vCPU does with an old map is checked
 * again under mmu_lock before it has an effect (gstage_fault.c).
 */
#ifndef KVM_MEMSLOT_H
#define KVM_MEMSLOT_H

#include <linux/kvm.h>
#include "kvm.h"

#define MEMSLOT_MAX_ID    32767 /* KVM_CAP_NR_MEMSLOTS: ids 0 to 32766 */
#define MEMSLOT_MAX_PAGES ((1ULL << 31) - 1)

struct dirty_log;

struct memslot {
	gfn_t base;
	u64 npages;
	hva_t hva;
	u32 id;
	u32 flags; /* KVM_MEM_* */
	/* With KVM_MEM_LOG_DIRTY_PAGES. Used under mmu_lock only, and only through the
	 * map in force: an older map's may be gone. */
	struct dirty_log *dirty;
};

struct memslots {
	u32 refs; /* any thread, atomically */
	u32 nr;
	struct memslot slot[]; /* ascending by base; no two overlap */
};

static inline bool memslot_has(const struct memslot *slot, gfn_t gfn)
{
	return gfn - slot->base < slot->npages;
}

static inline hva_t memslot_hva(const struct memslot *slot, gpa_t gpa)
{
	return slot->hva + (hva_t)(gpa - gfn_to_gpa(slot->base));
}

/* The slot of the vCPU's own map that holds gfn, or NULL; valid until it is refreshed. */
const struct memslot *memslot_find(struct kvm_vcpu *vcpu, gfn_t gfn);

/* The slot of the map in force, or NULL. Holds slots_lock. */
const struct memslot *memslot_by_id(struct kvm *vm, u32 id);

/* dirty_log.c */
struct dirty_log *dirty_log_alloc(u64 npages); /* NULL: no memory */
void dirty_log_free(struct dirty_log *log);
void dirty_log_mark(struct dirty_log *log, u64 page); /* mmu_lock */

#endif
