// SPDX-License-Identifier: MIT
/*
 * route.h - from a global interrupt number (GSI) to an input of the controller or to an MSI.
 */
#ifndef KVM_ROUTE_H
#define KVM_ROUTE_H

#include "irqchip.h"

struct irq_route {
	u32 type; /* KVM_IRQ_ROUTING_IRQCHIP, KVM_IRQ_ROUTING_MSI, or 0: the GSI leads nowhere */
	u32 pin;  /* the controller's input */
	gpa_t msi_address;
	u32 msi_data;
};

struct irq_routes {
	u32 nr;
	struct irq_route route[]; /* by GSI */
};

/* Return the GSI's route, of type 0 if there is none. Any context. */
struct irq_route route_of(struct kvm *vm, u32 gsi);
/*
 * Route each GSI below nr to the input of the same number. Called with vm->lock held. Returns 0 or
 * -ENOMEM.
 */
int route_set_default(struct kvm *vm, u32 nr);
int kvm_vm_ioctl_set_gsi_routing(struct kvm *vm, hva_t arg);
void route_vm_destroy(struct kvm *vm);

/* irqfd.c */
int kvm_vm_ioctl_irqfd(struct kvm *vm, const struct kvm_irqfd *args);
void irqfd_vm_destroy(struct kvm *vm);
/*
 * The guest has completed the interrupt of this input: lower the line that irqfds with a resample
 * eventfd keep high, and signal these eventfds. If there are many, the vCPU serves REQ_RESAMPLE
 * before the next entry, to signal the others. Called by the vCPU's own thread, without locks.
 */
void irqfd_resample(struct kvm_vcpu *vcpu, u32 pin);
/* Serve REQ_RESAMPLE. The request is pending again if this was not the last piece. */
void irqfd_resample_rest(struct kvm_vcpu *vcpu);

#endif
