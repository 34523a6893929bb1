// SPDX-License-Identifier: MIT
/*
 * aplic_direct.c - the APLIC in the kernel with direct delivery: it drives the vCPUs' interrupts.
 *
 * Of the interrupt domain, only the delivery differs from aplic.c, which has the registers of the
 * sources: domaincfg.DM is 0, `target` has a priority, and there is an interrupt delivery control
 * (IDC) structure per vCPU, in which the vCPU claims its interrupts. The pending bit of a
 * level-sensitive source is always its rectified input, which neither a claim nor a write changes.
 *
 * Each source has one target, so a change of a source concerns one vCPU: its value of topi is
 * computed again and stored in its IDC. While the lock is free, each IDC's `top` is up to date.
 *
 * An APLIC does not learn when an interrupt has been handled. For an irqfd with a resample eventfd,
 * a claimed interrupt counts as handled when the same claimi is read the next time, as Linux's
 * handler does before it returns. If that is too early or too late, the guest only sees an
 * interrupt more than needed, because a device that still requires service raises its line again.
 *
 * Locks: aplic->lock, which is held while vCPUs are kicked, as plic->lock is.
 * Spec: AIA, "Interrupt delivery directly by the APLIC", "Precise effects on interrupt-pending
 * bits".
 */
#include "irqchip/aia.h"
#include "irqchip/route.h"
#include "hv/kvm_aplic.h"
#include "vcpu/irq.h"

#define DOMAINCFG    0x0000
#define DOMAINCFG_DM BIT(2)
#define GENMSI       0x3000
#define TARGET       0x3000 /* plus 4 times the source */
#define TARGET_HART  GENMASK(31, 18)
#define TARGET_IPRIO GENMASK(7, 0)
#define IDCS         KVM_DEV_HS_APLIC_IDC(0)
#define IDC_SIZE     32
#define TOPI_SOURCE  GENMASK(25, 16)
#define NO_THRESHOLD 256

#define WORD(source)   ((source) / 32)
#define SOURCE(source) ((u32)1 << ((source) % 32))

struct aplic *aplic_direct_create(struct kvm *vm, u32 nr_sources)
{
	struct aplic *aplic = aplic_create(nr_sources, vm->nr_vcpus);
	struct kvm_vcpu *vcpu;
	unsigned int i;

	if (!aplic)
		return NULL;
	for (i = 1; i <= nr_sources; i++)
		aplic->target[i] = 1; /* priority 0 does not exist */
	kvm_for_each_vcpu(i, vcpu, vm)
		aplic->idc[i].vcpu = vcpu;
	return aplic;
}

/* ---- delivery ------------------------------------------------------------------------ */

/* The word's sources that are pending and enabled. */
static u32 ready(const struct aplic *aplic, u32 word)
{
	return aplic->pending[word] & aplic->enable[word];
}

/*
 * Compute `top` of the IDCs whose `best` is not 0 (update_begin()). One pass over the sources for
 * all of them bounds the time under the lock: one store can change the sources of 32 vCPUs.
 */
static void find_tops(struct aplic *aplic)
{
	u32 word, bits, source, target, hart, priority;

	for (word = 0; word <= WORD(aplic->nr_sources); word++) {
		for (bits = ready(aplic, word); bits; bits &= bits - 1) {
			source = word * 32 + bit_lowest(bits);
			target = aplic->target[source];
			hart = (u32)FIELD_GET(TARGET_HART, target);
			priority = target & (u32)TARGET_IPRIO;
			if (hart < aplic->nr_idcs && priority < aplic->idc[hart].best) {
				aplic->idc[hart].best = priority;
				aplic->idc[hart].top = source << 16 | priority;
			}
		}
	}
}

static bool asserts(const struct aplic *aplic, const struct aplic_idc *idc)
{
	return aplic->enabled && idc->delivery && (idc->force || idc->top);
}

/* Set the vCPU's external interrupt; `self`: as in aia.h. Lock held, as for all that follow. */
static void drive(const struct aplic *aplic, struct aplic_idc *idc, const struct kvm_vcpu *self)
{
	vcpu_drive_irq(idc->vcpu, IRQ_VS_EXT, asserts(aplic, idc), &idc->raised, self);
}

/*
 * A source of this hart index, or its IDC, has changed. find_tops() and update_end() have to
 * follow. A hart index may have no IDC.
 */
static void update_begin(struct aplic *aplic, u32 hart)
{
	if (hart >= aplic->nr_idcs)
		return;
	aplic->idc[hart].best =
		aplic->idc[hart].threshold ? aplic->idc[hart].threshold : NO_THRESHOLD;
	aplic->idc[hart].top = 0;
}

static void update_end(struct aplic *aplic, u32 hart, const struct kvm_vcpu *self)
{
	if (hart >= aplic->nr_idcs)
		return;
	aplic->idc[hart].best = 0;
	drive(aplic, &aplic->idc[hart], self);
}

