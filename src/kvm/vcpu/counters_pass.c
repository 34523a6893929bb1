// SPDX-License-Identifier: MIT
/*
 * counters_pass.c - the guest reads the hart's own cycle and instret without an exit.
 *
 * The counters also run while the hart executes code other than the guest's, so a guest can see how
 * much the hart has done for others. A guest that makes measurements can use this; variant `trap`
 * (counters_trap.c) is for guests that must not see it.
 */
#include "vcpu/counters.h"

/* No legal read traps: VS reads both counters directly, and VU those that scounteren permits. */
static int pass_read(const struct kvm_vcpu *vcpu, u64 *value)
{
	(void)vcpu;
	*value = 0;
	return -ENOENT;
}

const struct counter_ops counters_pass_ops = {
	.hcounteren = COUNTEREN_CY | COUNTEREN_TM | COUNTEREN_IR,
	.read = pass_read,
};
