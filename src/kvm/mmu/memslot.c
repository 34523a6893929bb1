// SPDX-License-Identifier: MIT
/*
 * memslot.c - memory slots: which guest physical addresses are memory, and what backs them.
 *
 * KVM_SET_USER_MEMORY_REGION(2) creates, moves or deletes a slot, or changes its flags. The checks,
 * their order and their error codes are those of Linux 6.12. An update makes a new map
 * (memslot_map.c), so that a vCPU's lookups, which are far more frequent, need no lock. A lookup
 * first tries the vCPU's last hit, then does a binary search.
 *
 * Locks: slots_lock serializes updates and may be held while sleeping. Publishing a map, and taking
 * a reference on the current one, need mmu_lock.
 */
#include <asm-generic/errno.h>
#include "hv/trace.h"
#include "mmu/dirty_log.h"
#include "mmu/dirty_ring.h"
#include "mmu/guest_map.h"
#include "mmu/memslot.h"
#include "mmu/tlb.h"
#include "request.h"

/* ---- references and lookup -------------------------------------------------- */

static void chunk_put(struct memslot_chunk *chunk)
{
	if (__atomic_sub_fetch(&chunk->refs, 1, __ATOMIC_ACQ_REL) == 0)
		hv_free(chunk);
}

/* may_sleep: take interrupts while the chunks are put. */
static void slots_put(struct memslots *slots, bool may_sleep)
{
	u32 i;

	if (!slots || __atomic_sub_fetch(&slots->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	for (i = 0; i < slots->nr; i++) {
		chunk_put(slots->chunk[i]);
		if (may_sleep && i % 16 == 15)
			hv_cond_resched();
	}
	hv_free(slots);
}

void memslots_put(struct memslots *slots)
{
	slots_put(slots, false);
}

struct memslots *memslots_hold_locked(struct kvm *vm)
{
	__atomic_fetch_add(&vm->slots->refs, 1, __ATOMIC_RELAXED);
	return vm->slots;
}

/* Return the current map, with a reference. */
static struct memslots *memslots_hold(struct kvm *vm)
{
	struct memslots *slots;

	spin_lock(&vm->gstage.mmu_lock);
	slots = memslots_hold_locked(vm);
	spin_unlock(&vm->gstage.mmu_lock);
	return slots;
}

const struct memslot *memslots_find(const struct memslots *slots, gfn_t gfn)
{
	u32 c = memslots_chunk_of(slots, gfn), low = 0, high;
	const struct memslot_chunk *chunk;

	if (c == slots->nr)
		return NULL;
	chunk = slots->chunk[c];
	high = chunk->nr;
	/* Find the last slot that begins at or below gfn; slot[0] always does. */
	while (high - low > 1) {
		u32 mid = low + (high - low) / 2;

		if (chunk->slot[mid].base <= gfn)
			low = mid;
		else
			high = mid;
	}
	return memslot_has(&chunk->slot[low], gfn) ? &chunk->slot[low] : NULL;
}

const struct memslot *memslot_find(struct kvm_vcpu *vcpu, gfn_t gfn)
{
	const struct memslot *slot = vcpu->slot_hint;

	if (slot && memslot_has(slot, gfn))
		return slot;
	slot = memslots_find(vcpu->slots, gfn);
	if (slot)
		vcpu->slot_hint = slot;
	return slot;
}

void memslot_vcpu_init(struct kvm_vcpu *vcpu)
{
	vcpu->slots = memslots_hold(vcpu->kvm);
	vcpu->slot_hint = NULL;
	vcpu->device_gfn = ~0ULL;
	device_words_forget(vcpu);
}

void memslot_vcpu_destroy(struct kvm_vcpu *vcpu)
{
	memslots_put(vcpu->slots);
	vcpu->slots = NULL;
}

void memslot_vcpu_switch(struct kvm_vcpu *vcpu)
{
	memslots_put(vcpu->slots);
	memslot_vcpu_init(vcpu);
	guest_map_set(vcpu, vcpu->map.gpa);
}

int memslot_vm_init(struct kvm *vm)
{
	vm->slots = memslots_alloc(0);
	return vm->slots ? 0 : -ENOMEM;
}

void memslot_vm_destroy(struct kvm *vm)
{
	const struct memslot *slot;
	u32 c, i;

	if (!vm->slots)
		return;
	memslots_for_each(vm->slots, c, i, slot) {
		dirty_log_free(slot->dirty);
		hv_cond_resched();
	}
	slots_put(vm->slots, true);
	for (i = 0; i < ARRAY_SIZE(vm->slot_ids); i++) {
		if (!vm->slot_ids[i])
			continue;
		hv_pages_free(vm->slot_ids[i], HV_ORDER_4K);
		hv_cond_resched();
	}
	vm->slots = NULL;
}

/* ---- updates ------------------------------------------------------------------ */

/* An update replaces slot `old` (NULL: creates a slot) with `new` (NULL: deletes the slot). */
struct update {
	const struct memslot *old;
	const struct memslot *new;
};

/* Return a map with the update applied; NULL: no memory. */
static struct memslots *slots_updated(const struct memslots *now, const struct update *u)
{
	struct memslots *without, *with;

	if (!u->old)
		return memslots_with(now, u->new);
	without = memslots_without(now, u->old);
	if (!without || !u->new)
		return without;
	with = memslots_with(without, u->new);
	slots_put(without, true);
	return with;
}

/*
 * Returns true if a new log starts with every page dirty. Writes to a page then need not be noticed
 * until user space clears the page's mark.
 */
static bool dirty_log_all(const struct kvm *vm)
{
	return vm->dirty_log_manual & KVM_DIRTY_LOG_INITIALLY_SET;
}

/*
 * Remove from the G-stage table the leaves and permissions that the update makes invalid. mmu_lock
 * is held, but released between pieces: an invalidation that starts between two pieces needs the
 * removed slot, which the new map lacks, and finds it in `removed_slot`.
 */
static void unmap_stale(struct kvm *vm, const struct update *u)
{
	const struct memslot *was = u->old, *is = u->new;
	gpa_t start, end;

	if (!was)
		return;
	start = gfn_to_gpa(was->base);
	end = gfn_to_gpa(was->base + was->npages);
	/* If the slot is only no longer logged, large leaves can come back after this. */
	if (!is || is->base != was->base || !is->dirty) {
		vm->removed_slot = was;
		gstage_unmap(&vm->gstage, start, end);
		vm->removed_slot = NULL;
	} else if (!dirty_log_all(vm)) {
		gstage_protect(&vm->gstage, start, end);
	}
}

/*
 * Return a pointer to the word of slot `id`, valid until slot_word_done(). The word is base + 1, or
 * 0 if there is no such slot. NULL: the page for this word, which is allocated when needed, does
 * not exist yet. slots_lock held.
 */
static u64 *slot_word(struct kvm *vm, u32 id)
{
	hpa_t page = vm->slot_ids[id / SLOT_IDS_PER_PAGE];

	return page ? (u64 *)hv_page_map(page) + id % SLOT_IDS_PER_PAGE : NULL;
}

static void slot_word_done(u64 *word)
{
	hv_page_unmap((void *)ALIGN_DOWN((uintptr_t)word, PAGE_SIZE));
}

static bool slot_base(struct kvm *vm, u32 id, gfn_t *base)
{
	u64 *word = slot_word(vm, id), value;

	if (!word)
		return false;
	value = *word;
	slot_word_done(word);
	*base = value - 1;
	return value != 0;
}

static int slot_base_prepare(struct kvm *vm, u32 id)
{
	hpa_t *page = &vm->slot_ids[id / SLOT_IDS_PER_PAGE];

	if (!*page)
		*page = hv_pages_alloc(HV_ORDER_4K);
	return *page ? 0 : -ENOMEM;
}

static void slot_base_set(struct kvm *vm, u32 id, u64 value)
{
	u64 *word = slot_word(vm, id);

	*word = value;
	slot_word_done(word);
}

static int slots_commit(struct kvm *vm, const struct update *u)
{
	u32 id = u->new ? u->new->id : u->old->id;
	struct memslots *old = vm->slots, *slots;
	struct dirty_log *dropped = u->old ? u->old->dirty : NULL;
	bool huge = vm->gstage.huge; /* stable, because slots_lock is held */
	struct gstage_pending_flush pending;

	if (slot_base_prepare(vm, id))
		return -ENOMEM;
	slots = slots_updated(old, u);
	if (!slots)
		return -ENOMEM;
	if (u->new && u->new->dirty == dropped)
		dropped = NULL;
	slot_base_set(vm, id, u->new ? u->new->base + 1 : 0);

	spin_lock(&vm->gstage.mmu_lock);
	/*
	 * Stale leaves are removed in pieces. Mapping a large leaf meanwhile would remove, in one
	 * piece, all stale leaves that are left in its 2 MiB, so do not allow large leaves. Clear
	 * `huge` before inval_seq changes: a fault that has read the new inval_seq then sees `huge`
	 * clear.
	 */
	WRITE_ONCE(vm->gstage.huge, false);
	__atomic_store_n(&vm->slots, slots, __ATOMIC_RELEASE);
	gstage_invalidated(&vm->gstage); /* a fault may have looked at the old map */
	unmap_stale(vm, u);
	WRITE_ONCE(vm->gstage.huge, huge);
	pending = gstage_take_pending_flush(&vm->gstage);
	spin_unlock(&vm->gstage.mmu_lock);

	/* The wait for a full fence also covers stores by the host (memslot_store_begin()). */
	pending.all |= u->old != NULL;
	tlb_flush_pending(vm, &pending);
	if (u->old && !pending.fence)
		vm_request_all_and_wait(vm, REQ_HOST);
	dirty_log_free(dropped);
	slots_put(old, true); /* u->old points into it */
	return 0;
}

const struct memslot *memslot_by_id(struct kvm *vm, u32 id)
{
	gfn_t base = 0;

	if (!slot_base(vm, id, &base))
		return NULL;
	return memslots_find(vm->slots, base);
}

static bool overlaps_other(const struct memslots *slots, const struct memslot *new,
			   const struct memslot *old)
{
	u32 c = memslots_chunk_of(slots, new->base), i;

	for (c = c == slots->nr ? 0 : c; c < slots->nr; c++) {
		const struct memslot_chunk *chunk = slots->chunk[c];

		if (chunk->slot[0].base >= new->base + new->npages)
			break;
		for (i = 0; i < chunk->nr; i++)
			if (&chunk->slot[i] != old && memslots_overlap(&chunk->slot[i], new))
				return true;
	}
	return false;
}

/* Do the checks that do not need the current map, in Linux's order. False: return -EINVAL. */
static bool region_is_sane(const struct kvm_userspace_memory_region2 *r)
{
	if (r->flags & ~(u32)(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY))
		return false;
	if (!IS_ALIGNED(r->memory_size, PAGE_SIZE) || !IS_ALIGNED(r->guest_phys_addr, PAGE_SIZE) ||
	    !IS_ALIGNED(r->userspace_addr, PAGE_SIZE))
		return false;
	if (!hv_user_range_is_valid((hva_t)r->userspace_addr, r->memory_size))
		return false;
	if (r->slot >= MEMSLOT_MAX_ID) /* also if bits 31:16, the address space, are not 0 */
		return false;
	if (r->guest_phys_addr + r->memory_size < r->guest_phys_addr)
		return false;
	return r->memory_size >> PAGE_SHIFT <= MEMSLOT_MAX_PAGES;
}

/* Returns 0 if Linux allows the change from old to new, 1 if there is nothing to do, or -errno. */
static int check_change(struct kvm *vm, const struct memslot *old, const struct memslot *new)
{
	if (old) {
		if (new->hva != old->hva || new->npages != old->npages ||
		    ((new->flags ^ old->flags) & KVM_MEM_READONLY))
			return -EINVAL;
		if (new->base == old->base &&new->flags == old->flags)
			return 1;
	}
	if ((!old || new->base != old->base) && overlaps_other(vm->slots, new, old))
		return -EEXIST;
	/* As in Linux, a slot may not contain the last page of the guest physical address space. */
	if (new->base + new->npages >= gstage_limit(&vm->gstage) >> PAGE_SHIFT)
		return -EFAULT;
	/*
	 * Unless the slot is read-only, user space must be able to write to the memory now; if that
	 * changes later, KVM_RUN fails.
	 */
	if (!(new->flags &KVM_MEM_READONLY) &&
	    !hv_user_range_writable(vm->mm, new->hva, new->npages << PAGE_SHIFT))
		return -EPERM;
	return 0;
}

static int set_region_locked(struct kvm *vm, const struct kvm_userspace_memory_region2 *r)
{
	const struct memslot *old = memslot_by_id(vm, r->slot);
	struct memslot new = {
		.base = r->guest_phys_addr >> PAGE_SHIFT,
		.npages = r->memory_size >> PAGE_SHIFT,
		.hva = (hva_t)r->userspace_addr,
		.id = r->slot,
		.flags = r->flags,
	};
	int err;

	if (!new.npages)
		return old ? slots_commit(vm, &(struct update){ .old = old }) : -EINVAL;

	err = check_change(vm, old, &new);
	if (err)
		return err == 1 ? 0 : err;

	if (new.flags & KVM_MEM_LOG_DIRTY_PAGES) {
		new.dirty = old ? old->dirty : NULL;
		if (!new.dirty)
			new.dirty = dirty_log_alloc(new.npages, dirty_log_all(vm));
		if (!new.dirty)
			return -ENOMEM;
	}
	err = slots_commit(vm, &(struct update){ .old = old, .new = &new });
	if (err && !(old && old->dirty == new.dirty))
		dirty_log_free(new.dirty);
	return err;
}

int kvm_vm_ioctl_set_memory_region(struct kvm *vm, const struct kvm_userspace_memory_region2 *r)
{
	int err;

	if (!region_is_sane(r))
		return -EINVAL;
	hv_mutex_lock(&vm->slots_lock);
	err = set_region_locked(vm, r);
	hv_mutex_unlock(&vm->slots_lock);
	if (!err)
		trace_kvm_memslot(r->slot, r->guest_phys_addr, r->memory_size, r->userspace_addr,
				  r->flags);
	return err;
}

/* ---- guest memory by its host address -------------------------------------------- */

int kvm_read_guest(struct kvm *vm, gpa_t gpa, void *buf, size_t len)
{
	struct memslots *slots = memslots_hold(vm);
	int err = 0;

	while (len && !err) {
		const struct memslot *slot = memslots_find(slots, gpa_to_gfn(gpa));
		size_t n = MIN(len, PAGE_SIZE - (size_t)(gpa & (PAGE_SIZE - 1)));

		err = slot ? hv_copy_from_user(buf, memslot_hva(slot, gpa), n) : -ENXIO;
		gpa += n;
		buf = (u8 *)buf + n;
		len -= n;
	}
	memslots_put(slots);
	return err;
}

/*
 * Once a slot has been removed, nothing may be written to its memory anymore. While mode says "in
 * the guest", slots_commit() waits for this thread as it waits for the guest itself.
 */
bool memslot_store_begin(struct kvm_vcpu *vcpu)
{
	__atomic_store_n(&vcpu->mode, VCPU_IN_GUEST, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return vcpu->slots == __atomic_load_n(&vcpu->kvm->slots, __ATOMIC_ACQUIRE) &&
	       dirty_ring_has_room(vcpu);
}

void memslot_store_end(struct kvm_vcpu *vcpu)
{
	__atomic_store_n(&vcpu->mode, VCPU_OUTSIDE, __ATOMIC_RELEASE);
}

int memslot_fault_in(struct kvm_vcpu *vcpu, hva_t hva)
{
	struct hv_user_page page;
	u8 byte;
	int err = hv_copy_from_user(&byte, hva, sizeof(byte)); /* also marks the page accessed */

	if (!err)
		err = hv_user_page_get(vcpu->kvm->mm, hva, true, &page);
	if (!err)
		hv_user_page_put(&page);
	return err;
}

#define STORE_TRIES 8 /* a VMM that keeps changing its memory gets an error */

/*
 * Store within one page. If necessary, the page is faulted in between two tries, not during one:
 * faulting it in may sleep, and the slot may be removed meanwhile.
 */
static int store_in_page(struct kvm_vcpu *vcpu, gpa_t gpa, const void *buf, size_t n)
{
	const struct memslot *slot;
	unsigned int tries;
	int err = -EFAULT;
	hva_t hva;

	for (tries = 0; tries < STORE_TRIES && err; tries++) {
		memslot_vcpu_refresh(vcpu);
		slot = memslot_find(vcpu, gpa_to_gfn(gpa));
		if (!slot || (slot->flags & KVM_MEM_READONLY))
			return -EFAULT;
		hva = memslot_hva(slot, gpa);
		err = memslot_store_begin(vcpu) ? hv_copy_to_user_nofault(hva, buf, n) : -EAGAIN;
		memslot_store_end(vcpu);
		if (err != -EAGAIN) /* a failed store may have written a part */
			memslot_mark_dirty(vcpu, gpa_to_gfn(gpa));
		if (err == -EFAULT && memslot_fault_in(vcpu, hva))
			return -EFAULT;
	}
	return err;
}

int kvm_write_guest(struct kvm_vcpu *vcpu, gpa_t gpa, const void *buf, size_t len)
{
	const u8 *from = buf;
	int err = 0;

	while (len && !err) {
		size_t n = MIN(len, PAGE_SIZE - (size_t)(gpa & (PAGE_SIZE - 1)));

		err = store_in_page(vcpu, gpa, from, n);
		gpa += n;
		from += n;
		len -= n;
	}
	return err;
}
