// SPDX-License-Identifier: MIT
/*
 * gstage_fault.c - handle guest page faults: map memory, emulate MMIO or inject an access fault.
 *
 * The functions of gpa.h determine the address. If the address is memory, find the host page and
 * map it. If it is not, or if the access is a store to read-only memory, the access is MMIO. If
 * there is no load or store to emulate, the guest gets the access fault that hardware would raise.
 *
 * Mapping a page races with the host taking pages back (notifier.c). This order resolves the race:
 * read inval_seq; look up the memory map and the page with no lock held, because the lookup may
 * sleep; take mmu_lock; if inval_seq has changed, or an invalidation of this address is in
 * progress, do nothing: the guest faults again. A new memory map changes inval_seq, too.
 *
 * No fence follows if a new leaf has not replaced anything. A hart that has cached the absence of
 * the leaf (S §2.1 allows this) faults once more, finds the leaf and fences the faulting address;
 * if it faults on this page a third time, it fences everything. No fence.i follows either: the host
 * has every vCPU execute one when it maps a page that may contain instructions (notifier.c), or, as
 * Linux, does so when the core looks the page up for a fetch; until then, the leaf has no X.
 *
 * Spec: H §5.1, §6.3.
 */
#include <asm-generic/errno.h>
#include "hv/trace.h"
#include "exit/exit.h"
#include "mmu/gpa.h"
#include "mmu/dirty_log.h"
#include "mmu/memslot.h"
#include "mmu/tlb.h"
#include "request.h"

/*
 * Inlined into both callers of map_fault(): most exits of a guest that uses new memory take this
 * path.
 */
#define INLINE static inline __attribute__((always_inline))

/* Return the slot that can serve this access, or NULL. A store to read-only memory is MMIO. */
static const struct memslot *backing(struct kvm_vcpu *vcpu, const struct gstage_fault *fault)
{
	const struct memslot *slot = memslot_find(vcpu, gpa_to_gfn(fault->gpa));

	if (slot && fault->write && (slot->flags & KVM_MEM_READONLY))
		return NULL;
	return slot;
}

/* ---- mapping ------------------------------------------------------------------- */

/* Do the slot and the host allow one leaf of this level to map the page? */
INLINE bool level_fits(const struct memslot *slot, gpa_t gpa, const struct hv_user_page *page,
		       unsigned int level)
{
	u64 size = gstage_size(level);
	gpa_t slot_gpa = gfn_to_gpa(slot->base), start = ALIGN_DOWN(gpa, size);

	return page->map_size >= size && IS_ALIGNED(slot->hva - slot_gpa, size) &&
	       start >= slot_gpa && start + size <= slot_gpa + (slot->npages << PAGE_SHIFT);
}

INLINE unsigned int leaf_level(const struct gstage *gs, const struct memslot *slot, gpa_t gpa,
			       const struct hv_user_page *page)
{
	unsigned int level = 0;

	if (page->map_size == PAGE_SIZE || !READ_ONCE(gs->huge))
		return 0;
	/* lab 10: write the level of a leaf in a logged slot */
	/* Writes are logged per 4 KiB page, so map 4 KiB pages. */
	if (slot->flags & KVM_MEM_LOG_DIRTY_PAGES)
		return 0;
	/* lab 10 end */
	while (level + 1 < gs->levels && level_fits(slot, gpa, page, level + 1))
		level++;
	return level;
}

INLINE pte_t leaf_flags(const struct memslot *slot, const struct gstage_fault *fault,
			const struct hv_user_page *page, pte_t flags)
{
	if (!page->writable || (slot->flags & KVM_MEM_READONLY))
		return flags;
	/* lab 10: write the case in which a page of a logged slot is not yet writable */
	/* While logging, only a write makes a page writable, so that no write is missed. */
	if ((slot->flags & KVM_MEM_LOG_DIRTY_PAGES) && !fault->write)
		return flags;
	/* lab 10 end */
	return flags | GSTAGE_LEAF_WRITE;
}

/*
 * mmu_lock held. Returns true if an invalidation has ended or the memory map has changed since seq
 * was read, or if any page of the leaf is being invalidated: that invalidation may already have
 * unmapped the page and would not unmap it again.
 */
INLINE bool fault_is_stale(const struct gstage *gs, hva_t hva, unsigned int level,
			   unsigned long seq)
{
	u64 size = gstage_size(level);
	hva_t start = (hva_t)ALIGN_DOWN(hva, size);

	if (gs->inval_count && start < gs->inval_end && gs->inval_start < start + size)
		return true;
	return gs->inval_seq != seq;
}

/*
 * mmu_lock held. The leaf `pte` has replaced `old`, a leaf or a table. Returns the flush that all
 * vCPUs need, if any. If `fence` is false, none is needed; a nonzero `end` then means old == pte.
 */
