// SPDX-License-Identifier: MIT
/*
 * dirty_log.c - which pages of a memory slot the guest has written.
 *
 * One bit a page. While a slot is logged its leaves are of 4 KiB and not writable;
 * the first write faults, sets the bit and makes its page writable, until the log is
 * read: then the bits are cleared and the pages protected again.
 *
 * Not logged: what user space writes itself. Locks: bits under mmu_lock; slots_lock keeps
 * the log in being while it is read.
 */
#include <asm-generic/errno.h>
#include "memslot.h"

#define BITS_PER_PAGE (8 * PAGE_SIZE)

/* Bits in pages of their own, for a slot may have 2^31 - 1 of them. */
struct dirty_log {
	u64 npages;
	u64 nr;       /* pages of bits */
	hpa_t bits[]; /* each one page; bit 0 of its first u64 first */
};

void dirty_log_free(struct dirty_log *log)
{
	u64 i;

	if (!log)
		return;
	for (i = 0; i < log->nr; i++)
		if (log->bits[i])
			hv_pages_free(log->bits[i], HV_ORDER_4K);
	hv_free(log);
}

struct dirty_log *dirty_log_alloc(u64 npages)
{
	u64 i, nr = (npages + BITS_PER_PAGE - 1) / BITS_PER_PAGE;
	struct dirty_log *log = hv_alloc(sizeof(*log) + (size_t)nr * sizeof(hpa_t));

	if (!log)
		return NULL;
	log->npages = npages;
	log->nr = nr;
	for (i = 0; i < nr; i++) {
		log->bits[i] = hv_pages_alloc(HV_ORDER_4K);
		if (!log->bits[i]) {
			dirty_log_free(log);
			return NULL;
		}
	}
	return log;
}

void dirty_log_mark(struct dirty_log *log, u64 page)
{
	u64 *word = hv_page_map(log->bits[page / BITS_PER_PAGE]);

	word[page % BITS_PER_PAGE / 64] |= 1ULL << page % 64;
	hv_page_unmap(word);
}

/* ---- reading ------------------------------------------------------------------- */

/*
 * Move the bits of one page of them to user space: clear, protect, copy. If the copy
 * fails the bits are lost to user space, as in Linux. True: leaves were protected.
 */
static int take_bits(struct kvm *vm, const struct memslot *slot, u64 index, u64 *copy, hva_t to)
{
	u64 first = index * BITS_PER_PAGE, n = MIN(slot->npages - first, BITS_PER_PAGE);
	size_t i, words = (size_t)((n + 63) / 64);
	bool fence = false;
	u64 *bits;

	spin_lock(&vm->gstage.mmu_lock);
	bits = hv_page_map(slot->dirty->bits[index]);
	for (i = 0; i < words; i++) {
		gpa_t gpa = gfn_to_gpa(slot->base + first + i * 64);
		u64 left = n - i * 64;

		copy[i] = bits[i];
		bits[i] = 0;
		if (copy[i])
			fence |= gstage_protect(&vm->gstage, gpa,
						gpa + (MIN(left, 64) << PAGE_SHIFT));
	}
	hv_page_unmap(bits);
	spin_unlock(&vm->gstage.mmu_lock);

	/* What a vCPU writes by an old translation before this is in no log, but it is before
	 * the copy that user space has asked for as well. */
	if (fence)
		tlb_flush_vm(vm);
	return hv_copy_to_user(to, copy, words * sizeof(u64));
}

static int get_log(struct kvm *vm, const struct memslot *slot, hva_t to)
{
	hpa_t pa = hv_pages_alloc(HV_ORDER_4K);
	u64 i, *copy;
	int err = 0;

	if (!pa)
		return -ENOMEM;
	copy = hv_page_map(pa);
	for (i = 0; i < slot->dirty->nr && !err; i++)
		err = take_bits(vm, slot, i, copy, to + (hva_t)(i * PAGE_SIZE));
	hv_page_unmap(copy);
	hv_pages_free(pa, HV_ORDER_4K);
	return err;
}

int kvm_vm_ioctl_get_dirty_log(struct kvm *vm, const struct kvm_dirty_log *log)
{
	const struct memslot *slot;
	int err = -ENOENT;

	if (log->slot >= MEMSLOT_MAX_ID)
		return -EINVAL;
	hv_mutex_lock(&vm->slots_lock);
	slot = memslot_by_id(vm, log->slot);
	if (slot && slot->dirty)
		err = get_log(vm, slot, (hva_t)(uintptr_t)log->dirty_bitmap);
	hv_mutex_unlock(&vm->slots_lock);
	return err;
}
