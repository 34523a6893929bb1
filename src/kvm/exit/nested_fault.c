// SPDX-License-Identifier: MIT
/*
 * nested_fault.c - guest page faults of L2: is L1's table responsible, or the VM's own?
 *
 * L1's table (hgatp) is walked first. If it does not permit the access, the fault is L1's. Otherwise
 * it gives an address of L1. If the VM's own table maps that address, only the leaf of the shadow table
 * was missing. If not, the fault is handled like one of L1 at that address: memory is mapped, or MMIO
 * emulated. Spec: H §5.2, §6.3.
 */
#include <asm-generic/errno.h>
#include "exit/exit.h"
#include "mmu/gpa.h"
#include "mmu/memslot.h"
#include "mmu/shadow.h"
#include "request.h"
#include "vcpu/nested.h"

/*
 * The faulting access. htval has the address, shifted right by 2. 0 means an address below 4, which is
 * wrong on a hart that never sets htval (docs/nested.md).
 */
static struct gstage_fault locate(const struct hv_trap *trap)
{
	struct gstage_fault fault = {
		.gpa = (gpa_t)trap->htval << 2,
		.fetch = trap->scause == EXC_INST_GUEST_PAGE_FAULT,
		.write = trap->scause == EXC_STORE_GUEST_PAGE_FAULT,
		.implicit = htinst_is_pseudo(trap->htinst),
	};

	if (fault.implicit)
		fault.write = trap->htinst & HTINST_PSEUDO_WRITE;
	else
		fault.gpa |= trap->stval & 3;
	return fault;
}

/* Give the fault to L1, with the address of L2. */
static int reflect(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	/* lab 14: write reflect: give the fault to L1, with htval and htinst */
	struct nested *n = &vcpu->nested;
	/* htinst describes this hypervisor's HLV, not L1's, unless it is a pseudoinstruction. */
	unsigned long htinst = !n->unpriv || htinst_is_pseudo(trap->htinst) ? trap->htinst : 0;

	vcpu_redirect_trap(vcpu, trap);
	n->htval = trap->htval;
	n->htinst = htinst;
	return RESUME_GUEST;
	/* lab 14 end */
}

/*
 * The walk has given an address of L1 that the VM's own table does not map: handle the fault as if
 * L1 had made the access there. Do not look for the address with gpa.h: vsatp has the tables of L2. If
 * htinst is 0, either L2's instruction or its page-table walk made the access: assume the instruction.
 * If L1's leaf is without R, sstatus.MXR permits a load, and the VM's own leaf needs X.
 */
static int fault_of_l1(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
		       const struct gstage_fault *fault, const struct shadow_walk *walk)
{
	struct gstage_fault of_l1 = *fault;

	of_l1.gpa = walk->gpa;
	return gstage_fault_at(vcpu, trap, &of_l1, !(walk->pte & PTE_R), !vcpu->nested.unpriv);
}

int nested_fault(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	struct nested *n = &vcpu->nested;
	bool mxr = vcpu->csrs.vsstatus & SSTATUS_MXR; /* L1's, as in nested_enter() */
	struct gstage_fault fault = locate(trap);
	struct shadow_walk walk;
	int ret;

	vcpu_set_request(vcpu, REQ_HOST); /* this may sleep, or take interrupts */
	if (!n->hgatp)
		return n->unpriv ? gstage_fault_unpriv(vcpu, trap) : exit_dispatch(vcpu, trap);
	fault.fetch |= n->unpriv == UNPRIV_FETCH;
	shadow_reclaim(vcpu);
	/* lab 14: write nested_fault: walk L1's table, and decide who handles the fault */
	ret = shadow_walk(vcpu, n->hgatp, &fault, mxr, &walk);
	if (ret == -EACCES)
		return reflect(vcpu, trap);
	if (ret == -EIO)
		return vcpu_inject_access_fault(vcpu, trap);
	if (ret)
		return ret;
	ret = shadow_map(vcpu, &fault, &walk);
	if (ret != -ENOENT) {
		trace_kvm_page_fault(fault.gpa, trap->scause);
		return ret ? ret : RESUME_GUEST;
	}
	ret = fault_of_l1(vcpu, trap, &fault, &walk);
	/* lab 14 end */
	/* Usually the page is mapped now: fill the shadow table, too, before L2 tries again. */
	if (ret == RESUME_GUEST && vcpu->loaded == VCPU_LINES_HELD)
		shadow_map(vcpu, &fault, &walk);
	return ret;
}
