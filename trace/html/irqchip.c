// SPDX-License-Identifier: MIT
/*
 * irqchip.c - count interrupts of devices and MSIs, and the exits that they cost.
 *
 * An exit belongs to an interrupt if the guest accesses the interrupt controller in it, or if the
 * host interrupts the vCPU to deliver the interrupt. The accesses are recognized by their
 * addresses, so that all controllers are counted in the same way, wherever they are emulated. An
 * interrupt is a claim of the PLIC that returns a source, or an MSI. An MSI that a guest stores to
 * a guest file of a hart, and a claim of such a file, are no exits and have no events.
 */
#include <string.h>
#include "html.h"
#include "hv/bits.h"
#include "hv/cause.h"
#include "hv/csr.h"

#define MMIO_READ          1
#define MMIO_WRITE         2
#define PLIC_CONTEXTS      0x200000
#define PLIC_CONTEXT_SIZE  0x1000
#define PLIC_CONTEXT_CLAIM 4

static bool is_claim(u64 offset)
{
	return offset >= PLIC_CONTEXTS && offset % PLIC_CONTEXT_SIZE == PLIC_CONTEXT_CLAIM;
}

static enum html_irq_work work_of_access(struct html_run *run, const struct html_event *event)
{
	char device[HST_NAME_SIZE];
	u64 offset = event->arg[1] - hst_device(run->file, event->arg[1], device, sizeof(device));

	if (!strncmp(device, "imsic", 5))
		return event->arg[0] == MMIO_WRITE ? HTML_IRQ_SEND : HTML_IRQ_REGISTER;
	if (!strcmp(device, "aplic"))
		return HTML_IRQ_REGISTER;
	if (strcmp(device, "plic"))
		return HTML_IRQ_NONE;
	if (!is_claim(offset))
		return HTML_IRQ_REGISTER;
	if (event->arg[0] == MMIO_WRITE)
		return HTML_IRQ_COMPLETE;
	run->irqchip.plic += event->arg[0] == MMIO_READ && event->arg[2];
	return HTML_IRQ_CLAIM;
}

/*
 * True if the event raises the external interrupt in an exit that an interrupt of the host caused.
 * In an exit for another reason, the delivery costs no exit.
 */
static bool is_kick(const struct html_event *event, struct html_vcpu *vcpu)
{
	bool was = vcpu->external;

	vcpu->external = event->arg[0] & BIT(IRQ_VS_EXT);
	return vcpu->external && !was && (vcpu->exit.is.scause & CAUSE_IRQ_FLAG);
}

/* Return what the event tells about the exit of its vCPU. */
static enum html_irq_work work_of(struct html_run *run, const struct html_event *event,
				  struct html_vcpu *vcpu)
{
	switch (event->kind) {
	case HTML_MMIO:
		return work_of_access(run, event);
	case HTML_STOPEI:
		return HTML_IRQ_CLAIM;
	case HTML_CSR:
		return event->arg[0] == CSR_sireg ? HTML_IRQ_REGISTER : HTML_IRQ_NONE;
	case HTML_INJECT:
		return is_kick(event, vcpu) ? HTML_IRQ_KICK : HTML_IRQ_NONE;
	default:
		return HTML_IRQ_NONE;
	}
}

void html_irqchip_event(struct html_run *run, const struct html_event *event)
{
	struct html_vcpu *vcpu = event->who ? html_vcpu_of(&run->vcpus, event->who) : NULL;
	enum html_irq_work work;

	if (event->kind == HTML_MSI)
		run->irqchip.msis[event->arg[0] != 0]++;
	if (!vcpu)
		return;
	work = work_of(run, event, vcpu);
	if (work != HTML_IRQ_NONE)
		vcpu->exit.irq_work = work;
}

void html_irqchip_price(struct html_run *run, enum html_irq_work work, u64 cost)
{
	run->irqchip.work[work].exits++;
	if (cost == HST_NO_COST)
		return;
	run->irqchip.work[work].priced++;
	run->irqchip.work[work].sum += cost;
	if (cost > run->irqchip.work[work].max)
		run->irqchip.work[work].max = cost;
}
