// SPDX-License-Identifier: MIT
/*
 * counters.h - who reads cycle and instret as long as the vCPU has not used its PMU.
 *
 * The two variants of toggle `counters`. From the first SBI PMU call on both CSRs are
 * the PMU's under either (pmu_claim()).
 */
#ifndef KVM_COUNTERS_H
#define KVM_COUNTERS_H

#include "kvm.h"
#include "toggle.h"

struct counter_ops {
	unsigned long hcounteren; /* which of the hart's counters VS reads itself */
	/* cycle or instret has trapped: 0 and its value, or -ENOENT: it is illegal. */
	int (*read)(const struct kvm_vcpu *vcpu, u64 *value);
};

extern const struct counter_ops counters_pass_ops, counters_trap_ops;

static inline const struct counter_ops *counters_of(const struct kvm *vm)
{
	return vm->toggle[TOGGLE_counters] ? &counters_trap_ops : &counters_pass_ops;
}

#endif
