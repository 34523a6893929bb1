// SPDX-License-Identifier: MIT
/*
 * test_shadow_reverse.c - a flush of the VM's own table removes the leaves of shadow tables that were
 * copied from what has changed, and no others (shadow_reverse.c).
 */
#include "shadow_guest.h"
#include "mmu/unpriv.h"

#define MISSING ((unsigned long)EXC_LOAD_GUEST_PAGE_FAULT)

static unsigned long store_once(u64 l2)
{
	hpa_t hpa;

	serve();
	return native_gstage_access(l2, NATIVE_STORE, &hpa);
}

/* Map all of the small region, and access its first `n` pages. */
static void use_pages(u64 n, enum native_access access)
{
	map_all();
	for (u64 i = 0; i < n; i++)
		check(i * PAGE_SIZE, access);
}

static void a_page_that_is_taken_back_takes_its_leaf_along(void **state)
{
	(void)state;
	use_pages(3, NATIVE_LOAD);
	change_page(DATA + PAGE_SIZE);
	assert_int_equal(access_once(0), 0);
	assert_int_equal(access_once(PAGE_SIZE), MISSING);
	assert_int_equal(access_once(2 * PAGE_SIZE), 0);
	change_page(DATA + PAGE_SIZE);
	check(PAGE_SIZE, NATIVE_LOAD);

	leave_l2();
	change_page(DATA);
	serve();
	enter_l2();
	assert_int_equal(access_once(0), MISSING);
	assert_int_equal(access_once(PAGE_SIZE), 0);
	assert_int_equal(access_once(2 * PAGE_SIZE), 0);
}

/* So that the next access sets A again. */
static void a_page_that_is_aged_takes_its_leaf_along(void **state)
{
	(void)state;
	use_pages(3, NATIVE_LOAD);
	vm.vm->notifier.clear_young(&vm.vm->notifier, HVA + (DATA - BASE),
				    HVA + (DATA - BASE) + PAGE_SIZE);
	assert_int_equal(access_once(0), MISSING);
	assert_int_equal(access_once(PAGE_SIZE), 0);
	check(0, NATIVE_LOAD);
}

static void the_tables_of_other_guests_lose_it_as_well(void **state)
{
	(void)state;
	use_pages(3, NATIVE_LOAD);
	enter_guest(1);
	use_pages(3, NATIVE_LOAD);
	change_page(DATA + PAGE_SIZE);
	assert_int_equal(access_once(0), 0);
	assert_int_equal(access_once(PAGE_SIZE), MISSING);
	for (u64 i = 0; i <= SHADOW_FLUSHES; i++) {
		check(4 * PAGE_SIZE, NATIVE_LOAD);
		change_page(DATA + 4 * PAGE_SIZE);
		serve();
		change_page(DATA + 4 * PAGE_SIZE);
	}
	enter_guest(0);
	assert_int_equal(access_once(0), 0);
	assert_int_equal(access_once(PAGE_SIZE), MISSING);
	assert_int_equal(access_once(2 * PAGE_SIZE), 0);
}

/* A table has nothing to do with flushes from before its time. */
static void a_new_table_is_not_dropped(void **state)
{
	(void)state;
	use_pages(3, NATIVE_LOAD);
	for (u64 i = 0; i <= SHADOW_FLUSHES; i++) {
		check(PAGE_SIZE, NATIVE_LOAD);
		change_page(DATA + PAGE_SIZE);
		serve();
		change_page(DATA + PAGE_SIZE);
	}
	enter_guest(1);
	use_pages(3, NATIVE_LOAD);
	change_page(DATA + PAGE_SIZE);
	assert_int_equal(access_once(0), 0);
	assert_int_equal(access_once(PAGE_SIZE), MISSING);
}

