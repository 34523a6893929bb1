// SPDX-License-Identifier: MIT
/*
 * tlb_model.c - translate as hardware may, with a TLB that drops nothing by itself.
 *
 * Each hart keeps every VS-stage and every G-stage translation that it has made until a fence
 * covers it, or until 512 newer ones of the same stage have been made. The specification allows
 * this worst case. QEMU keeps far fewer translations, so a missing fence shows in this model first.
 * unpriv_model.c reads guest memory through this TLB.
 */
#include <string.h>
#include "native.h"
#include "native_host.h"
#include "tlb_model.h"

struct tlb tlbs[HV_MAX_HARTS];
pthread_mutex_t access_lock[HV_MAX_HARTS];
struct native_fences native_fences;
struct native_walks native_walks;
struct native_quirks native_quirks;

/* ---- henvcfg: the settings under which entries were made ------------------------------------- */

/* Whether pmm masks bits of a guest physical address under the current MODE of hgatp (Ssnpm). */
static bool masks_gpa(unsigned long pmm)
{
	unsigned int pmlen = pmm == ENVCFG_PMM_7 ? 7 : pmm == ENVCFG_PMM_16 ? 16 : 0;
	unsigned long mode = FIELD_GET(HGATP_MODE, csr_read(hgatp));

	return 64 - pmlen < 12 + 9 * (mode - SATP_MODE_SV39 + 3) + 2;
}

static void check_pmm(const struct g_entry *e)
{
	unsigned long now = FIELD_GET(ENVCFG_PMM, csr_read(henvcfg));

	if (e->pmm != now && (masks_gpa(e->pmm) || masks_gpa(now)))
		hv_panic("native MMU: henvcfg.PMM was changed without an HFENCE.GVMA\n");
}

static void check_adue(const struct vs_entry *e)
{
	if (e->adue != (csr_read(henvcfg) & ENVCFG_ADUE))
		hv_panic("native MMU: henvcfg.ADUE was changed without an HFENCE.VVMA\n");
}

/* ---- G-stage ------------------------------------------------------------------------ */

static const unsigned int levels_of_mode[16] = {
	[SATP_MODE_SV39] = 3,
	[SATP_MODE_SV48] = 4,
	[SATP_MODE_SV57] = 5,
};

/*
 * Return the leaf for gpa in hgatp's table, with the number of bytes that it maps in *size, or 0 if
 * there is no leaf or its A bit is clear. Panic if the table is invalid.
 */
static pte_t g_walk(gpa_t gpa, u64 *size)
{
	unsigned long hgatp = csr_read(hgatp);
	int level = (int)levels_of_mode[FIELD_GET(HGATP_MODE, hgatp)] - 1, top = level;
	hpa_t table = (hpa_t)FIELD_GET(HGATP_PPN, hgatp) << PAGE_SHIFT;

	if (!IS_ALIGNED(table, 0x4000))
		hv_panic("native MMU: the G-stage root is not aligned to 16 KiB\n");
	if (gpa >> (12 + 9 * (top + 1) + 2))
		return 0;
	for (; level >= 0; level--) {
		unsigned long index = (gpa >> (12 + 9 * level)) & (level == top ? 0x7ff : 0x1ff);
		pte_t *entries = native_ram(table);
		pte_t pte;

		if (!entries)
			hv_panic("native MMU: a G-stage table is outside RAM\n");
		pte = __atomic_load_n(&entries[index], __ATOMIC_ACQUIRE);
		COUNT_WALK(g_refs);
		*size = 1ULL << (12 + 9 * level);
		if (!(pte & PTE_V) && level > 0 && native_quirks.keeps_absent)
			tlb()->absent = (struct g_entry){ .valid = true,
							  .vmid = vmid_now(),
							  .gpa = ALIGN_DOWN(gpa, *size),
							  .size = *size };
		if (!(pte & PTE_V))
			return 0;
		if (!pte_is_leaf(pte)) {
			table = pte_to_hpa(pte);
			continue;
		}
		if (!(pte & PTE_U) || (pte & PTE_G) || !IS_ALIGNED(pte_to_hpa(pte), *size))
			hv_panic("native MMU: invalid G-stage leaf: 0x%lx\n", pte);
		/* Svade: the hardware does not set A and D. */
		return (pte & PTE_A) ? pte : 0;
	}
	return 0;
}

static bool permits(pte_t pte, enum native_access access)
{
	if (access == NATIVE_STORE)
		return (pte & PTE_W) && (pte & PTE_D);
	if (access == NATIVE_LOAD && (csr_read(sstatus) & SSTATUS_MXR))
		return pte & (PTE_R | PTE_X);
	return pte & (access == NATIVE_FETCH ? PTE_X : PTE_R);
}

static struct g_entry *g_lookup(gpa_t gpa)
{
	unsigned int i;