static void update(struct aplic *aplic, u32 hart, const struct kvm_vcpu *self)
{
	update_begin(aplic, hart);
	find_tops(aplic);
	update_end(aplic, hart, self);
}

static u32 hart_of(const struct aplic *aplic, u32 source)
{
	return (u32)FIELD_GET(TARGET_HART, aplic->target[source]);
}

/* The word's bits or inputs have changed. `before` is what ready() has returned before that. */
static void settle(struct aplic *aplic, u32 word, u32 before, const struct kvm_vcpu *self)
{
	u32 level = aplic->level[word], changed, bits;

	aplic->pending[word] &= ~level;
	aplic->pending[word] |= aplic_asserted(aplic, word) & level;
	changed = ready(aplic, word) ^ before;
	if (!changed)
		return;
	for (bits = changed; bits; bits &= bits - 1)
		update_begin(aplic, hart_of(aplic, word * 32 + bit_lowest(bits)));
	find_tops(aplic);
	for (bits = changed; bits; bits &= bits - 1)
		update_end(aplic, hart_of(aplic, word * 32 + bit_lowest(bits)), self);
}

/* ---- lines --------------------------------------------------------------------------- */

static int set_line(struct kvm *vm, u32 source, bool level)
{
	struct aplic *aplic = vm->aia->aplic;
	u32 word = WORD(source), bit = SOURCE(source), before, asserted;

	if (!source || source > aplic->nr_sources)
		return -ENODEV;
	spin_lock(&aplic->lock);
	before = ready(aplic, word);
	asserted = aplic_asserted(aplic, word);
	if (level)
		aplic->input[word] |= bit;
	else
		aplic->input[word] &= ~bit;
	aplic->pending[word] |= aplic_asserted(aplic, word) & ~asserted;
	settle(aplic, word, before, NULL);
	spin_unlock(&aplic->lock);
	return 0;
}

/* As with MSI delivery, user space lowers the line of a level-sensitive source again. */
static int pulse(struct kvm *vm, u32 source)
{
	struct aplic *aplic = vm->aia->aplic;
	u32 word = WORD(source), bit = SOURCE(source), before;

	if (!source || source > aplic->nr_sources)
		return -ENODEV;
	if (READ_ONCE(aplic->level[word]) & bit)
		return set_line(vm, source, true);
	spin_lock(&aplic->lock);
	before = ready(aplic, word);
	aplic->pending[word] |= bit & aplic->wired[word];
	settle(aplic, word, before, NULL);
	spin_unlock(&aplic->lock);
	return 0;
}

/* ---- registers ----------------------------------------------------------------------- */

/* Return the IDC that has this offset, or NULL. */
static struct aplic_idc *idc_at(struct aplic *aplic, u64 offset)
{
	u64 hart = (offset - IDCS) / IDC_SIZE;

	return offset >= IDCS && hart < aplic->nr_idcs ? &aplic->idc[hart] : NULL;
}

static int read_idc(const struct aplic_idc *idc, u64 offset, u32 *value)
{
	switch (offset % IDC_SIZE) {
	case KVM_DEV_HS_APLIC_IDELIVERY:
		*value = idc->delivery;
		return 0;
	case KVM_DEV_HS_APLIC_IFORCE:
		*value = idc->force;
		return 0;
	case KVM_DEV_HS_APLIC_ITHRESHOLD:
		*value = idc->threshold;
		return 0;
	case KVM_DEV_HS_APLIC_TOPI:
	case KVM_DEV_HS_APLIC_CLAIMI:
		*value = idc->top;
		return 0;
	default:
		return -ENODEV;
	}
}

int aplic_direct_read(struct aplic *aplic, u64 offset, u32 *value)
{
	const struct aplic_idc *idc = idc_at(aplic, offset);
	int err;

	if (offset % 4)
		return -EOPNOTSUPP;
	spin_lock(&aplic->lock);
	if (idc)
		err = read_idc(idc, offset, value);
	else
		err = aplic_read_locked(aplic, offset, value);
	spin_unlock(&aplic->lock);
	if (offset == DOMAINCFG)
		*value &= ~(u32)DOMAINCFG_DM;
	return err;
}

static int write_idc(struct aplic *aplic, struct aplic_idc *idc, u64 offset, u32 value,
		     const struct kvm_vcpu *self)
{
	switch (offset % IDC_SIZE) {
	case KVM_DEV_HS_APLIC_IDELIVERY:
		idc->delivery = value & 1;
		break;
	case KVM_DEV_HS_APLIC_IFORCE:
		idc->force = value & 1;
		break;
	case KVM_DEV_HS_APLIC_ITHRESHOLD:
		idc->threshold = value & (u32)TARGET_IPRIO;
		break;
	case KVM_DEV_HS_APLIC_TOPI:
	case KVM_DEV_HS_APLIC_CLAIMI:
		return 0;
	default:
		return -ENODEV;
	}
	update(aplic, (u32)(idc - aplic->idc), self);
	return 0;
}

