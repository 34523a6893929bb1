// SPDX-License-Identifier: MIT
/*
 * device.c - KVM_CREATE_DEVICE and a device's descriptor, KVM_IRQ_LINE and KVM_SIGNAL_MSI.
 *
 * The only devices are interrupt controllers, and a VM has at most one. A device is part of its VM
 * and is freed with it; its descriptor holds a reference to the VM. The checks, their order and
 * their errno values are Linux's.
 */
#include <asm-generic/errno.h>
#include "hv/kvm_plic.h"
#include "irqchip/route.h"
#include "uapi/device.h"
#include "vcpu/isa.h"

/* ---- the device's descriptor -------------------------------------------------------------- */

static long device_ioctl(void *priv, unsigned int cmd, unsigned long arg)
{
	struct kvm *vm = priv;
	struct kvm_device_attr attr;
	int (*call)(struct kvm *, const struct kvm_device_attr *);

	if (!hv_mm_is_current(vm->mm))
		return -EIO;
	switch (cmd) {
	case KVM_SET_DEVICE_ATTR:
		call = vm->irqchip->set_attr;
		break;
	case KVM_GET_DEVICE_ATTR:
		call = vm->irqchip->get_attr;
		break;
	case KVM_HAS_DEVICE_ATTR:
		call = vm->irqchip->has_attr;
		break;
	default:
		return -ENOTTY;
	}
	if (hv_copy_from_user(&attr, arg, sizeof(attr)))
		return -EFAULT;
	return call(vm, &attr);
}

static long device_ioctl_traced(void *priv, unsigned int cmd, unsigned long arg)
{
	long ret;

	trace_kvm_ioctl(cmd, arg);
	ret = device_ioctl(priv, cmd, arg);
	trace_kvm_ioctl_return(cmd, ret);
	return ret;
}

static void device_release(void *priv)
{
	vm_release(priv);
}

static const struct hv_file_ops device_file_ops = {
	.ioctl = device_ioctl_traced,
	.release = device_release,
};

/* ---- KVM_CREATE_DEVICE ---------------------------------------------------------------------- */

static const struct irqchip_ops *ops_of_type(u32 type)
{
	if (type == KVM_DEV_TYPE_RISCV_AIA && isa_host_has(KVM_RISCV_ISA_EXT_SSAIA))
		return &irqchip_aia_ops;
	return type == KVM_DEV_TYPE_HS_PLIC ? &irqchip_plic_ops : NULL;
}

/*
 * vm->lock held. Returns -EBUSY if a vCPU has run or may be running: it would have started without
 * the controller.
 */
static int check_vcpus(struct kvm *vm)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;
	int err = 0;

	kvm_for_each_vcpu(i, vcpu, vm) {
		if (!hv_mutex_trylock(&vcpu->mutex))
			return -EBUSY;
		if (vcpu->ran_once)
			err = -EBUSY;
		hv_mutex_unlock(&vcpu->mutex);
		if (err)
			break;
	}
	return err;
}

/* vm->lock held. */
static int create(struct kvm *vm, const struct irqchip_ops *ops)
{
	int err;

	if (vm->irqchip)
		return -EEXIST;
	err = check_vcpus(vm);
	if (!err)
		err = ops->create(vm);
	if (!err)
		__atomic_store_n(&vm->irqchip, ops, __ATOMIC_RELEASE);
	return err;
}

static long create_device(struct kvm *vm, hva_t arg)
{
	const struct irqchip_ops *ops;
	struct kvm_create_device device;
	int ret;

	if (hv_copy_from_user(&device, arg, sizeof(device)))
		return -EFAULT;
	ops = ops_of_type(device.type);
	if (!ops)
		return -ENODEV;
	if (!(device.flags & KVM_CREATE_DEVICE_TEST)) {
		hv_mutex_lock(&vm->lock);
		ret = create(vm, ops);
		hv_mutex_unlock(&vm->lock);
		if (ret)
			return ret;
		vm_hold(vm);
		ret = hv_file_create(ops->name, &device_file_ops, vm);
		if (ret < 0) {
			/*
			 * As on Linux, the VM keeps the device, which cannot be configured
			 * anymore. Not -ENOMEM: the host would repeat the ioctl, which would then
			 * fail with -EEXIST.
			 */
			vm_release(vm);
			return ret == -ENOMEM ? -ENFILE : ret;
		}
		device.fd = (u32)ret;
	}
	return hv_copy_to_user(arg, &device, sizeof(device));
}

/* ---- lines and messages --------------------------------------------------------------------- */

long irqchip_line(struct kvm *vm, hva_t arg, bool status)
{
	struct kvm_irq_level level;
	int err;

	if (hv_copy_from_user(&level, arg, sizeof(level)))
		return -EFAULT;
	if (!irqchip_is_ready(vm))
		return irqchip_of(vm) ? -EBUSY : -ENXIO;
	trace_kvm_set_irq(level.irq, level.level != 0, 0);
	err = vm->irqchip->set_line(vm, level.irq, level.level != 0);
	if (err || !status)
		return err;
	return hv_copy_to_user(arg, &level, sizeof(level));
}

static long signal_msi(struct kvm *vm, hva_t arg)
{
	bool ready = irqchip_is_ready(vm);
	const struct irqchip_ops *ops = irqchip_of(vm); /* after `ready` (irqchip.h) */
	struct kvm_msi msi;

	if (hv_copy_from_user(&msi, arg, sizeof(msi)))
		return -EFAULT;
	if (!ops || !ops->send_msi || (msi.flags & ~(u32)KVM_MSI_VALID_DEVID))
		return -EINVAL;
	if (!ready)
		return -EBUSY;
	return ops->send_msi(vm, (gpa_t)msi.address_hi << 32 | msi.address_lo, msi.data);
}

long irqchip_ioctl(struct kvm *vm, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case KVM_SIGNAL_MSI:
		return signal_msi(vm, arg);
	case KVM_CREATE_DEVICE:
		return create_device(vm, arg);
	case KVM_IRQ_LINE_STATUS:
		return irqchip_line(vm, arg, true);
	case KVM_SET_GSI_ROUTING:
		return kvm_vm_ioctl_set_gsi_routing(vm, arg);
	default:
		return -EINVAL;
	}
}
