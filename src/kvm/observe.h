// SPDX-License-Identifier: MIT
/*
 * observe.h - what events need beyond a call where something happens (observe.c).
 */
#ifndef KVM_OBSERVE_H
#define KVM_OBSERVE_H

#include "exit.h"

/*
 * The hart works for this vCPU now: records name it, and its exits take the way that the events want,
 * which may have been switched meanwhile. Its own thread.
 */
void vcpu_observe(struct kvm_vcpu *vcpu);
/* The handler of a VM's exits when nobody observes them: toggle switch. */
exit_fn *exit_handler_of(const struct kvm *vm);
/* Right before the world switch, while kvm_irq_take or sample is on. */
void vcpu_observe_entry(struct kvm_vcpu *vcpu);
/* kvm_vcpu_wake: a wait is over, of which so long was spent polling. */
void vcpu_observe_wake(struct kvm_vcpu *vcpu, u64 polled_ns);

#endif
