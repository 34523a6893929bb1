// SPDX-License-Identifier: MIT
/*
 * hsm.h - which vCPUs run (hsm.c): SBI HSM and KVM_SET_MP_STATE.
 */
#ifndef KVM_HSM_H
#define KVM_HSM_H

#include "kvm.h"

void hsm_power_on(struct kvm_vcpu *vcpu);  /* any thread: KVM_MP_STATE_RUNNABLE */
void hsm_power_off(struct kvm_vcpu *vcpu); /* any thread */
/*
 * Any thread. Start a stopped vCPU at pc with a1 = opaque. Returns false if the vCPU was not
 * stopped.
 */
bool hsm_start(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque);
bool hsm_is_stopped(struct kvm_vcpu *vcpu);
/*
 * Called by the vCPU's own thread, for its guest, with the vCPU loaded. The vCPU stops before its
 * next entry.
 */
void hsm_stop_self(struct kvm_vcpu *vcpu);
/*
 * Called by the vCPU's own thread. The vCPU is reset before its next entry, which is at pc with
 * `opaque` in a1, as if another vCPU had started it.
 */
void hsm_reset_self(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque);
bool hsm_start_is_pending(struct kvm_vcpu *vcpu);
/*
 * Perform a pending reset, before user space reads or writes a register. A reset is pending if the
 * vCPU was started through SBI HSM, or has suspended the system, and KVM_RUN has not performed the
 * reset yet. A VMM that saves the vCPU must see the registers with which the vCPU will continue,
 * and registers that a VMM sets must not be overwritten later. Call with the vCPU's mutex held.
 */
void hsm_settle(struct kvm_vcpu *vcpu);
/*
 * KVM_MP_STATE_INIT_RECEIVED: reset registers and interrupt lines to their state after
 * KVM_CREATE_VCPU, and cancel a pending start. The vCPU stays stopped or runnable, as it was. Call
 * with its mutex held.
 */
void hsm_reset_by_user(struct kvm_vcpu *vcpu);
/*
 * Serve REQ_HSM: sleep while the vCPU is stopped, then perform a pending reset. Returns 0, or
 * -EINTR if a signal ends the sleep.
 */
int hsm_serve(struct kvm_vcpu *vcpu);

#endif
