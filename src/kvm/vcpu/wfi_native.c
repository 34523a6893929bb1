// SPDX-License-Identifier: MIT
/*
 * wfi_native.c - the guest idles the hart itself, as long as no other thread wants it.
 *
 * With hstatus.VTW = 0 the guest's WFI does not exit (H §2.1): the hart stands still in VS until an
 * interrupt comes, its own or the host's. For the host the vCPU runs all the time. Kicks and timers
 * reach it as they reach a guest that computes, and what it waits for needs no wake-up. But a
 * thread that is ready to run on this hart could not tell that the hart has nothing to do. So the
 * vCPU's WFI exits (wfi.c) from the time when such a thread comes until the vCPU is alone again.
 * The thread always comes by an interrupt or by this hart's own doing, so the guest is not running
 * then.
 */
#include "vcpu/wfi.h"

void wfi_native_load(struct kvm_vcpu *vcpu)
{
	if (hv_hart_wanted())
		vcpu->guest.hstatus |= HSTATUS_VTW;
	else
		vcpu->guest.hstatus &= ~HSTATUS_VTW;
}

void wfi_native_wanted(struct hv_sched_hook *hook)
{
	struct kvm_vcpu *vcpu = container_of(hook, struct kvm_vcpu, sched_hook);

	vcpu->guest.hstatus |= HSTATUS_VTW;
}
