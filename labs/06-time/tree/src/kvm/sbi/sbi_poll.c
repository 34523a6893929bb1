// SPDX-License-Identifier: MIT
/*
 * sbi_poll.c - let a guest observe how its vCPU waits, and call the student's rule for the
 * polling window. This file is complete: there is nothing to write here.
 *
 * Real hypervisors do not offer such an interface. This one does because the tests of lab 6 are
 * guests that check how the student's functions handle a wait.
 */
#include "exit/exit.h"
#include "kvm.h"
#include "vcpu/poll_own.h"
#include "vcpu/timer.h"

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

/*
 * Put the vCPU and load it again, as if another VM with its own time offset and no timer had run on
 * the hart in between. While the vCPU is put, function 5 reads the hart's vstimecmp (TIMER_NEVER
 * without Sstc), and 6 reads the vCPU's timer and sets it to a0. Returns the timer that was read.
 */
static long leave_and_return(struct kvm_vcpu *vcpu, unsigned long fid)
{
	u64 timer = TIMER_NEVER;

	vcpu_put(vcpu);
	csr_write64(htimedelta, 0);
	if (fid == 6) {
		timer = vcpu->timer_ops->get(vcpu);
		vcpu->timer_ops->set(vcpu, vcpu->guest.gpr[GPR_A0]);
	} else if (hv_isa_has("sstc")) {
		timer = csr_read64(vstimecmp);
	}
	vcpu_load(vcpu);
	return (long)timer;
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
	} else if (fid == 5 || fid == 6) {
		ret->value = leave_and_return(vcpu, fid);
	} else if (fid == 7) {
		ret->value = (long)vcpu->timer_ops->get(vcpu);
	} else if (fid == 8) {
		ret->value = (long)stats->halt_wakeup;
	} else if (fid == 9) {
		ret->value = (long)READ_ONCE(vcpu->kvm->vcpus[0]->stats.blocking);
	} else {
		ret->error = SBI_ERR_NOT_SUPPORTED;
	}
	return RESUME_GUEST;
}
