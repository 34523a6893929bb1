// SPDX-License-Identifier: MIT
/*
 * shadow_tlb.c - which VMID a shadow table has, and what the hart's TLB has to drop (shadow.h).
 *
 * Each shadow table has a VMID of its own (vmid_of_shadow()), so that an exit from L2 to L1, and
 * the way back, need no fence. table->hart is the hart that may continue to use what it has cached
 * under this VMID. It is SHADOW_NO_HART after a change or a fence that needs the hart to drop
 * translations; shadow_load() then executes the fence, as it does on any other hart.
 *
 * If there are at most VMIDS_NESTED VMIDs for each hart, or with the toggle vmid=flush, L2 runs under the
 * VMID of L1. Then hgatp never changes without a fence, which drops the translations of both, and
 * table->hart is always SHADOW_NO_HART. The same fences are executed while L1 uses pointer masking.
 *
 * A fence that L1 executes for a guest takes effect on the hart at the next entry into that guest.
 *
 * While L2's CSRs are loaded, hgatp has the VMID of L2, so a fence for L1's translations, such as one
 * that another vCPU of L1 has asked for, cannot be executed. It is remembered, and L1's VMID is fenced
 * when L1's CSRs are loaded again (own_fence). Each flush of the VM's own table is counted (shadow_log), and
 * shadow_put() compares the count. Spec: H §2.10, §3.2.
 */
#include "hv/trace.h"
#include "mmu/hfence.h"
#include "mmu/shadow.h"
#include "mmu/tlb.h"
#include "mmu/vmid.h"

/* ---- the loaded table ------------------------------------------------------------------------- */

static bool is_loaded(hpa_t root)
{
	return FIELD_GET(HGATP_PPN, csr_read(hgatp)) == root >> PAGE_SHIFT;
}

/*
 * Write hgatp, and drop all that was cached under its VMID. hgatp is 0 between the old table and the
 * new one, and nothing of the old one remains; the second fence is for a new MODE (vmid.c).
 */
static void load_and_fence(struct kvm_vcpu *vcpu, unsigned long hgatp)
{
	csr_write(hgatp, 0);
	hfence_gvma_vmid(FIELD_GET(HGATP_VMID, hgatp));
	csr_write(hgatp, hgatp);
	tlb_flush_vm_local(vcpu->kvm);
}

/* The table stays, and L2 has L1's VMID. If henvcfg.PMM may have changed, HFENCE.GVMA is necessary. */
static void keep_table(struct kvm_vcpu *vcpu)
{
	if (vcpu->fwft.pmlen)
		tlb_flush_vm_local(vcpu->kvm);
	else
		tlb_flush_vvma_local(vcpu->kvm);
}

/*
 * Not inlined, because an exit to L1 and the way back do not need it. A VMID of a new generation may have
 * been another table's in an earlier generation.
 *
 * With pointer masking, a walk of L1's table with L2's henvcfg.PMM may be wrong, so there are fences,
 * as without a VMID.
 */
static __attribute__((noinline)) void load_slowly(struct kvm_vcpu *vcpu, unsigned long hgatp)
{
	struct shadow *shadow = vcpu->shadow;
	struct shadow_table *table;
	unsigned long generation, vmid;
	bool fences;

	shadow_choose(vcpu, hgatp);
	table = shadow->current;
	generation = table->gstage.vmid_generation;
	vmid = vmid_of_shadow(vcpu, &table->gstage);
	fences = vmid == vcpu->vmid || !vcpu->vmid || vcpu->fwft.pmlen;
	table->value = gstage_hgatp(&table->gstage, vmid);
	shadow->own_hgatp = csr_read(hgatp);
	if (fences || table->hart != hv_hart() || table->gstage.vmid_generation != generation)
		load_and_fence(vcpu, table->value);
	else
		csr_write(hgatp, table->value);
	table->hart = fences ? SHADOW_NO_HART : hv_hart();
	shadow->own_fence |= fences;
}

void shadow_load(struct kvm_vcpu *vcpu, unsigned long hgatp)
{
	struct shadow *shadow = vcpu->shadow;
	const struct shadow_table *table = shadow->current;

	if (!hgatp)
		keep_table(vcpu);
	else if (table->hgatp == hgatp && table->hart == hv_hart() &&
		 table->gstage.vmid_generation == vcpu->vmid_generation)
		shadow->own_hgatp = csr_swap(hgatp, table->value);
	else
		load_slowly(vcpu, hgatp);
}

void shadow_put(struct kvm_vcpu *vcpu, unsigned long hgatp)
{
	struct shadow *shadow = vcpu->shadow;
	unsigned long flushes = tlb_flushes(vcpu->kvm);

	if (!hgatp) {
		keep_table(vcpu);
		return;
	}
	if (!shadow->own_fence && shadow->own_flushes == flushes) {
		csr_write(hgatp, shadow->own_hgatp);
		return;
	}
	load_and_fence(vcpu, shadow->own_hgatp);
	shadow->own_flushes = flushes;
	shadow->own_fence = false;
}

/* ---- changes of a table --------------------------------------------------------------------- */

void shadow_tlb_change(struct kvm_vcpu *vcpu, struct shadow_table *table)
{
	if (is_loaded(table->gstage.root))
		tlb_flush_vm_local(vcpu->kvm);
	else
		table->hart = SHADOW_NO_HART;
}

void shadow_tlb_drop(struct kvm_vcpu *vcpu, struct shadow_table *table)
{
	unsigned long vsatp;

	if (!is_loaded(table->old.root)) {
		table->hart = SHADOW_NO_HART;
		return;
	}
	table->value = gstage_hgatp(&table->gstage, tlb_loaded_vmid());
	vsatp = csr_swap(vsatp, 0);
	load_and_fence(vcpu, table->value);
	csr_write(vsatp, vsatp);
}

/* ---- fences for the VM's own table -------------------------------------------------------- */

/*
 * If L2 has L1's VMID because L1's hgatp is Bare, the fence applies to both. A G-stage fence for all
 * addresses comes from the queue, where it may have replaced one of the VS-stage; other G-stage
 * fences come from a fault of this vCPU.
 */
static void fence(struct kvm *vm, const struct hfence *fence)
{
	const struct kvm_vcpu *vcpu;

	hv_pin();
	vcpu = vm->vcpus[vm->hart_vcpu[hv_hart()] - 1];
	if (vcpu->loaded == VCPU_LINES_HELD && vcpu->nested.hgatp)
		vcpu->shadow->own_fence = true;
	else if (fence->kind == HFENCE_GVMA && fence->size == ~0ULL)
		tlb_flush_vm_local(vm);
	else
		tlb_all_ops.fence(vm, fence);
	hv_unpin();
}

/* The queue is used, so that the vCPU's thread calls fence(). One fence replaces all in the queue. */
static enum vcpu_request request_for(struct kvm_vcpu *vcpu, const struct hfence *fence)
{
	bool gvma = fence->kind == HFENCE_GVMA;

	spin_lock(&vcpu->fence_lock);
	for (unsigned int i = 0; i < vcpu->fence_count; i++)
		gvma |= vcpu->fences[i].kind == HFENCE_GVMA;
	vcpu->fences[0] =
		(struct hfence){ .kind = gvma ? HFENCE_GVMA : HFENCE_VVMA, .size = ~0ULL };
	vcpu->fence_count = 1;
	spin_unlock(&vcpu->fence_lock);
	return REQ_HFENCE;
}

const struct tlb_ops shadow_tlb_ops = {
	.name = "shadow",
	.fence = fence,
	.request_for = request_for,
	.range_for = tlb_all_range_for,
	.flushed = shadow_flushed,
};
