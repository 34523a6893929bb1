// SPDX-License-Identifier: MIT
/*
 * bus.h - stores that the kernel takes itself: what ioeventfd.c and coalesced.c hang into a VM.
 */
#ifndef KVM_BUS_H
#define KVM_BUS_H

#include "kvm.h"

/* Only KVM_BUS_MMIO is ever written to: RISC-V has neither ports nor channels. */
enum kvm_bus_kind {
	KVM_BUS_MMIO,
	KVM_BUS_PIO,
	KVM_BUS_CHANNEL,
};

struct bus_device {
	gpa_t gpa;
	u32 len;   /* bytes; 0: the address alone matters */
	bool gone; /* bus_sweep() takes it off */
	/*
	 * A store near the device's range, into which the device has to look: true if it takes it.
	 * Holds bus_lock; no sleep.
	 */
	bool (*store)(struct kvm *vm, struct bus_device *dev, gpa_t gpa, unsigned int len,
		      u64 data);
};

#define BUS_MAX_ZONES 1000 /* coalesced zones on one bus, as on Linux */

/* 0: a device took the store; -ENOENT: it is user space's. Any vCPU thread. */
int bus_store(struct kvm *vm, gpa_t gpa, unsigned int len, u64 data);
/* Holds bus_lock. -ENOSPC: too many zones are there; -ENOMEM. */
int bus_add(struct kvm *vm, enum kvm_bus_kind kind, struct bus_device *dev);
/* Holds bus_lock. Whatever is `gone` is off the bus on return, and its owner's to free. */
void bus_sweep(struct kvm *vm, enum kvm_bus_kind kind);
void bus_vm_destroy(struct kvm *vm); /* after its devices */

/* coalesced.c */
int coalesced_vm_init(struct kvm *vm);
void coalesced_vm_destroy(struct kvm *vm);
int kvm_vm_ioctl_register_coalesced(struct kvm *vm, const struct kvm_coalesced_mmio_zone *zone);
int kvm_vm_ioctl_unregister_coalesced(struct kvm *vm, const struct kvm_coalesced_mmio_zone *zone);

/* ioeventfd.c */
int kvm_vm_ioctl_ioeventfd(struct kvm *vm, const struct kvm_ioeventfd *args);
void ioeventfd_vm_destroy(struct kvm *vm);

/* irqfd.c */
int kvm_vm_ioctl_irqfd(struct kvm *vm, const struct kvm_irqfd *args);
void irqfd_vm_destroy(struct kvm *vm);

/* The VM ioctls about interrupts, and what no other knows (-EINVAL). */
long irqchip_ioctl(unsigned int cmd, unsigned long arg);

#endif
