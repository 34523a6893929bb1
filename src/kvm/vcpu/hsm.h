// SPDX-License-Identifier: MIT
/*
 * hsm.h - which vCPUs run (hsm.c): SBI HSM and KVM_SET_MP_STATE.
 */
#ifndef KVM_HSM_H
#define KVM_HSM_H

#include "kvm.h"

void hsm_power_on(struct kvm_vcpu *vcpu);  /* any thread: KVM_SET_MP_STATE */
void hsm_power_off(struct kvm_vcpu *vcpu); /* any thread */
/*
 * Any thread. Start a stopped vCPU at pc with a1 = opaque. Returns false if the vCPU was not
 * stopped.
 */
bool hsm_start(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque);
bool hsm_is_stopped(struct kvm_vcpu *vcpu);
/* The vCPU's own thread, for its guest. The vCPU is stopped from the next entry on. */
void hsm_stop_self(struct kvm_vcpu *vcpu);
/*
 * The vCPU's own thread. The next entry is at pc after a reset, as if another vCPU had started this
 * one.
 */
void hsm_reset_self(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque);
bool hsm_start_is_pending(struct kvm_vcpu *vcpu);
/*
 * Perform a pending reset, before user space reads or writes a register. A reset is pending if the
 * vCPU was started, or suspended the system, and its thread has not been in KVM_RUN since. A VMM
 * that saves the vCPU must see the registers it will start with, and registers that a VMM sets must
 * not be overwritten later. Call with the vCPU's mutex held.
 */
void hsm_settle(struct kvm_vcpu *vcpu);
/*
 * KVM_MP_STATE_INIT_RECEIVED: reset registers and interrupt lines to their state after
 * KVM_CREATE_VCPU, and cancel a pending start. The vCPU stays stopped or runnable, as it was. Call
 * with its mutex held.
 */
void hsm_reset_by_user(struct kvm_vcpu *vcpu);
/*
 * Serve REQ_HSM: wait while the vCPU is stopped, then reset the vCPU if it was started. Returns 0,
 * or -EINTR if a signal arrives.
 */
int hsm_serve(struct kvm_vcpu *vcpu);

#endif
