// SPDX-License-Identifier: MIT
/*
 * onereg_csr.c - the guest's supervisor CSRs: general, AIA, Smstateen, H.
 *
 * While the vCPU is not loaded, the CSRs that VS sees as s* are in vcpu->csrs. A write stores any
 * value, except in sip, where only the known interrupts are kept. Illegal bits are dropped when the
 * vCPU is loaded: by vsstatus_of() in vsstatus, by the hardware in the other CSRs.
 */
#include "hv/kvm_hext.h"
#include "irqchip.h"
#include "uapi/onereg.h"
#include "vcpu/irq.h"
#include "vcpu/isa.h"
#include "vcpu/nacl.h"
#include "vcpu/nested.h"

/* ---- general ---------------------------------------------------------------------- */

#define CSR_COUNT (sizeof(struct kvm_riscv_csr) / sizeof(unsigned long))
#define CSR_SIP   KVM_REG_RISCV_CSR_REG(sip)
#define VSIP_MASK (BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER) | BIT(IRQ_S_EXT))

/* Return the interrupts that have the same number in sip and in hvip. */
static unsigned long local_irqs(const struct kvm_vcpu *vcpu)
{
	return isa_has(vcpu, KVM_RISCV_ISA_EXT_SSCOFPMF) ? BIT(IRQ_PMU_OVF) : 0;
}

static int general_check(const struct kvm_vcpu *vcpu, u64 num, unsigned int size)
{
	(void)vcpu;
	return reg_check_ulong(num, CSR_COUNT, size);
}

/* Return where a CSR is kept. sip is not kept on its own: it is part of hvip. */
static unsigned long *general_place(struct kvm_vcpu *vcpu, unsigned long num)
{
	struct guest_csrs *c = &vcpu->csrs;
	unsigned long *const places[CSR_COUNT] = {
		[KVM_REG_RISCV_CSR_REG(sstatus)] = &c->vsstatus,
		[KVM_REG_RISCV_CSR_REG(sie)] = &c->vsie,
		[KVM_REG_RISCV_CSR_REG(stvec)] = &c->vstvec,
		[KVM_REG_RISCV_CSR_REG(sscratch)] = &c->vsscratch,
		[KVM_REG_RISCV_CSR_REG(sepc)] = &c->vsepc,
		[KVM_REG_RISCV_CSR_REG(scause)] = &c->vscause,
		[KVM_REG_RISCV_CSR_REG(stval)] = &c->vstval,
		[KVM_REG_RISCV_CSR_REG(satp)] = &c->vsatp,
		[KVM_REG_RISCV_CSR_REG(scounteren)] = &c->scounteren,
		[KVM_REG_RISCV_CSR_REG(senvcfg)] = &c->senvcfg,
	};

	return places[num];
}

static int general_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	if (num == CSR_SIP) {
		vcpu_flush_irqs(vcpu);
		*value = (vcpu->csrs.hvip >> 1 & VSIP_MASK) | (vcpu->csrs.hvip & local_irqs(vcpu));
	} else {
		*value = *general_place(vcpu, num);
	}
	return 0;
}

static int general_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	if (num == CSR_SIP) {
		vcpu_write_irqs(vcpu, ((unsigned long)value & VSIP_MASK) << 1 |
					      ((unsigned long)value & local_irqs(vcpu)));
		if (irqchip_is_ready(vcpu->kvm))
			vcpu->kvm->irqchip->reset_lines(vcpu);
	} else {
		*general_place(vcpu, num) = (unsigned long)value;
	}
	return 0;
}

/* ---- AIA: exists if the vCPU has Ssaia ------------------------------------------------------ */

#define AIA_COUNT (sizeof(struct kvm_riscv_aia_csr) / sizeof(unsigned long))

static unsigned int aia_listed(const struct kvm_vcpu *vcpu, unsigned long num)
{
	(void)num;
	return isa_has(vcpu, KVM_RISCV_ISA_EXT_SSAIA) ? ULONG_SIZE : 0;
}

static int aia_check(const struct kvm_vcpu *vcpu, u64 num, unsigned int size)
{
	return reg_check_ulong(num, aia_listed(vcpu, 0) ? AIA_COUNT : 0, size);
}

static int aia_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	*value = vcpu->csrs.aia[num];
	return 0;
}

static int aia_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	vcpu->csrs.aia[num] = (unsigned long)value;
	return 0;
}