static void write_target(struct aplic *aplic, u32 source, u32 value, const struct kvm_vcpu *self)
{
	u32 before = hart_of(aplic, source);

	value &= (u32)(TARGET_HART | TARGET_IPRIO);
	aplic->target[source] = value & TARGET_IPRIO ? value : value | 1;
	update(aplic, before, self);
	update(aplic, hart_of(aplic, source), self);
}

static int write_source(struct aplic *aplic, u64 offset, u32 value, const struct kvm_vcpu *self)
{
	u32 before[APLIC_WORDS], word, last = WORD(aplic->nr_sources), i;
	int err;

	for (word = 0; word <= last; word++)
		before[word] = ready(aplic, word);
	err = aplic_write_locked(aplic, offset, value);
	for (word = 0; word <= last; word++)
		settle(aplic, word, before[word], self);
	for (i = 0; offset == DOMAINCFG && i < aplic->nr_idcs; i++)
		drive(aplic, &aplic->idc[i], self);
	return err;
}

int aplic_direct_write(struct aplic *aplic, u64 offset, u32 value, const struct kvm_vcpu *self)
{
	struct aplic_idc *idc = idc_at(aplic, offset);
	u64 source = (offset - TARGET) / 4;
	int err = 0;

	if (offset % 4)
		return -EOPNOTSUPP;
	spin_lock(&aplic->lock);
	if (idc)
		err = write_idc(aplic, idc, offset, value, self);
	else if (offset > TARGET && source <= aplic->nr_sources)
		write_target(aplic, (u32)source, value, self);
	else if (offset != GENMSI) /* read-only zero */
		err = write_source(aplic, offset, value, self);
	spin_unlock(&aplic->lock);
	return err;
}

static u32 claim(struct aplic *aplic, struct aplic_idc *idc, struct kvm_vcpu *self)
{
	u32 handled = READ_ONCE(idc->claimed), top, source, before;

	if (handled)
		irqfd_resample(self, handled);
	spin_lock(&aplic->lock);
	top = idc->top;
	source = (u32)FIELD_GET(TOPI_SOURCE, top);
	idc->claimed = source;
	if (source) {
		before = ready(aplic, WORD(source));
		aplic->pending[WORD(source)] &= ~SOURCE(source);
		settle(aplic, WORD(source), before, self);
	} else {
		idc->force = false;
		drive(aplic, idc, self);
	}
	spin_unlock(&aplic->lock);
	trace_kvm_plic_claim(source, idc->vcpu->id);
	return top;
}

/*
 * No access exits to user space: reserved bytes are read-only zeros, and accesses that are not of
 * 32 bits or not aligned read zero and change nothing.
 */
static bool mmio(struct kvm_vcpu *vcpu, gpa_t gpa, unsigned int len, bool is_store, u64 *data)
{
	struct kvm *vm = vcpu->kvm;
	struct aplic *aplic = vm->aia->aplic;
	u64 offset = gpa - vm->aia->aplic_addr;
	struct aplic_idc *idc;
	u32 value = 0;

	if (offset >= KVM_DEV_HS_APLIC_SIZE(aplic->nr_idcs))
		return false;
	if (len == 4 && is_store) {
		aplic_direct_write(aplic, offset, (u32)*data, vcpu);
	} else if (len == 4) {
		idc = idc_at(aplic, offset);
		if (idc && offset % IDC_SIZE == KVM_DEV_HS_APLIC_CLAIMI)
			value = claim(aplic, idc, vcpu);
		else if (aplic_direct_read(aplic, offset, &value))
			value = 0;
	}
	if (!is_store)
		*data = value;
	return true;
}

/* User space may have changed the line, so it is set in any case. */
static void reset_lines(struct kvm_vcpu *vcpu)
{
	struct aplic *aplic = vcpu->kvm->aia->aplic;
	struct aplic_idc *idc;

	if (vcpu->idx >= aplic->nr_idcs)
		return; /* created after the initialization */
	idc = &aplic->idc[vcpu->idx];
	spin_lock(&aplic->lock);
	idc->raised = !asserts(aplic, idc);
	drive(aplic, idc, NULL);
	spin_unlock(&aplic->lock);
}

const struct irqchip_ops irqchip_aplic_ops = {
	.name = "kvm-riscv-aia",
	.create = aia_create,
	.destroy = aia_destroy,
	.set_attr = aia_set_attr,
	.get_attr = aia_get_attr,
	.has_attr = aia_has_attr,
	.set_line = set_line,
	.pulse = pulse,
	.mmio = mmio,
	.reset_lines = reset_lines,
	.resample_rest = irqfd_resample_rest,
};
