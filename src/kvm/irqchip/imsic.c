// SPDX-License-Identifier: MIT
/*
 * imsic.c - the IMSIC of a vCPU: its registers in memory, and MSIs to it.
 *
 * Any thread may send an MSI. The guest's accesses to stopei and sireg trap, and are carried out by
 * the vCPU's own thread. Both drive the vCPU's external interrupt: it is raised while delivery is
 * enabled and an enabled interrupt below the threshold is pending.
 *
 * While the vCPU is loaded, its registers may be in a guest interrupt file of the hart instead
 * (imsic_guest.c). An MSI then goes to that file, and the guest's accesses do not trap.
 *
 * Locks: imsic->lock. Spec: AIA, "Incoming MSI Controller (IMSIC)".
 */
#include "irqchip/aia.h"
#include "vcpu/irq.h"

static inline unsigned int lowest(u64 bits)
{
	u32 low = (u32)bits;

	return low ? bit_lowest(low) : 32 + bit_lowest((u32)(bits >> 32));
}

/* True if the threshold permits this id. */
static inline bool passes(const struct imsic_file *file, u32 id)
{
	return !file->threshold || id < file->threshold;
}

/* Return the id with the highest priority, which is the lowest one, or 0. */
static u32 top_id(const struct imsic *imsic)
{
	/* lab 7: write top_id: the lowest id that is pending, enabled and below the threshold */
	const struct imsic_file *file = &imsic->file;
	u32 word, id;

	if (!file->ready)
		return 0;
	word = bit_lowest(file->ready);
	id = word * 64 + lowest(file->pending[word] & file->enabled[word]);
	return passes(file, id) ? id : 0;
	/* lab 7 end */
}

u32 imsic_top_id(const struct imsic *imsic)
{
	return top_id(imsic);
}

void imsic_word_changed(struct imsic_file *file, u32 word)
{
	u32 bit = (u32)1 << word;

	if (file->pending[word] & file->enabled[word])
		file->ready |= bit;
	else
		file->ready &= ~bit;
}

bool imsic_is_pending(const struct imsic *imsic)
{
	return imsic->file.delivery && top_id(imsic);
}

void imsic_drive(struct imsic *imsic, bool raise, const struct kvm_vcpu *self)
{
	vcpu_drive_irq(imsic->vcpu, IRQ_VS_EXT, raise, &imsic->raised, self);
}

struct imsic *imsic_create(struct kvm_vcpu *vcpu, gpa_t addr, u32 nr_ids)
{
	struct imsic *imsic = hv_alloc(sizeof(*imsic));

	if (!imsic)
		return NULL;
	imsic->vcpu = vcpu;
	imsic->page = addr >> PAGE_SHIFT;
	imsic->nr_words = (nr_ids + 1) / 64;
	imsic->file_hart = IMSIC_IN_MEMORY;
	return imsic;
}

void imsic_destroy(struct imsic *imsic)
{
	if (imsic)
		hv_free(imsic->guests);
	hv_free(imsic);
}

/*
 * If the line is raised, the interrupt only has to be recorded; if it is not, no other interrupt
 * would be delivered. So the other ids need not be looked at.
 */
static void set_pending(struct imsic *imsic, u32 id, const struct kvm_vcpu *self)
{
	/* lab 7: write set_pending: record an MSI, and raise the line if it is to be delivered */
	struct imsic_file *file = &imsic->file;
	u32 word = id / 64;
	u64 bit = 1ULL << id % 64;

	file->pending[word] |= bit;
	if (file->enabled[word] & bit) {
		file->ready |= (u32)1 << word;
		if (file->delivery && passes(file, id))
			imsic_drive(imsic, true, self);
	}
	/* lab 7 end */
}