INLINE struct gstage_pending_flush flush_for_replaced(struct gstage *gs, gpa_t gpa,
						      unsigned int level, pte_t old, pte_t pte)
{
	/*
	 * A flush is needed if the PPN changes or W is removed. In a logged slot, a read fault that
	 * races with a write fault removes W. If `old` is a table, its PPN differs.
	 */
	if (!(((old ^ pte) & PTE_PPN) || (old & ~pte & PTE_W)))
		return (struct gstage_pending_flush){ .end = old == pte };
	gstage_note_change(gs, gpa, level);
	return gstage_take_pending_flush(gs);
}

/*
 * mmu_lock held. The page is stale, so `pte` has no X, but it has replaced a leaf of the same page that
 * had. Harts have executed fence.i for that leaf, so keep X: an instruction that stores to its own page
 * needs both permissions. Returns the new leaf.
 */
static __attribute__((noinline)) pte_t keep_x(struct gstage *gs, gpa_t gpa, unsigned int level,
					      pte_t pte)
{
	pte_t unused;

	/* The leaf exists, so this needs no memory. */
	gstage_map(gs, gpa, level, pte | PTE_X, &unused);
	return pte | PTE_X;
}

/*
 * The leaf was already there: either another vCPU has mapped it meanwhile, or this hart has cached
 * an older state. A fence by address drops an older leaf, but not necessarily the cached absence of
 * a pointer to a table above the leaf (H §3.2). In that case, the guest faults again at once, and
 * everything is fenced.
 */
static __attribute__((noinline)) void fence_spurious(struct kvm_vcpu *vcpu,
						     const struct hfence *fence)
{
	gfn_t gfn = gpa_to_gfn(fence->start);

	if (vcpu->spurious_gfn == gfn)
		tlb_flush_vm_local(vcpu->kvm);
	else
		tlb_fence_local(vcpu->kvm, fence);
	vcpu->spurious_gfn = gfn;
}

/* Called without locks. */
INLINE void fence_replaced(struct kvm_vcpu *vcpu, gpa_t gpa,
			   const struct gstage_pending_flush *pending)
{
	struct hfence fence = { .kind = HFENCE_GVMA, .start = gpa, .size = PAGE_SIZE };

	if (pending->retired) /* freeing it takes interrupts, perhaps the kick of a signal */
		vcpu_set_request(vcpu, REQ_HOST);
	if (pending->fence)
		tlb_flush_pending(vcpu->kvm, pending);
	else if (pending->end)
		fence_spurious(vcpu, &fence);
	else
		tlb_fence_local(vcpu->kvm, &fence); /* drop old permissions cached by this hart */
}

INLINE int map_page(struct kvm_vcpu *vcpu, const struct memslot *slot,
		    const struct gstage_fault *fault, const struct hv_user_page *page, pte_t flags,
		    unsigned long seq)
{
	struct gstage *gs = &vcpu->kvm->gstage;
	unsigned int level = leaf_level(gs, slot, fault->gpa, page);
	hva_t hva = memslot_hva(slot, fault->gpa);
	struct gstage_pending_flush pending;
	bool replaces;
	pte_t old, pte;
	int err;

	pte = pte_make(ALIGN_DOWN(page->pa, gstage_size(level)),
		       leaf_flags(slot, fault, page, flags));
	spin_lock(&gs->mmu_lock);
	if (fault_is_stale(gs, hva, level, seq)) {
		spin_unlock(&gs->mmu_lock);
		trace_gstage_retry(fault->gpa, hva);
		return RESUME_GUEST;
	}
	err = gstage_map(gs, fault->gpa, level, pte, &old);
	/* lab 10: write the mark in the dirty log, for the faults that need one */
	if (!err && fault->write && slot->dirty)
		dirty_log_mark(vcpu, slot, gpa_to_gfn(fault->gpa));
	/* lab 10 end */
	replaces = !err && (old & PTE_V);
	if (replaces) {
		if (!((old ^ pte) & PTE_PPN) && (old & ~pte & PTE_X))
			pte = keep_x(gs, fault->gpa, level, pte);
		pending = flush_for_replaced(gs, fault->gpa, level, old, pte);
	}
	spin_unlock(&gs->mmu_lock);
	if (replaces)
		fence_replaced(vcpu, fault->gpa, &pending);
	return err ? err : RESUME_GUEST;
}

INLINE enum exit_class fault_class(const struct memslot *slot, const struct gstage_fault *fault)
{
	if (fault->fetch)
		return EXIT_FAULT_FETCH;
	if (!fault->write)
		return EXIT_FAULT_LOAD;
	return slot->dirty ? EXIT_FAULT_DIRTY : EXIT_FAULT_STORE;
}

/* A fetch from a stale page: have the host execute fence.i. Not inlined, because it is rare. */
static __attribute__((noinline)) int fetch_page(struct kvm_vcpu *vcpu, hva_t hva,
						struct hv_user_page *page)
{
	vcpu_set_request(vcpu, REQ_HOST);
	return hv_user_page_fetch(vcpu->kvm->mm, hva, page);
}

