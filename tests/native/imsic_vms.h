// SPDX-License-Identifier: MIT
/*
 * imsic_vms.h - VMs whose IMSICs are in guest interrupt files, what is expected of these IMSICs,
 * the steps of hardware, guest and core that test_imsic_guest.c is made of, and its checks.
 */
#ifndef NATIVE_IMSIC_VMS_H
#define NATIVE_IMSIC_VMS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "irqchip/aia.h"
#include "native.h"
#include "vcpu/hsm.h"

#define VMS         2
#define VCPUS       2 /* per VM */
#define ALL         (VMS * VCPUS)
#define HARTS       3
#define IMSIC_BASE  0x30000000UL
#define WORDS       2 /* of a VM's IMSICs; the files have more */
#define NOT_LOADED  (~0U)
#define SCRATCH_HVA (NATIVE_USER_BASE + 0x100000)

/* The predicted state of a vCPU's IMSIC. */
struct expected {
	u64 pending[WORDS], enabled[WORDS], threshold;
	bool delivery;
	unsigned int hart; /* or NOT_LOADED */
};

static struct native_vm vms[VMS];
static struct kvm_vcpu *vcpus[ALL];
static struct expected expected[ALL];
static int device[VMS];
/* Of the VMs that make_vm() makes. */
static gpa_t imsic_base = IMSIC_BASE;
static u32 nr_ids = 64 * WORDS - 1;

static inline struct kvm *vm_of(unsigned int v)
{
	return vms[v / VCPUS].vm;
}

static inline struct imsic *imsic_of(unsigned int v)
{
	return vm_of(v)->aia->imsic[v % VCPUS];
}

static inline gpa_t page_of(unsigned int v)
{
	return imsic_base + v % VCPUS * PAGE_SIZE;
}

static inline long attr(unsigned int cmd, unsigned int i, u32 group, u64 number, u64 *value)
{
	struct kvm_device_attr args = { .group = group, .attr = number, .addr = SCRATCH_HVA + 256 };
	long ret;

	memcpy(native_user(SCRATCH_HVA), &args, sizeof(args));
	memcpy(native_user(SCRATCH_HVA + 256), value, sizeof(*value));
	ret = native_ioctl(device[i], cmd, SCRATCH_HVA);
	memcpy(value, native_user(SCRATCH_HVA + 256), sizeof(*value));
	return ret;
}

static inline void set_attr(unsigned int i, u32 group, u64 number, u64 value)
{
	assert_int_equal(attr(KVM_SET_DEVICE_ATTR, i, group, number, &value), 0);
}

static inline void make_vm(unsigned int i)
{
	struct kvm_create_device create = { .type = KVM_DEV_TYPE_RISCV_AIA };
	u64 id;

	native_vm_open(&vms[i]);
	for (id = 0; id < VCPUS; id++)
		vcpus[i * VCPUS + id] = native_vcpu_make(&vms[i], (unsigned int)id);
	memcpy(native_user(SCRATCH_HVA), &create, sizeof(create));
	assert_int_equal(native_ioctl(vms[i].vm_fd, KVM_CREATE_DEVICE, SCRATCH_HVA), 0);
	device[i] = (int)((struct kvm_create_device *)native_user(SCRATCH_HVA))->fd;
	set_attr(i, KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_CONFIG_IDS, nr_ids);
	set_attr(i, KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_CONFIG_HART_BITS, 1);
	set_attr(i, KVM_DEV_RISCV_AIA_GRP_ADDR, KVM_DEV_RISCV_AIA_ADDR_APLIC, 0x20000000);
	for (id = 0; id < VCPUS; id++)
		set_attr(i, KVM_DEV_RISCV_AIA_GRP_ADDR, KVM_DEV_RISCV_AIA_ADDR_IMSIC(id),
			 imsic_base + id * PAGE_SIZE);
	set_attr(i, KVM_DEV_RISCV_AIA_GRP_CTRL, KVM_DEV_RISCV_AIA_CTRL_INIT, 0);
}

static inline int setup(void **state)
{
	unsigned int i;

	(void)state;
	native_reset();
	native_harts_set(HARTS);
	native_isa_set("h f d ssaia");
	native_guest_files_set(true);
	native_core_start();
	native_user_map(NATIVE_USER_BASE, 4UL << 20, 0);
	for (i = 0; i < VMS; i++)
		make_vm(i);
	for (i = 0; i < ALL; i++) {
		WRITE_ONCE(vcpus[i]->hsm_stopped, false);
		expected[i] = (struct expected){ .hart = NOT_LOADED };
	}
	return 0;
}

/* ---- what hardware, guest and core do ----------------------------------------------------- */

static inline unsigned int vcpu_on(unsigned int hart)
{
	unsigned int v;

	for (v = 0; v < ALL && expected[v].hart != hart; v++)
		;
	return v;
}

/* Load the vCPU and enter the guest, as run.c does. */
static inline void load(unsigned int v, unsigned int hart)
{
	struct kvm_vcpu *vcpu = vcpus[v];

	native_hart_set(hart);
	expected[v].hart = hart;
	vcpu_load_csrs(vcpu);
	vmid_update(vcpu);
	tlb_serve(vcpu, __atomic_exchange_n(&vcpu->requests, 0, __ATOMIC_ACQUIRE));
	__atomic_store_n(&vcpu->mode, VCPU_IN_GUEST, __ATOMIC_RELEASE);
}

