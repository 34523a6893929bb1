// SPDX-License-Identifier: MIT
/* dirty_ring.h - each vCPU's ring of the pages that its guest has written (dirty_ring.c). */
#ifndef KVM_DIRTY_RING_H
#define KVM_DIRTY_RING_H

#include "kvm.h"

#define DIRTY_RING_MAX_SIZE (65536 * sizeof(struct kvm_dirty_gfn)) /* in bytes, as on Linux */
#define DIRTY_RING_RESERVED 64 /* entries that are free when a ring counts as full */

struct dirty_ring {
	u32 entries; /* a power of two */
	/*
	 * Positions in the ring, counted without end: entries [reset, dirty) are in use. The vCPU's
	 * thread advances `dirty`, and dirty_ring_reset_all() advances `reset`; any thread reads.
	 */
	u32 dirty, reset;
	hpa_t pages[]; /* shared with user space: untrusted */
};

/* KVM_CAP_DIRTY_LOG_RING_ACQ_REL. Returns -EINVAL or -E2BIG for what Linux does not allow. */
int dirty_ring_set_size(struct kvm *vm, u32 size);
/* Allocate the ring of a new vCPU; size 0: no ring. Returns 0 or -ENOMEM. */
int dirty_ring_vcpu_init(struct kvm_vcpu *vcpu, u32 size);
void dirty_ring_vcpu_destroy(struct kvm_vcpu *vcpu);
/* The ring's page `index`, for user space's mapping. Returns 0, or -EINVAL: there is none. */
int dirty_ring_page(const struct kvm_vcpu *vcpu, u64 index, hpa_t *pa);
/*
 * Add a page to the ring. Called by the vCPU's own thread, with mmu_lock held. The ring has room:
 * the vCPU enters its guest only if at least DIRTY_RING_RESERVED entries are free, an exit adds at
 * most one page by a fault, and the host stores only while dirty_ring_has_room().
 */
void dirty_ring_push(struct kvm_vcpu *vcpu, u32 slot, u64 page);
/* KVM_RESET_DIRTY_RINGS. Returns the number of entries reset, or -EINVAL: the VM has no rings. */
int dirty_ring_reset_all(struct kvm *vm);

static inline u32 dirty_ring_used(const struct dirty_ring *ring)
{
	return READ_ONCE(ring->dirty) - __atomic_load_n(&ring->reset, __ATOMIC_ACQUIRE);
}

/* True if user space has to empty the ring before the guest runs. */
static inline bool dirty_ring_is_full(const struct kvm_vcpu *vcpu)
{
	const struct dirty_ring *ring = vcpu->dirty_ring;

	return ring && dirty_ring_used(ring) >= ring->entries - DIRTY_RING_RESERVED;
}

/* True if the vCPU has no ring, or the host may still log a store of its own to guest memory. */
static inline bool dirty_ring_has_room(const struct kvm_vcpu *vcpu)
{
	const struct dirty_ring *ring = vcpu->dirty_ring;

	return !ring || dirty_ring_used(ring) < ring->entries - 1;
}

#endif