static void the_dirty_log_takes_w_from_what_was_written(void **state)
{
	unsigned long no_store = EXC_STORE_GUEST_PAGE_FAULT;

	(void)state;
	set_logging(true);
	use_pages(4, NATIVE_STORE);
	read_log();
	check(PAGE_SIZE, NATIVE_STORE);
	check(3 * PAGE_SIZE, NATIVE_STORE);
	read_log();
	for (u64 i = 0; i < 4; i++) {
		assert_int_equal(access_once(i * PAGE_SIZE), 0);
		assert_int_equal(store_once(i * PAGE_SIZE), no_store);
	}
	check(PAGE_SIZE, NATIVE_STORE);
	assert_int_equal(store_once(PAGE_SIZE), 0);
	assert_int_equal(store_once(2 * PAGE_SIZE), no_store);
}

static void a_page_at_two_addresses_makes_a_flush_drop_the_table(void **state)
{
	(void)state;
	map_all();
	level0[1] = level0[0];
	for (u64 i = 0; i < 3; i++)
		check(i * PAGE_SIZE, NATIVE_LOAD);
	change_page(DATA);
	for (u64 i = 0; i < 3; i++)
		assert_int_equal(access_once(i * PAGE_SIZE), MISSING);
	level0[1] = pte_make(DATA + PAGE_SIZE, PTE_V | PTE_R | PTE_U | PTE_A);
	check(PAGE_SIZE, NATIVE_LOAD);
	check(2 * PAGE_SIZE, NATIVE_LOAD);
	change_page(DATA + PAGE_SIZE);
	assert_int_equal(access_once(PAGE_SIZE), MISSING);
	assert_int_equal(access_once(2 * PAGE_SIZE), 0);
}

/* A page of L1 that has moved to another address of L2 is found there. */
static void a_page_that_has_moved_is_at_one_address(void **state)
{
	(void)state;
	use_pages(3, NATIVE_LOAD);
	level0[0] = pte_make(DATA + 8 * PAGE_SIZE, PTE_V | PTE_R | PTE_U | PTE_A);
	fence_gvma(VMID, 0, 0);
	level0[3] = pte_make(DATA, PTE_V | PTE_R | PTE_U | PTE_A);
	fence_gvma(VMID, 3 * PAGE_SIZE, 3 * PAGE_SIZE);
	check(3 * PAGE_SIZE, NATIVE_LOAD);
	check(0, NATIVE_LOAD);
	change_page(DATA);
	assert_int_equal(access_once(0), 0);
	assert_int_equal(access_once(PAGE_SIZE), 0);
	assert_int_equal(access_once(3 * PAGE_SIZE), MISSING);
}

static void too_many_flushes_drop_the_table(void **state)
{
	(void)state;
	use_pages(NR_SMALL, NATIVE_LOAD);
	for (u64 i = 1; i <= SHADOW_FLUSHES; i++)
		change_page(DATA + i * PAGE_SIZE);
	assert_int_equal(access_once(0), 0);
	for (u64 i = 1; i <= SHADOW_FLUSHES; i++) {
		assert_int_equal(access_once(i * PAGE_SIZE), MISSING);
		change_page(DATA + i * PAGE_SIZE);
		check(i * PAGE_SIZE, NATIVE_LOAD);
	}
	for (u64 i = 1; i <= SHADOW_FLUSHES + 1; i++)
		change_page(DATA + i * PAGE_SIZE);
	assert_int_equal(access_once(0), MISSING);
}

static void a_page_that_was_replaced_takes_its_leaf_along(void **state)
{
	struct hv_trap trap = l1_fault(DATA, MISSING);

	(void)state;
	use_pages(3, NATIVE_LOAD);
	leave_l2();
	change_page(DATA);
	change_page(DATA);
	assert_int_equal(exit_gstage_fault(vm.vcpu, &trap), RESUME_GUEST); /* as another vCPU may */
	enter_l2();
	assert_int_equal(access_once(0), MISSING);
	assert_int_equal(access_once(PAGE_SIZE), 0);
	check(0, NATIVE_LOAD);
}

