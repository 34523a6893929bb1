// SPDX-License-Identifier: MIT
/*
 * imsic_guest.c - an IMSIC in a guest interrupt file of the hart (modes hwaccel and auto).
 *
 * A vCPU uses a file only while it is loaded, and a hart has at most one vCPU loaded. So file 1 of
 * each hart is enough for any number of vCPUs, and no file has to be allocated or taken back. At
 * the load, the registers move from memory to the file, and the vCPU's page of guest physical
 * memory is mapped to the file's page: a store of another vCPU, and the guest's own accesses to
 * stopei and sireg, then need no exit. At the put, the page is unmapped and the registers move
 * back; a vCPU that sleeps is woken by software, because a store to its page then faults and
 * reaches imsic_send().
 *
 * The order at the put matters. Once every hart has fenced, no guest can store to the file anymore.
 * A store that was executed earlier may still be on its way (wait_for_stores()). Once it has
 * arrived, the registers that are then read are complete. An MSI from the kernel goes to the file or
 * to memory according to imsic->file_hart, under imsic->lock.
 *
 * hstatus.VGEIN selects the file, for the guest in guest.hstatus and for the host in the hart's
 * own hstatus: vsip shows the file's interrupt to the core, too. In HS, an interrupt of the file
 * does not end WFI on every machine, so while the hart idles, hgeie makes it a host interrupt.
 *
 * A file that no vCPU uses is all zero. Spec: AIA, "Interrupts for virtual machines (VS level)";
 * H §2.4.
 */
#include "hv/barrier.h"
#include "irqchip/aia.h"
#include "mmu/tlb.h"
#include "vcpu/irq.h"

#define GUEST_FILE 1

static bool initialized[HV_MAX_HARTS]; /* the file has been cleared since kvm_hart_init() */

static void file_write(unsigned long select, unsigned long value)
{
	csr_write(vsiselect, select);
	csr_write(vsireg, value);
}

/* Read a register of the file and clear it. */
static unsigned long file_take(unsigned long select)
{
	csr_write(vsiselect, select);
	return csr_swap(vsireg, 0);
}

/* The file may have more words than the VM's IMSICs: the guest can set bits there, too. */
static u32 words_of_file(void)
{
	return (hv_guest_ids() + 1) / 64;
}

static void take_registers(struct imsic_file *file, u32 nr_words)
{
	u32 word, words = words_of_file();
	struct imsic_file unused;

	if (!file)
		file = &unused;
	file->delivery = file_take(IMSIC_EIDELIVERY) & 1;
	file->threshold = (u32)file_take(IMSIC_EITHRESHOLD);
	for (word = 0; word < words; word++) {
		unsigned long pending = file_take(IMSIC_EIP0 + 2 * word);
		unsigned long enabled = file_take(IMSIC_EIE0 + 2 * word);

		if (word < nr_words) {
			file->pending[word] = pending;
			file->enabled[word] = enabled;
			imsic_word_changed(file, word);
		}
	}
}

static void put_registers(const struct imsic_file *file, u32 nr_words)
{
	u32 word;

	for (word = 0; word < nr_words; word++) {
		file_write(IMSIC_EIE0 + 2 * word, file->enabled[word]);
		file_write(IMSIC_EIP0 + 2 * word, file->pending[word]);
	}
	file_write(IMSIC_EITHRESHOLD, file->threshold);
	file_write(IMSIC_EIDELIVERY, file->delivery);
}

static void select_file(struct kvm_vcpu *vcpu, unsigned long file)
{
	unsigned long hstatus = csr_read(hstatus) & ~HSTATUS_VGEIN;

	csr_write(hstatus, hstatus | FIELD_PREP(HSTATUS_VGEIN, file));
	vcpu->guest.hstatus &= ~HSTATUS_VGEIN;
	vcpu->guest.hstatus |= FIELD_PREP(HSTATUS_VGEIN, file);
}

/* ---- the page ------------------------------------------------------------------------- */

/*
 * If the table cannot be extended, stores to the page continue to be exits. User space may have set
 * an address that the table does not reach: no guest can store there.
 */
static void map_page(struct imsic *imsic)
{
	struct gstage *gs = &imsic->vcpu->kvm->gstage;
	hpa_t pa = hv_guest_file_pa(hv_hart(), GUEST_FILE);
	gpa_t gpa = gfn_to_gpa(imsic->page);
	struct gstage_leaf leaf;
	pte_t old;

	if (gpa >= gstage_limit(gs))
		return;
	spin_lock(&gs->mmu_lock);
	/* A memory slot that has been mapped at the same address takes precedence. */
	if (gstage_find(gs, gpa, &leaf))
		imsic->mapped = !gstage_map(gs, gpa, 0, pte_make(pa, GSTAGE_LEAF_DEVICE), &old);
	spin_unlock(&gs->mmu_lock);
}

