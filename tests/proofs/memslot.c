// SPDX-License-Identifier: MIT
/*
 * memslot.c - bounded proof of src/kvm/mmu/memslot.c: the arithmetic of memory slots, and lookups.
 *
 * Proved, for every region that user space passes and every slot that follows from it, without a
 * bound: region_is_sane() accepts exactly the regions that the API permits, and no sum of an
 * accepted region overflows; memslot_has(), memslot_hva() and memslots_overlap() agree with the
 * definition of a slot as a range of page numbers.
 * Proved for every map of slots that are in ascending order and do not overlap: memslots_find()
 * returns the slot that contains a page, or NULL if none does; overlaps_other() reports exactly the
 * overlaps with slots other than the one that is replaced.
 * Bounds: maps of up to 2 chunks of up to 3 slots; MEMSLOT_CHUNK is 3 here.
 * Models: hv_user_range_is_valid(), of a host whose user addresses end at USER_MAX.
 *
 * Folder: kvm
 * Constants: mmu/memslot.h:MEMSLOT_CHUNK=3
 * Options: --unwind 5
 */
#include "proof.h"
#include "mmu/memslot.c"
#include "mmu/memslot_map.c" /* memslots_chunk_of() */

#define USER_MAX (1ULL << 56)

bool hv_user_range_is_valid(hva_t start, u64 size)
{
	return (unsigned __int128)start + size <= USER_MAX;
}

/* ---- regions and slots --------------------------------------------------------- */

static bool aligned(u64 value)
{
	return value % 4096 == 0;
}

/* What KVM_SET_USER_MEMORY_REGION2 permits, in 128-bit arithmetic. */
static bool permitted(const struct kvm_userspace_memory_region2 *r)
{
	unsigned __int128 gpa_end = (unsigned __int128)r->guest_phys_addr + r->memory_size;
	unsigned __int128 hva_end = (unsigned __int128)r->userspace_addr + r->memory_size;

	return !(r->flags & ~3U) && aligned(r->guest_phys_addr) && aligned(r->memory_size) &&
	       aligned(r->userspace_addr) && gpa_end < (unsigned __int128)1 << 64 &&
	       hva_end <= USER_MAX && r->slot < 32767 && r->memory_size / 4096 < 1ULL << 31;
}

void prove_region(void)
{
	struct kvm_userspace_memory_region2 r;
	bool sane = region_is_sane(&r);

	claim(sane == permitted(&r), "accepted if and only if it is permitted");
	reached(sane && r.memory_size == 4096 && r.guest_phys_addr == 0 - 8192ULL);
	reached(sane && r.userspace_addr + r.memory_size == USER_MAX && r.slot == 32766);
	reached(!sane && r.memory_size > 0 && r.guest_phys_addr + r.memory_size == 0);
}

/* Any slot that set_region_locked() makes of an accepted region that is not empty. */
static struct memslot any_slot(void)
{
	struct kvm_userspace_memory_region2 r;
	struct memslot slot;

	suppose(region_is_sane(&r) && r.memory_size);
	slot.base = r.guest_phys_addr >> PAGE_SHIFT;
	slot.npages = r.memory_size >> PAGE_SHIFT;
	slot.hva = r.userspace_addr;
	return slot;
}

/* Is the page inside the slot? */
static bool inside(const struct memslot *slot, gfn_t gfn)
{
	return gfn >= slot->base &&
	       (unsigned __int128)gfn < (unsigned __int128)slot->base + slot->npages;
}

