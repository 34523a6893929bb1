// SPDX-License-Identifier: MIT
/*
 * nested_check.h - what must hold while the target `nested` runs.
 *
 * At each entry, the hart has the CSRs of L1 or of L2. After each step of the VMM, the values of H CSRs
 * are legal, each leaf of a shadow table is permitted by a leaf of the VM's own table, and a hart
 * without a vCPU has the host's CSRs.
 */
#ifndef FUZZ_NESTED_CHECK_H
#define FUZZ_NESTED_CHECK_H

#include "any_native.h"
#include "fuzz.h"
#include "mmu/shadow.h"
#include "vcpu/nested.h"

#define HARTS 2

/* The hart has L1's CSRs or L2's, and L2's restrict the guest as both L1 and the core say. */
static inline void check_entry(const struct kvm_vcpu *vcpu)
{
	const struct nested *n = &vcpu->nested;
	const struct gstage *gs =
		n->v && n->hgatp ? &vcpu->shadow->current->gstage : &vcpu->kvm->gstage;
	unsigned long hstatus = vcpu->guest.hstatus, traps = HSTATUS_VTVM | HSTATUS_VTSR;

	CLAIM(vcpu->loaded == (n->v ? VCPU_LINES_HELD : VCPU_LOADED));
	CLAIM((csr_read(hgatp) & ~HGATP_VMID) == gs->hgatp);
	CLAIM(csr_read(hideleg) == (n->v ? n->hideleg & VS_LINES : VS_LINES));
	CLAIM(!(csr_read(sstatus) & SSTATUS_MXR));
	if (n->v) {
		CLAIM(vcpu->has_h);
		CLAIM((hstatus & traps) == (n->hstatus & traps));
		CLAIM(!(csr_read(hedeleg) & ~n->hedeleg));
		CLAIM(!(csr_read(hcounteren) & ~n->hcounteren));
		CLAIM(!(csr_read(henvcfg) & ~n->henvcfg));
		CLAIM(!(csr_read(hvip) & ~n->hideleg));
	} else {
		CLAIM((hstatus & traps) == (n->hstatus & HSTATUS_SPV ? HSTATUS_VTSR : 0));
		CLAIM(!(n->hstatus & (HSTATUS_SPV | HSTATUS_GVA)) || !csr_read(hedeleg));
		CLAIM(!(vcpu->guest.sstatus & SSTATUS_MXR));
	}
}

static struct leaf {
	hpa_t pa;
	u64 size;
	pte_t pte;
} leaves[4096]; /* of the VM's own table */
static unsigned int nr_leaves;

static inline void add_leaf(struct leaf leaf)
{
	CLAIM(nr_leaves < ARRAY_SIZE(leaves));
	leaves[nr_leaves++] = leaf;
}

static inline void check_leaf(struct leaf leaf)
{
	const pte_t flags = PTE_R | PTE_W | PTE_X;
	unsigned int i;

	for (i = 0; i < nr_leaves; i++)
		if (leaf.pa - leaves[i].pa < leaves[i].size && leaf.size <= leaves[i].size &&
		    !(leaf.pte & ~leaves[i].pte & flags))
			return;
	CLAIM(!"a leaf of the shadow table is permitted by one of the VM's own table");
}

static inline void for_each_leaf(hpa_t table, unsigned int level, unsigned int entries,
				 void (*fn)(struct leaf leaf))
{
	const pte_t *pte = native_ram(table);
	unsigned int i;

	for (i = 0; i < entries; i++)
		if (pte_is_leaf(pte[i]))
			fn((struct leaf){ pte_to_hpa(pte[i]), gstage_size(level), pte[i] });
		else if (pte_is_table(pte[i]))
			for_each_leaf(pte_to_hpa(pte[i]), level - 1, GSTAGE_TABLE_ENTRIES, fn);
}

static inline void for_each_leaf_of(const struct gstage *gs, void (*fn)(struct leaf leaf))
{
	for_each_leaf(gs->root, gs->levels - 1, 4 * GSTAGE_TABLE_ENTRIES, fn);
}

/* If a table was forgotten, or a flush was counted since it was checked, it is dropped before L2 uses it. */
static inline void check_shadow(const struct kvm_vcpu *vcpu)
{
	const struct shadow *shadow = vcpu->shadow;

	if (!shadow)
		return;
	for (unsigned int i = 0; i < SHADOW_GUESTS; i++) {
		const struct shadow_table *table = &shadow->tables[i];

		if (!table->hgatp || !table->used.end || table->flushes != vcpu->kvm->flushes)
			continue;
		CLAIM(FIELD_GET(HGATP_MODE, table->hgatp) ==
		      FIELD_GET(HGATP_MODE, table->gstage.hgatp));
		nr_leaves = 0;
		for_each_leaf_of(&vcpu->kvm->gstage, add_leaf);
		for_each_leaf_of(&table->gstage, check_leaf);
	}
}

