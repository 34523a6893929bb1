// SPDX-License-Identifier: MIT
/*
 * onereg_sbi.c - registers of SBI extensions: state to be saved and restored with a vCPU.
 *
 * As on Linux, a register number that STA does not have gives -EINVAL here, not -ENOENT.
 */
#include "uapi/onereg.h"
#include "vcpu/fwft.h"
#include "vcpu/steal_time.h"

static int state_check(const struct kvm_vcpu *vcpu, u64 num, unsigned int size)
{
	(void)vcpu;
	return size == ULONG_SIZE && num <= 0xffff ? 0 : -EINVAL;
}

/* ---- STA: the address of the steal-time structure, in two registers of XLEN bits ---------- */

#define STA_LO KVM_REG_RISCV_SBI_STA_REG(shmem_lo)
#define STA_HI KVM_REG_RISCV_SBI_STA_REG(shmem_hi)

static int sta_reg_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	if (num == STA_LO)
		*value = (unsigned long)vcpu->sta.shmem;
	else if (num == STA_HI)
		*value = sizeof(long) == 4 ? vcpu->sta.shmem >> 32 : 0;
	else
		return -EINVAL;
	return 0;
}

/*
 * As on Linux 7.3, the address must be aligned, or -1. It need not have memory yet. The upper
 * register must be 0 on RV64. Steal time counts from the next load on.
 */
static int sta_reg_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	gpa_t gpa = vcpu->sta.shmem;

	if (num == STA_LO && sizeof(long) == 4)
		gpa = (gpa & ~0xffffffffULL) | value;
	else if (num == STA_LO)
		gpa = value;
	else if (num == STA_HI && sizeof(long) == 4)
		gpa = (gpa & 0xffffffffULL) | value << 32;
	else if (num != STA_HI || value)
		return -EINVAL;
	if (gpa != STA_OFF && !IS_ALIGNED(gpa, STA_SIZE))
		return -EINVAL;
	sta_reset(vcpu);
	vcpu->sta.shmem = gpa;
	return 0;
}

/* STA's registers can always be read, but are listed only if the vCPU answers STA, as on Linux. */
static unsigned int sta_listed(const struct kvm_vcpu *vcpu, unsigned long num)
{
	(void)num;
	return vcpu->sbi_ext >> KVM_RISCV_SBI_EXT_STA & 1 ? ULONG_SIZE : 0;
}

/* ---- FWFT: three registers per feature ----------------------------------------------------- */

#define REGS_EACH 3

/* Return the feature that the register belongs to, or -errno. */
static int reg_feature(const struct kvm_vcpu *vcpu, unsigned long num)
{
	if (!fwft_is_on(vcpu))
		return -EINVAL;
	if (num >= KVM_COMPAT_FWFT_REGS || !fwft_is_there(vcpu, num / REGS_EACH))
		return -ENOENT;
	return (int)(num / REGS_EACH);
}

static unsigned int fwft_reg_listed(const struct kvm_vcpu *vcpu, unsigned long num)
{
	return reg_feature(vcpu, num) < 0 ? 0 : ULONG_SIZE;
}

static int fwft_reg_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	int i = reg_feature(vcpu, num);

	if (i < 0)
		return i;
	switch (num % REGS_EACH) {
	case KVM_COMPAT_FWFT_OFFSET_ENABLE:
		*value = !(vcpu->fwft.disabled & BIT(i));
		break;
	case KVM_COMPAT_FWFT_OFFSET_FLAGS:
		*value = vcpu->fwft.locked & BIT(i) ? SBI_FWFT_LOCK : 0;
		break;
	default:
		*value = fwft_get(vcpu, (enum fwft_feature)i);
		break;
	}
	return 0;
}

static void set_bit_to(u8 *bits, int i, bool on)
{
	*bits = (u8)((*bits & ~BIT(i)) | (on ? BIT(i) : 0));
}

static int fwft_reg_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	int i = reg_feature(vcpu, num);

	if (i < 0)
		return i;
	switch (num % REGS_EACH) {
	case KVM_COMPAT_FWFT_OFFSET_ENABLE:
		if (value > 1)
			return -EINVAL;
		set_bit_to(&vcpu->fwft.disabled, i, !value);
		return 0;
	case KVM_COMPAT_FWFT_OFFSET_FLAGS:
		set_bit_to(&vcpu->fwft.locked, i, value & SBI_FWFT_LOCK);
		return 0;
	default:
		return fwft_set(vcpu, (enum fwft_feature)i, (unsigned long)value) ? -EINVAL : 0;
	}
}

const struct reg_group reg_groups_state[2] = {
	{ .type = KVM_REG_RISCV_SBI_STATE | KVM_REG_RISCV_SBI_STA,
	  .check = state_check,
	  .get = sta_reg_get,
	  .set = sta_reg_set,
	  .listed = sta_listed,
	  .count = sizeof(struct kvm_riscv_sbi_sta) / sizeof(unsigned long) },
	{ .type = KVM_REG_RISCV_SBI_STATE | KVM_COMPAT_REG_SBI_FWFT,
	  .check = state_check,
	  .get = fwft_reg_get,
	  .set = fwft_reg_set,
	  .listed = fwft_reg_listed,
	  .count = KVM_COMPAT_FWFT_REGS },
};