void prove_slot(void)
{
	struct memslot a = any_slot(), b = any_slot();
	bool overlap = memslots_overlap(&a, &b);
	gpa_t gpa;
	gfn_t gfn = gpa_to_gfn(gpa), common = MAX(a.base, b.base);

	claim(a.base + a.npages > a.base && a.base + a.npages < 1ULL << 52,
	      "the end of a slot does not wrap around");
	claim(memslot_has(&a, gfn) == inside(&a, gfn), "a slot has the pages of its range");
	if (memslot_has(&a, gfn))
		claim(memslot_hva(&a, gpa) - a.hva == gpa - gfn_to_gpa(a.base) &&
			      memslot_hva(&a, gpa) - a.hva < a.npages * PAGE_SIZE,
		      "the page's user address lies in the slot's user range");
	claim(overlap == (inside(&a, common) && inside(&b, common)),
	      "an overlap has a common page");
	claim(overlap || !(inside(&a, gfn) && inside(&b, gfn)),
	      "slots that do not overlap have no common page");
	reached(overlap && a.base + a.npages == (1ULL << 52) - 1 &&
		b.base == a.base + a.npages - 1);
	reached(!overlap && a.base + a.npages == b.base);
}

/* ---- maps ------------------------------------------------------------------------ */

#define CHUNKS 2
#define SLOTS  3 /* MEMSLOT_CHUNK */

static struct memslot_chunk chunk_0, chunk_1; /* pointers into an array would take CBMC longer */
static struct memslot_chunk *const chunks[CHUNKS] = { &chunk_0, &chunk_1 };
/* A struct memslots with two chunks. In that type itself, CBMC sees an array without elements. */
static struct {
	u32 refs, nr;
	struct memslot_chunk *chunk[CHUNKS];
} two = { .refs = 1, .chunk = { &chunk_0, &chunk_1 } };
static struct memslots *const map = (struct memslots *)&two;

/* Any valid map: chunks of at least one slot, slots in ascending order, without overlap. */
static void any_map(void)
{
	gfn_t end = 0;
	u32 c, i;

	havoc(&map->nr);
	suppose(map->nr <= CHUNKS);
	havoc(&chunk_0);
	havoc(&chunk_1);
	for (c = 0; c < CHUNKS; c++) {
		if (c >= map->nr)
			break;
		suppose(chunks[c]->nr >= 1 && chunks[c]->nr <= SLOTS);
		chunks[c]->refs = 1;
		for (i = 0; i < SLOTS; i++) {
			const struct memslot *slot = &chunks[c]->slot[i];

			if (i >= chunks[c]->nr)
				break;
			/* As prove_slot() claims. */
			suppose(slot->base >= end && slot->base < 1ULL << 52);
			suppose(slot->npages && slot->npages <= MEMSLOT_MAX_PAGES);
			end = slot->base + slot->npages;
		}
	}
	suppose(end < 1ULL << 52);
}

/* Return the slot that contains gfn, by looking at all slots. */
static const struct memslot *slot_of(gfn_t gfn)
{
	const struct memslot *found = NULL;
	u32 c, i;

	for (c = 0; c < CHUNKS; c++)
		for (i = 0; i < SLOTS; i++)
			if (c < map->nr && i < chunks[c]->nr && inside(&chunks[c]->slot[i], gfn))
				found = &chunks[c]->slot[i];
	return found;
}

void prove_find(void)
{
	gfn_t gfn;

	any_map();
	claim(memslots_find(map, gfn) == slot_of(gfn),
	      "the slot that contains the page is found, or NULL");
	reached(map->nr == 2 && slot_of(gfn) == &chunk_1.slot[2]);
	reached(map->nr == 2 && !slot_of(gfn));
	reached(map->nr == 0);
}

void prove_overlap(void)
{
	struct memslot new = any_slot();
	const struct memslot *old = NULL;
	bool has_old, overlap = false;
	u32 c, i, old_c, old_i;

	any_map();
	if (has_old) {
		suppose(old_c < map->nr && old_i < chunks[old_c]->nr);
		old = &chunks[old_c]->slot[old_i];
	}
	for (c = 0; c < CHUNKS; c++)
		for (i = 0; i < SLOTS; i++)
			overlap |= c < map->nr && i < chunks[c]->nr &&
				   !(has_old && c == old_c && i == old_i) &&
				   memslots_overlap(&chunks[c]->slot[i], &new);
	claim(overlaps_other(map, &new, old) == overlap,
	      "exactly the overlaps with other slots are found");
	reached(overlap && map->nr == 2 && new.base > chunk_1.slot[0].base);
	reached(!overlap && has_old && memslots_overlap(&new, old));
}