/*
 * The scheduler may be calling, with a lock held that a wake-up takes. A vCPU in its guest may be
 * waking a thread, so do not wait for it. This allows only the page's own translations to be
 * dropped: other changes that are pending may need a vCPU to leave its guest (shadow.c). For the
 * same reason, a leaf of memory is kept. The fence is needed even if a change of the memory map has
 * removed the page, because that change may not be fenced yet.
 */
static void unmap_page(struct imsic *imsic)
{
	struct kvm *vm = imsic->vcpu->kvm;
	gpa_t gpa = gfn_to_gpa(imsic->page);
	struct gstage_leaf leaf;

	if (!imsic->mapped)
		return;
	imsic->mapped = false;
	spin_lock(&vm->gstage.mmu_lock);
	if (!gstage_find(&vm->gstage, gpa, &leaf) && (leaf.pte & PTE_DEVICE))
		gstage_unmap_page(&vm->gstage, gpa);
	spin_unlock(&vm->gstage.mmu_lock);
	tlb_flush_page_at_once(vm, gpa);
}

/*
 * Wait until all stores to the file have taken effect. Stores to one file take effect in their order,
 * after any time (AIA, "Memory region for an interrupt file"). So a store made here is the last. It
 * is for the highest id, which is a guest's own only if its IMSICs have all ids of the file.
 *
 * The earlier stores come first because the harts have ordered them: a vCPU before its mode becomes
 * OUTSIDE, imsic_guest_send() before imsic->lock is released, and the firmware, presumably, when it
 * executes a fence for another hart.
 */
static void wait_for_stores(const struct imsic *imsic)
{
	u32 last = hv_guest_ids();
	unsigned long bit = BIT(last % 64), was_pending;

	csr_write(vsiselect, IMSIC_EIP0 + 2 * (last / 64));
	was_pending = csr_read_clear(vsireg, bit) & bit;
	barrier_all();
	imsic_guest_send(imsic, last);
	while (!(csr_read(vsireg) & bit))
		hv_cpu_relax();
	if (!was_pending)
		csr_clear(vsireg, bit);
}

/* ---- load and put ------------------------------------------------------------------------ */

/*
 * The registers of a stopped vCPU stay in memory, where a start by another vCPU can reset them. A
 * start does so before it clears hsm_stopped, and with imsic->lock held; so this function sees
 * either the stop or the reset. Before the vCPU executes the start, it is loaded again.
 */
void imsic_guest_load(struct imsic *imsic)
{
	struct kvm_vcpu *vcpu = imsic->vcpu;
	unsigned int hart = hv_hart();

	spin_lock(&imsic->lock);
	if (READ_ONCE(vcpu->hsm_stopped)) {
		spin_unlock(&imsic->lock);
		return;
	}
	select_file(vcpu, GUEST_FILE);
	if (!initialized[hart]) {
		take_registers(NULL, 0);
		initialized[hart] = true;
	}
	put_registers(&imsic->file, imsic->nr_words);
	imsic->file_hart = hart;
	imsic_drive(imsic, false, vcpu); /* the file drives the interrupt now */
	spin_unlock(&imsic->lock);
	map_page(imsic);
	trace_kvm_guest_file(vcpu->id, GUEST_FILE, imsic->mapped);
}

void imsic_guest_put(struct imsic *imsic)
{
	struct kvm_vcpu *vcpu = imsic->vcpu;

	if (imsic->file_hart == IMSIC_IN_MEMORY)
		return;
	unmap_page(imsic);
	spin_lock(&imsic->lock);
	wait_for_stores(imsic);
	take_registers(&imsic->file, imsic->nr_words);
	imsic->file_hart = IMSIC_IN_MEMORY;
	imsic_drive(imsic, imsic_is_pending(imsic), vcpu);
	spin_unlock(&imsic->lock);
	select_file(vcpu, 0);
	trace_kvm_guest_file(vcpu->id, 0, 0);
}

void imsic_guest_send(const struct imsic *imsic, u32 id)
{
	hv_guest_file_send(imsic->file_hart, GUEST_FILE, id);
	barrier_all(); /* see wait_for_stores() */
}

void imsic_guest_idle(bool idle)
{
	csr_write(hgeie, idle ? BIT(GUEST_FILE) : 0);
}

/* A guest interrupt has ended the hart's WFI; its vCPU now looks for it. */
static void guest_irq(void)
{
	csr_write(hgeie, 0);
}

/* The hart may have been off since, or another hypervisor may have used the file. */
void imsic_guest_hart_init(void)
{
	initialized[hv_hart()] = false;
}

void imsic_guest_init(void)
{
	hv_guest_irq_set(guest_irq);
}
