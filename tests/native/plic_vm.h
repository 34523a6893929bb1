// SPDX-License-Identifier: MIT
/*
 * plic_vm.h - a VM with three vCPUs and a PLIC in the kernel, for native tests.
 */
#ifndef NATIVE_PLIC_VM_H
#define NATIVE_PLIC_VM_H

#include "hv/kvm_plic.h"
#include "irqchip/plic.h"
#include "irqchip/route.h"
#include "device_vm.h"

#define BASE    0x0c000000UL
#define SOURCES 70 /* three words, the last one not full */

#define PRIORITY(source)     (4 * (source))
#define PENDING(source)      (0x1000 + (source) / 32 * 4)
#define LEVEL(source)        (KVM_DEV_HS_PLIC_STATE_LEVEL + (source) / 32 * 4)
#define SERVICE(source)      (KVM_DEV_HS_PLIC_STATE_SERVICE + (source) / 32 * 4)
#define EDGE(source)         (KVM_DEV_HS_PLIC_STATE_EDGE + (source) / 32 * 4)
#define ENABLE(vcpu, source) (0x2000 + (2 * (vcpu) + 1) * 0x80 + (source) / 32 * 4)
#define THRESHOLD(vcpu)      (0x200000 + (2 * (vcpu) + 1) * 0x1000)
#define CLAIM(vcpu)          (THRESHOLD(vcpu) + 4)

static inline u32 state_of(u64 offset)
{
	assert_int_equal(attr(KVM_GET_DEVICE_ATTR, KVM_DEV_HS_PLIC_GRP_STATE, offset, 0), 0);
	return *(u32 *)native_user(NATIVE_USER_BASE + 256);
}

static inline long set_state(u64 offset, u32 value)
{
	return set_attr(KVM_DEV_HS_PLIC_GRP_STATE, offset, value);
}

static inline long create_device(void)
{
	return create_device_of(KVM_DEV_TYPE_HS_PLIC);
}

static inline long init_device(void)
{
	return set_attr(KVM_DEV_HS_PLIC_GRP_CTRL, KVM_DEV_HS_PLIC_CTRL_INIT, 0);
}

/* A VM with VCPUS vCPUs, of which the last has an id apart from the others', but no device. */
static inline int setup_bare(void **state)
{
	(void)state;
	one_vm_ready(NULL, NATIVE_GUEST_BASE);
	vcpus[0] = vm.vcpu;
	vcpus[1] = native_vcpu_make(&vm, 1);
	vcpus[2] = native_vcpu_make(&vm, 5);
	device = -1;
	return 0;
}

static inline int make_plic(void)
{
	return create_device() || set_attr(KVM_DEV_HS_PLIC_GRP_CONFIG, 0, SOURCES) ||
	       set_attr(KVM_DEV_HS_PLIC_GRP_ADDR, 0, BASE) || init_device();
}

/* A VM with one vCPU. */
static inline int setup_one(void **state)
{
	(void)state;
	one_vm_ready(NULL, NATIVE_GUEST_BASE);
	vcpus[0] = vm.vcpu;
	return make_plic();
}

static inline int setup(void **state)
{
	setup_bare(state);
	return make_plic();
}

static inline u32 load(u64 offset)
{
	u64 data = ~0ULL;

	assert_true(vm.vm->irqchip->mmio(vcpus[0], BASE + offset, 4, false, &data));
	return (u32)data;
}

static inline void store(u64 offset, u32 value)
{
	u64 data = value;

	assert_true(vm.vm->irqchip->mmio(vcpus[0], BASE + offset, 4, true, &data));
}

static inline long irq_line(u32 gsi, u32 level)
{
	struct kvm_irq_level args = { .irq = gsi, .level = level };

	return native_ioctl(vm.vm_fd, KVM_IRQ_LINE, to_user(0, &args, sizeof(args)));
}

#define CASE(claim)      cmocka_unit_test_setup_teardown(claim, setup, end)
#define CASE_BARE(claim) cmocka_unit_test_setup_teardown(claim, setup_bare, end)

#endif
