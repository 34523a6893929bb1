// SPDX-License-Identifier: MIT
/*
 * irqchip.h - a VM's interrupt controller in the kernel: the interface of its variants.
 *
 * A VM has at most one, which user space creates as a device (KVM_CREATE_DEVICE, uapi/device.c),
 * configures through attributes and then initializes. Without one, user space emulates a controller
 * and drives each vCPU's external interrupt with KVM_INTERRUPT.
 *
 * KVM_IRQ_LINE, KVM_SIGNAL_MSI, irqfds and stores of the guest change lines and send MSIs only
 * through the operations below.
 */
#ifndef KVM_IRQCHIP_H
#define KVM_IRQCHIP_H

#include "kvm.h"

struct csr_access;

struct irqchip_ops {
	const char *name; /* of the device's descriptor */
	/*
	 * Prepare the VM's state for attributes. Called with vm->lock held, before any vCPU has
	 * run. Returns 0 or -errno.
	 */
	int (*create)(struct kvm *vm);
	void (*destroy)(struct kvm *vm); /* with the VM, when no vCPU is left */

	/*
	 * The device's attributes (struct kvm_device_attr): the value is in the calling process's
	 * memory, at attr->addr. Call without locks; may sleep. Returns 0 or -errno; has_attr()
	 * returns -ENXIO if there is no such attribute.
	 */
	int (*set_attr)(struct kvm *vm, const struct kvm_device_attr *attr);
	int (*get_attr)(struct kvm *vm, const struct kvm_device_attr *attr);
	int (*has_attr)(struct kvm *vm, const struct kvm_device_attr *attr);

	/*
	 * The next three are called only once vm->irqchip_ready is set, in any context: they do
	 * not sleep. Load vm->irqchip after vm->irqchip_ready, because the initialization may
	 * change it.
	 */
	/* Set the level of an input. Returns 0, or -errno if there is no such input. */
	int (*set_line)(struct kvm *vm, u32 pin, bool level);
	/* An edge at an input, by an irqfd without resampling. Returns as set_line(). */
	int (*pulse)(struct kvm *vm, u32 pin);
	/* A store of 32 bits by a device. Returns 0 or -errno; NULL: there are no MSIs. */
	int (*send_msi)(struct kvm *vm, gpa_t gpa, u32 data);

	/*
	 * Offer an access of the guest to an address without memory. Returns false if the address
	 * does not belong to the controller, or if user space has to handle the access; this
	 * depends only on the address and the width, and does not change. *data is the value to be
	 * stored, or receives the one loaded. Called by the vCPU's own thread, once
	 * vm->irqchip_ready is set, while the vCPU is loaded; does not sleep. A change of the
	 * vCPU's own lines is in hvip when it returns.
	 */
	bool (*mmio)(struct kvm_vcpu *vcpu, gpa_t gpa, unsigned int len, bool is_store, u64 *data);
	/*
	 * Carry out the guest's access to stopei, or to sireg while siselect, whose value is
	 * `select`, does not select priorities. Returns 0 with the old value in *value, -ENOENT if
	 * user space has to answer, or -EINVAL if the access is illegal. Called as mmio(), with the
	 * same rule for the vCPU's own lines. NULL: user space answers.
	 */
	int (*access_csr)(struct kvm_vcpu *vcpu, unsigned long select,
			  const struct csr_access *access, unsigned long *value);
	/*
	 * The same for guest interrupt file `file` of a vCPU with H. The file exists. Here, -ENOENT
	 * means that it has no such register. A change of the file's interrupt is in
	 * nested_host.hgeip when the function returns.
	 */
	int (*access_guest_file)(struct kvm_vcpu *vcpu, unsigned int file, unsigned long select,
				 const struct csr_access *access, unsigned long *value);
	/*
	 * The vCPU is being reset, by a start of the guest's (SBI HSM; hsm_lock is held) or by
	 * user space: reset the state that belongs to the vCPU. Called once vm->irqchip_ready is
	 * set; does not sleep. NULL: there is none.
	 */
	void (*reset_vcpu)(struct kvm_vcpu *vcpu);
	/*
	 * The vCPU is being loaded on this hart, or put. Called if vcpu->guest_file is set, by the
	 * vCPU's own thread, before hvip is loaded and before it is saved; neither sleeps. load()
	 * only marks a change of the vCPU's own lines: the caller calls vcpu_flush_irqs().
	 */
	void (*load)(struct kvm_vcpu *vcpu);
	void (*put)(struct kvm_vcpu *vcpu);
	/*
	 * The hart begins (true) or ends a WFI with the vCPU loaded: an interrupt for the vCPU has
	 * to end it. Called if vcpu->guest_file is set.
	 */
	void (*idle)(bool begins);
	/*
	 * User space has set all of the vCPU's interrupt lines, by a reset or through sip: set those
	 * that the controller drives to what it asserts. Called once vm->irqchip_ready is set, with the
	 * vCPU's mutex held.
	 */
	void (*reset_lines)(struct kvm_vcpu *vcpu);
	/*
	 * Serve REQ_RESAMPLE, which only a controller with this function sets: irqfd_resample_rest().
	 */
	void (*resample_rest)(struct kvm_vcpu *vcpu);
};

extern const struct irqchip_ops irqchip_plic_ops;
extern const struct irqchip_ops irqchip_aia_ops; /* only if the hart has Ssaia */

/* Return the operations of the VM's controller, or NULL. Any thread. */
static inline const struct irqchip_ops *irqchip_of(const struct kvm *vm)
{
	return __atomic_load_n(&vm->irqchip, __ATOMIC_ACQUIRE);
}

/* True once the controller is initialized. From then on, it is part of the VM until its end. */
static inline bool irqchip_is_ready(const struct kvm *vm)
{
	return __atomic_load_n(&vm->irqchip_ready, __ATOMIC_ACQUIRE);
}

#endif
