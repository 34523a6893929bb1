// SPDX-License-Identifier: MIT
/*
 * dirty_ring.c - a vCPU's ring of the pages that its guest has written.
 *
 * A VM with rings has no bits in its dirty logs (dirty_log.c). Instead, the vCPU that makes a page
 * writable adds the page to its own ring, in memory that user space has mapped. User space takes
 * entries in order, marks each one as harvested, and calls KVM_RESET_DIRTY_RINGS, which
 * write-protects the harvested pages and frees their entries. KVM_RUN ends with
 * KVM_EXIT_DIRTY_RING_FULL before too few entries are left for the stores of one exit (run.c).
 *
 *   entry:  unused (0) --push--> DIRTY --user space--> RESET --reset--> unused (0)
 *
 * User space can write anything into the ring, at any time. Which entries are in use is therefore
 * kept in struct dirty_ring: no entry is overwritten before it was reset, and only entries in use
 * are reset. Slot and page of an entry are checked before they are used; a wrong one can only
 * protect another page of the same VM, which then faults once more.
 *
 * Locks: slots_lock for the reset. Source: Linux, Documentation/virt/kvm/api.rst.
 */
#include <asm-generic/errno.h>
#include "mmu/dirty_ring.h"
#include "mmu/memslot.h"
#include "mmu/tlb.h"
#include "request.h"

#define ENTRIES_PER_PAGE (PAGE_SIZE / sizeof(struct kvm_dirty_gfn))

int dirty_ring_set_size(struct kvm *vm, u32 size)
{
	int err = -EINVAL;

	if (!size || (size & (size - 1)) || size < PAGE_SIZE ||
	    size < DIRTY_RING_RESERVED * sizeof(struct kvm_dirty_gfn))
		return -EINVAL;
	if (size > DIRTY_RING_MAX_SIZE)
		return -E2BIG;
	hv_mutex_lock(&vm->lock);
	if (!vm->dirty_ring_size && !vm->nr_vcpus) {
		WRITE_ONCE(vm->dirty_ring_size, size);
		err = 0;
	}
	hv_mutex_unlock(&vm->lock);
	return err;
}

static void ring_free(struct dirty_ring *ring)
{
	u32 i;

	for (i = 0; i < ring->entries / ENTRIES_PER_PAGE && ring->pages[i]; i++)
		hv_pages_free(ring->pages[i], HV_ORDER_4K);
	hv_free(ring);
}

int dirty_ring_vcpu_init(struct kvm_vcpu *vcpu, u32 size)
{
	u32 i, n = size / PAGE_SIZE;
	struct dirty_ring *ring;

	if (!size)
		return 0;
	ring = hv_alloc(sizeof(*ring) + n * sizeof(ring->pages[0]));
	if (!ring)
		return -ENOMEM;
	ring->entries = size / sizeof(struct kvm_dirty_gfn);
	for (i = 0; i < n; i++) {
		ring->pages[i] = hv_pages_alloc(HV_ORDER_4K);
		if (!ring->pages[i]) {
			ring_free(ring);
			return -ENOMEM;
		}
	}
	vcpu->dirty_ring = ring;
	return 0;
}

void dirty_ring_vcpu_destroy(struct kvm_vcpu *vcpu)
{
	if (vcpu->dirty_ring)
		ring_free(vcpu->dirty_ring);
	vcpu->dirty_ring = NULL;
}

int dirty_ring_page(const struct kvm_vcpu *vcpu, u64 index, hpa_t *pa)
{
	const struct dirty_ring *ring = vcpu->dirty_ring;

	if (!ring || index >= ring->entries / ENTRIES_PER_PAGE)
		return -EINVAL;
	*pa = ring->pages[index];
	return 0;
}

/* Map the page that holds the entry at `position`, until entry_unmap(). */
static struct kvm_dirty_gfn *entry_map(const struct dirty_ring *ring, u32 position)
{
	u32 i = position & (ring->entries - 1);
	struct kvm_dirty_gfn *page = hv_page_map(ring->pages[i / ENTRIES_PER_PAGE]);

	return page + i % ENTRIES_PER_PAGE;
}

static void entry_unmap(struct kvm_dirty_gfn *entry)
{
	hv_page_unmap((void *)ALIGN_DOWN((uintptr_t)entry, PAGE_SIZE));
}

