// SPDX-License-Identifier: MIT
/*
 * gstage.h - a VM's G-stage page table: its format, its contents and its locking.
 *
 * The table translates guest physical to host physical addresses (H §5.1). It has the form of Sv39,
 * Sv48 or Sv57 (Sv32 on RV32), but its root is four times as large: the root translates 2 more bits
 * of the address, and its 16 KiB are aligned to their size.
 *
 *          50 bits (Sv48x4)
 *   +--------+--------+--------+--------+-------------+
 *   | 11 (3) | 9 (2)  | 9 (1)  | 9 (0)  | 12 in page  |   (n): level, 0 holds 4 KiB leaves
 *   +--------+--------+--------+--------+-------------+
 *
 * Every leaf is mapped with V, R, X, U and A; a writable leaf has W and D as well. Because A and D
 * are set in advance, hardware with Svade need not fault for them, and hardware with Svadu need not
 * write them. U is needed because every guest access counts as a user-level access in this table (H
 * §5.1). The host clears A to find out which pages are in use (notifier.c); the hardware or the
 * next fault then sets A again.
 *
 * Two walkers implement struct gstage_ops, side by side: gstage_iter.c and gstage_rec.c (toggle
 * gstage_walk). gstage.c contains what they share.
 *
 * Locks: mmu_lock guards the table, the retired tables and the invalidation fields. It is a leaf:
 * while it is held, only the host's page allocator and shadow_record() (shadow.h) take locks. The
 * hardware walks the table without the lock, so each entry is written by a single store, and a table
 * is freed only after it was unlinked and a fence was executed.
 */
#ifndef KVM_GSTAGE_H
#define KVM_GSTAGE_H

#include <asm-generic/errno.h>
#include "hv/host.h"
#include "hv/pte.h"
#include "hv/trace.h"

struct kvm_vcpu;

#define GSTAGE_MAX_LEVELS 5
#define GSTAGE_ROOT_ORDER 2 /* 16 KiB */
#if __SIZEOF_LONG__ == 8
#define GSTAGE_INDEX_BITS 9
#define GSTAGE_MODES                                  \
	{ SATP_MODE_SV57, 5 }, { SATP_MODE_SV48, 4 }, \
	{                                             \
		SATP_MODE_SV39, 3                     \
	}
#else
#define GSTAGE_INDEX_BITS 10
#define GSTAGE_MODES              \
	{                         \
		SATP_MODE_SV32, 2 \
	}
#endif
#define GSTAGE_TABLE_ENTRIES BIT(GSTAGE_INDEX_BITS)

/* Flags of every leaf, and those that a writable leaf has in addition. */
#define GSTAGE_LEAF        (PTE_V | PTE_R | PTE_X | PTE_U | PTE_A)
#define GSTAGE_LEAF_WRITE  (PTE_W | PTE_D)
#define GSTAGE_LEAF_DEVICE (PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D | PTE_DEVICE)
#define PTE_DEVICE         PTE_RSW0 /* the leaf maps a guest interrupt file, not memory */

/* Where a walk ended. */
struct gstage_leaf {
	pte_t pte;
	unsigned int level; /* 0: 4 KiB, 1: 2 MiB (4 MiB in Sv32x4), 2: 1 GiB */
};

struct gstage;

/*
 * gstage_map(): a smaller leaf than the one that was asked for maps gpa now, and the fence for it has been
 * executed on this hart. Only in the table of a VM with write-protected pages (shadow_protect.c).
 */
#define GSTAGE_MAPPED RESUME_GUEST

/*
 * A range is changed in pieces: after GSTAGE_PIECE units of work, gstage_pause() releases mmu_lock,
 * takes pending interrupts, and lets other threads run. Work is counted per table entry: skipping an
 * empty entry takes 3 instructions and counts as 1; visiting any other entry takes about 50
 * instructions and counts as GSTAGE_VISIT.
 */
#define GSTAGE_PIECE 2048
#define GSTAGE_VISIT 16