static inline void check_legal(const struct kvm_vcpu *vcpu)
{
	const struct nested *n = &vcpu->nested;
	const unsigned long hstatus = HSTATUS_GVA | HSTATUS_SPV | HSTATUS_SPVP | HSTATUS_HU |
				      HSTATUS_VTVM | HSTATUS_VTW | HSTATUS_VTSR;
	unsigned long mode = FIELD_GET(HGATP_MODE, n->hgatp);

	CLAIM((n->hstatus & ~(hstatus | n->vgein_writable)) == FIELD_PREP(HSTATUS_VSXL, XL_64));
	CLAIM(!(n->hgeie & ~n->hgeie_writable));
	CLAIM(FIELD_GET(HSTATUS_VGEIN, n->vgein_writable) <= vcpu->nested_host.files);
	CLAIM(n->checks == (n->watched || (n->hie & ~n->hideleg & VS_LINES) ||
			    (n->hgeie && (n->hie & BIT(IRQ_S_GEXT)))));
	CLAIM(!(n->hedeleg & ~0xcb1ffUL));
	CLAIM(!(n->hideleg & ~VS_LINES));
	CLAIM(!(n->hvip & ~(VS_LINES | n->hvien_writable)));
	CLAIM(!((n->hvien | n->vsie) & ~n->hvien_writable));
	CLAIM(!(n->hie & ~(VS_LINES | BIT(IRQ_S_GEXT))));
	CLAIM(!(n->henvcfg & ~(isa_henvcfg(vcpu) | ENVCFG_FIOM | ENVCFG_CBIE |
			       (isa_has(vcpu, KVM_RISCV_ISA_EXT_SVADU) ? ENVCFG_ADUE : 0))));
	CLAIM(!(n->hstateen0 & ~isa_hstateen0(vcpu)));
	CLAIM(n->hgatp ? (mode == SATP_MODE_SV39 || mode == SATP_MODE_SV48) && !(n->hgatp & 3)
		       : !mode);
	CLAIM(!n->unpriv && !n->handling);
	CLAIM(n->on == !!(vcpu->special & SPECIAL_NESTED));
	if (vcpu->loaded)
		return;
	CLAIM(!n->entered && !(vcpu->guest.sstatus & SSTATUS_MXR));
	if (!vcpu->has_h)
		CLAIM(!n->v && !n->on && !(vcpu->guest.hstatus & (HSTATUS_VTVM | HSTATUS_VTSR)));
}

/* Values of the host in CSRs that user programs share with the guest. */
#define HOST_SCOUNTEREN 2
#define HOST_SENVCFG    ENVCFG_CBZE
#define HOST_SSTATEEN0  1

static inline void set_host_csrs(void)
{
	for (unsigned int hart = HARTS; hart-- > 0;) {
		native_hart_set(hart);
		csr_write(scounteren, HOST_SCOUNTEREN);
		csr_write(senvcfg, HOST_SENVCFG);
		csr_write(sstateen0, HOST_SSTATEEN0);
	}
}

static inline void check_harts(void)
{
	unsigned int hart, here = hv_hart();

	for (hart = 0; hart < HARTS; hart++) {
		native_hart_set(hart);
		CLAIM(csr_read(scounteren) == HOST_SCOUNTEREN);
		CLAIM(csr_read(senvcfg) == HOST_SENVCFG);
		CLAIM(csr_read(sstateen0) == HOST_SSTATEEN0);
		CLAIM(csr_read(hideleg) == VS_LINES);
		if (!hv_sched_hook_get())
			CLAIM(!csr_read(hgatp) && !csr_read(vsatp) && !csr_read(hvip));
	}
	native_hart_set(here);
}

static inline struct kvm_vcpu *vcpu_of(int fd)
{
	return native_file_priv(fd);
}

static inline void check_all(void)
{
	unsigned int i;

	for (i = 0; i < any_vmm.vcpus.n; i++) {
		check_legal(vcpu_of(any_vmm.vcpus.fd[i]));
		check_shadow(vcpu_of(any_vmm.vcpus.fd[i]));
	}
	check_harts();
}

#endif
