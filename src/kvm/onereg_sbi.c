// SPDX-License-Identifier: MIT
/*
 * onereg_sbi.c - ONE_REG: what SBI extensions keep for a vCPU, to be saved and restored.
 *
 * The extensions answer for their numbers themselves. What they have not got is EINVAL here,
 * not ENOENT, as on Linux.
 */
#include "hv/kvm_later.h"
#include "onereg.h"
#include "sbi_fwft.h"
#include "sbi_sta.h"

static int state_check(const struct kvm_vcpu *vcpu, u64 num, unsigned int size)
{
	(void)vcpu;
	return size == ULONG_SIZE && num <= 0xffff ? 0 : -EINVAL;
}

/* Readable always, listed if the vCPU answers STA: as on Linux. */
static unsigned int sta_listed(const struct kvm_vcpu *vcpu, unsigned long num)
{
	(void)num;
	return vcpu->sbi_ext >> KVM_RISCV_SBI_EXT_STA & 1 ? ULONG_SIZE : 0;
}

const struct reg_group reg_groups_state[2] = {
	{ .type = KVM_REG_RISCV_SBI_STATE | KVM_REG_RISCV_SBI_STA,
	  .check = state_check,
	  .get = sta_reg_get,
	  .set = sta_reg_set,
	  .listed = sta_listed,
	  .count = sizeof(struct kvm_riscv_sbi_sta) / sizeof(unsigned long) },
	{ .type = KVM_REG_RISCV_SBI_STATE | KVM_LATER_REG_SBI_FWFT,
	  .check = state_check,
	  .get = fwft_reg_get,
	  .set = fwft_reg_set,
	  .listed = fwft_reg_listed,
	  .count = KVM_LATER_FWFT_REGS },
};