enum gstage_change {
	GSTAGE_UNMAP,   /* clear every leaf that touches the range */
	GSTAGE_PROTECT, /* remove write permission from every leaf that touches the range */
	GSTAGE_AGE,     /* clear A in every leaf that touches the range */
	GSTAGE_LOOK,    /* change nothing; return true if a leaf that touches the range has A */
};

/* What `change` has to do, and how far it has come. */
struct gstage_range {
	gpa_t start, end; /* page aligned */
	gpa_t from;       /* earlier pieces have handled the addresses below this one */
	gpa_t stop;       /* in: `end`; out: where the walker stopped if its piece was used up */
	enum gstage_change what;
	bool at_once; /* do not split into pieces */
};

/*
 * The interface of a walker. All functions but `free` are called with mmu_lock held, and gpa must
 * be below gstage_limit(gs). None of them executes a fence: the caller does so (tlb.c), and then
 * frees the tables that `change` has retired.
 */
struct gstage_ops {
	const char *name;

	/*
	 * Find the leaf that maps gpa. Returns 0, -ENOENT if there is none, or -EFAULT if the table
	 * is broken.
	 */
	int (*find)(const struct gstage *gs, gpa_t gpa, struct gstage_leaf *leaf);

	/*
	 * Set the leaf of `level` that maps gpa to `pte`; *old is the previous entry (0 if there
	 * was none). A larger leaf in the way is split into leaves with the same permissions.
	 * -EEXIST: *old is a table, which may have smaller leaves. -ENOMEM: the leaf was not set;
	 * tables that were added are kept, and leaves that were split stay split. GSTAGE_MAPPED: see
	 * gstage_map().
	 */
	int (*map)(struct gstage *gs, gpa_t gpa, unsigned int level, pte_t pte, pte_t *old);

	/*
	 * Change [from, end), and stop where gstage_range_stops() says so. A leaf that lies only
	 * partly inside is changed as a whole. Unmapping unlinks and retires tables that lie in
	 * [start, end) entirely. Returns true if some entry was changed, so that a fence must
	 * follow (GSTAGE_LOOK: if some leaf has A). An empty entry is skipped together with all
	 * addresses that it would map, so the cost depends on the number of tables, not on the
	 * range's length.
	 */
	bool (*change)(struct gstage *gs, struct gstage_range *range);

	/*
	 * Free every table below the root. The root's entries become stale, so no hart may walk the
	 * table anymore. Leaves are ignored.
	 */
	void (*free)(struct gstage *gs);
};

extern const struct gstage_ops gstage_iter_ops, gstage_rec_ops;

/* The flush that table changes require once mmu_lock is released; see tlb_flush_pending(). */
struct gstage_pending_flush {
	bool fence;  /* a fence is needed */
	bool all;    /* covers all addresses: a table was unlinked, or another fence is pending */
	bool others; /* another fence is pending, perhaps for changes outside [start, end) */
	gpa_t start, end; /* unless `all` is set, the fence covers only these addresses */
	hpa_t retired;    /* tables to free afterwards */
	bool no_sleep;    /* the thread that does the flush must not sleep */
};

struct gstage {
	const struct gstage_ops *ops;
	unsigned int levels; /* 3, 4 or 5; 2 for Sv32x4; fixed before the first slot or vCPU */
	bool huge;           /* toggle gstage_huge: leaves larger than 4 KiB are used */
	hpa_t root;
	unsigned long hgatp; /* MODE and PPN, VMID 0 */

	struct spinlock mmu_lock;
	hpa_t retired;        /* unlinked tables, see retire() in gstage.c */
	unsigned long tables; /* in use, without the root; for statistics and tests */
	gpa_t changed_start; /* hull of the leaves changed since the last gstage_take_pending_flush() */
	gpa_t changed_end; /* 0: none */
	u32 unfenced;      /* flushes taken but not yet done; decremented without the lock */
	long work;         /* left to do before the lock is released, see GSTAGE_PIECE */
	bool no_sleep;     /* the lock's holder must not sleep in gstage_pause() */

	/*
	 * Invalidations by the host (notifier.c): how many are in progress, the hull of their user
	 * addresses, and a number that changes at the end of each invalidation and with each new
	 * memory map. A fault that has read an older number is retried.
	 */
	unsigned int inval_count;
	hva_t inval_start, inval_end;
	unsigned long inval_seq; /* read without the lock */

