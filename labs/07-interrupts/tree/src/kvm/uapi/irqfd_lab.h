/* SPDX-License-Identifier: MIT */
/*
 * irqfd_lab.h - connect irqfds to the external lines of vCPUs
 */
#ifndef KVM_IRQFD_LAB_H
#define KVM_IRQFD_LAB_H

#include "kvm.h"

/*
 * Called at a signal of the eventfd, in any context, under the eventfd's lock: must not sleep or
 * call hv_event_*().
 */
void irqfd_lab_raise(struct kvm *vm, u32 gsi);
/* Called when user space lowers the vCPU's line with KVM_INTERRUPT_UNSET. May sleep. */
void irqfd_lab_lower(struct kvm_vcpu *vcpu);

/* In irqfd.c: call fn for each irqfd that has a resample eventfd. May sleep; fn must not. */
void irqfd_lab_each(struct kvm *vm, void (*fn)(void *arg, u32 gsi, struct hv_event *resample),
		    void *arg);

#endif
