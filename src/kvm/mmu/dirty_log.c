// SPDX-License-Identifier: MIT
/*
 * dirty_log.c - a memory slot's log of the pages that the guest has written.
 *
 * The log has one bit per page. When logging begins, the slot's leaves lose write permission; from
 * then on, new leaves map 4 KiB, and only a write fault makes a page writable. So the first write
 * to a page faults. The fault splits a larger leaf, sets the page's bit and makes the page writable
 * until the log is read. Reading clears the bits and write-protects the pages again. With
 * KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, KVM_CLEAR_DIRTY_LOG clears and write-protects instead, for the
 * pages that it names. With INITIALLY_SET as well, a new log has all bits set, so nothing has to be
 * write-protected before the first KVM_CLEAR_DIRTY_LOG.
 *
 * Stores by the core to guest memory are logged, too (memslot_mark_dirty()); writes by user space
 * are not. Locks: mmu_lock guards the bits; slots_lock keeps the log from being freed while it is
 * read or cleared.
 */
#include <asm-generic/errno.h>
#include "hv/trace.h"
#include "mmu/dirty_log.h"
#include "mmu/dirty_ring.h"
#include "mmu/memslot.h"
#include "mmu/tlb.h"

#define BITS_PER_PAGE (8 * PAGE_SIZE)

/*
 * The bits are in pages of their own, because a slot may have 2^31 - 1 pages and needs a bit for
 * each. A page of bits is allocated at the first mark in it, so the size of a log depends on its
 * marks: an empty log for 8 TiB takes 512 KiB instead of 256 MiB. Pages of bits without a mark are
 * not read; user space gets zeroes for them.
 *
 * Each page of bits has an entry, which holds the page's address (0: not allocated) and the flag
 * BITS_DIRTY. BITS_DIRTY without an address means that all bits of the page are set. That is the
 * initial state with INITIALLY_SET. It also preserves a mark for which no page could be allocated:
 * user space then copies pages that were not written, but does not miss any that were.
 */
struct dirty_log {
	u64 npages;
	u64 nr;    /* number of entries */
	u64 *bits; /* the entries; mmu_lock. A page of bits begins at bit 0 of its first u64 */
};

#define BITS_NONE  0ULL
#define BITS_DIRTY 1ULL /* a bit may be set; without an address: all are set */

static hpa_t bits_page(u64 entry)
{
	return entry & ~BITS_DIRTY;
}

#define FREE_PIECE 512 /* entries between two calls of hv_cond_resched() */

void dirty_log_free(struct dirty_log *log)
{
	u64 i;

	if (!log)
		return;
	for (i = 0; i < log->nr; i++) {
		if (!bits_page(log->bits[i]) && i % FREE_PIECE)
			continue;
		hv_cond_resched();
		if (bits_page(log->bits[i]))
			hv_pages_free(bits_page(log->bits[i]), HV_ORDER_4K);
	}
	hv_free(log->bits);
	hv_free(log);
}

struct dirty_log *dirty_log_alloc(u64 npages, bool all_dirty)
{
	struct dirty_log *log = hv_alloc(sizeof(*log));
	u64 i;

	if (!log)
		return NULL;
	log->npages = npages;
	log->nr = (npages + BITS_PER_PAGE - 1) / BITS_PER_PAGE;
	log->bits = hv_alloc((size_t)log->nr * sizeof(*log->bits));
	if (!log->bits) {
		hv_free(log);
		return NULL;
	}
	for (i = 0; all_dirty && i < log->nr; i++) {
		log->bits[i] = BITS_DIRTY;
		if (i % FREE_PIECE == 0)
			hv_cond_resched();
	}
	return log;
}

/* Return a word with the lowest n bits set, or all 64 if n is 64 or more. */
static u64 low_bits(u64 n)
{
	return n < 64 ? (1ULL << n) - 1 : ~0ULL;
}