/* The leaf at the page's former address, which has another page now, makes way, and L2 faults there again. */
static void the_leaf_at_the_former_address_is_fenced(void **state)
{
	(void)state;
	use_pages(3, NATIVE_LOAD);
	level0[0] = pte_make(DATA + 8 * PAGE_SIZE, PTE_V | PTE_R | PTE_U | PTE_A);
	fence_gvma(VMID, 0, 0);
	check(0, NATIVE_LOAD);
	level0[3] = pte_make(DATA, PTE_V | PTE_R | PTE_U | PTE_A);
	fence_gvma(VMID, 3 * PAGE_SIZE, 3 * PAGE_SIZE);
	check(0, NATIVE_LOAD);
	check(3 * PAGE_SIZE, NATIVE_LOAD);
	assert_int_equal(access_once(0), MISSING);
	check(0, NATIVE_LOAD);
}

/*
 * The same page of L1 at a second address of L2, between a flush and its comparison: the first address
 * must not keep what the host has taken back.
 */
static void a_second_address_does_not_hide_the_first(void **state)
{
	struct hv_trap trap = {
		.scause = MISSING, .htval = PAGE_SIZE >> 2, .stval = PAGE_SIZE, .htinst = 0x2503
	};

	(void)state;
	map_all();
	level0[1] = level0[0];
	check(0, NATIVE_LOAD);
	change_page(DATA);
	change_page(DATA);
	nested_unsettle(vm.vcpu);
	assert_int_equal(nested_fault(vm.vcpu, &trap), RESUME_GUEST);
	nested_settle(vm.vcpu);
	assert_int_equal(access_once(0), MISSING);
	assert_int_equal(access_once(PAGE_SIZE), 0);
	check(0, NATIVE_LOAD);
}

/* L1 asks for a fence on all harts: its table may have changed. */
static void a_fence_by_sbi_drops_all_tables(void **state)
{
	(void)state;
	use_pages(3, NATIVE_LOAD);
	enter_guest(1);
	use_pages(3, NATIVE_LOAD);
	tlb_flush_vm(vm.vm);
	for (u64 i = 0; i < 3; i++)
		assert_int_equal(access_once(i * PAGE_SIZE), MISSING);
	enter_guest(0);
	assert_int_equal(access_once(0), MISSING);
}

/* L2 has a page table of 512 leaves, which come from pages of 4 KiB. */
static void use_block(void)
{
	level1[1] = pte_make(BASE + LARGE, PTE_V | PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D);
	for (u64 i = 0; i < LARGE / PAGE_SIZE; i++)
		check(LARGE + i * PAGE_SIZE, NATIVE_STORE);
}

/* A comparison takes pieces, except where there is no time for it. */
static void a_flush_of_many_pages_is_compared_in_pieces(void **state)
{
	(void)state;
	set_logging(true);
	use_block();
	read_log();
	assert_int_equal(access_once(LARGE), 0);
	assert_true(vm.vcpu->requests & BIT(REQ_HOST)); /* a signal may have arrived */
	for (u64 i = 0; i < LARGE / PAGE_SIZE; i++) {
		assert_int_equal(access_once(LARGE + i * PAGE_SIZE), 0);
		assert_int_equal(store_once(LARGE + i * PAGE_SIZE), EXC_STORE_GUEST_PAGE_FAULT);
	}
}

/* An HLV with the request pending. */
static void an_hlv_does_not_wait_for_a_long_comparison(void **state)
{
	struct hv_trap trap = { 0 };

	(void)state;
	set_logging(true);
	use_block();
	change_page(BASE + LARGE);
	unpriv_access(vm.vcpu, hlv, LARGE, 0, true, &trap);
	assert_int_equal(trap.scause, MISSING);
	assert_int_equal(access_once(LARGE + PAGE_SIZE), 0);
	read_log();
	unpriv_access(vm.vcpu, hlv, LARGE + PAGE_SIZE, 0, true, &trap);
	assert_int_equal(trap.scause, MISSING);
}

