// SPDX-License-Identifier: MIT
/*
 * plic.c - the PLIC in the kernel: gateways, pending bits, claim and completion.
 *
 * A source goes level -> pending (gateway) -> claimed, in service -> completed. It becomes pending
 * again only after its completion: at once if its line is still high, or if an edge has arrived
 * meanwhile. If a line falls before the claim, its request is withdrawn. A claim returns only a
 * source above the threshold, as QEMU's does. This is the behavior of the VMM's own PLIC
 * (src/vmm/plic.c), so a guest cannot tell the two apart.
 *
 * The guest's accesses are handled by the vCPU's own thread; lines change in any context.
 * plic->lock is taken below an eventfd's lock and above those of vcpu_set_irq(). No memory is
 * allocated here.
 *
 * Spec: PLIC §3 (register map), §8 (claim), §9 (completion).
 */
#include "irqchip/plic.h"
#include "irqchip/route.h"
#include "hv/kvm_plic.h"
#include "vcpu/irq.h"

#define PRIORITY_END   0x1000
#define PENDING        0x1000
#define LEVEL          KVM_DEV_HS_PLIC_STATE_LEVEL
#define SERVICE        KVM_DEV_HS_PLIC_STATE_SERVICE
#define EDGE           KVM_DEV_HS_PLIC_STATE_EDGE
#define WORDS_SIZE     (4 * PLIC_WORDS)
#define ENABLE         0x2000
#define ENABLE_STRIDE  0x80
#define CONTEXT        0x200000
#define CONTEXT_STRIDE 0x1000
#define CLAIM          4

#define PRIORITY_MAX (PLIC_PRIORITIES - 1)

#define WORD(source)   ((source) / 32)
#define SOURCE(source) ((u32)1 << ((source) % 32))

/* The bits of the sources that exist, in a word of pending or enable bits. */
static u32 valid_bits(const struct plic *plic, u32 word)
{
	u32 bits = ~(u32)0;

	if (word > WORD(plic->sources))
		return 0;
	if (word == WORD(plic->sources))
		bits = (u32)GENMASK(plic->sources % 32, 0);
	return word ? bits : bits & ~(u32)1;
}

/* Return the S-mode context with this number, or NULL. */
static struct plic_context *context_of(const struct plic *plic, u64 number)
{
	return number % 2 && number / 2 < plic->nr_contexts ? plic->context[number / 2] : NULL;
}

#define INLINE static inline __attribute__((always_inline))
#define MORE   BIT(31) /* in the result of choose() */

/*
 * Of the sources that are pending, enabled, and above the threshold, return the one with the
 * highest priority; among equals, the one with the lowest number. MORE is set in the result if there
 * is another such source. 0 if there is none. Inline, because a call would take most of the time.
 */
INLINE u32 choose(const struct plic *plic, const struct plic_context *context)
{
	u32 threshold = context->threshold, best = 0, best_priority = 0, word, source, bits;
	bool more = false;

	for (word = 0; word <= WORD(plic->sources); word++) {
		bits = plic->pending[word] & context->enable[word];
		for (; bits; bits &= bits - 1) {
			source = word * 32 + bit_lowest(bits);
			if (plic->priority[source] <= threshold)
				continue;
			more = best;
			if (plic->priority[source] > best_priority) {
				best = source;
				best_priority = plic->priority[source];
			}
		}
	}
	return more ? best | (u32)MORE : best;
}

/*
 * Is any source pending, enabled, and above the threshold? By words, because one access may ask for
 * every vCPU, with the lock held.
 */
static bool has_any(const struct plic *plic, const struct plic_context *context)
{
	const u32 *above = plic->above[context->threshold];
	u32 word;

	for (word = 0; word <= WORD(plic->sources); word++) {
		if (plic->pending[word] & context->enable[word] & above[word])
			return true;
	}
	return false;
}

void plic_set_priority(struct plic *plic, u32 source, u32 priority)
{
	u32 threshold;

	plic->priority[source] = (u8)priority;
	for (threshold = 0; threshold < PLIC_PRIORITIES; threshold++) {
		plic->above[threshold][WORD(source)] &= ~SOURCE(source);
		if (priority > threshold)
			plic->above[threshold][WORD(source)] |= SOURCE(source);
	}
}

/* Set the external interrupt of the context's vCPU; `self`: as for vcpu_drive_irq(). */
static void set_raised(struct plic_context *context, bool raise, const struct kvm_vcpu *self)
{
	vcpu_drive_irq(context->vcpu, IRQ_VS_EXT, raise, &context->raised, self);
}

static __attribute__((noinline)) void drive(const struct plic *plic, struct plic_context *context,
					    const struct kvm_vcpu *self)
{
	set_raised(context, has_any(plic, context), self);
}

static bool has_enabled(const struct plic_context *context, u32 source)
{
	return context && (context->enable[WORD(source)] & SOURCE(source));
}

