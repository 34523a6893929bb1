// SPDX-License-Identifier: MIT
/*
 * onereg_sbi.c - registers of SBI extensions: state to be saved and restored with a vCPU.
 *
 * As on Linux, the registers of a disabled extension give -EINVAL, not -ENOENT.
 */
#include "uapi/onereg.h"
#include "vcpu/fwft.h"
#include "vcpu/steal_time.h"

/* ---- STA: the address of the steal-time structure, in two registers of XLEN bits ---------- */

#define STA_LO KVM_REG_RISCV_SBI_STA_REG(shmem_lo)
#define STA_HI KVM_REG_RISCV_SBI_STA_REG(shmem_hi)

#define STA_COUNT (sizeof(struct kvm_riscv_sbi_sta) / sizeof(unsigned long))

static unsigned int sta_listed(const struct kvm_vcpu *vcpu, unsigned long num)
{
	(void)num;
	return vcpu->sbi_ext >> KVM_RISCV_SBI_EXT_STA & 1 ? ULONG_SIZE : 0;
}

/* This row also gets the ids of subtypes that do not exist. */
static int sta_check(const struct kvm_vcpu *vcpu, u64 num, unsigned int size)
{
	if (size != ULONG_SIZE || (num & KVM_REG_RISCV_SUBTYPE_MASK) || !sta_listed(vcpu, 0))
		return -EINVAL;
	return num < STA_COUNT ? 0 : -ENOENT;
}

static int sta_reg_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	if (num == STA_LO)
		*value = (unsigned long)vcpu->sta.shmem;
	else
		*value = sizeof(long) == 4 ? vcpu->sta.shmem >> 32 : 0;
	return 0;
}

/*
 * The structure must not cross a page, so its address is a multiple of its size. Whether there is
 * memory is not checked: a VMM may restore registers first. Steal time counts from the next load
 * on.
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
	else if (value)
		return -EINVAL;
	if (gpa != STA_OFF && gpa % STA_SIZE)
		return -EINVAL;
	sta_reset(vcpu);
	vcpu->sta.shmem = gpa;
	return 0;
}

/* ---- FWFT: three registers per feature ----------------------------------------------------- */

#define REGS_EACH 3

/* Return the feature that the register belongs to, or -errno. */
static int reg_feature(const struct kvm_vcpu *vcpu, u64 num)
{
	if (!fwft_is_on(vcpu))
		return -EINVAL;
	if (num >= FWFT_FEATURES * REGS_EACH || !fwft_is_there(vcpu, num / REGS_EACH))
		return -ENOENT;
	return (int)(num / REGS_EACH);
}

static int fwft_check(const struct kvm_vcpu *vcpu, u64 num, unsigned int size)
{
	int i = size == ULONG_SIZE ? reg_feature(vcpu, num) : -EINVAL;

	return i < 0 ? i : 0;
}

static unsigned int fwft_reg_listed(const struct kvm_vcpu *vcpu, unsigned long num)
{
	return reg_feature(vcpu, num) < 0 ? 0 : ULONG_SIZE;
}

static int fwft_reg_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	int i = (int)(num / REGS_EACH);

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
	int i = (int)(num / REGS_EACH);

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
	  .check = sta_check,
	  .get = sta_reg_get,
	  .set = sta_reg_set,
	  .listed = sta_listed,
	  .count = STA_COUNT },
	{ .type = KVM_REG_RISCV_SBI_STATE | KVM_COMPAT_REG_SBI_FWFT,
	  .check = fwft_check,
	  .get = fwft_reg_get,
	  .set = fwft_reg_set,
	  .listed = fwft_reg_listed,
	  .count = KVM_COMPAT_FWFT_REGS },
};
