// SPDX-License-Identifier: MIT
/*
 * device_vm.h - a VM with three vCPUs and an interrupt controller in the kernel, for plic_vm.h and
 * aia_vm.h.
 */
#ifndef NATIVE_DEVICE_VM_H
#define NATIVE_DEVICE_VM_H

#include "one_vm.h"

#define VCPUS 3

static struct kvm_vcpu *vcpus[VCPUS];
static int device;

/* Put an ioctl's argument into user memory, where the guest's first page is. */
static inline hva_t to_user(unsigned int slot, const void *value, size_t size)
{
	hva_t hva = NATIVE_USER_BASE + slot * 256;

	memcpy(native_user(hva), value, size);
	return hva;
}

/* ONE_REG's argument for sip, with a value in user memory. */
static inline struct kvm_one_reg sip_reg(u64 value)
{
	return (struct kvm_one_reg){ .id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CSR |
					   KVM_REG_RISCV_CSR_REG(sip),
				     .addr = to_user(0, &value, sizeof(value)) };
}

static inline long attr(unsigned int cmd, u32 group, u64 number, u64 value)
{
	struct kvm_device_attr args = {
		.group = group,
		.attr = number,
		.addr = to_user(1, &value, sizeof(value)),
	};

	return native_ioctl(device, cmd, to_user(0, &args, sizeof(args)));
}

static inline long set_attr(u32 group, u64 number, u64 value)
{
	return attr(KVM_SET_DEVICE_ATTR, group, number, value);
}

static inline long create_device_of(u32 type)
{
	struct kvm_create_device args = { .type = type };
	hva_t hva = to_user(0, &args, sizeof(args));
	long ret = native_ioctl(vm.vm_fd, KVM_CREATE_DEVICE, hva);

	if (!ret)
		device = (int)((struct kvm_create_device *)native_user(hva))->fd;
	return ret;
}

static inline int end(void **state)
{
	native_close(device);
	return one_vm_end(state);
}

static inline bool line_of(struct kvm_vcpu *vcpu)
{
	vcpu_flush_irqs(vcpu);
	return vcpu->csrs.hvip & BIT(IRQ_VS_EXT);
}

#endif
