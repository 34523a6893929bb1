// SPDX-License-Identifier: MIT
/*
 * shadow.h - the shadow table: the G-stage table of a guest's own guest (L2).
 *
 * L1's hgatp names a table from L2's guest physical addresses to L1's, which no hart can use. The
 * hart uses a shadow table instead, which maps L2's addresses directly to host memory: L1's table
 * followed by the VM's own. It is filled on demand, by L2's guest page faults, and is valid like a
 * TLB: a change of L1's table takes effect at L1's next HFENCE.GVMA (H §3.2).
 *
 * Each vCPU has shadow tables of its own, because HFENCE.GVMA acts on one hart: one for each of the
 * SHADOW_GUESTS values of L1's hgatp that were used last, or for fewer if there is no memory.
 * vcpu->mutex guards them.
 *
 * A fence of L1 for addresses in one block of level 1 (2 MiB) removes their leaves from the current
 * table, or all leaves of the block if a 4 KiB leaf there comes from a larger leaf of L1. The other
 * tables of the VMIDs that it names are forgotten. So is the current table if the fence covers more
 * than one block, or if a leaf of the table comes from a leaf of L1 above level 1. HFENCE.VVMA forgets
 * none. All tables are forgotten:
 *
 *   - at a remote HFENCE of the SBI, of either kind, that names this vCPU alone. One that names others
 *     flushes the VM's own table, so that each vCPU drops its tables (sbi_rfence.c, shadow_reverse.c);
 *   - if two or more G-stage fences are pending in the memory of SBI NACL, whatever they name (nacl.c);
 *   - when user space sets hgatp, and when the vCPU is reset.
 *
 * A table is dropped as a whole:
 *
 *   - before it is used again after it was forgotten, or with another value of hgatp;
 *   - at the next fault when it has SHADOW_TABLES tables (4 MiB) besides its root; and all of them are
 *     when there is no memory for a leaf.
 *
 * The root of the first table is allocated when the vCPU gets H, and the others when they are needed. If
 * all are in use, or there is no memory for another one, the least recently used table is dropped and used
 * again. So a write of hgatp cannot fail for lack of memory.
 *
 * With the toggle shadow=protect, a fence that would forget a table removes only those of its leaves
 * that come from a page of L1's table to which L1 has stored, unless the table has to be dropped
 * (shadow_protect.c).
 *
 * If a translation of the VM's own table was taken back or lost W, the leaves that were copied from it
 * are found in the reverse map of each shadow table. shadow_reverse.c lists the cases in which the shadow
 * table is dropped nevertheless.
 *
 * Each table has a VMID of its own; shadow_tlb.c decides what the hart has to fence.
 *
 * A dropped table gets an empty root at once. The old root and the tables below it are freed later,
 * because interrupts are taken while they are freed (gstage.c). Nothing is mapped in the new root
 * before that, so each shadow_table has at most one old table.
 */
#ifndef KVM_SHADOW_H
#define KVM_SHADOW_H

#include "kvm.h"
#include "mmu/tlb.h"
#include "mmu/vsstage.h"

#define SHADOW_GUESTS        4
#define SHADOW_TABLES        1024
#define SHADOW_NO_HART       (~0U)
#define SHADOW_SOURCES_ORDER 2 /* 16 KiB */

struct shadow_table {
	struct gstage gstage; /* root is 0: not allocated yet */
	struct root_range {
		unsigned long first, end; /* end is 0: none */
	} used;                           /* the entries of the root that have been written */
	unsigned long hgatp;    /* L1's hgatp whose translations the table holds; 0: forgotten */
	unsigned long flushes;  /* kvm->flushes when the table was last compared */
	unsigned long last_use; /* shadow->uses when the table last became the current one */
	unsigned int hart; /* it may use what it has cached under the table's VMID (shadow_tlb.c) */
	unsigned long value;   /* what this hart's hgatp then has */
	bool from_huge;        /* some leaf comes from a leaf of L1 above level 1 */
	struct gstage reverse; /* from addresses of L1 to L2's (shadow_reverse.c) */
	bool incomplete;       /* `reverse` may lack some leaf */
	bool clears;           /* shadow_reclaim() has to free the memory of `reverse` */
	hpa_t spare;           /* an empty root for the next drop; 0: `old` must be freed first */
	struct gstage old;     /* the table dropped last, not freed yet; root is 0: none */
	struct root_range old_used;
	/* shadow_protect.c: */
	hpa_t sources;           /* a hash table of pages of L1's table; 0 without shadow=protect */
	unsigned int nr_sources; /* entries that are not free */
	unsigned int nr_written; /* sources to which L1 may have written */
	bool untracked;          /* the next fence of L1 for the whole table has to drop it */
	bool fenced;             /* a fence of L1 has to be executed before the next entry */
};

