/* SPDX-License-Identifier: MIT */
/*
 * irqfd_lab.h - connect irqfds to the external lines of vCPUs
 */
#ifndef KVM_IRQFD_LAB_H
#define KVM_IRQFD_LAB_H

#include "kvm.h"

/*
 * Called when an irqfd's eventfd is signaled, in any context and under the eventfd's lock. Must not
 * sleep or call hv_event_*().
 */
void irqfd_lab_raise(struct kvm *vm, u32 gsi);
/*
 * Called instead of vcpu_clear_irq() when user space lowers the vCPU's line with
 * KVM_INTERRUPT_UNSET, if the VM has an irqfd. May sleep.
 */
void irqfd_lab_lower(struct kvm_vcpu *vcpu);

/* In irqfd.c: call fn for each irqfd that has a resample eventfd. May sleep; fn must not. */
void irqfd_lab_each(struct kvm *vm, void (*fn)(void *arg, u32 gsi, struct hv_event *resample),
		    void *arg);

#endif
