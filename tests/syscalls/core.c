// SPDX-License-Identifier: MIT
/*
 * core.c - check the core's G-stage leaves, and run a guest that accesses random memory. Separate from
 * invariants.c, because the core's headers and the host's cannot be included together.
 */
#include <string.h>
#include "invariants.h"
#include "machine.h"
#include "native.h"

void (*native_fence_hook)(void); /* fence_step.h: no test causes a race here */

#define GUEST_BASE 0x80000000UL

struct leaves {
	struct kvm *vm;
	gstage_fn *fn;
	const char *error;
};

static const char *leaf(struct leaves *l, gpa_t gpa, u64 size, pte_t pte)
{
	for (gpa_t at = gpa; at < gpa + size; at += PAGE_SIZE) {
		const struct memslot *slot = memslots_find(l->vm->slots, gpa_to_gfn(at));
		const char *error;

		if (!slot || (slot == l->vm->removed_slot))
			return "a G-stage leaf lies outside the memory slots";
		if ((slot->flags & KVM_MEM_READONLY) && (pte & PTE_W))
			return "a G-stage leaf of a read-only slot is writable";
		error = l->fn(l->vm->mm, memslot_hva(slot, at), pte_to_hpa(pte) + (at - gpa),
			      PAGE_SIZE, pte & PTE_W);
		if (error)
			return error;
	}
	return NULL;
}

static void table(struct leaves *l, hpa_t pa, unsigned int level, gpa_t base)
{
	const struct gstage *gs = &l->vm->gstage;
	unsigned long n = GSTAGE_TABLE_ENTRIES << (level == gs->levels - 1 ? 2 : 0);
	const pte_t *entries = pa_to_va(pa);

	for (unsigned long i = next_entry(entries, 0, n); i < n && !l->error;
	     i = next_entry(entries, i + 1, n)) {
		gpa_t gpa = base + i * gstage_size(level);

		if (pte_is_leaf(entries[i]))
			l->error = leaf(l, gpa, gstage_size(level), entries[i]);
		else
			table(l, pte_to_hpa(entries[i]), level - 1, gpa);
	}
}

static void each_vm(struct kvm *vm, void *arg)
{
	struct leaves *l = arg;

	l->vm = vm;
	if (!l->error && vm->gstage.root)
		table(l, vm->gstage.root, vm->gstage.levels - 1, 0);
}

const char *core_each_leaf(gstage_fn *fn)
{
	struct leaves l = { .fn = fn };

	vm_for_each(each_vm, &l);
	return l.error;
}

static void count(struct kvm *vm, void *arg)
{
	(void)vm;
	++*(unsigned int *)arg;
}

unsigned int core_nr_vms(void)
{
	unsigned int n = 0;

	vm_for_each(count, &n);
	return n;
}

/* ---- the guest ---- */

static u32 state;

static u32 next_random(void)
{
	state = state * 1664525 + 1013904223;
	return state >> 8;
}

#define HTINST_LW 0x00002503 /* lw a0 and sw a0, as a trap writes them to htinst (H §5.3) */
#define HTINST_SW 0x00a02023

/* If an interrupt of the host is pending, the guest's run ends with it. */
static bool interrupted(struct hv_trap *trap)
{
	unsigned long pending;

	machine_time_add(MACHINE_HZ / 10000);
	pending = native_csr_read(CSR_sip) & native_csr_read(CSR_sie);
	trap->scause = CAUSE_IRQ_FLAG | (pending & BIT(IRQ_S_TIMER) ? IRQ_S_TIMER : IRQ_S_SOFT);
	return pending;
}

/* Access up to four words, then store to a device, which ends KVM_RUN. */
static void guest(struct kvm_vcpu *vcpu)
{
	struct hv_trap trap = { 0 };
	unsigned long cause = 0;
	u64 word = 0;

	if (interrupted(&trap)) {
		native_trap(&trap);
		return;
	}
	for (unsigned int i = 0; i < 4 && !cause; i++) {
		u32 r = next_random();
		bool load = r & 0x10000;
		gva_t gpa = GUEST_BASE + (r & 1 ? 0x200000 : 0) * (r >> 1 & 3) +
			    (r >> 3 & 15) * PAGE_SIZE;

		native_quirks.htinst = load ? HTINST_LW : HTINST_SW;
		cause = native_guest_access(gpa, load ? NATIVE_LOAD : NATIVE_STORE, &word, 4,
					    &trap);
	}
	native_quirks.htinst = HTINST_SW;
	if (!cause)
		native_guest_access(0x10000000 + (next_random() & 3) * 4, NATIVE_STORE, &word, 4,
				    &trap);
	trap.sepc = vcpu->guest.sepc;
	native_trap(&trap);
}

void core_guest_begin(unsigned int seed)
{
	state = seed;
	native_guest = guest;
}
