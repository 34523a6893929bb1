// SPDX-License-Identifier: MIT
/*
 * aia.c - Ssaia for a guest: interrupt priorities, and the CSRs of an IMSIC.
 *
 * The hart's own vsiselect and vstopi serve the guest. There is no guest interrupt file
 * (hstatus.VGEIN = 0), so accesses to stopei and sireg trap. The VM's interrupt controller in the
 * kernel, or else user space (KVM_EXIT_RISCV_CSR), answers accesses to stopei, and those to sireg
 * unless siselect selects priorities. The priorities are in hviprio1 and hviprio2,
 * which the guest cannot reach directly: its accesses to sireg trap, and those to priorities are
 * carried out here. Spec: AIA, "Interrupts for virtual machines (VS level)".
 */
#include "irqchip.h"
#include "vcpu/aia.h"
#include "vcpu/irq.h"
#include "vcpu/isa.h"
#include "vcpu/timer.h"

#define ISELECT_IPRIO0  0x30
#define ISELECT_IPRIO15 0x3f

/*
 * Without a guest interrupt file, vstopi shows an external interrupt if hvictl.IID is the number of
 * that interrupt and hvictl.IPRIO is not 0. So IPRIO follows the external line in hvip.
 */
void aia_show_external(unsigned long hvip)
{
	csr_write(hvictl, FIELD_PREP(HVICTL_IID, IRQ_S_EXT) |
				  FIELD_PREP(HVICTL_IPRIO, hvip & BIT(IRQ_VS_EXT) ? 1UL : 0UL));
}

struct aia_holds aia_holds;

void aia_hart_init(void)
{
	csr_write(hvictl, 0);
	csr_write(vsiselect, ~0UL);
	csr_write64(hviprio1, ~0ULL);
	csr_write64(hviprio2, ~0ULL);
	aia_holds.vsiselect = csr_swap(vsiselect, 0);
	aia_holds.hviprio1 = csr_read64(hviprio1);
	aia_holds.hviprio2 = csr_read64(hviprio2);
	csr_write64(hviprio1, 0);
	csr_write64(hviprio2, 0);
}

void aia_load(const struct kvm_vcpu *vcpu)
{
	csr_write(vsiselect, vcpu->csrs.aia[KVM_REG_RISCV_CSR_AIA_REG(siselect)]);
	csr_write(hviprio1, vcpu->csrs.aia[KVM_REG_RISCV_CSR_AIA_REG(iprio1)]);
	csr_write(hviprio2, vcpu->csrs.aia[KVM_REG_RISCV_CSR_AIA_REG(iprio2)]);
	aia_show_external(vcpu->csrs.hvip);
}

void aia_put(struct kvm_vcpu *vcpu)
{
	vcpu->csrs.aia[KVM_REG_RISCV_CSR_AIA_REG(siselect)] = csr_read(vsiselect);
	/* The next vCPU may be without Ssaia, and then takes its interrupts in the default order. */
	vcpu->csrs.aia[KVM_REG_RISCV_CSR_AIA_REG(iprio1)] = csr_swap(hviprio1, 0);
	vcpu->csrs.aia[KVM_REG_RISCV_CSR_AIA_REG(iprio2)] = csr_swap(hviprio2, 0);
}

/*
 * Byte n, counted through hviprio1 and then hviprio2, is the priority of interrupt hviprio_irq[n].
 * The bytes of interrupts 0, 4 and 8 read as zero.
 */
static const u8 hviprio_irq[16] = { 0, 1, 4, 5, 8, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23 };

/*
 * Return the bit position of interrupt `irq`'s priority, counted through both registers, or -1 if
 * it has none.
 */
static int hviprio_bit(unsigned int irq)
{
	int i;

	for (i = 1; i < 16; i++) {
		if (hviprio_irq[i] == irq)
			return i * 8;
	}
	return -1;
}

/*
 * Access the priorities of the 8 interrupts from first_irq on, one byte each. Together they form
 * the register that an even siselect selects (RV64). Returns the old value of this register.
 */
static unsigned long access_iprio(unsigned int first_irq, const struct csr_access *access)
{
	u64 words[2] = { csr_read(hviprio1), csr_read(hviprio2) };
	unsigned long old = 0, value;
	unsigned int i;
	int bit;

	for (i = 0; i < 8; i++) {
		bit = hviprio_bit(first_irq + i);
		if (bit >= 0)
			old |= (unsigned long)(words[bit / 64] >> bit % 64 & 0xff) << i * 8;
	}
	if (!access->write_mask)
		return old;
	value = (old & ~access->write_mask) | (access->new_value & access->write_mask);
	for (i = 0; i < 8; i++) {
		bit = hviprio_bit(first_irq + i);
		if (bit < 0)
			continue;
		words[bit / 64] &= ~(0xffULL << bit % 64);
		words[bit / 64] |= (u64)(value >> i * 8 & 0xff) << bit % 64;
	}
	csr_write(hviprio1, words[0]);
	csr_write(hviprio2, words[1]);
	return old;
}

static enum aia_answer access_imsic(struct kvm_vcpu *vcpu, unsigned long select,
				    const struct csr_access *access, unsigned long *value)
{
	const struct kvm *vm = vcpu->kvm;
	int err;

	if (!irqchip_is_ready(vm) || !vm->irqchip->access_csr)
		return AIA_USER;
	err = vm->irqchip->access_csr(vcpu, select, access, value);
	if (READ_ONCE(vcpu->irq_changed))
		vcpu_flush_irqs(vcpu);
	if (err)
		return err == -ENOENT ? AIA_USER : AIA_ILLEGAL;
	return AIA_DONE;
}

enum aia_answer aia_access(struct kvm_vcpu *vcpu, const struct csr_access *access,
			   unsigned long *value)
{
	unsigned long select;

	/* Accesses from VU get here, too. */
	if (!isa_has(vcpu, KVM_RISCV_ISA_EXT_SSAIA) || !(vcpu->guest.sstatus & SSTATUS_SPP))
		return AIA_ILLEGAL;
	select = csr_read(vsiselect);
	if (access->csr == CSR_stopei || select < ISELECT_IPRIO0 || select > ISELECT_IPRIO15)
		return access_imsic(vcpu, select, access, value);
	if (select & 1)
		return AIA_ILLEGAL;
	*value = access_iprio((unsigned int)(select - ISELECT_IPRIO0) * 4, access);
	return AIA_DONE;
}