int imsic_send(struct imsic *imsic, u32 id, const struct kvm_vcpu *self)
{
	int err = imsic_check_id(imsic, id);

	if (err)
		return err;
	spin_lock(&imsic->lock);
	trace_kvm_msi(imsic->vcpu->id, id, imsic->file_hart != IMSIC_IN_MEMORY);
	if (imsic->file_hart != IMSIC_IN_MEMORY)
		imsic_guest_send(imsic, id);
	else
		set_pending(imsic, id, self);
	spin_unlock(&imsic->lock);
	return 0;
}

int imsic_check(const struct imsic *imsic, u64 select)
{
	if (select == IMSIC_EIDELIVERY || select == IMSIC_EITHRESHOLD)
		return 0;
	if (select < IMSIC_EIP0 || select > IMSIC_EIE63)
		return -ENOENT;
	return (select & 1) || select % 64 / 2 >= imsic->nr_words ? -EINVAL : 0;
}

static inline __attribute__((always_inline)) u64 access_file(struct imsic_file *file, u64 select,
							     u64 value, u64 mask)
{
	u32 index = select % 64 / 2;
	u64 old, *word;

	switch (select) {
	case IMSIC_EIDELIVERY:
		old = file->delivery;
		if (mask & 1)
			file->delivery = value & 1;
		return old;
	case IMSIC_EITHRESHOLD:
		old = file->threshold;
		mask &= KVM_DEV_RISCV_AIA_IDS_MAX - 1;
		file->threshold = (u32)((old & ~mask) | (value & mask));
		return old;
	default:
		word = select < IMSIC_EIE0 ? &file->pending[index] : &file->enabled[index];
		old = *word;
		if (select % 64 == 0)
			mask &= ~1ULL; /* there is no id 0 */
		*word = (old & ~mask) | (value & mask);
		imsic_word_changed(file, index);
		return old;
	}
}

u64 imsic_file_access(struct imsic_file *file, u64 select, u64 value, u64 mask)
{
	return access_file(file, select, value, mask);
}

u64 imsic_access(struct imsic *imsic, u64 select, u64 value, u64 mask, const struct kvm_vcpu *self)
{
	u64 old;

	spin_lock(&imsic->lock);
	old = access_file(&imsic->file, select, value, mask);
	if (mask)
		imsic_drive(imsic, imsic_is_pending(imsic), self);
	spin_unlock(&imsic->lock);
	return old;
}

static void clear_pending(struct imsic *imsic, u32 id, const struct kvm_vcpu *self)
{
	/* lab 7: write clear_pending: claim this id, and lower the line if no other is delivered */
	imsic->file.pending[id / 64] &= ~(1ULL << id % 64);
	imsic_word_changed(&imsic->file, id / 64);
	imsic_drive(imsic, imsic_is_pending(imsic), self);
	/* lab 7 end */
}

u64 imsic_top(struct imsic *imsic, bool claim, const struct kvm_vcpu *self)
{
	u32 id;

	spin_lock(&imsic->lock);
	id = top_id(imsic);
	if (claim && id)
		clear_pending(imsic, id, self);
	spin_unlock(&imsic->lock);
	trace_kvm_imsic_top(id, claim);
	return imsic_topei(id);
}

/*
 * The registers of a stopped vCPU are in memory (imsic_guest_load(), hsm_stop_self()), with one
 * exception: a vCPU that another one's SRST call has stopped keeps them in the file until its thread
 * puts it. A start before this put leaves the registers as they are.
 */
void imsic_reset(struct imsic *imsic)
{
	spin_lock(&imsic->lock);
	if (imsic->file_hart == IMSIC_IN_MEMORY) {
		imsic->file = (struct imsic_file){ 0 };
		imsic_drive(imsic, false, NULL);
	}
	spin_unlock(&imsic->lock);
}

void imsic_drive_again(struct imsic *imsic)
{
	bool raise;

	spin_lock(&imsic->lock);
	raise = imsic->file_hart == IMSIC_IN_MEMORY && imsic_is_pending(imsic);
	imsic->raised = !raise;
	imsic_drive(imsic, raise, NULL);
	spin_unlock(&imsic->lock);
}
