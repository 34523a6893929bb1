// SPDX-License-Identifier: MIT
/*
 * sbi_poll.c - a guest looks at how its vCPU waits, and the rule of lab 6 is in force. Given; nothing
 * to write.
 *
 * No hypervisor tells its guest that. This one does so that a test, which is a guest, can see what the
 * functions of lab 6 have made of its waits.
 */
#include "exit.h"
#include "kvm.h"
#include "poll_own.h"
#include "timer.h"

void poll_own_adapt(struct kvm_vcpu *vcpu, u64 waited, u32 most)
{
	u32 old = vcpu->halt_poll_ns, ns = poll_own_next(old, waited, most, &vcpu->poll_streak);

	vcpu->halt_poll_ns = ns;
	if (ns != old)
		trace_kvm_halt_poll_ns(ns > old, ns, old);
}

static long next_of(const unsigned long *gpr)
{
	u32 streak = (u32)gpr[GPR_A0 + 3];
	u64 next = poll_own_next((u32)gpr[GPR_A0], gpr[GPR_A0 + 1], (u32)gpr[GPR_A0 + 2], &streak);

	return (long)(next | (u64)streak << 32);
}

int sbi_poll(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	const unsigned long *gpr = vcpu->guest.gpr;
	const struct vcpu_stats *stats = &vcpu->stats;

	(void)ext;
	if (fid == 0) {
		ret->value = (long)vcpu->halt_poll_ns;
	} else if (fid == 1) {
		vcpu->halt_poll_ns = (u32)gpr[GPR_A0];
		vcpu->poll_streak = 0;
	} else if (fid == 2) {
		ret->value = next_of(gpr);
	} else if (fid == 3) {
		ret->value = (long)timer_guest_time(vcpu->kvm);
	} else if (fid == 4) {
		ret->value = (long)(gpr[GPR_A0] ? stats->halt_poll_fail_ns
						: stats->halt_poll_success_ns);
	} else {
		ret->error = SBI_ERR_NOT_SUPPORTED;
	}
	return RESUME_GUEST;
}