	/* The VMID of the VM, valid if vmid_generation is the current one (vmid.c). */
	unsigned long vmid_generation;
	unsigned long vmid;
};

/* ---- the table's geometry ------------------------------------------------- */

static inline unsigned int gstage_shift(unsigned int level)
{
	return PAGE_SHIFT + GSTAGE_INDEX_BITS * level;
}

/* Bytes that one entry of this level maps. */
static inline u64 gstage_size(unsigned int level)
{
	return 1ULL << gstage_shift(level);
}

static inline unsigned long gstage_index(const struct gstage *gs, gpa_t gpa, unsigned int level)
{
	unsigned long entries = GSTAGE_TABLE_ENTRIES << (level == gs->levels - 1 ? 2 : 0);

	return (unsigned long)(gpa >> gstage_shift(level)) & (entries - 1);
}

/* The first gpa beyond the table's reach. */
static inline gpa_t gstage_limit(const struct gstage *gs)
{
	return 1ULL << (gstage_shift(gs->levels) + 2);
}

/* The host address of gpa under a leaf. */
static inline hpa_t gstage_leaf_hpa(const struct gstage_leaf *leaf, gpa_t gpa)
{
	return pte_to_hpa(leaf->pte) | (gpa & (gstage_size(leaf->level) - 1));
}

/* The entries [next, end) of one table, which are still to be visited. */
struct gstage_span {
	unsigned long next, end;
};

/*
 * Return the span of entries that [from, to) touches in the table of `level` whose first entry maps
 * `base`.
 */
static inline struct gstage_span gstage_span(const struct gstage *gs, unsigned int level,
					     gpa_t base, gpa_t from, gpa_t to)
{
	unsigned int shift = gstage_shift(level);
	u64 entries = GSTAGE_TABLE_ENTRIES << (level == gs->levels - 1 ? 2 : 0);
	u64 end = (to - base + gstage_size(level) - 1) >> shift;

	end = MIN(end, entries);
	return (struct gstage_span){
		.next = (unsigned long)(from > base ? (from - base) >> shift : 0),
		.end = (unsigned long)end,
	};
}

/* Skip empty entries. Returns false if no entry is left. */
static inline bool gstage_span_next(struct gstage *gs, struct gstage_span *span, const pte_t *table)
{
	const pte_t *first = table + span->next, *p = first, *end = table + span->end;

	while (p < end && !READ_ONCE(*p))
		p++;
	span->next = (unsigned long)(p - table);
	gs->work -= p - first + GSTAGE_VISIT;
	return p < end;
}

/*
 * Called before the entry that maps gpa is visited. If this piece must end here, sets range->stop
 * and returns true. A full piece always makes progress: walking down to `from` takes less work than
 * a piece allows, unless empty entries are skipped, and skipping them is progress, too.
 */
static inline bool gstage_range_stops(const struct gstage *gs, struct gstage_range *range,
				      gpa_t gpa)
{
	if (gs->work > 0 || range->at_once)
		return false;
	range->stop = MAX(gpa, range->from);
	return true;
}

/* mmu_lock held, and not released: change [start, start + size). Returns what `change` returns. */
static inline bool gstage_change_at_once(struct gstage *gs, gpa_t start, u64 size,
					 enum gstage_change what)
{
	struct gstage_range range = {
		.start = start, .end = start + size, .from = start, .what = what, .at_once = true
	};

	return gs->ops->change(gs, &range);
}

/* ---- gstage.c: what the walkers use ------------------------------------------- */

/* Map the table of a pointer entry into the kernel, until gstage_table_unmap(). */
static inline pte_t *gstage_table_map(pte_t pte)
{
	return hv_page_map(pte_to_hpa(pte));
}

static inline void gstage_table_unmap(pte_t *table)
{
	hv_page_unmap(table);
}

/*
 * Add an empty table below an invalid entry. Returns its kernel mapping, or NULL if there is no
 * memory.
 */
pte_t *gstage_table_add(struct gstage *gs, pte_t *ptep, gpa_t gpa, unsigned int level);
/*
 * Replace a leaf of `level` with a table of leaves one level lower, which have the same
 * permissions. Returns 0, or -ENOMEM.
 */