/* Drive the vCPUs that have enabled the source, after a change of its state. */
static __attribute__((noinline)) void source_changed(const struct plic *plic, u32 source,
						     const struct kvm_vcpu *self)
{
	u32 i;

	for (i = 0; i < plic->nr_contexts; i++) {
		if (has_enabled(plic->context[i], source))
			drive(plic, plic->context[i], self);
	}
}

/*
 * Like source_changed(), for a source that is pending now and a context that has enabled it. It can
 * only raise the interrupt, so the other sources need not be looked at.
 */
static void source_pending(const struct plic *plic, struct plic_context *context, u32 source,
			   const struct kvm_vcpu *self)
{
	if (plic->priority[source] > context->threshold)
		set_raised(context, true, self);
}

static __attribute__((noinline)) void source_pending_all(const struct plic *plic, u32 source,
							 const struct kvm_vcpu *self)
{
	u32 i;

	for (i = 0; i < plic->nr_contexts; i++) {
		if (has_enabled(plic->context[i], source))
			source_pending(plic, plic->context[i], source, self);
	}
}

void plic_drive_all(struct plic *plic)
{
	u32 i;

	for (i = 0; i < plic->nr_contexts; i++) {
		struct plic_context *context = plic->context[i];

		if (!context)
			continue;
		context->raised = has_any(plic, context);
		(context->raised ? vcpu_set_irq : vcpu_clear_irq)(context->vcpu, IRQ_VS_EXT);
	}
}

/* ---- lines ------------------------------------------------------------------------ */

static void line_changed(const struct plic *plic, u32 source)
{
	if (plic->pending[WORD(source)] & SOURCE(source))
		source_pending_all(plic, source, NULL);
	else
		source_changed(plic, source, NULL);
}

static int set_line(struct kvm *vm, u32 source, bool level)
{
	struct plic *plic = vm->plic;
	u32 word = WORD(source), bit = SOURCE(source);

	if (!source || source > plic->sources)
		return -EINVAL;
	spin_lock(&plic->lock);
	if (level) {
		plic->level[word] |= bit;
		plic->pending[word] |= bit & ~plic->service[word];
	} else if (plic->level[word] & bit) { /* otherwise, an edge may be pending */
		plic->level[word] &= ~bit;
		plic->pending[word] &= ~bit;
	}
	line_changed(plic, source);
	spin_unlock(&plic->lock);
	return 0;
}

static int pulse(struct kvm *vm, u32 source)
{
	struct plic *plic = vm->plic;
	u32 word = WORD(source), bit = SOURCE(source);

	if (!source || source > plic->sources)
		return -EINVAL;
	spin_lock(&plic->lock);
	if (plic->service[word] & bit)
		plic->edge[word] |= bit;
	else
		plic->pending[word] |= bit;
	line_changed(plic, source);
	spin_unlock(&plic->lock);
	return 0;
}

/* ---- the guest's accesses ------------------------------------------------------------ */

/* Returns true, as mmio(). */
static __attribute__((noinline)) bool claim(struct plic *plic, struct plic_context *context,
					    u64 *data, const struct kvm_vcpu *self)
{
	u32 choice, source;

	spin_lock(&plic->lock);
	choice = choose(plic, context);
	source = choice & ~(u32)MORE;
	if (source) {
		plic->pending[WORD(source)] &= ~SOURCE(source);
		plic->service[WORD(source)] |= SOURCE(source);
		set_raised(context, choice != source, self);
		if (plic->nr_contexts > 1)
			source_changed(plic, source, self);
	}
	spin_unlock(&plic->lock);
	trace_kvm_plic_claim(source, context->vcpu->id);
	*data = source;
	return true;
}

/* A completion by a context that has not enabled the source is ignored (PLIC §9). Returns true. */
static __attribute__((noinline)) bool complete(struct plic *plic, struct plic_context *context,
					       u32 source, struct kvm_vcpu *self)
{
	u32 word = WORD(source), bit = SOURCE(source);

	if (!source || source > plic->sources)
		return true;
	spin_lock(&plic->lock);
	if (!(context->enable[word] & bit)) {
		spin_unlock(&plic->lock);
		return true;
	}
	trace_kvm_ack_irq(0, source);
	plic->service[word] &= ~bit;
	if ((plic->level[word] | plic->edge[word]) & bit) {
		plic->pending[word] |= bit;
		plic->edge[word] &= ~bit;
		source_pending(plic, context, source, self);
		if (plic->nr_contexts > 1)
			source_pending_all(plic, source, self);
	}
	spin_unlock(&plic->lock);
	irqfd_resample(self, source);
	return true;
}

