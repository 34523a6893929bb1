// SPDX-License-Identifier: MIT
/*
 * counters_pass.c - the guest reads the hart's own cycle and instret, and nothing exits.
 *
 * They count the host's share, too, and tell a guest how much of its time others had: that is
 * what a measuring guest wants, and what one that must not know is given the other variant for.
 */
#include "vcpu/counters.h"

/* What traps all the same is user mode's, where the guest's scounteren does not allow it. */
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
