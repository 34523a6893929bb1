// SPDX-License-Identifier: MIT
/*
 * imsic_nested.c - the guest interrupt files of a vCPU with H: for the guests of its guest hypervisor.
 *
 * The files are always in memory. Each has a page of guest physical memory after the page of the
 * vCPU's own file. While hstatus.VGEIN has its number, the guest hypervisor accesses its registers
 * through vsireg and vstopei, and the guest hypervisor's guest through sireg and stopei. All these
 * accesses trap. A file sets its bit of hgeip, not a line of the vCPU (vcpu/nested_file.c).
 *
 * Locks: imsic->lock of the file. Spec: AIA, "Incoming MSI Controller (IMSIC)", "VS-level external
 * interrupts with a guest interrupt file"; H §2.4.
 */
#include "irqchip/aia.h"
#include "vcpu/nested.h"

/* Holds imsic->lock. */
static void drive(struct imsic *imsic, const struct kvm_vcpu *self)
{
	bool raise = imsic_is_pending(imsic);

	if (raise == imsic->raised)
		return;
	imsic->raised = raise;
	nested_drive_file(imsic->vcpu, imsic->guest, raise, self);
}

int imsic_nested_create(struct imsic *imsic, unsigned int nr)
{
	unsigned int i;

	imsic->guests = hv_alloc(nr * sizeof(*imsic->guests));
	if (!imsic->guests)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		imsic->guests[i].vcpu = imsic->vcpu;
		imsic->guests[i].nr_words = imsic->nr_words;
		imsic->guests[i].guest = (u8)(i + 1);
		imsic->guests[i].file_hart = IMSIC_IN_MEMORY;
	}
	imsic->nr_guests = (u8)nr;
	return 0;
}

int imsic_nested_send(struct imsic *imsic, u32 id, const struct kvm_vcpu *self)
{
	int err = imsic_check_id(imsic, id);

	if (err)
		return err;
	spin_lock(&imsic->lock);
	trace_kvm_msi(imsic->vcpu->id, id, 0);
	imsic->file.pending[id / 64] |= 1ULL << id % 64;
	imsic_word_changed(&imsic->file, id / 64);
	drive(imsic, self);
	spin_unlock(&imsic->lock);
	return 0;
}

u64 imsic_nested_access(struct imsic *imsic, u64 select, u64 value, u64 mask,
			const struct kvm_vcpu *self)
{
	u64 old;

	spin_lock(&imsic->lock);
	old = imsic_file_access(&imsic->file, select, value, mask);
	drive(imsic, self);
	spin_unlock(&imsic->lock);
	return old;
}

u64 imsic_nested_top(struct imsic *imsic, bool claim, const struct kvm_vcpu *self)
{
	u32 id;

	spin_lock(&imsic->lock);
	id = imsic_top_id(imsic);
	if (claim && id) {
		imsic->file.pending[id / 64] &= ~(1ULL << id % 64);
		imsic_word_changed(&imsic->file, id / 64);
		drive(imsic, self);
	}
	spin_unlock(&imsic->lock);
	trace_kvm_imsic_top(id, claim);
	return imsic_topei(id);
}

static void reset(struct imsic *imsic)
{
	spin_lock(&imsic->lock);
	imsic->file = (struct imsic_file){ 0 };
	drive(imsic, NULL);
	spin_unlock(&imsic->lock);
}

void imsic_nested_reset(struct imsic *imsic)
{
	unsigned int i;

	for (i = 0; i < imsic->nr_guests; i++)
		reset(&imsic->guests[i]);
}
