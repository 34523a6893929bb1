// SPDX-License-Identifier: MIT
/*
 * observe.h - trace events that need more than one call site (observe.c).
 */
#ifndef KVM_OBSERVE_H
#define KVM_OBSERVE_H

#include "kvm.h"

/* Called right before the world switch; does nothing unless kvm_irq_take is on. */
void vcpu_observe_entry(struct kvm_vcpu *vcpu);
/* The exit handlers of a VM: the first with toggle switch=minimal, the second with switch=full. */
extern const struct exit_ops exit_minimal_ops, exit_full_ops;
/* Those of a vCPU with H while nested.on is set (nested_exit.c). */
extern const struct exit_ops exit_nested_ops;

#endif