static void a_table_is_dropped_if_the_reverse_map_has_no_memory(void **state)
{
	struct shadow_table *table = vm.vcpu->shadow->current;

	(void)state;
	map_all();
	leave_l2();
	check_l1(DATA, NATIVE_LOAD);
	check_l1(DATA + PAGE_SIZE, NATIVE_LOAD);
	enter_l2();
	native_fail_alloc(3); /* after the two of the shadow table */
	check(0, NATIVE_LOAD);
	native_fail_alloc(0);
	assert_true(table->incomplete);
	check(PAGE_SIZE, NATIVE_LOAD);
	change_page(DATA);
	assert_int_equal(access_once(PAGE_SIZE), MISSING);
	check(PAGE_SIZE, NATIVE_LOAD);
	assert_false(table->incomplete);
}

static void the_reverse_map_is_bounded(void **state)
{
	struct shadow_table *table = vm.vcpu->shadow->current;

	(void)state;
	use_pages(1, NATIVE_LOAD);
	table->reverse.tables += SHADOW_TABLES;
	check(PAGE_SIZE, NATIVE_LOAD);
	assert_true(table->incomplete);
	change_page(DATA + PAGE_SIZE);
	assert_int_equal(access_once(0), MISSING);
	check(0, NATIVE_LOAD);
	assert_int_equal(table->reverse.tables, SHADOW_TABLES); /* all have been freed */
	table->reverse.tables = 0;
	fence_gvma(SHADOW_ANY_VMID, 0, ~0ULL);
	check(0, NATIVE_LOAD);
	assert_false(table->incomplete);
}

/* L1 has given pages of a block to L2, one by one and elsewhere, before it maps the block. */
static void a_block_replaces_pages_in_the_reverse_map(void **state)
{
	(void)state;
	for (u64 i = 0; i < NR_SMALL; i++) {
		level0[i] = pte_make(BASE + LARGE + i * PAGE_SIZE, PTE_V | PTE_R | PTE_U | PTE_A);
		check(i * PAGE_SIZE, NATIVE_LOAD);
		level0[i] = 0;
	}
	fence_gvma(VMID, 0, NR_SMALL * PAGE_SIZE - 1);
	map_all();
	level1[1] = pte_make(BASE + LARGE, PTE_V | PTE_R | PTE_X | PTE_U | PTE_A);
	check(LARGE, NATIVE_LOAD);
	assert_int_equal(access_once(2 * LARGE - PAGE_SIZE), 0); /* one leaf */
	assert_true(vm.vcpu->shadow->current->incomplete);
	fence_gvma(SHADOW_ANY_VMID, 0, ~0ULL);
	check(SMALL, NATIVE_LOAD);
	check(LARGE, NATIVE_LOAD);
	assert_false(vm.vcpu->shadow->current->incomplete);
	change_page(BASE + LARGE + 100 * PAGE_SIZE);
	assert_int_equal(access_once(LARGE + 100 * PAGE_SIZE), MISSING);
	assert_int_equal(access_once(SMALL), 0);
	check(LARGE, NATIVE_LOAD);
}

/* The VM's own leaf has been split, and a page of it is aged. */
static void a_block_loses_any_of_its_pages(void **state)
{
	(void)state;
	level1[1] = pte_make(BASE + LARGE, PTE_V | PTE_R | PTE_X | PTE_U | PTE_A);
	check(LARGE, NATIVE_LOAD);
	set_logging(true);
	assert_int_equal(access_once(2 * LARGE - PAGE_SIZE), 0);
	leave_l2();
	check_l1(BASE + LARGE + 100 * PAGE_SIZE, NATIVE_STORE);
	enter_l2();
	assert_int_equal(access_once(2 * LARGE - PAGE_SIZE), 0);
	vm.vm->notifier.clear_young(&vm.vm->notifier, HVA + LARGE + 100 * PAGE_SIZE,
				    HVA + LARGE + 101 * PAGE_SIZE);
	assert_int_equal(access_once(LARGE + 100 * PAGE_SIZE), MISSING);
}