static inline void put(unsigned int v)
{
	native_hart_set(expected[v].hart);
	expected[v].hart = NOT_LOADED;
	__atomic_store_n(&vcpus[v]->mode, VCPU_OUTSIDE, __ATOMIC_RELEASE);
	vcpu_put_csrs(vcpus[v]);
}

/* The guest's settings, and an MSI that is pending. */
static inline void use_file(unsigned int v)
{
	struct native_guest_file *file = native_guest_file(expected[v].hart);

	expected[v].enabled[1] = file->enabled[1] = BIT(5) | BIT(9);
	expected[v].pending[1] = file->pending[1] = BIT(9);
	expected[v].threshold = file->threshold = 64 + 20;
	file->delivery = true;
	expected[v].delivery = true;
}

/* The vCPU exits and executes a HART_STOP of its guest. */
static inline void stop(unsigned int v)
{
	native_hart_set(expected[v].hart);
	__atomic_store_n(&vcpus[v]->mode, VCPU_OUTSIDE, __ATOMIC_RELEASE);
	hsm_stop_self(vcpus[v]);
}

/* Another vCPU starts it. */
static inline void start(unsigned int v)
{
	assert_true(hsm_start(vcpus[v], NATIVE_GUEST_BASE, 0));
	expected[v] = (struct expected){ .hart = expected[v].hart };
}

/* The thread of a loaded vCPU performs the reset, and then puts the vCPU. */
static inline void settle(unsigned int v)
{
	native_hart_set(expected[v].hart);
	hsm_settle(vcpus[v]);
	put(v);
	hv_sched_hook_set(NULL);
}

static inline bool guest_file_has(gpa_t page, u32 id)
{
	hpa_t pa;

	return native_gstage_access(page, NATIVE_STORE, &pa) == 0 &&
	       native_guest_file_store(pa, id);
}

/* The guest of a vCPU that is loaded on this hart stores an id to the page of vCPU v. */
static inline void guest_store(unsigned int v, u32 id)
{
	struct kvm_vcpu *self = vcpus[vcpu_on(hv_hart())];
	u64 data = id;

	if (!guest_file_has(page_of(v), id))
		assert_true(vm_of(v)->irqchip->mmio(self, page_of(v), 4, true, &data));
}

static inline void expect_msi(unsigned int v, u32 id)
{
	expected[v].pending[id / 64] |= BIT(id % 64);
}

static inline u32 top_expected(const struct expected *e)
{
	u32 id;

	for (id = 1; id < 64 * WORDS && !(e->threshold && id >= e->threshold); id++) {
		if (e->pending[id / 64] & e->enabled[id / 64] & BIT(id % 64))
			return id;
	}
	return 0;
}

/* ---- checks ---------------------------------------------------------------------------------- */

static inline void check_hart(unsigned int hart)
{
	static const struct native_guest_file empty;
	unsigned int v = vcpu_on(hart);
	unsigned long vgein;

	native_hart_set(hart);
	vgein = FIELD_GET(HSTATUS_VGEIN, csr_read(hstatus));
	assert_int_equal(vgein, v < ALL);
	if (v == ALL) {
		assert_memory_equal(native_guest_file(hart), &empty, sizeof(empty));
		return;
	}
	assert_int_equal(FIELD_GET(HSTATUS_VGEIN, vcpus[v]->guest.hstatus), 1);
	assert_false(csr_read(hvip) & BIT(IRQ_VS_EXT)); /* the file drives the line */
	assert_int_equal(!!(csr_read(vsip) & BIT(IRQ_S_EXT)),
			 expected[v].delivery && native_guest_file_top(hart));
}

static inline void check_vcpu(unsigned int v)
{
	const struct expected *e = &expected[v];
	const struct imsic *imsic = imsic_of(v);
	const struct native_guest_file *file;

	assert_int_equal(imsic->file_hart, e->hart);
	if (e->hart != NOT_LOADED) {
		file = native_guest_file(e->hart);
		assert_memory_equal(file->pending, e->pending, sizeof(e->pending));
		assert_memory_equal(file->enabled, e->enabled, sizeof(e->enabled));
		assert_int_equal(file->threshold, e->threshold);
		assert_int_equal(file->delivery, e->delivery);
		return;
	}
	assert_memory_equal(imsic->file.pending, e->pending, sizeof(e->pending));
	assert_memory_equal(imsic->file.enabled, e->enabled, sizeof(e->enabled));
	assert_int_equal(imsic->file.threshold, e->threshold);
	assert_int_equal(imsic->file.delivery, e->delivery);
	assert_int_equal(!!(vcpus[v]->irq_pending & BIT(IRQ_VS_EXT)),
			 e->delivery && top_expected(e));
	assert_int_equal(FIELD_GET(HSTATUS_VGEIN, vcpus[v]->guest.hstatus), 0);
}

static inline int end(void **state)
{
	unsigned int i;

	(void)state;
	native_guest_file_hook = NULL;
	for (i = 0; i < ALL; i++) {
		if (expected[i].hart != NOT_LOADED)
			put(i);
	}
	for (i = 0; i < VMS; i++) {
		native_close(device[i]);
		native_vm_free(&vms[i]);
	}
	native_user_exit();
	assert_int_equal(native_objects_in_use(), 0);
	assert_int_equal(native_pages_in_use(), 0);
	return 0;
}

#endif
