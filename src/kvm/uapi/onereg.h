// SPDX-License-Identifier: MIT
/*
 * onereg.h - the register groups of KVM_{GET,SET}_ONE_REG: rows of onereg.c's table.
 */
#ifndef KVM_ONEREG_H
#define KVM_ONEREG_H

#include "kvm.h"

#define ULONG_SIZE ((unsigned int)sizeof(unsigned long))

/*
 * Registers of one type and subtype. `num` is the id without architecture, size, type and subtype.
 * check() gets all bits of `num`, so that it can refuse every number that Linux refuses.
 */
struct reg_group {
	u64 type; /* KVM_REG_RISCV_* with subtype */
	/*
	 * Check that there is a register `num` of `size` bytes. Returns 0, -ENOENT or -EINVAL.
	 * Whether the number or the size is checked first differs from group to group, as it does
	 * on Linux.
	 */
	int (*check)(const struct kvm_vcpu *vcpu, u64 num, unsigned int size);
	/*
	 * Return 0, -ENOENT (there is no such register after all), -EINVAL or -EBUSY. num has
	 * passed check().
	 */
	int (*get)(struct kvm_vcpu *vcpu, unsigned long num, u64 *value);
	int (*set)(struct kvm_vcpu *vcpu, unsigned long num, u64 value);
	/*
	 * For KVM_GET_REG_LIST: return the size of register `num` in bytes, or 0 if it is not
	 * listed. num < count.
	 */
	unsigned int (*listed)(const struct kvm_vcpu *vcpu, unsigned long num);
	unsigned long count;
	/* Once the vCPU has run, a write of the right size gives -EBUSY, whatever the number. */
	bool frozen_by_run;
	/*
	 * For registers wider than a u64, in place of get and set: return a pointer to the
	 * register's bytes, or NULL for a register that get and set access. The member is NULL in
	 * groups without wide registers.
	 */
	void *(*wide)(struct kvm_vcpu *vcpu, unsigned long num);
};

/* For the check() of most groups: check the size first, then the number. */
static inline int reg_check_ulong(u64 num, u64 count, unsigned int size)
{
	if (size != ULONG_SIZE)
		return -EINVAL;
	return num < count ? 0 : -ENOENT;
}

/* A listed() for groups that list all their registers, each ULONG_SIZE bytes wide. */
unsigned int reg_always_ulong(const struct kvm_vcpu *vcpu, unsigned long num);

extern const struct reg_group reg_groups_csr[4];   /* onereg_csr.c: general, AIA, smstateen, H */
extern const struct reg_group reg_group_vector;    /* onereg_vector.c */
extern const struct reg_group reg_groups_isa[3];   /* onereg_isa.c: single, enable, disable */
extern const struct reg_group reg_groups_sbi[3];   /* onereg_isa.c: the same three for SBI */
extern const struct reg_group reg_groups_state[2]; /* onereg_sbi.c: STA, FWFT */
extern const struct reg_group reg_group_config;    /* onereg_isa.c */
extern const struct reg_group reg_group_pmu;       /* onereg_pmu.c */

/* onereg.c */
int onereg_get(struct kvm_vcpu *vcpu, const struct kvm_one_reg *reg);
int onereg_set(struct kvm_vcpu *vcpu, const struct kvm_one_reg *reg);
int onereg_list(struct kvm_vcpu *vcpu, hva_t user_list);

#endif