/* ---- Smstateen: exists if the vCPU has it ------------------------------------------------ */

static unsigned int stateen_listed(const struct kvm_vcpu *vcpu, unsigned long num)
{
	(void)num;
	return isa_has(vcpu, KVM_RISCV_ISA_EXT_SMSTATEEN) ? ULONG_SIZE : 0;
}

static int stateen_check(const struct kvm_vcpu *vcpu, u64 num, unsigned int size)
{
	return reg_check_ulong(num, stateen_listed(vcpu, 0) ? 1 : 0, size);
}

static int stateen_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	(void)num;
	*value = vcpu->csrs.sstateen0;
	return 0;
}

static int stateen_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	(void)num;
	vcpu->csrs.sstateen0 = (unsigned long)value;
	return 0;
}

/* ---- H: exists if the vCPU has it (hv/kvm_hext.h) ------------------------------------------- */

/* 0: the register is not a CSR. */
static const u16 hext_csrs[KVM_HS_HEXT_COUNT] = {
#define HEXT(name) [KVM_HS_HEXT_##name] = CSR_##name
	HEXT(hstatus),    HEXT(hedeleg), HEXT(hideleg),  HEXT(hie),      HEXT(hvip),
	HEXT(hcounteren), HEXT(htval),   HEXT(htinst),   HEXT(henvcfg),  HEXT(hstateen0),
	HEXT(htimedelta), HEXT(hgatp),   HEXT(vsstatus), HEXT(vstvec),   HEXT(vsscratch),
	HEXT(vsepc),      HEXT(vscause), HEXT(vstval),   HEXT(vsatp),    HEXT(vstimecmp),
	HEXT(vsiselect),  HEXT(hvictl),  HEXT(hviprio1), HEXT(hviprio2), HEXT(hvien),
	HEXT(hgeie),
#undef HEXT
};

static int hext_check(const struct kvm_vcpu *vcpu, u64 num, unsigned int size)
{
	if (size != sizeof(u64))
		return -EINVAL;
	return num < (vcpu->has_h ? KVM_HS_HEXT_COUNT : 0) ? 0 : -ENOENT;
}

static int hext_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	if (hext_csrs[num])
		return nested_reg_get(vcpu, hext_csrs[num], value) ? 0 : -ENOENT;
	switch (num) {
	case KVM_HS_HEXT_V:
		*value = vcpu->nested.v;
		return 0;
	case KVM_HS_HEXT_NACL:
		*value = nacl_reg_get(vcpu);
		return 0;
	default:
		*value = vcpu->nested.vsie & vcpu->nested.hvien;
		return vcpu->has_aia ? 0 : -ENOENT;
	}
}

static int hext_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	if (hext_csrs[num])
		return nested_reg_set(vcpu, hext_csrs[num], value);
	if (num == KVM_HS_HEXT_NACL)
		return nacl_reg_set(vcpu, value);
	if (num == KVM_HS_HEXT_VSIE) {
		vcpu->nested.vsie = (unsigned long)value & vcpu->nested.hvien_writable;
		nested_choose_exits(vcpu);
		nacl_csr_changed(vcpu);
		return vcpu->has_aia ? 0 : -ENOENT;
	}
	if (value > 1)
		return -EINVAL;
	nested_set_v(vcpu, value);
	return 0;
}

static unsigned int hext_listed(const struct kvm_vcpu *vcpu, unsigned long num)
{
	u64 value;

	if (!vcpu->has_h || hext_get((struct kvm_vcpu *)vcpu, num, &value))
		return 0;
	return sizeof(u64);
}

const struct reg_group reg_groups_csr[4] = {
	{ .type = KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_GENERAL,
	  .check = general_check,
	  .get = general_get,
	  .set = general_set,
	  .listed = reg_always_ulong,
	  .count = CSR_COUNT },
	{ .type = KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_AIA,
	  .check = aia_check,
	  .get = aia_get,
	  .set = aia_set,
	  .listed = aia_listed,
	  .count = AIA_COUNT },
	{ .type = KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_SMSTATEEN,
	  .check = stateen_check,
	  .get = stateen_get,
	  .set = stateen_set,
	  .listed = stateen_listed,
	  .count = 1 },
	{ .type = KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_HEXT,
	  .check = hext_check,
	  .get = hext_get,
	  .set = hext_set,
	  .listed = hext_listed,
	  .count = KVM_HS_HEXT_COUNT },
};
