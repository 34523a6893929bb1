// SPDX-License-Identifier: MIT
/*
 * counters.h - reads of cycle and instret by a vCPU that has not used its PMU yet.
 *
 * The interface of toggle `counters` and its two variants. From the first SBI PMU call on, both
 * CSRs belong to the PMU in either variant (pmu_claim()).
 */
#ifndef KVM_COUNTERS_H
#define KVM_COUNTERS_H

#include "kvm.h"
#include "toggle.h"

struct counter_ops {
	unsigned long hcounteren; /* the hart's counters that VS reads directly */
	/*
	 * Answer a trapped read of cycle or instret: return 0 and set *value, or return -ENOENT if
	 * the read is illegal.
	 */
	int (*read)(const struct kvm_vcpu *vcpu, u64 *value);
};

extern const struct counter_ops counters_pass_ops, counters_trap_ops;

static inline const struct counter_ops *counters_of(const struct kvm *vm)
{
	return vm->toggle[TOGGLE_counters] ? &counters_trap_ops : &counters_pass_ops;
}

#endif
