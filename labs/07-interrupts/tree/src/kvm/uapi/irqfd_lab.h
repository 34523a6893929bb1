/* SPDX-License-Identifier: MIT */
/*
 * irqfd_lab.h - where an irqfd of this lab leads: to the external line of a vCPU.
 */
#ifndef KVM_IRQFD_LAB_H
#define KVM_IRQFD_LAB_H

#include "kvm.h"

/* Its eventfd was signalled. Any context, under the eventfd's lock: no sleep, no hv_event_*(). */
void irqfd_lab_raise(struct kvm *vm, u32 gsi);
/* User space lowers the vCPU's line: KVM_INTERRUPT_UNSET. May sleep. */
void irqfd_lab_lower(struct kvm_vcpu *vcpu);

/* irqfd.c: fn for each irqfd that has a resample eventfd. May sleep; fn must not. */
void irqfd_lab_each(struct kvm *vm, void (*fn)(void *arg, u32 gsi, struct hv_event *resample),
		    void *arg);

#endif