void dirty_ring_push(struct kvm_vcpu *vcpu, u32 slot, u64 page)
{
	struct dirty_ring *ring = vcpu->dirty_ring;
	struct kvm_dirty_gfn *entry = entry_map(ring, ring->dirty);

	WRITE_ONCE(entry->slot, slot);
	WRITE_ONCE(entry->offset, page);
	/* Release: user space that sees DIRTY sees slot and offset. */
	__atomic_store_n(&entry->flags, KVM_DIRTY_GFN_F_DIRTY, __ATOMIC_RELEASE);
	entry_unmap(entry);
	__atomic_store_n(&ring->dirty, ring->dirty + 1, __ATOMIC_RELEASE);
	if (dirty_ring_is_full(vcpu))
		vcpu_set_request(vcpu, REQ_RING_FULL);
}

/* Harvested pages [first, last] of a slot, in one aligned group of 64 pages. */
struct batch {
	u32 slot;
	u64 first, last;
};

/* mmu_lock held, but released during a pause. Write-protect the batch's pages that exist. */
static void protect_batch(struct kvm *vm, const struct batch *b)
{
	const struct memslot *slot = b->slot < MEMSLOT_MAX_ID ? memslot_by_id(vm, b->slot) : NULL;

	if (!slot || !slot->dirty || b->last >= slot->npages)
		return;
	gstage_protect(&vm->gstage, gfn_to_gpa(slot->base + b->first),
		       gfn_to_gpa(slot->base + b->last + 1));
}

/*
 * If the entry at ring->reset has been harvested, free it and store its slot and page in *b.
 * Returns false otherwise.
 */
static bool take_harvested(struct dirty_ring *ring, struct batch *b)
{
	struct kvm_dirty_gfn *entry = entry_map(ring, ring->reset);
	bool harvested;

	harvested = __atomic_load_n(&entry->flags, __ATOMIC_ACQUIRE) & KVM_DIRTY_GFN_F_RESET;
	if (harvested) {
		b->slot = READ_ONCE(entry->slot);
		b->first = b->last = READ_ONCE(entry->offset);
		WRITE_ONCE(entry->flags, 0);
	}
	entry_unmap(entry);
	/* Release: the vCPU may fill the entry again only after the stores above. */
	if (harvested)
		__atomic_store_n(&ring->reset, ring->reset + 1, __ATOMIC_RELEASE);
	return harvested;
}

/* Add `next` to the batch if it is near. Returns false if the batch has to be finished first. */
static bool batch_add(struct batch *b, const struct batch *next)
{
	if (next->slot != b->slot || next->first / 64 != b->first / 64)
		return false;
	b->first = MIN(b->first, next->first);
	b->last = MAX(b->last, next->last);
	return true;
}

#define ENTRY_WORK 4 /* the work of taking an entry, in the unit of GSTAGE_PIECE */

/*
 * Reset the harvested entries of one ring, in order up to the first that is not harvested. Returns
 * their number. slots_lock held. Entries that are added meanwhile are left for the next call.
 */
static u32 reset_ring(struct kvm *vm, struct dirty_ring *ring)
{
	u32 end = __atomic_load_n(&ring->dirty, __ATOMIC_ACQUIRE), begin = ring->reset;
	struct gstage *gs = &vm->gstage;
	struct gstage_pending_flush pending;
	struct batch batch, next;
	bool open = false;

	spin_lock(&gs->mmu_lock);
	while (ring->reset != end && take_harvested(ring, &next)) {
		if (gstage_pause_is_due(gs))
			gstage_pause(gs);
		gs->work -= ENTRY_WORK;
		if (open && batch_add(&batch, &next))
			continue;
		if (open)
			protect_batch(vm, &batch);
		batch = next;
		open = true;
	}
	if (open)
		protect_batch(vm, &batch);
	pending = gstage_take_pending_flush(gs);
	spin_unlock(&gs->mmu_lock);
	/*
	 * A store through an old translation before this flush is not logged, but precedes user
	 * space's copy of the page, as with KVM_GET_DIRTY_LOG.
	 */
	tlb_flush_pending(vm, &pending);
	return ring->reset - begin;
}

int dirty_ring_reset_all(struct kvm *vm)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;
	int reset = 0;

	if (!READ_ONCE(vm->dirty_ring_size))
		return -EINVAL;
	hv_mutex_lock(&vm->slots_lock);
	kvm_for_each_vcpu(i, vcpu, vm) {
		hv_cond_resched();
		reset += (int)reset_ring(vm, vcpu->dirty_ring);
	}
	hv_mutex_unlock(&vm->slots_lock);
	return reset;
}
