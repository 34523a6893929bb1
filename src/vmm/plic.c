// SPDX-License-Identifier: MIT
/*
 * plic.c - the platform-level interrupt controller, with level-triggered sources.
 *
 * Each vCPU has two contexts, as on QEMU's `virt`: 2n is for M-mode, which a guest hart does not
 * have (the context's registers read as zero), and 2n + 1 is for S-mode. The output of an S-mode
 * context is the vCPU's external interrupt. It is set by KVM_INTERRUPT, which any thread may call
 * while the vCPU runs.
 *
 * A source goes level -> pending (gateway) -> claimed, in service -> completed. It becomes pending
 * again only after completion, and at once if its line is still high. If a line falls before the
 * claim, its request is withdrawn (PLIC §1.2 and newer QEMUs let a stale claim through). A claim
 * returns only a source above the threshold (as in QEMU; by PLIC §8, the claim would ignore the
 * threshold).
 *
 * Register map: PLIC §3.
 */
#include <string.h>
#include "state.h"

#define PRIORITY_END   (4 * PLIC_SOURCES)
#define PENDING        0x1000
#define ENABLE         0x2000
#define ENABLE_STRIDE  0x80
#define CONTEXT        0x200000
#define CONTEXT_STRIDE 0x1000
#define CONTEXT_CLAIM  4

#define PRIORITY_MAX 7

static bool is_s_context(const struct plic *plic, u64 number)
{
	return number % 2 == 1 && number / 2 < plic->machine->options.vcpus;
}

/*
 * Return the enabled pending source with the highest priority above the threshold; among equals,
 * the one with the lowest number. 0 if there is none.
 */
static unsigned int best_source(const struct plic *plic, const struct plic_context *context)
{
	/* lab 7: write best_source: the source that this context would be interrupted for */
	u32 candidates = plic->pending & context->enable;
	u32 best_priority = context->threshold;
	unsigned int best = 0;

	for (unsigned int source = 1; source < PLIC_SOURCES && candidates >> source; source++) {
		if (candidates >> source & 1 && plic->priority[source] > best_priority) {
			best = source;
			best_priority = plic->priority[source];
		}
	}
	return best;
	/* lab 7 end */
}

/* Report to KVM every output that has changed. */
static void update(struct plic *plic)
{
	/* lab 7: write update: call KVM_INTERRUPT for each context whose output has changed */
	for (unsigned int i = 0; i < plic->machine->options.vcpus; i++) {
		struct plic_context *context = &plic->context[i];
		bool raise = best_source(plic, context) != 0;
		struct kvm_interrupt irq = { raise ? KVM_INTERRUPT_SET : KVM_INTERRUPT_UNSET };

		if (raise == context->raised)
			continue;
		context->raised = raise;
		kvm_call(plic->machine->vcpus[i].fd, KVM_INTERRUPT, &irq);
	}
	/* lab 7 end */
}

/*
 * Report the output of vCPU i's context, again if it was raised before. KVM of Linux forgets the level
 * when it resets a vCPU, because SBI HSM starts it or it resumes from a system suspend. The VMM does
 * not learn of this, but a driver then stores to the context's registers, to set it up again.
 */
static void update_again(struct plic *plic, unsigned int i)
{
	struct kvm_interrupt irq = { KVM_INTERRUPT_SET };
	bool was_raised = plic->context[i].raised;

	update(plic);
	if (was_raised && plic->context[i].raised)
		kvm_call(plic->machine->vcpus[i].fd, KVM_INTERRUPT, &irq);
}

static void plic_set_level(struct plic *plic, unsigned int source, bool level)
{
	u32 bit = 1u << source;

	lock_take(&plic->lock);
	/* lab 7: write the gateway: update the source whose line rises or falls */
	if (level) {
		plic->level |= bit;
		plic->pending |= bit & ~plic->in_service;
	} else {
		plic->level &= ~bit;
		plic->pending &= ~bit;
	}
	/* lab 7 end */
	update(plic);
	lock_release(&plic->lock);
}

static u32 claim(struct plic *plic, struct plic_context *context)
{
	/* lab 7: write claim: take this context's best source into service, until its completion */
	unsigned int source = best_source(plic, context);

	if (source) {
		plic->pending &= ~(1u << source);
		plic->in_service |= 1u << source;
		update(plic);
	}
	return source;
	/* lab 7 end */
}

/* A completion by a context that has not enabled the source is ignored (PLIC §9). */
static void complete(struct plic *plic, struct plic_context *context, u64 source)
{
	/* lab 7: write complete: let the gateway forward this source again */
	if (source == 0 || source >= PLIC_SOURCES || !(context->enable >> source & 1))
		return;
	plic->in_service &= ~(1u << source);
	plic->pending |= plic->level & 1u << source;
	update(plic);
	/* lab 7 end */
}

