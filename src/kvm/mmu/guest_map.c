// SPDX-License-Identifier: MIT
/*
 * guest_map.c - map some pages of guest memory in the kernel (guest_map.h).
 *
 * A page is mapped as a fault maps one (gstage_fault.c): if inval_seq has changed since the look-up,
 * or if the page is being invalidated, the look-up is repeated. The look-up takes a reference for a
 * moment, which is refused for frames that the kernel cannot access (hv_user_page_get()). The memory
 * map may be older than inval_seq here: a section uses pages only of the current map, and a vCPU
 * that switches to another map forgets them. The notifier clears `mapped` under mmu_lock, and then
 * waits until every vCPU has been outside of the guest. In a section, `mode` says "in the guest":
 * either the section finds that the pages are not mapped any more, or the notifier finds the vCPU in
 * the guest and waits.
 */
#include <asm-generic/errno.h>
#include "mmu/guest_map.h"
#include "mmu/memslot.h"
#include "request.h"

#define TRIES 8 /* without taking interrupts */

void guest_map_set(struct kvm_vcpu *vcpu, gpa_t gpa)
{
	WRITE_ONCE(vcpu->map.mapped, false);
	vcpu->map.gpa = gpa;
}

/* mmu_lock held. Use the pages, unless they may have changed since seq was read. */
static void use_pages(struct kvm_vcpu *vcpu, const struct memslot *slot,
		      const struct hv_user_page *page, unsigned long seq)
{
	struct gstage *gs = &vcpu->kvm->gstage;
	struct guest_map *map = &vcpu->map;
	hva_t hva = memslot_hva(slot, map->gpa);

	if (gs->inval_seq != seq)
		return;
	if (gs->inval_count && hva < gs->inval_end &&
	    gs->inval_start < hva + GUEST_MAP_PAGES * PAGE_SIZE)
		return;
	map->hva = hva;
	map->logged = slot->flags & KVM_MEM_LOG_DIRTY_PAGES;
	for (unsigned int i = 0; i < GUEST_MAP_PAGES; i++)
		map->pa[i] = page[i].pa;
	WRITE_ONCE(map->mapped, true);
	vcpu->kvm->has_guest_maps = true;
}

static int map_pages(struct kvm_vcpu *vcpu)
{
	struct gstage *gs = &vcpu->kvm->gstage;
	unsigned long seq = __atomic_load_n(&gs->inval_seq, __ATOMIC_ACQUIRE);
	gfn_t gfn = gpa_to_gfn(vcpu->map.gpa);
	struct hv_user_page page[GUEST_MAP_PAGES];
	const struct memslot *slot = memslot_find(vcpu, gfn);
	int err;

	if (!slot || (slot->flags & KVM_MEM_READONLY) ||
	    !memslot_has(slot, gfn + GUEST_MAP_PAGES - 1))
		return -EFAULT;
	for (unsigned int i = 0; i < GUEST_MAP_PAGES; i++) {
		err = hv_user_page_get(vcpu->kvm->mm,
				       memslot_hva(slot, vcpu->map.gpa) + i * PAGE_SIZE, true,
				       &page[i]);
		if (err)
			return err;
		hv_user_page_put(&page[i]); /* inval_seq protects the mapping */
	}
	spin_lock(&gs->mmu_lock);
	use_pages(vcpu, slot, page, seq);
	spin_unlock(&gs->mmu_lock);
	return 0;
}

/* Fails if the pages are not mapped, or if the vCPU's memory map is not the current one. */
bool guest_map_try(struct kvm_vcpu *vcpu)
{
	struct guest_map *map = &vcpu->map;

	hv_pin();
	if (!memslot_store_begin(vcpu) || !READ_ONCE(map->mapped)) {
		memslot_store_end(vcpu);
		hv_unpin();
		return false;
	}
	for (unsigned int i = 0; i < GUEST_MAP_PAGES; i++)
		map->va[i] = hv_page_map(map->pa[i]);
	return true;
}

int guest_map_begin(struct kvm_vcpu *vcpu)
{
	int err = 0;

	for (unsigned int tries = 0; tries < TRIES && !err; tries++) {
		memslot_vcpu_refresh(vcpu);
		if (guest_map_try(vcpu))
			return 0;
		err = map_pages(vcpu);
		vcpu_set_request(vcpu, REQ_HOST); /* this may have slept: look for a signal */
	}
	if (err)
		return err;
	hv_poll_interrupts();
	return -EAGAIN;
}

void guest_map_end(struct kvm_vcpu *vcpu, unsigned int written)
{
	const struct guest_map *map = &vcpu->map;

	for (unsigned int i = 0; i < GUEST_MAP_PAGES; i++)
		hv_page_unmap(map->va[i]);
	memslot_store_end(vcpu);
	hv_unpin();
	if (!map->logged)
		return;
	for (unsigned int i = 0; i < GUEST_MAP_PAGES; i++)
		if (written >> i & 1)
			memslot_mark_dirty(vcpu, gpa_to_gfn(map->gpa) + i);
}

/*
 * Pages that an earlier invalidation has unmapped count as mapped, because the vCPU may still be in a
 * section: that invalidation may not have waited yet.
 */
bool guest_map_unmap(struct kvm *vm, hva_t start, hva_t end)
{
	struct kvm_vcpu *vcpu;
	bool any = false;
	unsigned int i;

	if (!vm->has_guest_maps)
		return false;
	kvm_for_each_vcpu(i, vcpu, vm) {
		struct guest_map *map = &vcpu->map;

		if (map->hva >= end || map->hva + GUEST_MAP_PAGES * PAGE_SIZE <= start)
			continue;
		WRITE_ONCE(map->mapped, false);
		any = true;
	}
	return any;
}
