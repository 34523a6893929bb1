// SPDX-License-Identifier: MIT
/*
 * fence_model.c - the fences of hfence.h, and the firmware's, for the TLBs of tlb_model.c.
 */
#include "native.h"
#include "native_host.h"
#include "kvm_asm.h"
#include "mmu/hfence.h"
#include "tlb_model.h"

#define COUNT(fence) __atomic_fetch_add(&native_fences.fence, 1, __ATOMIC_RELAXED)

static void g_drop_on(unsigned int hart, bool any_vmid, unsigned long vmid, bool any_gpa, gpa_t gpa)
{
	struct tlb *tlb = &tlbs[hart];
	unsigned int i;

	pthread_mutex_lock(&access_lock[hart]);
	if (any_gpa && (any_vmid || tlb->absent.vmid == vmid))
		tlb->absent.valid = false;

	for (i = 0; i < TLB_ENTRIES; i++) {
		struct g_entry *e = &tlb->g[i];

		if (e->valid && (any_vmid || e->vmid == vmid) &&
		    (any_gpa || gpa - e->gpa < e->size)) {
			COUNT_WALK(dropped);
			e->valid = false;
		}
	}
	pthread_mutex_unlock(&access_lock[hart]);
}

static void g_drop(bool any_vmid, unsigned long vmid, bool any_gpa, gpa_t gpa)
{
	g_drop_on(hv_hart(), any_vmid, vmid, any_gpa, gpa);
}

void native_tlb_remote_fence(const struct hv_hartmask *harts, gpa_t start, u64 size,
			     unsigned long vmid)
{
	unsigned int hart;
	u64 at;

	hartmask_for_each(hart, harts) {
		if (size == ~0UL)
			g_drop_on(hart, false, vmid, true, 0);
		for (at = 0; size != ~0UL && at < size; at += PAGE_SIZE)
			g_drop_on(hart, false, vmid, false, start + at);
	}
}

static void vs_drop(bool any_asid, unsigned long asid, bool any_gva, gva_t gva)
{
	unsigned int i;

	for (i = 0; i < TLB_ENTRIES; i++) {
		struct vs_entry *e = &tlb()->vs[i];

		if (e->valid && e->vmid == vmid_now() && (any_asid || e->asid == asid) &&
		    (any_gva || gva - e->gva < e->size)) {
			COUNT_WALK(dropped);
			e->valid = false;
		}
	}
}

void hfence_gvma_all(void)
{
	COUNT(gvma_all);
	g_drop(true, 0, true, 0);
	native_modes_forget(true, 0);
}

void hfence_gvma_vmid(unsigned long vmid)
{
	COUNT(gvma_vmid);
	g_drop(false, vmid, true, 0);
	native_modes_forget(false, vmid);
}

void hfence_gvma_vmid_gpa(unsigned long vmid, gpa_t gpa)
{
	COUNT(gvma_gpa);
	g_drop(false, vmid, false, gpa);
}

void hfence_vvma_all(void)
{
	COUNT(vvma_all);
	vs_drop(true, 0, true, 0);
}

void hfence_vvma_asid(unsigned long asid)
{
	COUNT(vvma_asid);
	vs_drop(false, asid, true, 0);
}

void hfence_vvma_gva(gva_t gva)
{
	COUNT(vvma_gva);
	vs_drop(true, 0, false, gva);
}

void hfence_vvma_asid_gva(unsigned long asid, gva_t gva)
{
	COUNT(vvma_gva);
	vs_drop(false, asid, false, gva);
}

/* hinval.* drops entries as late as Svinval allows: only at sfence.inval.ir. */
void sfence_w_inval(void)
{
	tlb()->invalidating = true;
}

void sfence_inval_ir(void)
{
	unsigned int i;

	for (i = 0; i < tlb()->nr_invals; i++) {
		const struct inval *v = &tlb()->inval[i];

		if (v->gvma)
			g_drop(false, v->id, false, v->address);
		else
			vs_drop(v->any_asid, v->id, false, (gva_t)v->address);
	}
	tlb()->nr_invals = 0;
	tlb()->invalidating = false;
}

static void invalidate(const struct inval *inval)
{
	COUNT(inval);
	if (!tlb()->invalidating || tlb()->nr_invals == MAX_INVALS)
		hv_panic("native MMU: hinval without sfence.w.inval before it, or too many\n");
	tlb()->inval[tlb()->nr_invals++] = *inval;
}

void hinval_gvma_vmid_gpa(unsigned long vmid, gpa_t gpa)
{
	invalidate(&(struct inval){ .gvma = true, .id = vmid, .address = gpa });
}

void hinval_vvma_gva(gva_t gva)
{
	invalidate(&(struct inval){ .any_asid = true, .address = gva });
}

void hinval_vvma_asid_gva(unsigned long asid, gva_t gva)
{
	invalidate(&(struct inval){ .id = asid, .address = gva });
}

void local_fence_i(void)
{
	COUNT(fence_i);
}