static u32 read_locked(struct plic *plic, u64 offset)
{
	struct plic_context *context;
	u64 number;

	if (offset < PRIORITY_END)
		return plic->priority[offset / 4];
	if (offset == PENDING)
		return plic->pending;
	if (offset >= ENABLE && offset < CONTEXT) {
		number = (offset - ENABLE) / ENABLE_STRIDE;
		if (is_s_context(plic, number) && (offset - ENABLE) % ENABLE_STRIDE == 0)
			return plic->context[number / 2].enable;
		return 0;
	}
	number = (offset - CONTEXT) / CONTEXT_STRIDE;
	if (offset < CONTEXT || !is_s_context(plic, number))
		return 0;
	context = &plic->context[number / 2];
	switch ((offset - CONTEXT) % CONTEXT_STRIDE) {
	case 0:
		return context->threshold;
	case CONTEXT_CLAIM:
		return claim(plic, context);
	}
	return 0;
}

static void write_locked(struct plic *plic, u64 offset, u32 value)
{
	struct plic_context *context;
	u64 number;

	if (offset >= 4 && offset < PRIORITY_END) {
		plic->priority[offset / 4] = value & PRIORITY_MAX;
		update(plic);
	} else if (offset >= ENABLE && offset < CONTEXT) {
		number = (offset - ENABLE) / ENABLE_STRIDE;
		if (!is_s_context(plic, number) || (offset - ENABLE) % ENABLE_STRIDE)
			return;
		plic->context[number / 2].enable = value & ~1u;
		update_again(plic, number / 2);
	} else if (offset >= CONTEXT) {
		number = (offset - CONTEXT) / CONTEXT_STRIDE;
		if (!is_s_context(plic, number))
			return;
		context = &plic->context[number / 2];
		switch ((offset - CONTEXT) % CONTEXT_STRIDE) {
		case 0:
			context->threshold = value & PRIORITY_MAX;
			update_again(plic, number / 2);
			break;
		case CONTEXT_CLAIM:
			complete(plic, context, value);
			break;
		}
	}
}

/*
 * Registers are 32 bits wide. Accesses with another width or at an unaligned offset read zero and
 * change nothing.
 */
static u64 plic_read(void *device, u64 offset, unsigned int len)
{
	struct plic *plic = device;
	u32 value;

	if (len != 4 || offset % 4)
		return 0;
	lock_take(&plic->lock);
	value = read_locked(plic, offset);
	lock_release(&plic->lock);
	return value;
}

static void plic_write(void *device, u64 offset, u64 value, unsigned int len)
{
	struct plic *plic = device;

	if (len != 4 || offset % 4)
		return;
	lock_take(&plic->lock);
	write_locked(plic, offset, (u32)value);
	lock_release(&plic->lock);
}

void plic_reset(struct plic *plic)
{
	lock_take(&plic->lock);
	plic->level = 0;
	plic->pending = 0;
	plic->in_service = 0;
	memset(plic->priority, 0, sizeof(plic->priority));
	for (unsigned int i = 0; i < MAX_VCPUS; i++) {
		plic->context[i].enable = 0;
		plic->context[i].threshold = 0;
	}
	update(plic);
	lock_release(&plic->lock);
}

/*
 * KVM learns the levels of its interrupt lines only from the PLIC, so set all of the levels again
 * after a restore.
 */
static void update_lines(struct plic *plic)
{
	for (unsigned int i = 0; i < plic->machine->options.vcpus; i++) {
		struct kvm_interrupt irq = { KVM_INTERRUPT_UNSET };

		plic->context[i].raised = false;
		kvm_call(plic->machine->vcpus[i].fd, KVM_INTERRUPT, &irq);
	}
	update(plic);
}

void plic_registers(struct plic *plic, struct state *s)
{
	STATE(s, plic->level);
	STATE(s, plic->pending);
	STATE(s, plic->in_service);
	STATE(s, plic->priority);
	for (unsigned int i = 0; i < plic->machine->options.vcpus; i++) {
		STATE(s, plic->context[i].enable);
		STATE(s, plic->context[i].threshold);
	}
}

static void state(struct machine *m, struct state *s)
{
	struct plic *plic = &m->plic;

	lock_take(&plic->lock);
	plic_registers(plic, s);
	if (s->loading && !s->bad)
		update_lines(plic);
	lock_release(&plic->lock);
}

void plic_init(struct plic *plic, struct machine *m)
{
	plic->machine = m;
	bus_add(&m->bus, &(struct region){
				 .name = "plic",
				 .base = PLIC_BASE,
				 .size = PLIC_SIZE,
				 .device = plic,
				 .read = plic_read,
				 .write = plic_write,
			 });
}

static void init(struct machine *m)
{
	plic_init(&m->plic, m);
}

static void reset(struct machine *m)
{
	plic_reset(&m->plic);
}

/* For a guest that sets up no context after KVM has reset a vCPU. */
static void report(struct machine *m)
{
	struct plic *plic = &m->plic;

	lock_take(&plic->lock);
	for (unsigned int i = 0; i < m->options.vcpus; i++)
		update_again(plic, i);
	lock_release(&plic->lock);
}

static void set_level(struct machine *m, unsigned int source, bool level)
{
	plic_set_level(&m->plic, source, level);
}

const struct irqchip_ops irqchip_user_plic = {
	.name = "user_plic",
	.section = "plic",
	.init = init,
	.reset = reset,
	.set_level = set_level,
	.report = report,
	.state = state,
};
