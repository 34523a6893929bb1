// SPDX-License-Identifier: MIT
/*
 * aia_vm.h - a VM with three vCPUs and an AIA in the kernel, for native tests: with IMSICs, or with
 * direct delivery.
 */
#ifndef NATIVE_AIA_VM_H
#define NATIVE_AIA_VM_H

#include "hv/kvm_aplic.h"
#include "irqchip/aia.h"
#include "irqchip/route.h"
#include "vcpu/aia.h"
#include "vcpu/hsm.h"
#include "vcpu/irq.h"
#include "device_vm.h"

#define APLIC_BASE 0x0d000000UL
#define IMSIC_BASE 0x28000000UL
#define SOURCES    70 /* three words, the last one not full */
#define IDS        127

/* Registers of the APLIC. */
#define IDELIVERY(vcpu)  (KVM_DEV_HS_APLIC_IDC(vcpu) + KVM_DEV_HS_APLIC_IDELIVERY)
#define IFORCE(vcpu)     (KVM_DEV_HS_APLIC_IDC(vcpu) + KVM_DEV_HS_APLIC_IFORCE)
#define ITHRESHOLD(vcpu) (KVM_DEV_HS_APLIC_IDC(vcpu) + KVM_DEV_HS_APLIC_ITHRESHOLD)
#define TOPI(vcpu)       (KVM_DEV_HS_APLIC_IDC(vcpu) + KVM_DEV_HS_APLIC_TOPI)
#define CLAIMI(vcpu)     (KVM_DEV_HS_APLIC_IDC(vcpu) + KVM_DEV_HS_APLIC_CLAIMI)
#define SOURCECFG(i)     (4 * (i))
#define SETIP(word)      (0x1c00 + 4 * (word))
#define CLRIP(word)      (0x1d00 + 4 * (word))
#define SETIE(word)      (0x1e00 + 4 * (word))
#define CLRIE(word)      (0x1f00 + 4 * (word))
#define TARGET(i)        (0x3000 + 4 * (i))
#define EDGE1            4
#define LEVEL1           6

/* Hart indexes by vCPU, not in order, so that the table of pages has to be sorted. */
static const unsigned int hart_of[VCPUS] = { 2, 0, 1 };

static inline long create_device(void)
{
	return create_device_of(KVM_DEV_TYPE_RISCV_AIA);
}

static inline long init_device(void)
{
	return set_attr(KVM_DEV_RISCV_AIA_GRP_CTRL, KVM_DEV_RISCV_AIA_CTRL_INIT, 0);
}

/*
 * A VM with VCPUS vCPUs and a configured device. If guest_bits is not 0, the vCPUs have H and, if `isa`
 * contains smstateen, 2^guest_bits - 1 guest interrupt files each.
 */
static inline int setup_guests(const char *isa, u32 guest_bits)
{
	u64 i;

	one_vm_ready(isa, NATIVE_GUEST_BASE);
	vcpus[0] = vm.vcpu;
	vcpus[1] = native_vcpu_make(&vm, 1);
	vcpus[2] = native_vcpu_make(&vm, 2);
	for (i = 0; guest_bits && i < VCPUS; i++)
		native_h_add(vcpus[i]);
	if (create_device() ||
	    set_attr(KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_CONFIG_SRCS, SOURCES) ||
	    set_attr(KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_CONFIG_IDS, IDS) ||
	    set_attr(KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_CONFIG_HART_BITS, 2) ||
	    set_attr(KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_CONFIG_GUEST_BITS,
		     guest_bits) ||
	    set_attr(KVM_DEV_RISCV_AIA_GRP_ADDR, KVM_DEV_RISCV_AIA_ADDR_APLIC, APLIC_BASE))
		return -1;
	for (i = 0; i < VCPUS; i++) {
		if (set_attr(KVM_DEV_RISCV_AIA_GRP_ADDR, KVM_DEV_RISCV_AIA_ADDR_IMSIC(i),
			     IMSIC_BASE + (hart_of[i] * PAGE_SIZE << guest_bits)))
			return -1;
	}
	return 0;
}

static inline int setup_configured(void **state)
{
	(void)state;
	return setup_guests("h f d ssaia", 0);
}

static inline int setup(void **state)
{
	return setup_configured(state) || init_device();
}

static inline long set_delivery(u32 delivery)
{
	return set_attr(KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_HS_AIA_CONFIG_DELIVERY, delivery);
}

static inline int setup_direct(void **state)
{
	return setup_configured(state) || set_delivery(KVM_DEV_HS_AIA_DELIVERY_DIRECT) ||
	       init_device();
}

static inline bool guest(gpa_t gpa, bool is_store, u64 *data)
{
	return vm.vm->irqchip->mmio(vcpus[0], gpa, 4, is_store, data);
}

static inline u32 load(u64 offset)
{
	u64 data = ~0ULL;

	assert_true(guest(APLIC_BASE + offset, false, &data));
	return (u32)data;
}

static inline void store(u64 offset, u32 value)
{
	u64 data = value;

	assert_true(guest(APLIC_BASE + offset, true, &data));
}

/* The guest's csrrw, csrrs or csrrc: `mask` has the bits that are written. */
static inline u64 csr(unsigned int vcpu, unsigned int number, unsigned long select, u64 value,
		      u64 mask)
{
	struct csr_access access = { .csr = number, .new_value = value, .write_mask = mask };
	unsigned long old = 0;

	assert_int_equal(vm.vm->irqchip->access_csr(vcpus[vcpu], select, &access, &old), 0);
	return old;
}

#define CASE(claim)        cmocka_unit_test_setup_teardown(claim, setup, end)
#define CASE_DIRECT(claim) cmocka_unit_test_setup_teardown(claim, setup_direct, end)

#endif
