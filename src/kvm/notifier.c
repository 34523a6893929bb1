// SPDX-License-Identifier: MIT
/*
 * notifier.c - the host takes back, or changes, memory that a guest has mapped.
 *
 * invalidate_start unmaps and returns when no vCPU can use the pages any more: a
 * vCPU in the guest has been made to leave it and fences before it enters again.
 * From then until invalidate_end no fault maps a page of the range (inval_count);
 * a fault that looked its page up before the end starts anew (inval_seq). So there
 * is no moment at which the guest has a page that the host thinks is free.
 *
 * Called with the host's mm lock held: no sleep, no user memory. Locks: mmu_lock.
 */
#include "memslot.h"
#include "hv/trace.h"

static struct kvm *notifier_vm(struct hv_notifier *n)
{
	return container_of(n, struct kvm, notifier);
}

static void unmap_slot(struct kvm *vm, const struct memslot *slot, hva_t start, hva_t end)
{
	hva_t slot_end = slot->hva + (hva_t)(slot->npages << PAGE_SHIFT);
	gpa_t gpa = gfn_to_gpa(slot->base);

	start = MAX(start, slot->hva);
	end = MIN(end, slot_end);
	if (start >= end)
		return;
	gstage_unmap(&vm->gstage, gpa + (start - slot->hva), gpa + (end - slot->hva));
}

/* Every slot: one host page may stand at several guest addresses. */
static void unmap_hva_range(struct kvm *vm, hva_t start, hva_t end, bool opens)
{
	struct gstage *gs = &vm->gstage;
	const struct memslot *slot;
	struct gstage_debt debt;
	u32 c, i;

	spin_lock(&gs->mmu_lock);
	if (opens) {
		gs->inval_start = gs->inval_count ? MIN(gs->inval_start, start) : start;
		gs->inval_end = gs->inval_count ? MAX(gs->inval_end, end) : end;
		gs->inval_count++;
	}
	memslots_for_each(vm->slots, c, i, slot)
		unmap_slot(vm, slot, start, end);
	debt = gstage_owe(gs);
	spin_unlock(&gs->mmu_lock);

	tlb_settle(vm, &debt);
}

static void notifier_start(struct hv_notifier *n, hva_t start, hva_t end)
{
	trace_kvm_unmap_hva_range(start, end);
	unmap_hva_range(notifier_vm(n), ALIGN_DOWN(start, PAGE_SIZE), ALIGN_UP(end, PAGE_SIZE),
			true);
}

static void notifier_end(struct hv_notifier *n, hva_t start, hva_t end)
{
	struct gstage *gs = &notifier_vm(n)->gstage;

	(void)start;
	(void)end;
	spin_lock(&gs->mmu_lock);
	gstage_invalidated(gs); /* before the count falls: a fault checks both under the lock */
	gs->inval_count--;
	spin_unlock(&gs->mmu_lock);
}

/* The address space is gone: a later fault finds no page there, so none need be held off. */
static void notifier_gone(struct hv_notifier *n)
{
	trace_kvm_unmap_hva_range(0, ~0UL);
	unmap_hva_range(notifier_vm(n), 0, ALIGN_DOWN(~0UL, PAGE_SIZE), false);
}

int notifier_vm_init(struct kvm *vm)
{
	vm->notifier.invalidate_start = notifier_start;
	vm->notifier.invalidate_end = notifier_end;
	vm->notifier.release = notifier_gone;
	return hv_notifier_register(vm->mm, &vm->notifier);
}

void notifier_vm_destroy(struct kvm *vm)
{
	hv_notifier_unregister(vm->mm, &vm->notifier);
}
