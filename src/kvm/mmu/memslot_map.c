// SPDX-License-Identifier: MIT
/*
 * memslot_map.c - memory maps as values: a map with one slot added or removed.
 *
 * A map is an array of pointers to chunks. A changed map has new chunks where it differs, and
 * shares the others with the original. The functions here take no locks: apart from its reference
 * counts, a map that others can see is never changed.
 */
#include "mmu/memslot.h"

struct memslots *memslots_alloc(u32 nr)
{
	struct memslots *slots = hv_alloc(sizeof(*slots) + nr * sizeof(struct memslot_chunk *));

	if (slots) {
		slots->refs = 1;
		slots->nr = nr;
	}
	return slots;
}

static struct memslot_chunk *chunk_alloc(void)
{
	struct memslot_chunk *chunk = hv_alloc(sizeof(*chunk));

	if (chunk)
		chunk->refs = 1;
	return chunk;
}

/* Call when the slots are complete, before others can see the chunk. */
static void chunk_set_hull(struct memslot_chunk *chunk)
{
	u32 i;

	chunk->hva_start = ~(hva_t)0;
	chunk->hva_end = 0;
	for (i = 0; i < chunk->nr; i++) {
		const struct memslot *slot = &chunk->slot[i];

		chunk->hva_start = MIN(chunk->hva_start, slot->hva);
		chunk->hva_end =
			MAX(chunk->hva_end, slot->hva + (hva_t)(slot->npages << PAGE_SHIFT));
	}
}

u32 memslots_chunk_of(const struct memslots *slots, gfn_t gfn)
{
	u32 low = 0, high = slots->nr;

	if (!high || slots->chunk[0]->slot[0].base > gfn)
		return slots->nr;
	while (high - low > 1) {
		u32 mid = low + (high - low) / 2;

		if (slots->chunk[mid]->slot[0].base <= gfn)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* Copy `now` without the `skip` chunks at `at`, and with `gap` unset chunks in their place. */
static struct memslots *copy_around(const struct memslots *now, u32 at, u32 skip, u32 gap)
{
	struct memslots *slots = memslots_alloc(now->nr - skip + gap);
	u32 i, to = 0;

	if (!slots)
		return NULL;
	for (i = 0; i < now->nr; i++) {
		if (i == at)
			to += gap;
		if (i % 64 == 63)
			hv_cond_resched();
		if (i >= at && i < at + skip)
			continue;
		__atomic_fetch_add(&now->chunk[i]->refs, 1, __ATOMIC_RELAXED);
		slots->chunk[to++] = now->chunk[i];
	}
	return slots;
}

struct memslots *memslots_without(const struct memslots *now, const struct memslot *old)
{
	u32 at = memslots_chunk_of(now, old->base), i;
	const struct memslot_chunk *from = now->chunk[at];
	struct memslot_chunk *chunk;
	struct memslots *slots;

	if (from->nr == 1)
		return copy_around(now, at, 1, 0);
	chunk = chunk_alloc();
	if (!chunk)
		return NULL;
	for (i = 0; i < from->nr; i++)
		if (&from->slot[i] != old)
			chunk->slot[chunk->nr++] = from->slot[i];
	chunk_set_hull(chunk);
	slots = copy_around(now, at, 1, 1);
	if (slots)
		slots->chunk[at] = chunk;
	else
		hv_free(chunk);
	return slots;
}

static void chunk_insert(struct memslot_chunk *chunk, const struct memslot *new)
{
	u32 i = chunk->nr++;

	for (; i > 0 && chunk->slot[i - 1].base > new->base; i--)
		chunk->slot[i] = chunk->slot[i - 1];
	chunk->slot[i] = *new;
}

/*
 * Put the slots of chunk `from` (may be NULL) and the slot `new` into one or two new chunks.
 * Returns the number of new chunks; 0: no memory.
 */
static u32 chunks_with(const struct memslot_chunk *from, const struct memslot *new,
		       struct memslot_chunk *chunk[2])
{
	u32 i, n = from ? from->nr : 0, count = n == MEMSLOT_CHUNK ? 2 : 1;

	chunk[0] = chunk_alloc();
	chunk[1] = count == 2 ? chunk_alloc() : NULL;
	if (!chunk[0] || (count == 2 && !chunk[1])) {
		hv_free(chunk[0]);
		hv_free(chunk[1]);
		return 0;
	}
	for (i = 0; i < n; i++) {
		struct memslot_chunk *to = chunk[count == 2 && i >= MEMSLOT_CHUNK / 2];

		to->slot[to->nr++] = from->slot[i];
	}
	chunk_insert(chunk[count == 2 && new->base > chunk[1]->slot[0].base], new);
	for (i = 0; i < count; i++)
		chunk_set_hull(chunk[i]);
	return count;
}

struct memslots *memslots_with(const struct memslots *now, const struct memslot *new)
{
	u32 at = memslots_chunk_of(now, new->base), count, i;
	struct memslot_chunk *chunk[2];
	struct memslots *slots;

	if (at == now->nr)
		at = 0; /* before all others: goes into the first chunk */
	count = chunks_with(now->nr ? now->chunk[at] : NULL, new, chunk);
	if (!count)
		return NULL;
	slots = now->nr ? copy_around(now, at, 1, count) : memslots_alloc(count);
	for (i = 0; i < count; i++) {
		if (slots)
			slots->chunk[at + i] = chunk[i];
		else
			hv_free(chunk[i]);
	}
	return slots;
}
