// SPDX-License-Identifier: MIT
/*
 * notifier.c - invalidate mappings when the host takes back or changes guest memory.
 *
 * invalidate_start unmaps the range, and returns when no vCPU can use its pages anymore: a vCPU in
 * the guest has been made to leave it, and fences before it enters again. From the start of the
 * unmapping until invalidate_end, no fault maps a page of the range (inval_count); a fault that
 * looked up its page before the end is retried (inval_seq). So a guest never has access to a page
 * that the host considers free.
 *
 * A page is young if its leaf's A bit is set. clear_young fences, so that an access through an old
 * translation is not missed; an A bit that hardware sets at the same time may be lost.
 *
 * A range is handled in pieces; between two pieces, mmu_lock is released and interrupts are taken
 * (gstage_pause()). From before the first piece, the whole range counts as being invalidated, and
 * the parts that have been unmapped count as not yet fenced.
 *
 * The callbacks run with the host's mm lock held, so they must not access user memory, and sleep
 * only if the host permits it. Locks: mmu_lock.
 */
#include "hv/trace.h"
#include "mmu/guest_map.h"
#include "mmu/memslot.h"
#include "mmu/tlb.h"
#include "request.h"

static struct kvm *notifier_vm(struct hv_notifier *n)
{
	return container_of(n, struct kvm, notifier);
}

typedef bool gstage_fn(struct gstage *gs, gpa_t start, gpa_t end);

#define SLOT_WORK 5 /* the cost of skipping a slot or a chunk, in the units of GSTAGE_PIECE */

/*
 * Call fn for the part of [start, end) that is in the slot, if any. Returns true if fn did.
 * mmu_lock is held, but fn releases it between pieces.
 */
static bool for_slot(struct kvm *vm, const struct memslot *slot, hva_t start, hva_t end,
		     gstage_fn *fn)
{
	hva_t from = MAX(start, slot->hva);
	hva_t to = MIN(end, slot->hva + (hva_t)(slot->npages << PAGE_SHIFT));
	gpa_t gpa = gfn_to_gpa(slot->base) - slot->hva;

	return from < to && fn(&vm->gstage, gpa + from, gpa + to);
}

/*
 * Call fn for the part of [start, end) in every slot: a host page may be mapped at several guest
 * addresses. Slots are sorted by guest address, so chunks of 64 slots are skipped if the hull of
 * their user addresses does not touch the range. Returns true if any call to fn did. mmu_lock is
 * held, but released between pieces.
 *
 * `slots` was the current map when the operation began; `removed_slot` is a slot that has just left
 * it. If another map becomes current meanwhile, no leaf in the range is created from that map while
 * the range is being invalidated.
 */
static bool for_range(struct kvm *vm, const struct memslots *slots, hva_t start, hva_t end,
		      gstage_fn *fn)
{
	struct gstage *gs = &vm->gstage;
	bool any = false;
	u32 c, i;

	if (vm->removed_slot)
		any = for_slot(vm, vm->removed_slot, start, end, fn);
	for (c = 0; c < slots->nr; c++) {
		const struct memslot_chunk *chunk = slots->chunk[c];

		if (gstage_pause_is_due(gs))
			gstage_pause(gs);
		gs->work -= SLOT_WORK;
		if (chunk->hva_start >= end || chunk->hva_end <= start)
			continue;
		gs->work -= (long)chunk->nr * SLOT_WORK;
		for (i = 0; i < chunk->nr; i++)
			any |= for_slot(vm, &chunk->slot[i], start, end, fn);
	}
	return any;
}

/*
 * Call fn for the whole range, then fence. If `opens` is set, begin an invalidation of the range
 * first, and unmap its pages from the kernel. Sleeps only if `may_sleep` is set. Returns true if any
 * call to fn did.
 */
static bool change_range(struct kvm *vm, hva_t start, hva_t end, gstage_fn *fn, bool opens,
			 bool may_sleep)
{
	struct gstage *gs = &vm->gstage;
	struct memslots *slots;
	struct gstage_pending_flush pending;
	bool any, unmapped = false;

	spin_lock(&gs->mmu_lock);
	gs->no_sleep = !may_sleep;
	if (opens) {
		gs->inval_start = gs->inval_count ? MIN(gs->inval_start, start) : start;
		gs->inval_end = gs->inval_count ? MAX(gs->inval_end, end) : end;
		gs->inval_count++;
		unmapped = guest_map_unmap(vm, start, end);
	}
	slots = memslots_hold_locked(vm);
	any = for_range(vm, slots, start, end, fn);
	pending = gstage_take_pending_flush(gs);
	gs->no_sleep = false;
	spin_unlock(&gs->mmu_lock);

	memslots_put(slots);
	tlb_flush_pending(vm, &pending);
	if (unmapped)
		vm_request_all_and_wait(vm, REQ_HOST);
	return any;
}

static void notifier_start(struct hv_notifier *n, hva_t start, hva_t end, bool may_sleep)
{
	trace_kvm_unmap_hva_range(start, end);
	end = MIN(end, ALIGN_DOWN(~0UL, PAGE_SIZE)); /* ~0UL: all (Linux's clear_refs_write()) */
	change_range(notifier_vm(n), ALIGN_DOWN(start, PAGE_SIZE), ALIGN_UP(end, PAGE_SIZE),
		     gstage_unmap, true, may_sleep);
}

static void notifier_end(struct hv_notifier *n, hva_t start, hva_t end)
{
	struct gstage *gs = &notifier_vm(n)->gstage;

	trace_kvm_invalidate_end(start, end);
	spin_lock(&gs->mmu_lock);
	gstage_invalidated(gs); /* in one critical section with the count: a fault checks both */
	gs->inval_count--;
	spin_unlock(&gs->mmu_lock);
}

/*
 * Instruction caches may be physically tagged, and harts may have fetched earlier contents of the
 * frames that back the range now. So all vCPUs execute a fence.i, whether or not a slot maps the
 * range: a slot that maps the range later then needs no further check.
 */
static void notifier_moved(struct hv_notifier *n, hva_t start, hva_t end)
{
	trace_kvm_moved_hva_range(start, end);
	vm_request_all_and_wait(notifier_vm(n), REQ_FENCE_I);
}

static bool notifier_test_young(struct hv_notifier *n, hva_t start, hva_t end)
{
	trace_kvm_test_age_hva(start);
	return change_range(notifier_vm(n), start, end, gstage_is_young, false, false);
}

static void notifier_clear_young(struct hv_notifier *n, hva_t start, hva_t end)
{
	trace_kvm_age_hva(start, end);
	change_range(notifier_vm(n), start, end, gstage_age, false, false);
}

/* The address space is gone. A later fault finds no page there, so faults need not be held off. */
static void notifier_gone(struct hv_notifier *n, bool may_sleep)
{
	trace_kvm_unmap_hva_range(0, ~0UL);
	change_range(notifier_vm(n), 0, ALIGN_DOWN(~0UL, PAGE_SIZE), gstage_unmap, false,
		     may_sleep);
}

int notifier_vm_init(struct kvm *vm)
{
	vm->notifier.invalidate_start = notifier_start;
	vm->notifier.invalidate_end = notifier_end;
	vm->notifier.moved = notifier_moved;
	vm->notifier.test_young = notifier_test_young;
	vm->notifier.clear_young = notifier_clear_young;
	vm->notifier.release = notifier_gone;
	return hv_notifier_register(vm->mm, &vm->notifier);
}

void notifier_vm_destroy(struct kvm *vm)
{
	hv_notifier_unregister(vm->mm, &vm->notifier);
}