/* L1 has replaced a page of a block without a fence so far, so the shadow table's leaf has been split. */
static void a_block_that_was_split_is_removed_as_a_whole(void **state)
{
	hpa_t hpa;

	(void)state;
	level1[1] = pte_make(BASE + LARGE, PTE_V | PTE_R | PTE_X | PTE_U | PTE_A);
	check(LARGE, NATIVE_LOAD);
	level1[1] = pte_make(LEVEL0(guest), PTE_V);
	level0[1] = pte_make(DATA, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D);
	assert_int_equal(access_l2(LARGE + PAGE_SIZE, NATIVE_STORE, &hpa), 0);
	assert_int_equal(access_once(LARGE + 3 * PAGE_SIZE), 0);
	change_page(BASE + LARGE + 5 * PAGE_SIZE);
	assert_int_equal(access_once(LARGE + 3 * PAGE_SIZE), MISSING);
	assert_int_equal(access_once(LARGE + 5 * PAGE_SIZE), MISSING);
}

/* The same leaf of 2 MiB of L1 at two addresses, as a whole or in pages. */
static void a_block_at_two_addresses_is_noticed(void **state)
{
	(void)state;
	level1[1] = pte_make(BASE + LARGE, PTE_V | PTE_R | PTE_X | PTE_U | PTE_A);
	check(LARGE, NATIVE_LOAD);
	check(FAR + LARGE, NATIVE_LOAD);
	change_page(BASE + LARGE + PAGE_SIZE);
	assert_int_equal(access_once(LARGE + PAGE_SIZE), MISSING);
	assert_int_equal(access_once(FAR + LARGE + PAGE_SIZE), MISSING);

	level0[0] = pte_make(BASE + 2 * LARGE + PAGE_SIZE, PTE_V | PTE_R | PTE_U | PTE_A);
	level1[1] = pte_make(BASE + 2 * LARGE, PTE_V | PTE_R | PTE_X | PTE_U | PTE_A);
	fence_gvma(VMID, 0, ~0ULL);
	check(0, NATIVE_LOAD);
	check(LARGE, NATIVE_LOAD);
	change_page(BASE + 2 * LARGE + PAGE_SIZE);
	assert_int_equal(access_once(0), MISSING);
	assert_int_equal(access_once(LARGE + PAGE_SIZE), MISSING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_page_that_is_taken_back_takes_its_leaf_along),
		TEST(a_page_that_is_aged_takes_its_leaf_along),
		TEST(the_tables_of_other_guests_lose_it_as_well),
		TEST(a_new_table_is_not_dropped),
		TEST(the_dirty_log_takes_w_from_what_was_written),
		TEST(a_page_at_two_addresses_makes_a_flush_drop_the_table),
		TEST(a_page_that_has_moved_is_at_one_address),
		TEST(too_many_flushes_drop_the_table),
		TEST(a_page_that_was_replaced_takes_its_leaf_along),
		TEST(the_leaf_at_the_former_address_is_fenced),
		TEST(a_second_address_does_not_hide_the_first),
		TEST(a_fence_by_sbi_drops_all_tables),
		TEST(a_flush_of_many_pages_is_compared_in_pieces),
		TEST(an_hlv_does_not_wait_for_a_long_comparison),
		TEST(a_table_is_dropped_if_the_reverse_map_has_no_memory),
		TEST(the_reverse_map_is_bounded),
		cmocka_unit_test_setup_teardown(a_block_replaces_pages_in_the_reverse_map,
						setup_huge, one_vm_end),
		cmocka_unit_test_setup_teardown(a_block_loses_any_of_its_pages, setup_huge,
						one_vm_end),
		cmocka_unit_test_setup_teardown(a_block_that_was_split_is_removed_as_a_whole,
						setup_huge, one_vm_end),
		cmocka_unit_test_setup_teardown(a_block_at_two_addresses_is_noticed, setup_huge,
						one_vm_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
