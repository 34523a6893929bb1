// SPDX-License-Identifier: MIT
/*
 * test_shadow_cases.c - single cases of shadow tables: what a fence removes, which tables are kept, and
 * what happens without memory.
 */
#include "shadow_guest.h"

static void a_failed_allocation_is_reported_and_repeated(void **state)
{
	hpa_t hpa;

	(void)state;
	map_all();
	for (unsigned int nth = 1; nth <= 2; nth++) {
		fence_gvma(SHADOW_ANY_VMID, 0, ~0ULL);
		check(0, NATIVE_STORE); /* so that the VM's own table is complete */
		fence_gvma(SHADOW_ANY_VMID, 0, ~0ULL);
		native_fail_alloc(nth);
		assert_int_equal(access_l2(0, NATIVE_STORE, &hpa), -ENOMEM);
		native_fail_alloc(0);
		shadow_reclaim(vm.vcpu);
		assert_int_equal(vm.vcpu->shadow->current->reverse.tables, 0);
		check(0, NATIVE_STORE);
	}
}

static void a_flush_at_once_leaves_other_changes_pending(void **state)
{
	struct gstage *gs = &vm.vm->gstage;
	struct gstage_pending_flush pending;

	(void)state;
	map_all();
	check(0, NATIVE_STORE);
	spin_lock(&gs->mmu_lock);
	gstage_protect(gs, DATA, DATA + PAGE_SIZE);
	spin_unlock(&gs->mmu_lock);
	tlb_flush_page_at_once(vm.vm, BASE + NATIVE_GUEST_SIZE);
	spin_lock(&gs->mmu_lock);
	pending = gstage_take_pending_flush(gs);
	spin_unlock(&gs->mmu_lock);
	assert_true(pending.fence);
	tlb_flush_pending(vm.vm, &pending);
}

static void a_reset_forgets_the_translations(void **state)
{
	unsigned long hgatp = vm.vcpu->nested.hgatp;

	(void)state;
	map_all();
	check(0, NATIVE_LOAD);
	vcpu_reset(vm.vcpu, 0, 0);
	level0[0] = pte_make(DATA + PAGE_SIZE, PTE_V | PTE_R | PTE_U | PTE_A);
	vm.vcpu->nested.hgatp = hgatp;
	enter_l2();
	check(0, NATIVE_LOAD);
}

static void the_table_is_bounded(void **state)
{
	struct shadow_table *table = vm.vcpu->shadow->current;

	(void)state;
	map_all();
	check(0, NATIVE_LOAD);
	table->gstage.tables += SHADOW_TABLES;
	check(PAGE_SIZE, NATIVE_LOAD);
	assert_true(table->gstage.tables < SHADOW_TABLES);
}

static void a_fence_removes_what_it_names(void **state)
{
	unsigned long missing = EXC_LOAD_GUEST_PAGE_FAULT;

	(void)state;
	map_all();
	for (u64 i = 0; i < 4; i++)
		check(i * PAGE_SIZE, NATIVE_LOAD);
	check(FAR, NATIVE_LOAD);
	fence_gvma(VMID + 1, 0, ~0ULL);
	assert_int_equal(access_once(0), 0);
	fence_gvma(VMID, PAGE_SIZE, 3 * PAGE_SIZE - 1);
	assert_int_equal(access_once(0), 0);
	assert_int_equal(access_once(PAGE_SIZE), missing);
	assert_int_equal(access_once(2 * PAGE_SIZE), missing);
	assert_int_equal(access_once(3 * PAGE_SIZE), 0);
	assert_int_equal(access_once(FAR), 0);
	fence_gvma(SHADOW_ANY_VMID, FAR, FAR);
	assert_int_equal(access_once(0), 0);
	assert_int_equal(access_once(FAR), missing);
	fence_gvma(VMID, 1ULL << 41, 1ULL << 41); /* beyond the table's reach */
	fence_gvma(SHADOW_ANY_VMID, ~0ULL, ~0ULL);
	assert_int_equal(access_once(0), 0);
	fence_gvma(VMID, LARGE - 1, LARGE); /* in two blocks */
	assert_int_equal(access_once(0), missing);
}

static void the_tables_of_the_last_guests_are_kept(void **state)
{
	unsigned long missing = EXC_LOAD_GUEST_PAGE_FAULT;

	(void)state;
	for (unsigned int n = 0; n < SHADOW_GUESTS; n++) {
		enter_guest(n);
		check(0, NATIVE_LOAD);
	}
	for (unsigned int n = 0; n < SHADOW_GUESTS; n++) {
		enter_guest(n);
		assert_int_equal(access_once(0), 0);
	}
	enter_guest(0);
	enter_guest(SHADOW_GUESTS); /* takes the place of 1 */
	assert_int_equal(access_once(0), missing);
	enter_guest(0);
	assert_int_equal(access_once(0), 0);
	fence_gvma(VMID + 3, 0, ~0ULL);
	assert_int_equal(access_once(0), 0);
	enter_guest(1); /* takes the place of 3, which was fenced */
	assert_int_equal(access_once(0), missing);
	enter_guest(2); /* used before 3, but kept */
	assert_int_equal(access_once(0), 0);
	fence_gvma(SHADOW_ANY_VMID, 0, 0);
	enter_guest(0);
	assert_int_equal(access_once(0), missing);
}

static void hlvx_finds_an_executable_page_if_l1_has_no_table(void **state)
{
	unsigned long value;

	(void)state;
	leave_l2();
	vm.vcpu->nested.hgatp = 0;
	assert_int_equal(access_by_hlv(DATA, HLV_D), 0);
	value = vm.vcpu->guest.gpr[GPR_A0];
	assert_int_equal(access_by_hlv(DATA, HLVX_HU), 0);
	assert_int_equal(vm.vcpu->guest.gpr[GPR_A0], value & 0xffff);
}