bool plic_find(struct plic *plic, u64 offset, struct plic_place *place)
{
	struct plic_context *context;
	u32 word = (u32)(offset % WORDS_SIZE) / 4;

	if (offset % 4)
		return false;
	*place = (struct plic_place){ .mask = valid_bits(plic, word) };
	if (offset < PRIORITY_END) {
		if (!offset || offset / 4 > plic->sources)
			return false;
		place->priority = &plic->priority[offset / 4];
		place->mask = PRIORITY_MAX;
		return true;
	}
	if (offset >= CONTEXT) {
		context = context_of(plic, (offset - CONTEXT) / CONTEXT_STRIDE);
		if (!context || (offset - CONTEXT) % CONTEXT_STRIDE)
			return false;
		place->word = &context->threshold;
		place->mask = PRIORITY_MAX;
		return true;
	}
	if (offset >= ENABLE) {
		context = context_of(plic, (offset - ENABLE) / ENABLE_STRIDE);
		if (context)
			place->word = &context->enable[word];
	} else if (offset - PENDING < WORDS_SIZE) {
		place->word = &plic->pending[word];
	} else if (offset - LEVEL < WORDS_SIZE) {
		place->word = &plic->level[word];
	} else if (offset - SERVICE < WORDS_SIZE) {
		place->word = &plic->service[word];
	} else if (offset - EDGE < WORDS_SIZE) {
		place->word = &plic->edge[word];
	}
	return place->word && place->mask;
}

/* The registers between the pending bits and the enable bits are for user space only. */
static bool guest_sees(u64 offset)
{
	return offset < PENDING + WORDS_SIZE || offset >= ENABLE;
}

static u32 read_locked(struct plic *plic, u64 offset)
{
	struct plic_place place;

	if (!guest_sees(offset) || !plic_find(plic, offset, &place))
		return 0;
	return place.priority ? *place.priority : *place.word;
}

static void write_locked(struct plic *plic, u64 offset, u32 value, const struct kvm_vcpu *self)
{
	struct plic_context *context;
	struct plic_place place;

	/* Pending bits are read-only. */
	if ((offset >= PENDING && offset < ENABLE) || !plic_find(plic, offset, &place))
		return;
	if (place.priority) {
		plic_set_priority(plic, (u32)offset / 4, value & place.mask);
		source_changed(plic, (u32)offset / 4, self);
		return;
	}
	*place.word = value & place.mask;
	context = offset >= CONTEXT ? context_of(plic, (offset - CONTEXT) / CONTEXT_STRIDE)
				    : context_of(plic, (offset - ENABLE) / ENABLE_STRIDE);
	drive(plic, context, self);
}

/* An access to anything but the claim register of a context that exists. Returns true. */
static __attribute__((noinline)) bool access_register(struct kvm_vcpu *vcpu, u64 offset,
						      bool is_store, u64 *data)
{
	struct plic *plic = vcpu->kvm->plic;

	spin_lock(&plic->lock);
	if (is_store)
		write_locked(plic, offset, (u32)*data, vcpu);
	else
		*data = read_locked(plic, offset);
	spin_unlock(&plic->lock);
	return true;
}

/*
 * Registers are 32 bits wide. Accesses with another width or at an unaligned offset read zero and
 * change nothing.
 */
static bool mmio(struct kvm_vcpu *vcpu, gpa_t gpa, unsigned int len, bool is_store, u64 *data)
{
	struct plic *plic = vcpu->kvm->plic;
	u64 offset = gpa - plic->base;
	struct plic_context *context = NULL;

	if (offset >= KVM_DEV_HS_PLIC_SIZE)
		return false;
	if (len != 4) {
		if (!is_store)
			*data = 0;
		return true;
	}
	if (offset >= CONTEXT && offset % CONTEXT_STRIDE == CLAIM)
		context = context_of(plic, (offset - CONTEXT) / CONTEXT_STRIDE);
	if (!context)
		return access_register(vcpu, offset, is_store, data);
	if (is_store)
		return complete(plic, context, (u32)*data, vcpu);
	return claim(plic, context, data, vcpu);
}

/* User space may have changed the line, so it is set in any case. */
static void vcpu_reset_lines(struct kvm_vcpu *vcpu)
{
	struct plic *plic = vcpu->kvm->plic;
	struct plic_context *context;

	spin_lock(&plic->lock);
	context = context_of(plic, 2 * (u64)vcpu->id + 1);
	if (context) {
		context->raised = !has_any(plic, context);
		drive(plic, context, NULL);
	}
	spin_unlock(&plic->lock);
}

const struct irqchip_ops irqchip_plic_ops = {
	.name = "kvm-hs-plic",
	.create = plic_create,
	.destroy = plic_destroy,
	.set_attr = plic_set_attr,
	.get_attr = plic_get_attr,
	.has_attr = plic_has_attr,
	.set_line = set_line,
	.pulse = pulse,
	.mmio = mmio,
	.reset_lines = vcpu_reset_lines,
	.resample_rest = irqfd_resample_rest,
};
