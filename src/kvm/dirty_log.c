// SPDX-License-Identifier: MIT
/*
 * dirty_log.c - which pages of a memory slot the guest has written.
 *
 * One bit a page. While a slot is logged its leaves are of 4 KiB and not writable;
 * the first write faults, sets the bit and makes its page writable, until the log is
 * read: then the bits are cleared and the pages protected again. With
 * KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 that is done by KVM_CLEAR_DIRTY_LOG, for the pages
 * that it names; and with INITIALLY_SET a new log has every page, so that nothing
 * needs to be protected before the first of these calls.
 *
 * Not logged: what user space writes itself. Locks: bits under mmu_lock; slots_lock keeps
 * the log in being while it is read.
 */
#include <asm-generic/errno.h>
#include "memslot.h"
#include "hv/trace.h"
#include "tlb.h"

#define BITS_PER_PAGE (8 * PAGE_SIZE)

/*
 * Bits in pages of their own, for a slot may have 2^31 - 1 of them. Where nothing was written
 * nothing is read, so that a log costs by what is in it; user space still gets its zeroes.
 */
struct dirty_log {
	u64 npages;
	u64 nr; /* pages of bits */
	struct {
		hpa_t pa;   /* bit 0 of its first u64 first */
		bool dirty; /* a bit may be set; mmu_lock */
	} bits[];
};

void dirty_log_free(struct dirty_log *log)
{
	u64 i;

	if (!log)
		return;
	for (i = 0; i < log->nr; i++) {
		hv_poll_interrupts();
		if (log->bits[i].pa)
			hv_pages_free(log->bits[i].pa, HV_ORDER_4K);
	}
	hv_free(log);
}

/* All of one page of bits that stand for a page of the slot. */
static void set_bits(struct dirty_log *log, u64 index)
{
	u64 i, n = MIN(log->npages - index * BITS_PER_PAGE, BITS_PER_PAGE);
	u64 *bits = hv_page_map(log->bits[index].pa);

	for (i = 0; i < n; i += 64)
		bits[i / 64] = n - i < 64 ? (1ULL << (n - i)) - 1 : ~0ULL;
	log->bits[index].dirty = true;
	hv_page_unmap(bits);
}

struct dirty_log *dirty_log_alloc(u64 npages, bool all_dirty)
{
	u64 i, nr = (npages + BITS_PER_PAGE - 1) / BITS_PER_PAGE;
	struct dirty_log *log = hv_alloc(sizeof(*log) + (size_t)nr * sizeof(log->bits[0]));

	if (!log)
		return NULL;
	log->npages = npages;
	log->nr = nr;
	for (i = 0; i < nr; i++) {
		hv_poll_interrupts();
		log->bits[i].pa = hv_pages_alloc(HV_ORDER_4K);
		if (!log->bits[i].pa) {
			dirty_log_free(log);
			return NULL;
		}
		if (all_dirty)
			set_bits(log, i);
	}
	return log;
}

void dirty_log_mark(const struct memslot *slot, gfn_t gfn)
{
	struct dirty_log *log = slot->dirty;
	u64 page = gfn - slot->base;
	u64 *word = hv_page_map(log->bits[page / BITS_PER_PAGE].pa);

	trace_kvm_dirty_log_mark(slot->id, gfn);
	/* lab 10: write the mark: the bit of this page, and that its page of bits has one */
	log->bits[page / BITS_PER_PAGE].dirty = true;
	word[page % BITS_PER_PAGE / 64] |= 1ULL << page % 64;
	/* lab 10 end */
	hv_page_unmap(word);
}

/* ---- reading and clearing --------------------------------------------------------- */

#define WORD_WORK 3 /* to look at a word of bits, by the measure of GSTAGE_PIECE */

/* mmu_lock, free in between. Before each word: only slots_lock keeps the words from another reader. */
static void rest(struct gstage *gs)
{
	if (gstage_pause_is_due(gs))
		gstage_pause(gs);
	gs->work -= WORD_WORK;
}

/* Nothing spinning is locked. */
static void let_others(void)
{
	if (!hv_poll_interrupts())
		hv_resched();
}

/* mmu_lock, free in between. The 64 pages from `page` on are not writable any more. */
static void protect_word(struct kvm *vm, const struct memslot *slot, u64 page)
{
	gpa_t start = gfn_to_gpa(slot->base + page);
	u64 n = MIN(slot->npages - page, 64);

	gstage_protect(&vm->gstage, start, start + (n << PAGE_SHIFT));
}

/*
 * Copy the `words` words of a page of bits, which begins with the slot's page `first`. take:
 * clear and protect them, too. False: all are 0, and nothing was copied.
 */
