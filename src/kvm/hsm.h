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
/* Its own thread: its guest asks for it. It is stopped from the next entry on. */
void hsm_stop_self(struct kvm_vcpu *vcpu);
/* Its own thread. The next entry is at pc, after a reset, as if another vCPU had started it. */
void hsm_reset_self(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque);
bool hsm_start_is_pending(struct kvm_vcpu *vcpu);
/*
 * Do a reset that is pending, before user space reads or writes a register. The vCPU was started, or
 * suspends the system, and its thread has not been in KVM_RUN since: a VMM that saves it has to see
 * the registers that it starts with, and those that a VMM sets are not to be overwritten. With the
 * vCPU's mutex.
 */
void hsm_settle(struct kvm_vcpu *vcpu);
/*
 * KVM_MP_STATE_INIT_RECEIVED: registers and interrupt lines as after KVM_CREATE_VCPU, and no start
 * pending. The vCPU stays stopped or runnable. With its mutex.
 */
void hsm_reset_by_user(struct kvm_vcpu *vcpu);
/* REQ_HSM: wait while stopped (-EINTR: a signal), then reset if it was started. */
int hsm_serve(struct kvm_vcpu *vcpu);

#endif
