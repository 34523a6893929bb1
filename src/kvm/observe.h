// SPDX-License-Identifier: MIT
/*
 * observe.h - what events need beyond a call where something happens (observe.c).
 */
#ifndef KVM_OBSERVE_H
#define KVM_OBSERVE_H

#include "exit.h"

/*
 * Events were switched since the vCPU came into this hart, or it comes now: records name it, and its
 * exits take the way that the events want. Its own thread, loaded.
 */
void vcpu_observe(struct kvm_vcpu *vcpu);
/* The handler of a VM's exits when nobody observes them: toggle switch. */
exit_fn *exit_handler_of(const struct kvm *vm);
/* Right before the world switch, while kvm_irq_take is on. */
void vcpu_observe_entry(struct kvm_vcpu *vcpu);
/* kvm_vcpu_wake: a wait is over, of which so long was spent polling. */
void vcpu_observe_wake(struct kvm_vcpu *vcpu, u64 polled_ns);

#endif