/* HLV looks for a flush only while it is requested (unpriv.c). */
static void a_table_is_checked_when_it_is_loaded(void **state)
{
	hpa_t hpa;

	(void)state;
	enter_guest(0);
	check(0, NATIVE_LOAD);
	enter_guest(1);
	change_page(DATA);
	serve();
	enter_guest(0);
	assert_int_equal(native_gstage_access(0, NATIVE_LOAD, &hpa), EXC_LOAD_GUEST_PAGE_FAULT);

	change_page(DATA);
	check(0, NATIVE_LOAD);
	leave_l2();
	change_page(DATA);
	serve();
	enter_l2();
	assert_int_equal(native_gstage_access(0, NATIVE_LOAD, &hpa), EXC_LOAD_GUEST_PAGE_FAULT);
}

static void without_memory_the_oldest_table_is_used(void **state)
{
	(void)state;
	map_all();
	check(0, NATIVE_LOAD);
	for (unsigned int nth = 1; nth <= 3; nth++) {
		native_fail_alloc(nth);
		enter_guest(nth);
		native_fail_alloc(0);
		check(0, NATIVE_LOAD);
	}
	assert_false(vm.vcpu->shadow->tables[1].gstage.root);
}

/* L1 replaces a leaf of 2 MiB by a table, and L2 uses the table before L1 fences one address. */
static void a_leaf_that_was_split_is_removed_as_a_whole(void **state)
{
	hpa_t hpa;

	(void)state;
	level1[1] = pte_make(BASE + LARGE, PTE_V | PTE_R | PTE_X | PTE_U | PTE_A);
	check(LARGE, NATIVE_LOAD);
	assert_int_equal(access_once(LARGE + 3 * PAGE_SIZE), 0);
	level1[1] = pte_make(LEVEL0(guest), PTE_V);
	level0[1] = pte_make(DATA, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D);
	assert_int_equal(access_l2(LARGE + PAGE_SIZE, NATIVE_STORE, &hpa), 0);
	fence_gvma(VMID, LARGE + 2 * PAGE_SIZE, LARGE + 2 * PAGE_SIZE);
	assert_int_equal(access_once(LARGE + 3 * PAGE_SIZE), EXC_LOAD_GUEST_PAGE_FAULT);
}

/*
 * L1 has read the page, which is new, so the VM's own leaf is without X. Then L1's leaf for L2 is without
 * R. A load of L2 is permitted if L1 has set sstatus.MXR, and needs a leaf with X: without R and X, the
 * entry would be a pointer, and L1's page the table.
 */
static void a_load_from_an_executable_page_needs_x(void **state)
{
	struct gstage_leaf leaf;
	hpa_t hpa;

	(void)state;
	native_icache_shared();
	leave_l2();
	assert_int_equal(access_l1(BASE + LARGE, NATIVE_LOAD, &hpa), 0);
	assert_int_equal(gstage_find(&vm.vm->gstage, BASE + LARGE, &leaf), 0);
	assert_false(leaf.pte & PTE_X);
	level1[1] = pte_make(BASE + LARGE, PTE_V | PTE_X | PTE_U | PTE_A);
	set_mxr(true);
	enter_l2();
	check(LARGE, NATIVE_LOAD);
	assert_int_equal(gstage_find(&vm.vcpu->shadow->current->gstage, LARGE, &leaf), 0);
	assert_int_equal(leaf.pte & (PTE_R | PTE_W | PTE_X), PTE_X);
	check(LARGE + PAGE_SIZE, NATIVE_FETCH);
	leave_l2();
	set_mxr(false);
	enter_l2();
	check(LARGE, NATIVE_LOAD); /* goes to L1 */
}

/* L2 fetches an instruction, and its page-table walk reads a page that L1 does not let it execute. */
static void the_walk_for_a_fetch_only_reads(void **state)
{
	const struct hv_trap walk = { .scause = EXC_INST_GUEST_PAGE_FAULT,
				      .htval = PAGE_SIZE >> 2,
				      .htinst = 0x3000 }; /* pseudoinstruction: a read of 8 bytes */

	(void)state;
	level0[1] = pte_make(DATA, PTE_V | PTE_R | PTE_U | PTE_A);
	for (unsigned int i = 0; i < 2; i++) { /* the first one may map the VM's own page only */
		nested_unsettle(vm.vcpu);
		assert_int_equal(nested_fault(vm.vcpu, &walk), RESUME_GUEST);
		nested_settle(vm.vcpu);
	}
	assert_int_equal(access_once(PAGE_SIZE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_failed_allocation_is_reported_and_repeated),
		TEST(a_flush_at_once_leaves_other_changes_pending),
		TEST(a_reset_forgets_the_translations),
		TEST(the_table_is_bounded),
		TEST(a_fence_removes_what_it_names),
		TEST(the_tables_of_the_last_guests_are_kept),
		TEST(a_table_is_checked_when_it_is_loaded),
		TEST(hlvx_finds_an_executable_page_if_l1_has_no_table),
		TEST(without_memory_the_oldest_table_is_used),
		TEST(the_walk_for_a_fetch_only_reads),
		cmocka_unit_test_setup_teardown(a_leaf_that_was_split_is_removed_as_a_whole,
						setup_huge, one_vm_end),
		cmocka_unit_test_setup_teardown(a_load_from_an_executable_page_needs_x, setup_huge,
						one_vm_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