INLINE int map_fault(struct kvm_vcpu *vcpu, const struct memslot *slot,
		     const struct gstage_fault *fault, unsigned long seq)
{
	hva_t hva = memslot_hva(slot, fault->gpa);
	pte_t flags = GSTAGE_LEAF;
	struct hv_user_page page;
	int ret;

	vcpu->stats.gstage_faults++;
	trace_exit_class(&vcpu->exit_clock, fault_class(slot, fault));
	/* May sleep: the vCPU may be on another hart afterwards. */
	ret = hv_user_page_look(vcpu->kvm->mm, hva, fault->write, &page);
	if (ret)
		return ret;
	if (page.waited)
		vcpu_set_request(vcpu, REQ_HOST);
	if (page.stale) {
		if (!fault->fetch)
			flags &= ~PTE_X;
		else if ((ret = fetch_page(vcpu, hva, &page)))
			return ret;
	}
	return map_page(vcpu, slot, fault, &page, flags, seq);
}

/*
 * Is the access to the page where this vCPU last accessed a device, with the same memory map as
 * then? If so, there is no slot to look up. htinst must be odd, that is, hold the transformed
 * instruction: then the instruction's own access has faulted, not a page-table access.
 */
static bool is_device_again(const struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	return trap->htval >> (PAGE_SHIFT - 2) == vcpu->device_gfn && (trap->htinst & 1) &&
	       vcpu->slots == __atomic_load_n(&vcpu->kvm->slots, __ATOMIC_ACQUIRE);
}

/*
 * No slot can serve the access: the address is not memory, or this is a store to read-only memory. Is
 * there a load or store to emulate? A fetch, a page-table access of the VS-stage walk and an access by
 * unpriv_read() (!has_insn) leave none: hardware would raise an access fault.
 */
INLINE bool can_be_emulated(const struct gstage_fault *fault, bool has_insn)
{
	return has_insn && !fault->fetch && !fault->implicit;
}

/* Handle a guest page fault. has_insn: the instruction at sepc made the access. */
static __attribute__((noinline)) int handle_fault(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
						  bool has_insn)
{
	unsigned long seq = __atomic_load_n(&vcpu->kvm->gstage.inval_seq, __ATOMIC_ACQUIRE);
	const struct gpa_ops *gpa = vcpu->kvm->gpa;
	const struct memslot *slot;
	struct gstage_fault fault, guess;

	memslot_vcpu_refresh(vcpu);
	if (gpa->locate(vcpu, trap, &fault)) {
		/* The G-stage permits the access by now, or the guest has changed its tables. */
		trace_kvm_page_fault((gpa_t)trap->htval << 2, trap->scause);
		return RESUME_GUEST;
	}
	trace_kvm_page_fault(fault.gpa, trap->scause);
	slot = backing(vcpu, &fault);
	if (!slot) {
		guess = fault;
		if (gpa->confirm(vcpu, trap, &fault))
			return RESUME_GUEST;
		/* Usually MMIO: look again only if confirm() has changed the access. */
		if (fault.gpa != guess.gpa || fault.write != guess.write)
			slot = backing(vcpu, &fault);
	}
	if (slot)
		return map_fault(vcpu, slot, &fault, seq);
	if (!can_be_emulated(&fault, has_insn))
		return vcpu_inject_access_fault(vcpu, trap);
	/*
	 * Remember the page of a device, but not a page of a read-only slot. Do not remember any
	 * page with gpa_walk, which does not trust htval, nor page 0, because htval may be 0 at a
	 * fault of any address (H §2.8).
	 */
	if (gpa == &gpa_htval_ops && fault.gpa >= PAGE_SIZE &&
	    !memslot_find(vcpu, gpa_to_gfn(fault.gpa)))
		vcpu->device_gfn = gpa_to_gfn(fault.gpa);
	return mmio_emulate(vcpu, trap, fault.gpa);
}

int exit_gstage_fault(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	gpa_t gpa;

	if (!is_device_again(vcpu, trap))
		return handle_fault(vcpu, trap, true);
	gpa = (gpa_t)trap->htval << 2 | (trap->stval & 3);
	trace_kvm_page_fault(gpa, trap->scause);
	return mmio_emulate(vcpu, trap, gpa);
}

int gstage_fault_at(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
		    const struct gstage_fault *fault, bool needs_x, bool has_insn)
{
	struct gstage_fault lookup = *fault;
	unsigned long seq = __atomic_load_n(&vcpu->kvm->gstage.inval_seq, __ATOMIC_ACQUIRE);
	const struct memslot *slot;

	memslot_vcpu_refresh(vcpu);
	trace_kvm_page_fault(fault->gpa, trap->scause);
	slot = backing(vcpu, fault);
	lookup.fetch |= needs_x;
	if (slot)
		return map_fault(vcpu, slot, &lookup, seq);
	if (!can_be_emulated(fault, has_insn))
		return vcpu_inject_access_fault(vcpu, trap);
	return mmio_emulate(vcpu, trap, fault->gpa);
}

/* HLVX traps as a load, but the leaf that it needs is that of a fetch (H §3.1). */
int gstage_fault_unpriv(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	struct hv_trap access = *trap;

	if (vcpu->nested.unpriv == UNPRIV_FETCH)
		access.scause = EXC_INST_GUEST_PAGE_FAULT;
	return handle_fault(vcpu, &access, false);
}
