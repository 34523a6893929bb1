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
 * Young marks are the A bits of the leaves. clear_young fences, so that an access by an old
 * translation does not go unseen; a mark that hardware sets beside it may be lost.
 *
 * Called with the host's mm lock held: no sleep, no user memory. Locks: mmu_lock.
 */
#include "hv/trace.h"
#include "memslot.h"
#include "request.h"
#include "tlb.h"

static struct kvm *notifier_vm(struct hv_notifier *n)
{
	return container_of(n, struct kvm, notifier);
}

typedef bool gstage_fn(struct gstage *gs, gpa_t start, gpa_t end);

/*
 * mmu_lock. fn for all of [start, end) that a slot shows, every slot: one host page may
 * stand at several guest addresses. True: fn said so once.
 */
static bool for_range(struct kvm *vm, hva_t start, hva_t end, gstage_fn *fn)
{
	const struct memslot *slot;
	bool any = false;
	u32 c, i;

	memslots_for_each(vm->slots, c, i, slot) {
		hva_t from = MAX(start, slot->hva);
		hva_t to = MIN(end, slot->hva + (hva_t)(slot->npages << PAGE_SHIFT));
		gpa_t gpa = gfn_to_gpa(slot->base) - slot->hva;

		if (from < to)
			any |= fn(&vm->gstage, gpa + from, gpa + to);
	}
	return any;
}

static void unmap_hva_range(struct kvm *vm, hva_t start, hva_t end, bool opens)
{
	struct gstage *gs = &vm->gstage;
	struct gstage_debt debt;

	spin_lock(&gs->mmu_lock);
	if (opens) {
		gs->inval_start = gs->inval_count ? MIN(gs->inval_start, start) : start;
		gs->inval_end = gs->inval_count ? MAX(gs->inval_end, end) : end;
		gs->inval_count++;
	}
	for_range(vm, start, end, gstage_unmap);
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

	trace_kvm_invalidate_end(start, end);
	spin_lock(&gs->mmu_lock);
	gstage_invalidated(gs); /* before the count falls: a fault checks both under the lock */
	gs->inval_count--;
	spin_unlock(&gs->mmu_lock);
}

/* What harts have fetched is by frame: new ones may hold what was fetched from them before. */
static void notifier_moved(struct hv_notifier *n, hva_t start, hva_t end)
{
	trace_kvm_moved_hva_range(start, end);
	vm_request_all_and_wait(notifier_vm(n), REQ_FENCE_I);
}

static bool notifier_test_young(struct hv_notifier *n, hva_t start, hva_t end)
{
	struct kvm *vm = notifier_vm(n);
	bool young;

	trace_kvm_test_age_hva(start);
	spin_lock(&vm->gstage.mmu_lock);
	young = for_range(vm, start, end, gstage_is_young);
	spin_unlock(&vm->gstage.mmu_lock);
	return young;
}

static void notifier_clear_young(struct hv_notifier *n, hva_t start, hva_t end)
{
	struct kvm *vm = notifier_vm(n);
	struct gstage_debt debt;

	trace_kvm_age_hva(start, end);
	spin_lock(&vm->gstage.mmu_lock);
	for_range(vm, start, end, gstage_age);
	debt = gstage_owe(&vm->gstage);
	spin_unlock(&vm->gstage.mmu_lock);
	tlb_settle(vm, &debt);
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