struct shadow {
	struct shadow_table *current; /* used last, or in use */
	unsigned long uses;           /* counts changes of `current` */
	unsigned long generation;     /* counts how often a table was dropped */
	unsigned long own_hgatp;      /* the hart's, for L1, while L2's CSRs are loaded */
	unsigned long own_flushes;    /* the VM's flushes when L1's VMID was last fenced here */
	bool own_fence;               /* L1's VMID has to be fenced before L1 uses it */
	bool svpbmt, svnapot;         /* L1 has these extensions */
	bool protects;                /* toggle shadow=protect */
	struct shadow_table tables[SHADOW_GUESTS];
};

/* The tables that are allocated, which are the first ones. */
#define for_each_shadow_table(table, shadow) \
	for ((table) = (shadow)->tables;     \
	     (table) < (shadow)->tables + SHADOW_GUESTS && (table)->gstage.root; (table)++)

/* One access of L2 as L1's table translates it. */
struct shadow_walk {
	gpa_t gpa;                /* of L1 */
	unsigned int level;       /* of L1's leaf */
	pte_t pte;                /* L1's leaf, or 0 */
	unsigned long generation; /* of the shadow when the walk began */
};

/*
 * Make the vCPU's first shadow table, before it gets H, so that no later step can fail for lack of
 * memory. Does nothing if there is one. Returns 0 or -ENOMEM.
 */
int shadow_create(struct kvm_vcpu *vcpu);
void shadow_destroy(struct kvm_vcpu *vcpu);
/*
 * shadow_load() makes the hart use the shadow table of L1's `hgatp`, for L2; shadow_put() makes it
 * use the VM's own table again. If `hgatp` is 0, L2 uses the VM's own table, too, and the hart's
 * hgatp does not change. vsatp is 0, and has been since before henvcfg was written. Both functions
 * execute the fences that this hart needs.
 */
void shadow_load(struct kvm_vcpu *vcpu, unsigned long hgatp);
void shadow_put(struct kvm_vcpu *vcpu, unsigned long hgatp);
/*
 * Execute a fence of L1 for the G-stage, for the addresses from `start` to `last` in L1's guest of
 * this VMID, or of any if `vmid` is SHADOW_ANY_VMID. The translations that the fence names are removed, or
 * the tables forgotten. With shadow=protect, a fence for more than one block, or for a table that is not the
 * current one, is only noted: shadow_serve() executes it before the next entry. L2's CSRs are not loaded.
 * Does not sleep.
 */
#define SHADOW_ANY_VMID (~0UL)
void shadow_fence(struct kvm_vcpu *vcpu, unsigned long vmid, gpa_t start, gpa_t last);
/* Execute a fence of L1 for L2's VS-stage. Drops all translations of the VMID, of both stages. */
void shadow_fence_vvma(struct kvm_vcpu *vcpu, unsigned long vmid);
/* Free what was dropped or removed. May sleep. */
void shadow_reclaim(struct kvm_vcpu *vcpu);
/* Forget all tables: each is dropped before its next use. Does nothing if there are none. */
void shadow_forget(struct kvm_vcpu *vcpu);
/*
 * Serve REQ_SHADOW: remove what the VM's own table no longer permits from all tables. With
 * shadow=protect, then execute the pending fence of L1 for each table. Takes interrupts.
 * Does nothing if there are no tables.
 */
void shadow_serve(struct kvm_vcpu *vcpu);
/*
 * The same for the current table, without taking interrupts; the table is dropped if this takes more
 * than a piece's work, or if a fence of L1 is pending. For an HLV or HSV while a request is pending (unpriv.c).
 */