/*
 * mmu_lock held. Allocate an entry's page of bits, and set the first `set` bits. Returns false if
 * there is no memory.
 */
static bool bits_alloc(u64 *entry, u64 set)
{
	hpa_t pa = hv_pages_alloc(HV_ORDER_4K);
	u64 *bits, i;

	if (!pa)
		return false;
	bits = hv_page_map(pa);
	for (i = 0; i < set; i += 64)
		bits[i / 64] = low_bits(set - i);
	hv_page_unmap(bits);
	*entry = pa | (*entry & BITS_DIRTY);
	return true;
}

/*
 * mmu_lock held. For the first mark in an entry without a page, allocate the page. Returns false if
 * nothing is left to mark: all bits were set already, or have now been set for lack of memory.
 */
static __attribute__((noinline)) bool bits_first_mark(u64 *entry)
{
	if (*entry == BITS_NONE && bits_alloc(entry, 0))
		return true;
	*entry = BITS_DIRTY;
	return false;
}

void dirty_log_mark(struct kvm_vcpu *vcpu, const struct memslot *slot, gfn_t gfn)
{
	u64 page = gfn - slot->base;
	u64 *entry = &slot->dirty->bits[page / BITS_PER_PAGE], *word;

	trace_kvm_dirty_log_mark(slot->id, gfn);
	if (vcpu->dirty_ring) {
		dirty_ring_push(vcpu, slot->id, page);
		return;
	}
	if (!bits_page(*entry) && !bits_first_mark(entry))
		return;
	word = hv_page_map(bits_page(*entry));
	/* lab 10: write the mark: set this page's bit, and note that its page of bits has one */
	*entry |= BITS_DIRTY;
	word[page % BITS_PER_PAGE / 64] |= 1ULL << page % 64;
	/* lab 10 end */
	hv_page_unmap(word);
}

void memslot_mark_dirty(struct kvm_vcpu *vcpu, gfn_t gfn)
{
	struct kvm *vm = vcpu->kvm;
	const struct memslot *slot;

	spin_lock(&vm->gstage.mmu_lock);
	slot = memslots_find(vm->slots, gfn); /* current map: an older map's log may be gone */
	if (slot && slot->dirty)
		dirty_log_mark(vcpu, slot, gfn);
	spin_unlock(&vm->gstage.mmu_lock);
}

/* ---- reading and clearing --------------------------------------------------------- */

#define WORD_WORK 3 /* the work of checking a word of bits, in the unit of GSTAGE_PIECE */

/*
 * mmu_lock held, but released during a pause. Pause if a pause is due. Called between words of
 * bits; during a pause, only slots_lock keeps other readers away from the words.
 */
static void pause_if_due(struct gstage *gs)
{
	if (gstage_pause_is_due(gs))
		gstage_pause(gs);
	gs->work -= WORD_WORK;
}

/* mmu_lock held, but released between pieces. Write-protect up to 64 pages from `page` on. */
static void protect_word(struct kvm *vm, const struct memslot *slot, u64 page)
{
	gpa_t start = gfn_to_gpa(slot->base + page);
	u64 n = MIN(slot->npages - page, 64);

	gstage_protect(&vm->gstage, start, start + (n << PAGE_SHIFT));
}

/* Return the bits that stand for pages of the slot, in the word for pages `page` to `page` + 63. */
static u64 valid_bits(const struct memslot *slot, u64 page)
{
	return low_bits(slot->npages - page);
}

/*
 * mmu_lock held, but released between pieces. Do the work of read_bits() for an entry without a
 * page, whose bits are all set.
 */
static void read_full(struct kvm *vm, const struct memslot *slot, u64 first, u64 *copy,
		      size_t words, bool take)
{
	size_t i;

	if (take)
		slot->dirty->bits[first / BITS_PER_PAGE] = BITS_NONE; /* until the next mark */
	for (i = 0; i < words; i++) {
		pause_if_due(&vm->gstage);
		copy[i] = valid_bits(slot, first + i * 64);
		if (take)
			protect_word(vm, slot, first + i * 64);
	}
}

