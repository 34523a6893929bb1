// SPDX-License-Identifier: MIT
/*
 * plic_kernel.c - the PLIC in the kernel (--irqchip kernel_plic), which only hyperscope has.
 *
 * The guest sees the same PLIC as with plic.c, and a saved machine has the same contents, so it
 * can be restored with either of the two. struct plic is used only while a machine is saved or
 * restored: its registers are copied from the kernel before a save, and to the kernel after a
 * restore. The device and its attributes: src/include/hv/kvm_plic.h.
 */
#include <string.h>
#include <unistd.h>
#include "../include/hv/kvm_plic.h"
#include "state.h"

/* Offsets of the registers that are saved. Sources 0 to 31 are in the first word of each array. */
#define PRIORITY(source) (4ull * (source))
#define PENDING          0x1000ull
#define ENABLE(vcpu)     (0x2000ull + (2 * (vcpu) + 1) * 0x80)
#define THRESHOLD(vcpu)  (0x200000ull + (2 * (vcpu) + 1) * 0x1000)

static void init(struct machine *m)
{
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_HS_PLIC };
	int err;

	m->plic.machine = m;
	err = kvm_try(m->vm_fd, KVM_CREATE_DEVICE, (unsigned long)&device);
	if (err == -ENODEV)
		die(STATUS_USAGE,
		    "--irqchip kernel_plic: this host's KVM has no PLIC; try user_plic");
	if (err)
		die(STATUS_SETUP, "KVM_CREATE_DEVICE, PLIC: %s (errno %d)", strerror(-err), -err);
	m->plic.fd = device.fd;
}

static void attribute(struct machine *m, unsigned long request, u32 group, u64 number, void *value)
{
	irqchip_attribute(m->plic.fd, request, group, number, value);
}

static void start(struct machine *m)
{
	u32 sources = PLIC_SOURCES - 1;
	u64 base = PLIC_BASE;

	attribute(m, KVM_SET_DEVICE_ATTR, KVM_DEV_HS_PLIC_GRP_CONFIG,
		  KVM_DEV_HS_PLIC_CONFIG_SOURCES, &sources);
	attribute(m, KVM_SET_DEVICE_ATTR, KVM_DEV_HS_PLIC_GRP_ADDR, KVM_DEV_HS_PLIC_ADDR_BASE,
		  &base);
	attribute(m, KVM_SET_DEVICE_ATTR, KVM_DEV_HS_PLIC_GRP_CTRL, KVM_DEV_HS_PLIC_CTRL_INIT,
		  NULL);
}

/* Move every register between `plic` and the kernel, in the direction of the request. */
static void move_registers(struct machine *m, unsigned long request)
{
	struct plic *plic = &m->plic;
	const struct {
		u64 offset;
		u32 *value;
	} words[] = {
		{ KVM_DEV_HS_PLIC_STATE_LEVEL, &plic->level },
		{ KVM_DEV_HS_PLIC_STATE_SERVICE, &plic->in_service },
		{ PENDING, &plic->pending },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		attribute(m, request, KVM_DEV_HS_PLIC_GRP_STATE, words[i].offset, words[i].value);
	for (unsigned int i = 1; i < PLIC_SOURCES; i++)
		attribute(m, request, KVM_DEV_HS_PLIC_GRP_STATE, PRIORITY(i), &plic->priority[i]);
	for (unsigned int i = 0; i < m->options.vcpus; i++) {
		attribute(m, request, KVM_DEV_HS_PLIC_GRP_STATE, THRESHOLD(i),
			  &plic->context[i].threshold);
		attribute(m, request, KVM_DEV_HS_PLIC_GRP_STATE, ENABLE(i),
			  &plic->context[i].enable);
	}
}

static void reset(struct machine *m)
{
	int fd = m->plic.fd;

	m->plic = (struct plic){ .machine = m, .fd = fd };
	move_registers(m, KVM_SET_DEVICE_ATTR);
}

static void set_level(struct machine *m, unsigned int source, bool level)
{
	struct kvm_irq_level line = { .irq = source, .level = level };

	kvm_call(m->vm_fd, KVM_IRQ_LINE, &line);
}

static void state(struct machine *m, struct state *s)
{
	if (!s->loading)
		move_registers(m, KVM_GET_DEVICE_ATTR);
	plic_registers(&m->plic, s);
	if (s->loading && !s->bad)
		move_registers(m, KVM_SET_DEVICE_ATTR);
}

const struct irqchip_ops irqchip_kernel_plic = {
	.name = "kernel_plic",
	.section = "plic",
	.init = init,
	.start = start,
	.reset = reset,
	.set_level = set_level,
	.state = state,
};