	for (i = 0; i < TLB_ENTRIES && !native_quirks.no_tlb; i++) {
		struct g_entry *e = &tlb()->g[i];

		if (e->valid && e->vmid == vmid_now() && gpa - e->gpa < e->size)
			return e;
	}
	return NULL;
}

static unsigned long g_fault_cause(enum native_access access)
{
	static const unsigned long cause[] = {
		[NATIVE_LOAD] = EXC_LOAD_GUEST_PAGE_FAULT,
		[NATIVE_STORE] = EXC_STORE_GUEST_PAGE_FAULT,
		[NATIVE_FETCH] = EXC_INST_GUEST_PAGE_FAULT,
	};

	return cause[access];
}

/* A cached invalid pointer is not a leaf, so a fence by address need not drop it (H §3.2). */
static bool is_absent(gpa_t gpa)
{
	const struct g_entry *e = &tlb()->absent;

	return e->valid && e->vmid == vmid_now() && gpa - e->gpa < e->size;
}

unsigned long native_gstage_access(gpa_t gpa, enum native_access access, hpa_t *hpa)
{
	struct g_entry *e = g_lookup(gpa);
	u64 size;
	pte_t pte;

	native_modes_check();
	if (is_absent(gpa))
		return g_fault_cause(access);
	if (!e) {
		COUNT_WALK(g_misses);
		pte = g_walk(gpa, &size);
		if (!pte)
			return g_fault_cause(access);
		e = &tlb()->g[tlb()->g_next++ % TLB_ENTRIES];
		*e = (struct g_entry){
			.valid = true,
			.vmid = vmid_now(),
			.gpa = ALIGN_DOWN(gpa, size),
			.size = size,
			.pte = pte,
			.pmm = FIELD_GET(ENVCFG_PMM, csr_read(henvcfg)),
		};
	}
	check_pmm(e);
	if (!permits(e->pte, access))
		return g_fault_cause(access);
	*hpa = pte_to_hpa(e->pte) + (gpa - e->gpa);
	return 0;
}

unsigned int native_tlb_entries(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < TLB_ENTRIES; i++)
		n += tlb()->g[i].valid + tlb()->vs[i].valid;
	return n;
}

/* ---- VS-stage ------------------------------------------------------------------------- */

static unsigned long set_trap(struct hv_trap *trap, unsigned long cause, gva_t gva, gpa_t gpa,
			      unsigned long htinst)
{
	*trap = (struct hv_trap){
		.scause = cause,
		.stval = gva,
		.htval = native_quirks.htval_zero ? 0 : (unsigned long)(gpa >> 2),
		.htinst = native_quirks.htinst_zero ? 0 : htinst,
	};
	return cause;
}

static unsigned long vs_fault(struct hv_trap *trap, enum native_access access, gva_t gva)
{
	static const unsigned long cause[] = {
		[NATIVE_LOAD] = EXC_LOAD_PAGE_FAULT,
		[NATIVE_STORE] = EXC_STORE_PAGE_FAULT,
		[NATIVE_FETCH] = EXC_INST_PAGE_FAULT,
	};

	set_trap(trap, cause[access], gva, 0, 0);
	return cause[access];
}

/* The access is to a guest interrupt file, which answers only aligned accesses of four bytes. */
static unsigned long access_fault(struct hv_trap *trap, enum native_access access, gva_t gva)
{
	static const unsigned long cause[] = {
		[NATIVE_FETCH] = EXC_INST_ACCESS_FAULT,
		[NATIVE_LOAD] = EXC_LOAD_ACCESS_FAULT,
		[NATIVE_STORE] = EXC_STORE_ACCESS_FAULT,
	};

	set_trap(trap, cause[access], gva, 0, 0);
	return cause[access];
}

/*
 * Return the VS-stage leaf for gva, with the number of bytes that it maps in *size, or 0 with the
 * trap in *trap. With henvcfg.ADUE, set A, and for a store also D, in the PTE in memory.
 */