int gstage_split(struct gstage *gs, pte_t *ptep, unsigned int level, gpa_t gpa);
/*
 * The last step of `map`: set the entry itself. Returns 0, or -EEXIST if the entry points to a
 * table. *old is the previous entry.
 */
int gstage_set_leaf(pte_t *ptep, unsigned int level, pte_t pte, pte_t *old);
/*
 * The step of `change` at an entry that is not a pointer. Returns true if the entry was changed
 * (GSTAGE_LOOK: if it has A).
 */
bool gstage_change_leaf(struct gstage *gs, pte_t *ptep, unsigned int level, gpa_t gpa,
			enum gstage_change what);
/*
 * The same for all entries of `span` in a table of level 0, whose first entry maps `base`: one
 * loop, because most entries of most ranges are there. Sets *changed if any entry was changed.
 * Returns true if the piece ends; span->next is then the next entry.
 */
bool gstage_change_leaves(struct gstage *gs, pte_t *table, gpa_t base, struct gstage_span *span,
			  struct gstage_range *range, bool *changed);
/*
 * Called when `change` has gone through the table below this entry, which maps gpa. Unlinks and
 * retires the table if unmapping has emptied it, that is, if it lies in [start, end) and no leaf
 * was added between two pieces. Returns true if the table was retired.
 */
bool gstage_change_table(struct gstage *gs, pte_t *ptep, unsigned int level, gpa_t gpa,
			 const struct gstage_range *range);
/*
 * Free the table below the entry `pte`, which maps gpa. `free` has gone through that table. May
 * sleep.
 */
void gstage_table_free(struct gstage *gs, pte_t pte, unsigned int level, gpa_t gpa);

/* mmu_lock held. Makes every fault that has already read inval_seq start again. */
static inline void gstage_invalidated(struct gstage *gs)
{
	__atomic_store_n(&gs->inval_seq, gs->inval_seq + 1, __ATOMIC_RELEASE);
}

static inline void gstage_set(pte_t *ptep, pte_t pte)
{
	/* Release: the hardware must see the contents of a new table before the pointer to it. */
	__atomic_store_n(ptep, pte, __ATOMIC_RELEASE);
}

/* ---- gstage.c: what the rest of the core uses -------------------------------------- */

/*
 * Create an empty table in the widest mode that every hart has. -ENODEV: there is no such mode;
 * -ENOMEM: no memory.
 */
int gstage_init(struct gstage *gs, const struct gstage_ops *ops, bool huge);
/*
 * Free the table. The VM's vCPUs must not run anymore, and a hart that has run one of them must
 * fence before it uses the VM's VMID again. May sleep, unless the table is empty.
 */
void gstage_destroy(struct gstage *gs);

/* mmu_lock held. */
int gstage_find(const struct gstage *gs, gpa_t gpa, struct gstage_leaf *leaf);
/*
 * gstage_map()'s last step if *old is a table: replace the table, with smaller leaves or empty, by
 * a leaf. Returns what gstage_map() returns.
 */
int gstage_collapse(struct gstage *gs, gpa_t gpa, unsigned int level, pte_t pte, pte_t *old);
/*
 * Set the leaf of `level` that maps gpa to `pte`. *old is the entry that the leaf has replaced: 0,
 * a leaf, or a table, which is retired. If *old was valid, harts may still use it. The caller then
 * has to fence if the PPN has changed or W was removed: it calls gstage_note_change() and
 * gstage_take_pending_flush().
 */
static inline int gstage_map(struct gstage *gs, gpa_t gpa, unsigned int level, pte_t pte,
			     pte_t *old)
{
	int err = gs->ops->map(gs, gpa, level, pte, old);

	if (err == -EEXIST)
		err = gstage_collapse(gs, gpa, level, pte, old);
	if (!err)
		trace_gstage_map(ALIGN_DOWN(gpa, gstage_size(level)), level, pte);
	return err;
}

