// SPDX-License-Identifier: MIT
/*
 * counters_trap.c - reads of cycle and instret exit, and are answered as Linux 6.12 answers them.
 *
 * If the platform has no PMU for guests, both counters always read as 0, because old guest drivers
 * read them without checking that they exist. If the platform has a PMU, a read of either counter
 * is illegal until the guest has configured that counter through SBI PMU.
 */
#include "vcpu/counters.h"

static int trap_read(const struct kvm_vcpu *vcpu, u64 *value)
{
	*value = 0;
	return vcpu->pmu ? -ENOENT : 0;
}

const struct counter_ops counters_trap_ops = {
	.hcounteren = COUNTEREN_TM,
	.read = trap_read,
};