static bool read_bits(struct kvm *vm, const struct memslot *slot, u64 first, u64 *copy,
		      size_t words, bool take)
{
	u64 index = first / BITS_PER_PAGE, any = 0;
	struct gstage_debt debt;
	u64 *bits;
	size_t i;

	spin_lock(&vm->gstage.mmu_lock);
	if (!slot->dirty->bits[index].dirty)
		words = 0;
	slot->dirty->bits[index].dirty = false; /* a mark from now on says otherwise */
	bits = hv_page_map(slot->dirty->bits[index].pa);
	for (i = 0; i < words; i++) {
		rest(&vm->gstage);
		/* lab 10: write what becomes of a word: copied, and, to be taken, cleared and protected */
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
		slot->dirty->bits[index].dirty = true;
	debt = gstage_owe(&vm->gstage);
	spin_unlock(&vm->gstage.mmu_lock);

	/*
	 * What a vCPU writes by an old translation before this is in no log, but it is before
	 * the copy of the pages that user space makes after it has the bits.
	 */
	tlb_settle(vm, &debt);
	return any;
}

/* Clear the bits that are set in `mask`, and protect what was dirty. */
static void clear_bits(struct kvm *vm, const struct memslot *slot, u64 first, const u64 *mask,
		       size_t words)
{
	struct gstage_debt debt;
	u64 *page, *bits;
	size_t i;

	spin_lock(&vm->gstage.mmu_lock);
	page = hv_page_map(slot->dirty->bits[first / BITS_PER_PAGE].pa);
	bits = page + first % BITS_PER_PAGE / 64;
	for (i = 0; i < words; i++) {
		rest(&vm->gstage);
		/* lab 10: write what becomes of the bits that the mask names */
		if (!(bits[i] & mask[i]))
			continue;
		bits[i] &= ~mask[i];
		protect_word(vm, slot, first + i * 64);
		/* lab 10 end */
	}
	hv_page_unmap(page);
	debt = gstage_owe(&vm->gstage);
	spin_unlock(&vm->gstage.mmu_lock);
	tlb_settle(vm, &debt);
}

/* One page of the bits [first, end) of the slot, to or from user memory; how many. */
static u64 chunk_pages(u64 first, u64 end)
{
	return MIN(end - first, BITS_PER_PAGE - first % BITS_PER_PAGE);
}

static int get_log(struct kvm *vm, const struct memslot *slot, u64 *copy, hva_t to)
{
	bool take = !(vm->dirty_log_manual & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
	u64 first, n;
	int err = 0;

	trace_kvm_dirty_log_get(slot->id, slot->npages, take);
	for (first = 0; first < slot->npages && !err; first += n) {
		size_t words;

		let_others();
		n = chunk_pages(first, slot->npages);
		words = (size_t)((n + 63) / 64);
		/* If the copy fails the bits are lost to user space, as in Linux. */
		if (read_bits(vm, slot, first, copy, words, take))
			err = hv_copy_to_user(to + (hva_t)(first / 8), copy, words * sizeof(u64));
		else
			err = hv_clear_user(to + (hva_t)(first / 8), words * sizeof(u64));
	}
	return err;
}

/* apply: clear what user space's bits name; else only see whether they can be read. */
static int clear_log(struct kvm *vm, const struct memslot *slot, u64 *copy,
		     const struct kvm_clear_dirty_log *log, bool apply)
{
	u64 first = log->first_page, end = first + log->num_pages, n;
	hva_t from = (hva_t)(uintptr_t)log->dirty_bitmap;

	if (apply)
		trace_kvm_dirty_log_clear(slot->id, first, log->num_pages);
	for (; first < end; first += n) {
		size_t words;

		let_others();
		n = chunk_pages(first, end);
		words = (size_t)((n + 63) / 64);
		if (hv_copy_from_user(copy, from + (hva_t)((first - log->first_page) / 8),
				      words * sizeof(u64)))
			return -EFAULT;
		if (apply)
			clear_bits(vm, slot, first, copy, words);
	}
	return 0;
}

/* Whole words, or up to the slot's end. */
static bool clear_range_is_valid(const struct memslot *slot, const struct kvm_clear_dirty_log *log)
{
	u64 left;

	if (log->first_page > slot->npages)
		return false;
	left = slot->npages - log->first_page;
	return log->num_pages <= left && (log->num_pages == left || log->num_pages % 64 == 0);
}

/* Either ioctl: `clear` is NULL for the one that reads. Holds slots_lock. */
static int log_ioctl(struct kvm *vm, u32 id, hva_t to, const struct kvm_clear_dirty_log *clear)
{
	const struct memslot *slot = memslot_by_id(vm, id);
	hpa_t pa;
	u64 *copy;
	int err;

	if (!slot || !slot->dirty)
		return -ENOENT;
	if (clear && !clear_range_is_valid(slot, clear))
		return -EINVAL;
	pa = hv_pages_alloc(HV_ORDER_4K);
	if (!pa)
		return -ENOMEM;
	copy = hv_page_map(pa);
	err = clear ? clear_log(vm, slot, copy, clear, false) : get_log(vm, slot, copy, to);
	if (clear && !err)
		err = clear_log(vm, slot, copy, clear, true);
	hv_page_unmap(copy);
	hv_pages_free(pa, HV_ORDER_4K);
	return err;
}

int kvm_vm_ioctl_get_dirty_log(struct kvm *vm, const struct kvm_dirty_log *log)
{
	int err;

	if (log->slot >= MEMSLOT_MAX_ID)
		return -EINVAL;
	hv_mutex_lock(&vm->slots_lock);
	err = log_ioctl(vm, log->slot, (hva_t)(uintptr_t)log->dirty_bitmap, NULL);
	hv_mutex_unlock(&vm->slots_lock);
	return err;
}

int kvm_vm_ioctl_clear_dirty_log(struct kvm *vm, const struct kvm_clear_dirty_log *log)
{
	int err;

	if (log->slot >= MEMSLOT_MAX_ID || log->first_page % 64)
		return -EINVAL;
	hv_mutex_lock(&vm->slots_lock);
	err = log_ioctl(vm, log->slot, 0, log);
	hv_mutex_unlock(&vm->slots_lock);
	return err;
}

int dirty_log_set_manual(struct kvm *vm, u64 flags)
{
	u64 allowed = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;

	/* INITIALLY_SET only together with the other (Linux's documentation of the cap). */
	if (flags & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)
		allowed |= KVM_DIRTY_LOG_INITIALLY_SET;
	if (flags & ~allowed)
		return -EINVAL;
	hv_mutex_lock(&vm->slots_lock);
	vm->dirty_log_manual = flags;
	hv_mutex_unlock(&vm->slots_lock);
	return 0;
}
