// SPDX-License-Identifier: MIT
/*
 * observe.h - what events need beyond a call where something happens (observe.c).
 */
#ifndef KVM_OBSERVE_H
#define KVM_OBSERVE_H

#include "kvm.h"

/* Right before the world switch, while kvm_irq_take is on. */
void vcpu_observe_entry(struct kvm_vcpu *vcpu);
/* How a VM's exits are handled with toggle switch=fast, and with switch=full. */
extern const struct exit_ops exit_minimal_ops, exit_full_ops;

#endif