/*
 * mmu_lock held, but released between pieces. Do the work of read_bits() for an entry with a page.
 * Returns false if all bits are 0.
 */
static bool read_page(struct kvm *vm, const struct memslot *slot, u64 first, u64 *copy,
		      size_t words, bool take)
{
	u64 *entry = &slot->dirty->bits[first / BITS_PER_PAGE], any = 0;
	u64 *bits = hv_page_map(bits_page(*entry));
	size_t i;

	*entry &= ~BITS_DIRTY;          /* before reading: a later mark sets it again */
	vm->gstage.work -= (long)words; /* for words of 0, which need no pause of their own */
	for (i = 0; i < words; i++) {
		if (bits[i])
			pause_if_due(&vm->gstage);
		/* lab 10: write a word's handling: copy it; if taken, clear and protect it */
		copy[i] = bits[i];
		any |= bits[i];
		if (!take || !bits[i])
			continue;
		bits[i] = 0;
		protect_word(vm, slot, first + i * 64);
		/* lab 10 end */
	}
	hv_page_unmap(bits);
	if (any && !take)
		*entry |= BITS_DIRTY;
	return any;
}

/*
 * Copy the first `words` words of the page of bits that begins with the slot's page `first`. If
 * `take` is true, also clear the bits and write-protect their pages; flush_protected() has to
 * follow. Returns false if all bits are 0; `copy` may then be unchanged.
 */
static bool read_bits(struct kvm *vm, const struct memslot *slot, u64 first, u64 *copy,
		      size_t words, bool take)
{
	bool any = false;
	u64 entry;

	spin_lock(&vm->gstage.mmu_lock);
	entry = slot->dirty->bits[first / BITS_PER_PAGE];
	if (entry == BITS_DIRTY) {
		read_full(vm, slot, first, copy, words, take);
		any = true;
	} else if (entry & BITS_DIRTY) {
		any = read_page(vm, slot, first, copy, words, take);
	}
	spin_unlock(&vm->gstage.mmu_lock);
	return any;
}

/*
 * Flush the translations of all pages that an ioctl has write-protected, or wait for a thread that
 * is flushing them (locking.md, rule 6). One flush per ioctl is enough: if a vCPU writes through an
 * old translation before it, the write is not logged, but precedes user space's copy of the page,
 * which user space makes after the ioctl.
 */
static void flush_protected(struct kvm *vm)
{
	struct gstage_pending_flush pending;

	spin_lock(&vm->gstage.mmu_lock);
	pending = gstage_take_pending_flush(&vm->gstage);
	spin_unlock(&vm->gstage.mmu_lock);
	tlb_flush_pending(vm, &pending);
}

/* Return how many bits stand for pages of the slot, in the page of bits that contains `first`. */
static u64 bits_used(const struct memslot *slot, u64 first)
{
	return MIN(slot->npages - ALIGN_DOWN(first, BITS_PER_PAGE), BITS_PER_PAGE);
}

/* True if the mask contains every page of the slot in the page of bits that contains `first`. */
static bool mask_covers(const struct memslot *slot, u64 first, const u64 *mask, size_t words)
{
	size_t i;

	if (first % BITS_PER_PAGE || words < (bits_used(slot, first) + 63) / 64)
		return false;
	for (i = 0; i < words; i++)
		if (valid_bits(slot, first + i * 64) & ~mask[i])
			return false;
	return true;
}

/*
 * mmu_lock held, but released between pieces. For an entry without a page, whose bits are all set:
 * clear all bits if the mask covers them; otherwise, allocate the page so that clear_page() can
 * clear some. Returns false if nothing is left to do. If there is no memory for the page, no bit is
 * cleared, so all pages are reported dirty once more.
 */