static pte_t vs_walk(gva_t gva, enum native_access access, u64 *size, struct hv_trap *trap)
{
	unsigned long vsatp = csr_read(vsatp);
	int level = (int)levels_of_mode[FIELD_GET(SATP_MODE, vsatp)] - 1;
	gpa_t table = (gpa_t)FIELD_GET(SATP_PPN, vsatp) << PAGE_SHIFT;
	pte_t needs = access == NATIVE_STORE ? PTE_A | PTE_D : PTE_A;

	for (; level >= 0; level--) {
		gpa_t pte_gpa = table + ((gva >> (12 + 9 * level)) & 0x1ff) * 8;
		hpa_t hpa;
		pte_t pte;

		if (native_gstage_access(pte_gpa, NATIVE_LOAD, &hpa)) {
			set_trap(trap, g_fault_cause(access), gva, pte_gpa, 0x3000);
			return 0;
		}
		if (!native_ram(hpa)) {
			access_fault(trap, access, gva);
			return 0;
		}
		pte = __atomic_load_n((pte_t *)native_ram(hpa), __ATOMIC_RELAXED);
		COUNT_WALK(vs_refs);
		*size = 1ULL << (12 + 9 * level);
		if (!(pte & PTE_V))
			break;
		if (!pte_is_leaf(pte)) {
			table = pte_to_hpa(pte);
			continue;
		}
		if (!IS_ALIGNED(pte_to_hpa(pte), *size) || /* a misaligned superpage (S §3.2) */
		    !(pte & (access == NATIVE_STORE   ? PTE_W
			     : access == NATIVE_FETCH ? PTE_X
						      : PTE_R)))
			break;
		if ((pte & needs) == needs)
			return pte;
		if (!(csr_read(henvcfg) & ENVCFG_ADUE) && !native_quirks.sets_ad)
			break;
		if (native_gstage_access(pte_gpa, NATIVE_STORE, &hpa)) {
			set_trap(trap, g_fault_cause(access), gva, pte_gpa, 0x3020);
			return 0;
		}
		__atomic_fetch_or((pte_t *)native_ram(hpa), needs, __ATOMIC_RELAXED);
		return pte | needs;
	}
	vs_fault(trap, access, gva);
	return 0;
}

/* Translate gva. Returns 0 with the address in *gpa, or scause with the trap in *trap. */
static unsigned long vs_translate(gva_t gva, enum native_access access, gpa_t *gpa,
				  struct hv_trap *trap)
{
	unsigned long vsatp = csr_read(vsatp), asid = FIELD_GET(SATP_ASID, vsatp);
	struct vs_entry *e = NULL;
	unsigned int i;
	u64 size;
	pte_t pte;

	if (FIELD_GET(SATP_MODE, vsatp) == SATP_MODE_BARE) {
		*gpa = gva;
		return 0;
	}
	for (i = native_quirks.no_tlb ? TLB_ENTRIES : 0; i < TLB_ENTRIES; i++) {
		e = &tlb()->vs[i];
		if (e->valid && e->vmid == vmid_now() && e->asid == asid && gva - e->gva < e->size)
			break;
	}
	if (i == TLB_ENTRIES) {
		COUNT_WALK(vs_misses);
		pte = vs_walk(gva, access, &size, trap);
		if (!pte)
			return trap->scause;
		e = &tlb()->vs[tlb()->vs_next++ % TLB_ENTRIES];
		*e = (struct vs_entry){ true,
					vmid_now(),
					asid,
					ALIGN_DOWN(gva, size),
					size,
					pte,
					csr_read(henvcfg) & ENVCFG_ADUE };
	}
	check_adue(e);
	*gpa = pte_to_hpa(e->pte) + (gva - e->gva);
	return 0;
}

static unsigned long guest_access(gva_t gva, enum native_access access, void *data, size_t len,
				  struct hv_trap *trap)
{
	gpa_t gpa;
	hpa_t hpa;

	trap->scause = 0;
	if (vs_translate(gva, access, &gpa, trap))
		return trap->scause;
	if (native_gstage_access(gpa, access, &hpa))
		return set_trap(trap, g_fault_cause(access), gva, gpa, native_quirks.htinst);
	if (!native_ram(hpa))
		return access_fault(trap, access, gva);
	if (!native_page_refs(hpa))
		hv_panic("native MMU: the guest uses a page that the host has freed\n");
	if (access == NATIVE_FETCH && !native_icache_is_clean(hpa))
		hv_panic("native MMU: a fetch from a new page without a fence.i before\n");
	if (access == NATIVE_STORE)
		native_copy(native_ram(hpa), data, len);
	else
		native_copy(data, native_ram(hpa), len);
	return 0;
}

unsigned long native_guest_access(gva_t gva, enum native_access access, void *data, size_t len,
				  struct hv_trap *trap)
{
	unsigned int hart = hv_hart();
	unsigned long cause;

	pthread_mutex_lock(&access_lock[hart]);
	cause = guest_access(gva, access, data, len, trap);
	pthread_mutex_unlock(&access_lock[hart]);
	return cause;
}

void native_tlb_reset(void)
{
	unsigned int hart;

	for (hart = 0; hart < HV_MAX_HARTS; hart++)
		if (tlbs[hart].g_next || tlbs[hart].vs_next)
			memset(&tlbs[hart], 0, sizeof(tlbs[hart]));
	native_fences = (struct native_fences){ 0 };
	native_walks = (struct native_walks){ 0 };
	native_quirks = (struct native_quirks){ .htinst = 0 };
	native_unpriv_reset();
	native_modes_reset();
}