void shadow_serve_now(struct kvm_vcpu *vcpu);
/*
 * Walk L1's table in `hgatp`, whose shadow table is the current one, for an access. Returns 0;
 * -EACCES: L1's table does not permit it; -EIO: a table is not in memory; -EFAULT: it is, but the host
 * cannot read it. May sleep.
 */
int shadow_walk(struct kvm_vcpu *vcpu, unsigned long hgatp, const struct gstage_fault *fault,
		bool mxr, struct shadow_walk *walk);
/*
 * Map the page of `gpa` of L2 to where the VM's own table maps the walk's address. Returns 0, also if
 * the table has been dropped since the walk, so that L2 has to try again; -ENOENT: the VM's own table
 * has no leaf that permits the access; -ENOMEM.
 */
int shadow_map(struct kvm_vcpu *vcpu, const struct gstage_fault *fault,
	       const struct shadow_walk *walk);

/* ---- between the files shadow*.c ------------------------------------------ */

/* A VM with a shadow table uses these. */
extern const struct tlb_ops shadow_tlb_ops;

/* Make the table of L1's `hgatp` the current one. */
void shadow_choose(struct kvm_vcpu *vcpu, unsigned long hgatp);
/*
 * Call this in a pinned section after the table has got a new root. Afterwards, the hart does not use
 * the old one, not even speculatively.
 */
void shadow_tlb_drop(struct kvm_vcpu *vcpu, struct shadow_table *table);
/* Call this in the pinned section in which leaves of the table were removed or lost W. */
void shadow_tlb_change(struct kvm_vcpu *vcpu, struct shadow_table *table);
/*
 * Empty the table. Its memory is freed by shadow_reclaim(). Does nothing if the table is empty. The
 * hart must not walk a table that is freed later, not even speculatively.
 */
void shadow_drop(struct kvm_vcpu *vcpu, struct shadow_table *table);
/* Set `flags` in the entry of level 1 that maps gpa if it points to a table. Returns the entry or 0. */
pte_t shadow_block_entry(const struct gstage *gs, gpa_t gpa, pte_t flags);
/*
 * Record that the current table's leaf of `level` at `l2`, which has just been set, comes from L1's page
 * `l1`, and maps `hpa`. In the pinned section in which it was set.
 */
void shadow_reverse_add(struct kvm_vcpu *vcpu, gpa_t l1, gpa_t l2, hpa_t hpa, unsigned int level);
/* Empty the reverse map of a table that is empty. May sleep. */
void shadow_reverse_clear(struct shadow_table *table);
/* For shadow_tlb_ops. Record a flush, and make all vCPUs compare their tables. Any thread. */
void shadow_flushed(struct kvm *vm, const struct gstage_pending_flush *pending);
/* Add an entry to the log, and make all vCPUs compare their tables. Any thread. */
void shadow_record(struct kvm *vm, struct shadow_flush flush);
/*
 * Take interrupts in the middle of a comparison. Called in a pinned section, in which the fences for
 * all changes so far have been executed; returns in another one.
 */
void shadow_pause(struct kvm_vcpu *vcpu);

/* ---- shadow_protect.c: toggle shadow=protect ------------------------------------------------------ */

/* Make the VM's own table protect pages. It stays so. mmu_lock not held. */
void shadow_protect_begin(struct kvm *vm);
/*
 * A walk for `gpa` of L2 is about to read L1's entry of `level` at `pte_gpa`: make its page a source of
 * the current table, and protect it. Spins for the fence.
 */
void shadow_source_add(struct kvm_vcpu *vcpu, gpa_t pte_gpa, gpa_t gpa, unsigned int level);
/*
 * Note which sources of the table are no longer protected according to an entry of the log. In a pinned
 * section. If `pauses` is true, may take interrupts; otherwise, returns false if this may take long.
 */
bool shadow_sources_compare(struct kvm_vcpu *vcpu, struct shadow_table *table,
			    const struct shadow_flush *flush, bool pauses);
/*
 * Execute a fence of L1 for all addresses of the table: remove the leaves that come from written sources.
 * Returns false if the table has to be dropped instead. In a pinned section; takes interrupts.
 */
bool shadow_sources_fence(struct kvm_vcpu *vcpu, struct shadow_table *table);
/* The table is empty: it has no sources. */
void shadow_sources_clear(struct shadow_table *table);

#endif