static bool clear_full(struct kvm *vm, const struct memslot *slot, u64 first, const u64 *mask,
		       size_t words)
{
	u64 *entry = &slot->dirty->bits[first / BITS_PER_PAGE];
	size_t i;

	if (!mask_covers(slot, first, mask, words))
		return bits_alloc(entry, bits_used(slot, first));
	*entry = BITS_NONE;
	for (i = 0; i < words; i++) {
		pause_if_due(&vm->gstage);
		protect_word(vm, slot, first + i * 64);
	}
	return false;
}

/*
 * mmu_lock held, but released between pieces. Clear the bits in `mask`. If this clears any bit of a
 * word, write-protect all pages of that word.
 */
static void clear_page(struct kvm *vm, const struct memslot *slot, u64 first, const u64 *mask,
		       size_t words)
{
	u64 *page = hv_page_map(bits_page(slot->dirty->bits[first / BITS_PER_PAGE]));
	u64 *bits = page + first % BITS_PER_PAGE / 64;
	size_t i;

	for (i = 0; i < words; i++) {
		pause_if_due(&vm->gstage);
		/* lab 10: write the code that clears the mask's bits and protects their pages */
		if (!(bits[i] & mask[i]))
			continue;
		bits[i] &= ~mask[i];
		protect_word(vm, slot, first + i * 64);
		/* lab 10 end */
	}
	hv_page_unmap(page);
}

static void clear_bits(struct kvm *vm, const struct memslot *slot, u64 first, const u64 *mask,
		       size_t words)
{
	const u64 *entry = &slot->dirty->bits[first / BITS_PER_PAGE];

	spin_lock(&vm->gstage.mmu_lock);
	if ((*entry & BITS_DIRTY) &&
	    (bits_page(*entry) || clear_full(vm, slot, first, mask, words)))
		clear_page(vm, slot, first, mask, words);
	spin_unlock(&vm->gstage.mmu_lock);
}

/*
 * Return how many pages from `first` on to handle at once: those below `end` whose bits are in the
 * same page of bits.
 */
static u64 chunk_pages(u64 first, u64 end)
{
	return MIN(end - first, BITS_PER_PAGE - first % BITS_PER_PAGE);
}

int dirty_log_get(struct kvm *vm, const struct memslot *slot, u64 *copy, hva_t to)
{
	bool take = !(vm->dirty_log_manual & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
	u64 first, n;
	int err = 0;

	trace_kvm_dirty_log_get(slot->id, slot->npages, take);
	for (first = 0; first < slot->npages && !err; first += n) {
		size_t words;

		hv_cond_resched();
		n = chunk_pages(first, slot->npages);
		words = (size_t)((n + 63) / 64);
		/* If `take` is set and this fails, user space has lost the bits, as in Linux. */
		if (read_bits(vm, slot, first, copy, words, take))
			err = hv_copy_to_user(to + (hva_t)(first / 8), copy, words * sizeof(u64));
		else
			err = hv_clear_user(to + (hva_t)(first / 8), words * sizeof(u64));
	}
	if (take)
		flush_protected(vm);
	return err;
}

int dirty_log_clear(struct kvm *vm, const struct memslot *slot, u64 *copy,
		    const struct kvm_clear_dirty_log *log, bool apply)
{
	u64 first = log->first_page, end = first + log->num_pages, n;
	hva_t from = (hva_t)(uintptr_t)log->dirty_bitmap;
	int err = 0;

	if (apply)
		trace_kvm_dirty_log_clear(slot->id, first, log->num_pages);
	for (; first < end && !err; first += n) {
		size_t words;

		hv_cond_resched();
		n = chunk_pages(first, end);
		words = (size_t)((n + 63) / 64);
		err = hv_copy_from_user(copy, from + (hva_t)((first - log->first_page) / 8),
					words * sizeof(u64));
		if (apply && !err)
			clear_bits(vm, slot, first, copy, words);
	}
	if (apply)
		flush_protected(vm);
	return err;
}
