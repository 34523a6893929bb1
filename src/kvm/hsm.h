// SPDX-License-Identifier: MIT
/*
 * hsm.h - which vCPUs run (hsm.c): SBI HSM and KVM_SET_MP_STATE.
 */
#ifndef KVM_HSM_H
#define KVM_HSM_H

#include "kvm.h"

void hsm_power_on(struct kvm_vcpu *vcpu);  /* any thread: KVM_SET_MP_STATE */
void hsm_power_off(struct kvm_vcpu *vcpu); /* any thread */
/* Any thread. Start a stopped vCPU at pc with a1 = opaque; false: it was not stopped. */
bool hsm_start(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque);
bool hsm_is_stopped(struct kvm_vcpu *vcpu);
/* Its own thread. The next entry is at pc, after a reset, as if another vCPU had started it. */
void hsm_reset_self(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque);
bool hsm_start_is_pending(struct kvm_vcpu *vcpu);
/*
 * The registers of a vCPU that was started, even if its thread has not been in KVM_RUN since: a VMM
 * that saves it has to see those that it starts with. Under the vCPU's mutex.
 */
void hsm_settle(struct kvm_vcpu *vcpu);
/* REQ_HSM: wait while stopped (-EINTR: a signal), then reset if it was started. */
int hsm_serve(struct kvm_vcpu *vcpu);

#endif
