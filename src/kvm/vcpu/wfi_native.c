// SPDX-License-Identifier: MIT
/*
 * wfi_native.c - the guest idles the hart itself, as long as no other thread wants it.
 *
 * With hstatus.VTW = 0, the guest's WFI does not exit (H §2.1): the hart waits in VS until an
 * interrupt arrives, the guest's own or the host's. To the host, the vCPU seems to run all the
 * time. Kicks and timers reach it as they reach a guest that computes, and the event that it waits
 * for needs no wake-up. But the host could not tell that the hart is idle when another thread
 * becomes ready to run on it. So the vCPU's WFI exits (wfi.c) from then until no other thread wants
 * the hart. On the bare-metal host, a thread becomes ready on this hart only by an interrupt or by
 * code that the hart itself executes, so the guest is not running at that moment, and its next entry
 * loads the new hstatus. On Linux, another hart can also make a thread ready, which then may have to
 * wait for the next interrupt.
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
