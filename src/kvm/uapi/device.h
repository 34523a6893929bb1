// SPDX-License-Identifier: MIT
/*
 * device.h - the VM ioctls of interrupt controllers (device.c).
 */
#ifndef KVM_DEVICE_H
#define KVM_DEVICE_H

#include "kvm.h"

/*
 * KVM_CREATE_DEVICE, KVM_IRQ_LINE_STATUS, KVM_SIGNAL_MSI, KVM_SET_GSI_ROUTING. Returns -EINVAL for
 * any other command.
 */
long irqchip_ioctl(struct kvm *vm, unsigned int cmd, unsigned long arg);
/* KVM_IRQ_LINE, which a device model uses for each interrupt; with `status`, KVM_IRQ_LINE_STATUS. */
long irqchip_line(struct kvm *vm, hva_t arg, bool status);

#endif
