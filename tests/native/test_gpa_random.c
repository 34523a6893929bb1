// SPDX-License-Identifier: MIT
/*
 * test_gpa_random.c - both variants of toggle gpa_from give the same result for every fault,
 * whatever the guest's tables are.
 *
 * A guest writes random entries into a few tables, and accesses addresses that the tables
 * translate. Some entries point outside memory. The host takes pages back. Each trap is given to
 * both variants, and then handled by one of them. The hardware fills htval and htinst whenever it
 * may.
 */
#include "touch.h"
#include "mmu/gpa.h"
#include "mmu/memslot.h"
#include "random.h"

#define STEPS   1000000
#define TABLES  6
#define PAGES   32 /* pages that the test uses, the tables first */
#define NOWHERE 0x10000000ULL

/* Use few indices, so that walks often meet entries that were written. */
static gva_t random_gva(void)
{
	gva_t gva = rnd(512) * 8;
	unsigned int level;

	for (level = 0; level < 5; level++)
		gva |= rnd(2) << (PAGE_SHIFT + 9 * level);
	return gva;
}

static gpa_t random_page(void)
{
	return rnd(16) ? BASE + rnd(PAGES) * PAGE_SIZE : NOWHERE + rnd(4) * PAGE_SIZE;
}

static pte_t random_pte(void)
{
	static const pte_t rights[] = { PTE_R, PTE_R | PTE_W, PTE_R | PTE_W | PTE_X, PTE_X };
	pte_t flags = (rnd(16) ? PTE_V : 0) | (rnd(4) ? PTE_A : 0) | (rnd(4) ? PTE_D : 0);

	if (rnd(3))
		return pte_make(rnd(16) ? BASE + rnd(TABLES) * PAGE_SIZE : NOWHERE, flags & PTE_V);
	flags |= rights[rnd(ARRAY_SIZE(rights))];
	/* Sometimes choose an address that is also valid for a leaf of 2 MiB or 1 GiB. */
	return pte_make(rnd(4) ? random_page() : ALIGN_DOWN(BASE, rnd(2) ? SZ_2M : SZ_1G),
			flags | PTE_U);
}

static void guest_writes(void)
{
	gpa_t at = rnd(TABLES) * PAGE_SIZE + rnd(2) * 8;

	*(pte_t *)native_user(HVA + at) = random_pte();
}

static void unmap_random_page(void)
{
	hva_t hva = HVA + rnd(PAGES) * PAGE_SIZE;

	native_user_unmap(hva, PAGE_SIZE);
	native_user_map(hva, PAGE_SIZE, rnd(2) ? NATIVE_COW : 0);
}

/* Unmap all pages from the G-stage. The host keeps them, but the guest has to fault again. */
static void core_unmaps(void)
{
	struct gstage *gs = &vm.vm->gstage;
	struct gstage_pending_flush pending;

	spin_lock(&gs->mmu_lock);
	gstage_unmap(gs, BASE, BASE + PAGES * PAGE_SIZE);
	pending = gstage_take_pending_flush(gs);
	spin_unlock(&gs->mmu_lock);
	tlb_flush_pending(vm.vm, &pending);
}

static bool is_memory(const struct gstage_fault *fault)
{
	return memslot_find(vm.vcpu, gpa_to_gfn(fault->gpa)) != NULL;
}

static bool same_location(const struct hv_trap *trap)
{
	struct gstage_fault from_htval, walked;

	assert_int_equal(gpa_htval_ops.locate(vm.vcpu, trap, &from_htval), 0);
	if (!is_memory(&from_htval))
		assert_int_equal(gpa_htval_ops.confirm(vm.vcpu, trap, &from_htval), 0);
	assert_int_equal(gpa_walk_ops.locate(vm.vcpu, trap, &walked), 0);
	if (!is_memory(&walked))
		assert_int_equal(gpa_walk_ops.confirm(vm.vcpu, trap, &walked), 0);
	assert_int_equal(from_htval.gpa, walked.gpa);
	assert_int_equal(from_htval.fetch, walked.fetch);
	assert_int_equal(from_htval.write, walked.write);
	assert_int_equal(from_htval.implicit, walked.implicit);
	return is_memory(&from_htval);
}

static unsigned long trapped, ended, elsewhere;

/* Repeat an access until it succeeds, traps into the guest, or faults outside memory. */
static void guest_touches(void)
{
	static const enum native_access kinds[] = { NATIVE_LOAD, NATIVE_STORE, NATIVE_FETCH };
	enum native_access kind = kinds[rnd(ARRAY_SIZE(kinds))];
	gva_t gva = random_gva();
	struct hv_trap trap;
	unsigned int tries;
	u64 data = 0; /* stores write 0: in a table, that is an invalid entry */

	for (tries = 0; tries < 20; tries++) {
		serve(vm.vcpu);
		if (!native_guest_access(gva, kind, &data, sizeof(data), &trap) ||
		    trap.scause < EXC_INST_GUEST_PAGE_FAULT) {
			ended++;
			return;
		}
		trapped++;
		trap.sepc = BASE;
		if (!same_location(&trap)) {
			elsewhere++;
			return;
		}
		vm.vm->gpa = rnd(2) ? &gpa_htval_ops : &gpa_walk_ops;
		assert_int_equal(exit_gstage_fault(vm.vcpu, &trap), RESUME_GUEST);
		assert_int_equal(csr_read(vscause), 0);
	}
	fail_msg("the access still faults after 20 tries");
}

static void any_guest(unsigned int mode, bool adue)
{
	unsigned long i;

	csr_write(vsatp, FIELD_PREP(SATP_MODE, mode) | BASE >> PAGE_SHIFT);
	vm.vcpu->henvcfg = adue ? vm.vcpu->henvcfg | ENVCFG_ADUE : vm.vcpu->henvcfg & ~ENVCFG_ADUE;
	csr_write(henvcfg, vm.vcpu->henvcfg);
	for (i = 0; i < STEPS / 6; i++) {
		unsigned int what = (unsigned int)rnd(16);

		if (what < 8)
			guest_writes();
		else if (what == 8)
			unmap_random_page();
		else if (what == 9)
			core_unmaps();
		else
			guest_touches();
	}
}

static void both_variants_agree(void **state)
{
	static const unsigned int modes[] = { SATP_MODE_SV39, SATP_MODE_SV48, SATP_MODE_SV57 };
	unsigned int i;

	(void)state;
	for (i = 0; i < 2 * ARRAY_SIZE(modes); i++) {
		trapped = ended = elsewhere = 0;
		any_guest(modes[i / 2], i % 2);
		print_message("# mode %u: %lu faults, %lu accesses done, %lu elsewhere\n",
			      modes[i / 2], trapped, ended, elsewhere);
		assert_true(trapped > STEPS / 100 && ended && elsewhere);
	}
}

static int setup(void **state)
{
	(void)state;
	touch_setup(0);
	native_icache();
	/* With a cached translation, the hardware would skip a walk that gpa_walk_ops makes. */
	native_quirks.no_tlb = true;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_variants_agree, setup, one_vm_end),
	};

	random_state = 0x2545f4914f6cdd1dULL;
	return cmocka_run_group_tests_name("the faulting address", tests, NULL, NULL);
}
