// SPDX-License-Identifier: MIT
/* tlb_model.h - the TLBs of all harts, for tlb_model.c, which fills them, and fence_model.c. */
#ifndef TLB_MODEL_H
#define TLB_MODEL_H

#include <pthread.h>
#include "native.h"

#define TLB_ENTRIES 512
#define MAX_INVALS  512

struct g_entry {
	bool valid;
	unsigned long vmid;
	gpa_t gpa;
	u64 size;
	pte_t pte;
	unsigned long pmm; /* henvcfg.PMM when the entry was made */
};

struct vs_entry {
	bool valid;
	unsigned long vmid, asid;
	gva_t gva;
	u64 size;
	pte_t pte;
	unsigned long adue; /* henvcfg.ADUE when the entry was made */
};

struct tlb {
	struct g_entry g[TLB_ENTRIES];
	struct vs_entry vs[TLB_ENTRIES];
	unsigned int g_next, vs_next;
	struct g_entry absent; /* the last invalid pointer seen, if native_quirks.keeps_absent */
	bool invalidating;     /* between sfence.w.inval and sfence.inval.ir */
	unsigned int nr_invals;
	struct inval {
		bool gvma, any_asid;
		unsigned long id; /* VMID or ASID */
		u64 address;
	} inval[MAX_INVALS];
};

extern struct tlb tlbs[HV_MAX_HARTS];
/*
 * For each hart, held during a guest's access and while a fence drops G-stage entries: a remote
 * fence comes before or after an access, never in its middle.
 */
extern pthread_mutex_t access_lock[HV_MAX_HARTS];

static inline struct tlb *tlb(void)
{
	return &tlbs[hv_hart()];
}

static inline unsigned long vmid_now(void)
{
	return FIELD_GET(HGATP_VMID, csr_read(hgatp));
}

#define COUNT_WALK(what) __atomic_fetch_add(&native_walks.what, 1, __ATOMIC_RELAXED)

#endif
