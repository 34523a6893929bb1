// SPDX-License-Identifier: MIT
/*
 * onereg.h - one group of KVM_{GET,SET}_ONE_REG: what onereg.c's table points to.
 */
#ifndef KVM_ONEREG_H
#define KVM_ONEREG_H

#include "kvm.h"

/*
 * Registers of one type and subtype. `num` is the id without architecture, size,
 * type and subtype. get and set: 0, -ENOENT (no such register), -EINVAL, -EBUSY.
 */
struct reg_group {
	u64 type; /* KVM_REG_RISCV_* with subtype */
	/* The size of register `num` as bytes; 0: this vCPU has no such register. */
	unsigned int (*size)(const struct kvm_vcpu *vcpu, unsigned long num);
	int (*get)(struct kvm_vcpu *vcpu, unsigned long num, u64 *value);
	int (*set)(struct kvm_vcpu *vcpu, unsigned long num, u64 value);
	unsigned long count; /* nums to try for KVM_GET_REG_LIST; 0: none is listed */
};

extern const struct reg_group reg_groups_isa[3]; /* onereg_isa.c: single, enable, disable */
extern const struct reg_group reg_groups_sbi[3]; /* onereg_isa.c, the same three of SBI */
extern const struct reg_group reg_group_config;  /* onereg_isa.c */

#endif