/*
 * The four functions below are called with mmu_lock held, too, but release it between pieces
 * (gstage_pause()). So whatever keeps other threads from undoing the change must be visible to them
 * before the call. Ranges are clipped to gstage_limit(). The functions return true if some entry
 * was changed; gstage_is_young() returns true if some leaf has A.
 */
bool gstage_unmap(struct gstage *gs, gpa_t start, gpa_t end);
/*
 * mmu_lock held, and not released: unmap the leaf of level 0 that maps gpa. A larger leaf is split.
 * Takes fewer instructions than gstage_unmap(), but keeps a table that has become empty. The change
 * is not part of a pending flush: the caller fences.
 */
void gstage_unmap_page(struct gstage *gs, gpa_t gpa);
bool gstage_protect(struct gstage *gs, gpa_t start, gpa_t end);
bool gstage_age(struct gstage *gs, gpa_t start, gpa_t end);
bool gstage_is_young(struct gstage *gs, gpa_t start, gpa_t end);
/*
 * Release mmu_lock, take pending interrupts, let other threads run (unless gs->no_sleep is set), and
 * acquire the lock again. Another thread that holds the lock in between sees the changes made so far
 * as a pending flush; afterwards, the flush belongs to this caller again.
 */
void gstage_pause(struct gstage *gs);
static inline bool gstage_pause_is_due(const struct gstage *gs)
{
	return gs->work <= 0;
}
/* Take pending interrupts, and let other threads run unless `no_sleep` is true. */
static inline void gstage_yield(bool no_sleep)
{
	if (no_sleep)
		hv_poll_interrupts();
	else
		hv_cond_resched();
}
/* Record that a leaf of this level was changed: cached translations of it have to be flushed. */
void gstage_note_change(struct gstage *gs, gpa_t gpa, unsigned int level);
/*
 * Return the flush that the caller has to do. Called at the end of a critical section that changed
 * the table, or that found its change already made, perhaps by a thread whose flush is still
 * pending. While another flush is pending, the returned flush covers all addresses, so the caller
 * need not wait for the other thread.
 */
struct gstage_pending_flush gstage_take_pending_flush(struct gstage *gs);
/* Take the tables retired so far; gstage_free_retired() frees them after a fence. */
hpa_t gstage_take_retired(struct gstage *gs);

/* Called without spinlocks. Sleeps only if `no_sleep` is false. */
void gstage_free_retired(hpa_t retired, bool no_sleep);
/* To be called when a pending flush is done (tlb.c) or has been taken back (gstage_pause()). */
static inline void gstage_fenced(struct gstage *gs)
{
	__atomic_fetch_sub(&gs->unfenced, 1, __ATOMIC_RELEASE);
}

/* hgatp's value for this table under this VMID. */
static inline unsigned long gstage_hgatp(const struct gstage *gs, unsigned long vmid)
{
	return gs->hgatp | FIELD_PREP(HGATP_VMID, vmid);
}

/* gstage.c: modes of the harts; vmid.c: load and put, which write hgatp */
int gstage_probe(void); /* once; -ENODEV: no mode works */
/* Then on each hart: keep only the modes that it has, too. Returns false if there are fewer now. */
bool gstage_hart_init(void);
void gstage_vcpu_load(struct kvm_vcpu *vcpu); /* hgatp */
void gstage_vcpu_put(struct kvm_vcpu *vcpu);
unsigned long gstage_mode(void); /* what hgatp.MODE will be; 0: no mode that all harts have */
/* KVM_CAP_VM_GPA_BITS: of the widest mode (0: no mode that all harts have), and of a table. */
unsigned int gstage_max_gpa_bits(void);
bool gstage_has_mode(unsigned long mode); /* hgatp.MODE; do all harts have it? */
unsigned int gstage_gpa_bits(const struct gstage *gs);
/*
 * Use the narrowest mode with at least `bits` bits. -EINVAL: there is none, or some hart lacks it.
 * mmu_lock held; the table must be empty, and no hart may have used it.
 */
int gstage_set_gpa_bits(struct gstage *gs, u64 bits);
/* Use this hgatp.MODE, for which gstage_has_mode() has been true. The table is empty and not in use. */
void gstage_set_mode(struct gstage *gs, unsigned long mode);

#endif
