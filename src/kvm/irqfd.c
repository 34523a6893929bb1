// SPDX-License-Identifier: MIT
/*
 * irqfd.c - the ioctls that need an interrupt controller in the kernel; there is none.
 *
 * The VMM emulates the PLIC and raises the line by KVM_INTERRUPT, so there is nothing
 * that an eventfd, an MSI or a routed line could be wired to. The answers are those of
 * Linux for a VM without its AIA device, in its order of checks: a VMM that asks finds
 * out in the way it knows, and no capability claims otherwise.
 */
#include "kvm.h"

static long irqfd(hva_t arg)
{
	struct kvm_irqfd args;
	struct hv_event *event;
	int err;

	if (hv_copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~(u32)(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	err = hv_event_get((int)args.fd, &event);
	if (err)
		return err;
	hv_event_put(event);
	/*
	 * Taking off what was never put on is no error. To put on would be one even where
	 * Linux takes it: its events would lead nowhere.
	 */
	return args.flags & KVM_IRQFD_FLAG_DEASSIGN ? 0 : -EAGAIN;
}

static long signal_msi(hva_t arg)
{
	struct kvm_msi msi;

	return hv_copy_from_user(&msi, arg, sizeof(msi)) ? -EFAULT : -EINVAL;
}

static long create_device(hva_t arg)
{
	struct kvm_create_device device;

	return hv_copy_from_user(&device, arg, sizeof(device)) ? -EFAULT : -ENODEV;
}

static long irq_line(hva_t arg)
{
	struct kvm_irq_level level;

	return hv_copy_from_user(&level, arg, sizeof(level)) ? -EFAULT : -ENXIO;
}

static long set_gsi_routing(hva_t arg)
{
	struct kvm_irq_routing routing;

	return hv_copy_from_user(&routing, arg, sizeof(routing)) ? -EFAULT : -EINVAL;
}

long irqchip_ioctl(unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case KVM_IRQFD:
		return irqfd(arg);
	case KVM_SIGNAL_MSI:
		return signal_msi(arg);
	case KVM_CREATE_DEVICE:
		return create_device(arg);
	case KVM_IRQ_LINE:
	case KVM_IRQ_LINE_STATUS:
		return irq_line(arg);
	case KVM_SET_GSI_ROUTING:
		return set_gsi_routing(arg);
	default:
		return -EINVAL;
	}
}
