// SPDX-License-Identifier: MIT
/*
 * memslot.h - a VM's memory map, as memslot.c, the fault handler and the notifier use it.
 *
 * A map is never changed: an update makes a new one, publishes it under mmu_lock and drops the
 * reference on the old one. Maps share the chunks in which they are equal, so adding or removing
 * one of 32767 slots copies at most 64 of them and a pointer per chunk.
 *
 * A vCPU holds a reference on one map and reads that map without a lock. It switches to the current
 * map at its next KVM_RUN or fault. Before a page that was found in an old map is mapped, the fault
 * is checked again under mmu_lock (gstage_fault.c); a store is allowed only through the current map
 * (memslot_store_begin()).
 */
#ifndef KVM_MEMSLOT_H
#define KVM_MEMSLOT_H

#include <linux/kvm.h>
#include "kvm.h"

#define MEMSLOT_MAX_ID    32767 /* KVM_CAP_NR_MEMSLOTS: ids 0 to 32766 */
#define MEMSLOT_MAX_PAGES ((1ULL << 31) - 1)
#define MEMSLOT_CHUNK     64
#define SLOT_IDS_PER_PAGE (PAGE_SIZE / sizeof(u64))

struct dirty_log;

struct memslot {
	gfn_t base;
	u64 npages;
	hva_t hva;
	u32 id;
	u32 flags; /* KVM_MEM_* */
	/*
	 * NULL without KVM_MEM_LOG_DIRTY_PAGES. Access the log only under mmu_lock, and only
	 * through the current map: an older map's log may have been freed.
	 */
	struct dirty_log *dirty;
};

/* A piece of a map, shared by all maps in which it is the same. */
struct memslot_chunk {
	u32 refs;
	u32 nr;                             /* at least 1 */
	hva_t hva_start, hva_end;           /* the hull of the slots' user addresses */
	struct memslot slot[MEMSLOT_CHUNK]; /* ascending by base */
};

struct memslots {
	u32 refs; /* atomic, changed by any thread; so are the chunks' refs */
	u32 nr;
	struct memslot_chunk *chunk[]; /* ascending; no two slots overlap */
};

#define memslots_for_each(slots, c, i, s)                                                      \
	for ((c) = 0; (c) < (slots)->nr; (c)++)                                                \
		for ((i) = 0;                                                                  \
		     (i) < (slots)->chunk[c]->nr && ((s) = &(slots)->chunk[c]->slot[i], true); \
		     (i)++)

static inline bool memslot_has(const struct memslot *slot, gfn_t gfn)
{
	return gfn - slot->base < slot->npages;
}

static inline hva_t memslot_hva(const struct memslot *slot, gpa_t gpa)
{
	return slot->hva + (hva_t)(gpa - gfn_to_gpa(slot->base));
}

static inline bool memslots_overlap(const struct memslot *a, const struct memslot *b)
{
	return a->base < b->base + b->npages && b->base < a->base + a->npages;
}

/*
 * memslot_map.c: maps as values. The first three functions return NULL if there is no memory.
 * memslots_with() and memslots_without() may sleep, and are called with slots_lock held.
 */
struct memslots *memslots_alloc(u32 nr); /* the caller sets the chunks */
struct memslots *memslots_with(const struct memslots *now, const struct memslot *slot);
struct memslots *memslots_without(const struct memslots *now, const struct memslot *old);
/* Return the index of the last chunk that begins at or below gfn; slots->nr if none does. */
u32 memslots_chunk_of(const struct memslots *slots, gfn_t gfn);

/* memslot.c */
const struct memslot *memslots_find(const struct memslots *slots, gfn_t gfn);
void memslots_put(struct memslots *slots);
/* Return the current map, with a reference. mmu_lock held. */
struct memslots *memslots_hold_locked(struct kvm *vm);

/*
 * Return the slot of the vCPU's own map that contains gfn, or NULL. Valid until
 * memslot_vcpu_refresh().
 */
const struct memslot *memslot_find(struct kvm_vcpu *vcpu, gfn_t gfn);

/*
 * dirty_log.c: record that the vCPU's thread has written to guest page gfn for the host. Takes
 * mmu_lock.
 */
void memslot_mark_dirty(struct kvm_vcpu *vcpu, gfn_t gfn);

/*
 * Between these two calls, the vCPU's thread may store to memory of the vCPU's map with
 * hv_copy_to_user_nofault(): an ioctl that deletes or moves a slot of the map waits for
 * memslot_store_end(). memslot_store_begin() returns false if the map is no longer the current
 * one, or if the vCPU's dirty ring has no room; then nothing may be stored. memslot_store_end() is
 * needed in both cases.
 */
bool memslot_store_begin(struct kvm_vcpu *vcpu);
void memslot_store_end(struct kvm_vcpu *vcpu);
/*
 * Fault the page in for writing, as a guest's store would. May sleep. Returns 0, -EFAULT, -EINTR or
 * -ENOMEM.
 */
int memslot_fault_in(struct kvm_vcpu *vcpu, hva_t hva);

/* Return the slot `id` of the current map, or NULL. slots_lock held. */
const struct memslot *memslot_by_id(struct kvm *vm, u32 id);

/* memslot.c, for others */
int memslot_vm_init(struct kvm *vm);
void memslot_vm_destroy(struct kvm *vm);
int kvm_vm_ioctl_set_memory_region(struct kvm *vm, const struct kvm_userspace_memory_region2 *r);
void memslot_vcpu_init(struct kvm_vcpu *vcpu); /* take a reference on the current map */
void memslot_vcpu_destroy(struct kvm_vcpu *vcpu);
void memslot_vcpu_switch(struct kvm_vcpu *vcpu);

/* Switch to the current map, unless the vCPU has it. */
static inline void memslot_vcpu_refresh(struct kvm_vcpu *vcpu)
{
	/* Our reference keeps the old map allocated, so a new one cannot have the same address. */
	if (vcpu->slots != __atomic_load_n(&vcpu->kvm->slots, __ATOMIC_ACQUIRE))
		memslot_vcpu_switch(vcpu);
}

/*
 * Access guest memory through the hva of its memslot; may sleep. -EFAULT: no page. Without a memslot,
 * a read returns -ENXIO, and a write -EFAULT, as for a read-only memslot. Only the vCPU's own thread
 * may write; nothing is written once the ioctl that deletes or moves the slot has returned. -EAGAIN:
 * user space keeps changing the memory.
 */
int kvm_read_guest(struct kvm *vm, gpa_t gpa, void *buf, size_t len);
int kvm_write_guest(struct kvm_vcpu *vcpu, gpa_t gpa, const void *buf, size_t len);

/* notifier.c */
int notifier_vm_init(struct kvm *vm);
void notifier_vm_destroy(struct kvm *vm);

#endif
