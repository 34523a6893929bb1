// SPDX-License-Identifier: MIT
/*
 * irqchip.c - the machine's interrupt controller: which one, and how devices reach it.
 *
 * The PLIC of plic.c is part of the VMM and works on every KVM. The others are in the kernel: the
 * PLIC of plic_kernel.c and the APLIC without IMSICs (aia.c) on hyperscope only, the AIA of aia.c
 * on hosts whose harts have an AIA. All have the same sources, so a device does not know which one
 * it is connected to. Without --irqchip, a VMM on hyperscope takes the setting of the host's
 * toggle `irqchip`; anywhere else, it takes the PLIC in the VMM.
 */
#include <stdio.h>
#include <string.h>
#include "state.h"

/* The toggle's file on the bare-metal host, and on Linux with the module. kvm.ko has no such file. */
#define TOGGLE_FILE        "/sys/module/kvm/parameters/irqchip"
#define MODULE_TOGGLE_FILE "/sys/module/hyperscope/parameters/irqchip"

static const struct irqchip_ops *const irqchips[] = { &irqchip_user_plic, &irqchip_kernel_plic,
						      &irqchip_aia_emul, &irqchip_aia_hwaccel,
						      &irqchip_aia_direct };

void irqchip_attribute(int fd, unsigned long request, u32 group, u64 number, void *value)
{
	struct kvm_device_attr attr = {
		.group = group,
		.attr = number,
		.addr = (uintptr_t)value,
	};
	char name[80];

	snprintf(name, sizeof(name), "KVM_%s_DEVICE_ATTR, group %u, attribute 0x%llx",
		 request == KVM_SET_DEVICE_ATTR ? "SET" : "GET", group, (unsigned long long)number);
	kvm_call_named(fd, request, name, (unsigned long)&attr);
}

static const struct irqchip_ops *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(irqchips); i++) {
		if (!strcmp(name, irqchips[i]->name))
			return irqchips[i];
	}
	return NULL;
}

const struct irqchip_ops *irqchip_parse(const char *name)
{
	const struct irqchip_ops *ops = find(name);

	if (!ops)
		die(STATUS_USAGE,
		    "--irqchip %s: must be user_plic, kernel_plic, aia_emul, aia_hwaccel or "
		    "aia_direct",
		    name);
	return ops;
}

/* The host's setting, or the PLIC in the VMM if the host has no such toggle. */
static const struct irqchip_ops *default_irqchip(void)
{
	const struct irqchip_ops *ops = NULL;
	FILE *file = fopen(TOGGLE_FILE, "re");
	char name[32];

	if (!file)
		file = fopen(MODULE_TOGGLE_FILE, "re");
	if (file && fscanf(file, "%31s", name) == 1)
		ops = find(name);
	if (file)
		fclose(file);
	return ops ? ops : &irqchip_user_plic;
}

void irqchip_init(struct machine *m)
{
	m->irqchip = m->options.irqchip ? m->options.irqchip : default_irqchip();
	m->irqchip->init(m);
}

void irqchip_start(struct machine *m)
{
	if (m->irqchip->start)
		m->irqchip->start(m);
}

void irqchip_reset(struct machine *m)
{
	m->irqchip->reset(m);
}

void irqchip_report(struct machine *m)
{
	if (m->irqchip->report)
		m->irqchip->report(m);
}

void irq_set_level(struct machine *m, unsigned int source, bool level)
{
	m->irqchip->set_level(m, source, level);
}

void irqchip_state(void *of, struct state *s)
{
	struct machine *m = of;

	m->irqchip->state(m, s);
}
