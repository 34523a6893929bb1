// SPDX-License-Identifier: MIT
/*
 * bus.h - in-kernel devices that take stores: ioeventfds and coalesced-MMIO zones.
 */
#ifndef KVM_BUS_H
#define KVM_BUS_H

#include "kvm.h"

/* Only KVM_BUS_MMIO receives stores: RISC-V has neither I/O ports nor channels. */
enum kvm_bus_kind {
	KVM_BUS_MMIO,
	KVM_BUS_PIO,
	KVM_BUS_CHANNEL,
};

struct bus_device {
	gpa_t gpa;
	u32 len;   /* bytes; 0: an ioeventfd for stores of any width, or an empty zone */
	bool gone; /* to be removed by bus_sweep() */
	/*
	 * Offer a store whose address may be in the device's range. The function itself checks
	 * whether the store matches, and returns true if the device takes the store. Any vCPU
	 * thread may call it, several at once. It must not sleep, and takes no mutex.
	 */
	bool (*store)(struct kvm *vm, struct bus_device *dev, gpa_t gpa, unsigned int len,
		      u64 data);
};

#define BUS_MAX_ZONES 1000 /* limit of coalesced zones on one bus, as on Linux */

/*
 * Offer a store to the VM's devices. Returns 0 if a device has taken it, or -ENOENT if user space
 * has to handle it. Called by the vCPU's thread.
 */
int bus_store(struct kvm_vcpu *vcpu, gpa_t gpa, unsigned int len, u64 data);
/* Could a zone take a store? Any thread. */
static inline bool bus_has_zones(const struct kvm *vm)
{
	return READ_ONCE(vm->bus[KVM_BUS_MMIO].zones) != 0;
}
/*
 * Add a device to the VM's bus of this kind. Call with slots_lock held. Returns 0, -ENOSPC if the
 * bus already has BUS_MAX_ZONES zones (even if the device is not a zone), or -ENOMEM.
 */
int bus_add(struct kvm *vm, enum kvm_bus_kind kind, struct bus_device *dev);
/*
 * Remove every device that is `gone`. On return, no vCPU uses it, and its owner may free it. Call
 * with slots_lock held, and with no spinlock that a device's store() takes.
 */
void bus_sweep(struct kvm *vm, enum kvm_bus_kind kind);
void bus_vm_destroy(struct kvm *vm); /* called after all devices of the VM have been freed */

/* coalesced.c */
int coalesced_vm_init(struct kvm *vm);
void coalesced_vm_destroy(struct kvm *vm);
int kvm_vm_ioctl_register_coalesced(struct kvm *vm, const struct kvm_coalesced_mmio_zone *zone);
int kvm_vm_ioctl_unregister_coalesced(struct kvm *vm, const struct kvm_coalesced_mmio_zone *zone);

/* ioeventfd.c */
int kvm_vm_ioctl_ioeventfd(struct kvm *vm, const struct kvm_ioeventfd *args);
void ioeventfd_vm_destroy(struct kvm *vm);

#endif
