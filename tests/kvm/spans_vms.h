// SPDX-License-Identifier: MIT
/* spans_vms.h - VMs with many vCPUs, interrupt routes and slots, for spans.c. */
#ifndef TESTS_KVM_SPANS_VMS_H
#define TESTS_KVM_SPANS_VMS_H

#include "guest.h"
#include "hv/kvm_plic.h"

#define PLIC_GPA    0x0c000000UL
#define IMSIC_GPA   0x28000000UL
#define REGIONS_GPA (512UL << 30)
#define SOURCES     1023
#define ROUTES      4096

/* Functions for OP_CALL. */
extern const char absent_harts[], share_source[], vms_code_end[];
__asm__(".section .rodata\n"
	".balign 8\n"
	"absent_harts:\n" /* a remote SFENCE.VMA for 64 harts, none of which exists */
	"	li	a7, 0x52464e43\n"
	"	li	a6, 1\n"
	"	li	a0, -1\n"
	"	li	a1, 900\n"
	"	li	a2, 0\n"
	"	li	a3, 4096\n"
	"	ecall\n"
	"	ret\n"
	"share_source:\n" /* enable the PLIC's last source in 32 contexts, and set its priority */
	"	li	t0, 0x0c0020fc\n"
	"	li	t1, 32\n"
	"	li	t2, -1\n"
	"1:	sw	t2, (t0)\n"
	"	addi	t0, t0, 0x100\n"
	"	addi	t1, t1, -1\n"
	"	bnez	t1, 1b\n"
	"	li	t0, 0x0c000ffc\n"
	"	sw	t2, (t0)\n"
	"	ret\n"
	"vms_code_end:\n"
	".previous\n");

static void call(const char *function)
{
	memcpy(user(DATA), function, (size_t)(vms_code_end - function));
	must(guest(OP_CALL, DATA).exit == KVM_EXIT_RISCV_SBI, "a call in the guest");
}

/* The VM keeps a vCPU whose descriptor is closed. */
static void make_vm_of(unsigned int n)
{
	unsigned int i;

	make_vm();
	for (i = MAX_VCPUS; i < n; i++)
		must(close(ioctl(vm, KVM_CREATE_VCPU, i)) == 0, "KVM_CREATE_VCPU");
}

static void absent(unsigned int n)
{
	make_vm_of(n);
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's first call");
	call(absent_harts);
	end_vm();
}

static void set_attr(int device, uint32_t group, uint64_t attr, uint64_t value)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)&value };

	must(ioctl(device, KVM_SET_DEVICE_ATTR, &a) == 0, "KVM_SET_DEVICE_ATTR");
}

static void many_routes(void)
{
	struct kvm_irq_routing *routing =
		calloc(1, sizeof(*routing) + ROUTES * sizeof(routing->entries[0]));
	uint32_t i;

	must(routing != NULL, "routes");
	routing->nr = ROUTES;
	for (i = 0; i < ROUTES; i++) {
		routing->entries[i].gsi = i;
		routing->entries[i].type = KVM_IRQ_ROUTING_IRQCHIP;
	}
	must(ioctl(vm, KVM_SET_GSI_ROUTING, routing) == 0, "KVM_SET_GSI_ROUTING");
	free(routing);
}

static void set_line(uint32_t level)
{
	struct kvm_irq_level line = { { SOURCES }, level };

	must(ioctl(vm, KVM_IRQ_LINE, &line) == 0, "KVM_IRQ_LINE");
}

/* A PLIC whose last source is enabled in 32 contexts (docs/caveats.md has the time for more). */
static void many_contexts(unsigned int n)
{
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_HS_PLIC };
	int plic;

	make_vm_of(n);
	must(ioctl(vm, KVM_CREATE_DEVICE, &device) == 0, "KVM_CREATE_DEVICE");
	plic = (int)device.fd;
	set_attr(plic, KVM_DEV_HS_PLIC_GRP_CONFIG, KVM_DEV_HS_PLIC_CONFIG_SOURCES, SOURCES);
	set_attr(plic, KVM_DEV_HS_PLIC_GRP_ADDR, KVM_DEV_HS_PLIC_ADDR_BASE, PLIC_GPA);
	set_attr(plic, KVM_DEV_HS_PLIC_GRP_CTRL, KVM_DEV_HS_PLIC_CTRL_INIT, 0);
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's first call");
	set_line(1);
	call(share_source);
	set_line(0);
	set_line(1);
	many_routes();
	close(plic);
	end_vm();
}

/* An AIA, if the hart has Ssaia. */
static void many_imsics(unsigned int n)
{
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_RISCV_AIA };
	int aia;
	unsigned int i;

	make_vm_of(n);
	if (ioctl(vm, KVM_CREATE_DEVICE, &device)) {
		must(errno == ENODEV, "KVM_CREATE_DEVICE");
		end_vm();
		return;
	}
	aia = (int)device.fd;
	set_attr(aia, KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_CONFIG_HART_BITS, 10);
	for (i = 0; i < n; i++)
		set_attr(aia, KVM_DEV_RISCV_AIA_GRP_ADDR, KVM_DEV_RISCV_AIA_ADDR_IMSIC(i),
			 IMSIC_GPA + i * PAGE);
	set_attr(aia, KVM_DEV_RISCV_AIA_GRP_CTRL, KVM_DEV_RISCV_AIA_CTRL_INIT, 0);
	close(aia);
	end_vm();
}

/* Add n slots in ascending order, move one of them, and end the VM. */
static void many_regions(unsigned int n)
{
	unsigned int i;

	make_vm();
	for (i = 1; i <= n; i++)
		must(set_slot(i, REGIONS_GPA + 2 * i * PAGE, PAGE, memory, 0) == 0, "a slot");
	must(set_slot(1, REGIONS_GPA, PAGE, memory, 0) == 0, "the slot's move");
	end_vm();
}

#endif
