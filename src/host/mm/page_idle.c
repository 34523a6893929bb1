// SPDX-License-Identifier: MIT
/*
 * page_idle.c - which page frames have not been used since they were marked idle.
 *
 * A program marks a frame idle and later asks whether it still is. The mark is a flag in struct
 * page. Both operations first clear the accessed bits of each leaf that maps the frame, in address
 * spaces and in guests' G-stages, and if one was set, they drop the marks of all frames of that
 * leaf. Only a frame that an address space maps can be idle. So nothing has to be done when a frame
 * is freed or mapped: a new leaf has A set, and a frame without leaves is not idle.
 *
 * There is no table from frames to leaves. A search through all leaves of all address spaces stores
 * in each frame's struct page where it was found. Later, a frame with one reference is looked for
 * only there. If it is elsewhere, or has more references, all leaves are searched again, once for
 * the whole request.
 *
 * Locks: idle_lock (guards page->seen, and admits one request at a time) > mm->lock.
 */
#include "hv/bits.h"
#include "page.h"
#include "page_idle.h"
#include "sched/thread.h"
#include "vma.h"

#define FRAMES_PIECE 1024 /* frames between two calls to irq_window() */
#define LEAF_STEPS   1500 /* steps (mm_walked()) for a 2M leaf whose frames are wanted */

static struct mutex idle_lock;

struct request {
	hpa_t start, end;
	bool everywhere; /* all leaves are searched; else only frames with one reference are found */
	u64 *wanted;     /* bit n: search for the frame at start + n pages */
	u64 *found;      /* bit n: a leaf maps it, and the leaf's accessed bits have been cleared */
};

static bool test_bit(const u64 *bits, u64 n)
{
	return bits[n / 64] >> (n % 64) & 1;
}

static void pause_after(u64 n)
{
	if (n % FRAMES_PIECE == FRAMES_PIECE - 1)
		irq_window();
}

static void set_bit(u64 *bits, u64 n)
{
	bits[n / 64] |= 1ULL << (n % 64);
}

/* The leaf at va maps wanted frames: clear its accessed bits. mm->lock is held. */
static void leaf_settle(struct mm *mm, unsigned long va, pte_t *pte, unsigned long size)
{
	hpa_t pa = pte_to_hpa(*pte);
	struct page *page = page_of(pa);

	if (!page || !mm_is_young(mm, va, *pte, size))
		return;
	mm_age_leaf(mm, va, pte, size);
	for (struct page *p = page; p < page + size / PAGE_SIZE; p++)
		p->idle = false;
}

/*
 * Handle the leaf: settle it if it maps wanted frames, and mark these as found. In a search through
 * all leaves, also remember where each frame is.
 */
static void leaf_visit(struct request *r, struct mm *mm, unsigned long va, pte_t *pte,
		       unsigned long size)
{
	hpa_t pa = pte_to_hpa(*pte);
	bool any = false;

	for (unsigned long at = 0; at < size; at += PAGE_SIZE) {
		struct page *page = page_of(pa + at);
		u64 n = (pa + at - r->start) / PAGE_SIZE;

		if (!page)
			continue;
		if (r->everywhere && page->kind == PAGE_OTHER) {
			page->seen.mm = mm;
			page->seen.va = va + at;
		}
		if (pa + at < r->start || pa + at >= r->end || !test_bit(r->wanted, n))
			continue;
		if (!r->everywhere && page_refs(pa + at) != 1)
			continue;
		if (!any)
			leaf_settle(mm, va, pte, size);
		any = true;
		set_bit(r->found, n);
	}
	mm_walked(mm, size == SZ_2M ? LEAF_STEPS : WALK_LEAF);
}

/* Look for the frame where it was last found. */
static bool try_where_seen(struct request *r, u64 n)
{
	hpa_t pa = r->start + n * PAGE_SIZE;
	const struct page *page = page_of(pa);
	/* It may have been freed: compare it only with address spaces that exist. */
	const struct mm *seen = page->kind == PAGE_OTHER ? page->seen.mm : NULL;
	unsigned long va = page->seen.va, size;
	struct mm *mm = NULL;
	pte_t *pte;

	if (seen && va < USER_END)
		for (mm = mm_next(NULL); mm && mm != seen; mm = mm_next(mm))
			;
	if (!mm)
		return false;
	mutex_lock(&mm->lock);
	pte = pgtable_find(mm, va, &size);
	if (pte && pa - pte_to_hpa(*pte) < size)
		leaf_visit(r, mm, ALIGN_DOWN(va, size), pte, size);
	mutex_unlock(&mm->lock);
	mm_put(mm);
	return test_bit(r->found, n);
}

static void search_everywhere(struct request *r)
{
	struct mm *mm;

	r->everywhere = true;
	for (mm = mm_next(NULL); mm; mm = mm_next(mm)) {
		unsigned long va = 0, size;
		pte_t *pte;

		mutex_lock(&mm->lock);
		while ((pte = mm_next_leaf(mm, &va, USER_END, &size)) != NULL) {
			leaf_visit(r, mm, va, pte, size);
			va += size;
		}
		mutex_unlock(&mm->lock);
	}
}

static void search(struct request *r, unsigned int words)
{
	for (u64 n = 0; n < words * 64ULL; n++) {
		pause_after(n);
		if (!test_bit(r->wanted, n) || test_bit(r->found, n))
			continue;
		if (!try_where_seen(r, n)) {
			search_everywhere(r);
			return;
		}
	}
}

/* Clear the bits of frames that are not RAM or, if only_idle, that are not marked idle. */
static void keep_frames(u64 *bits, hpa_t start, unsigned int words, bool only_idle)
{
	for (u64 n = 0; n < words * 64ULL; n++) {
		const struct page *page = page_of(start + n * PAGE_SIZE);

		pause_after(n);
		if (!page || (only_idle && !page->idle))
			bits[n / 64] &= ~(1ULL << (n % 64));
	}
}

void page_idle_test(hpa_t start, u64 *bits, unsigned int words, u64 *scratch)
{
	struct request r = { .start = start,
			     .end = start + words * 64ULL * PAGE_SIZE,
			     .wanted = bits,
			     .found = scratch };

	for (unsigned int i = 0; i < words; i++) {
		bits[i] = ~0ULL;
		scratch[i] = 0;
	}
	mutex_lock(&idle_lock);
	keep_frames(bits, start, words, true);
	search(&r, words);
	for (u64 n = 0; n < words * 64ULL; n++) {
		pause_after(n);
		if (test_bit(bits, n) && !test_bit(scratch, n))
			page_of(start + n * PAGE_SIZE)->idle = false; /* no longer mapped */
	}
	keep_frames(bits, start, words, true);
	mutex_unlock(&idle_lock);
}

void page_idle_mark(hpa_t start, u64 *bits, unsigned int words, u64 *scratch)
{
	struct request r = { .start = start,
			     .end = start + words * 64ULL * PAGE_SIZE,
			     .wanted = bits,
			     .found = scratch };

	for (unsigned int i = 0; i < words; i++)
		scratch[i] = 0;
	mutex_lock(&idle_lock);
	keep_frames(bits, start, words, false);
	search(&r, words);
	for (u64 n = 0; n < words * 64ULL; n++) {
		pause_after(n);
		if (test_bit(scratch, n))
			page_of(start + n * PAGE_SIZE)->idle = true;
	}
	mutex_unlock(&idle_lock);
}

void page_idle_init(void)
{
	mutex_init(&idle_lock);
}
