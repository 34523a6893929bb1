// SPDX-License-Identifier: MIT
/*
 * test_shadow_protect.c - with shadow=protect, a fence of L1 for all addresses removes the leaves that
 * come from pages of L1's table to which L1 has written, and no others (shadow_protect.c).
 */
#include "protect_guest.h"
#include "mmu/unpriv.h"

static void a_fence_removes_nothing_if_nothing_was_written(void **state)
{
	(void)state;
	use_two_tables();
	fence_all();
	assert_int_equal(access_once(0), 0);
	assert_int_equal(access_once(LARGE), 0);
	fence_gvma(VMID, 0, LARGE);
	assert_int_equal(access_once(0), 0);
	tlb_flush_vm(vm.vm); /* L1 asks for a fence by SBI */
	assert_int_equal(access_once(0), 0);
	assert_int_equal(access_once(LARGE), 0);
	assert_int_equal(vm.vcpu->shadow->current->nr_sources, 4);
}

static void a_fence_removes_what_comes_from_a_written_table(void **state)
{
	(void)state;
	use_two_tables();
	store_as_l1(LEVEL0(0), 0);
	assert_int_equal(access_once(0), 0); /* no fence so far */
	fence_all();
	assert_int_equal(access_once(0), MISSING);
	assert_int_equal(access_once(2 * PAGE_SIZE), MISSING);
	assert_int_equal(access_once(LARGE), 0);
	check(0, NATIVE_LOAD);

	/* Now it is protected again, and then written again. */
	store_as_l1(LEVEL0(0), pte_make(DATA, FLAGS));
	fence_all();
	check(0, NATIVE_LOAD);
	fence_all();
	assert_int_equal(access_once(0), 0);
	store_as_l1(LEVEL0(0), 0);
	assert_int_equal(access_once(0), 0);
	fence_all();
	check(0, NATIVE_LOAD);
	assert_int_equal(access_once(LARGE), 0);
}

static void a_fence_by_sbi_removes_it_as_well(void **state)
{
	(void)state;
	use_two_tables();
	store_as_l1(LEVEL0(0), 0);
	tlb_flush_vm(vm.vm);
	assert_int_equal(access_once(0), MISSING);
	assert_int_equal(access_once(LARGE), 0);
}

/* L1 gives its guest a page that later becomes part of L1's table. */
static void a_store_of_l2_to_a_table_is_noticed(void **state)
{
	(void)state;
	use_two_tables();
	level1[1] = 0;
	level0[3] = pte_make(LEVEL0(NR_GUESTS - 1), FLAGS);
	fence_all();
	assert_int_equal(access_l2(3 * PAGE_SIZE, NATIVE_STORE, &(hpa_t){ 0 }), 0);
	fence_all();
	level1[1] = pte_make(LEVEL0(NR_GUESTS - 1), PTE_V);
	use(LARGE);
	assert_int_equal(access_l2(3 * PAGE_SIZE, NATIVE_STORE, &(hpa_t){ 0 }), 0);
	*second = 0;
	fence_all();
	assert_int_equal(access_once(3 * PAGE_SIZE), 0);
	assert_int_equal(access_once(LARGE), MISSING);
}

/* Between two fences, L1 may write as often as it likes without a fault. */
static void a_table_stays_writable_until_the_next_fence(void **state)
{
	unsigned long flushes;

	(void)state;
	use_two_tables();
	store_as_l1(LEVEL0(0) + 5 * 8, 0);
	check(6 * PAGE_SIZE, NATIVE_LOAD);
	flushes = tlb_flushes(vm.vm);
	store_as_l1(LEVEL0(0) + 6 * 8, 0);
	fence_gvma(VMID, 6 * PAGE_SIZE, 6 * PAGE_SIZE);
	check(6 * PAGE_SIZE, NATIVE_LOAD);
	assert_int_equal(tlb_flushes(vm.vm), flushes);
	assert_int_equal(access_once(0), 0);
}

static void a_write_above_level_0_drops_the_table(void **state)
{
	(void)state;
	use_two_tables();
	store_as_l1(LEVEL1(0) + 8, 0);
	fence_all();
	assert_int_equal(access_once(0), MISSING);
	assert_int_equal(access_once(LARGE), MISSING);
	check(LARGE, NATIVE_LOAD);
	check(0, NATIVE_LOAD);
	fence_all();
	assert_int_equal(access_once(0), 0);
}

static void a_page_at_two_places_of_a_table_is_not_tracked(void **state)
{
	(void)state;
	use_two_tables();
	check(FAR, NATIVE_LOAD);
	check(0, NATIVE_LOAD);
	assert_true(vm.vcpu->shadow->current->untracked);
	fence_all();
	assert_int_equal(access_once(0), MISSING);
	check(0, NATIVE_LOAD);
	fence_all();
	assert_int_equal(access_once(0), 0);

	/* The same base address, but another level. */
	level1[0] = pte_make(LEVEL1(guest), PTE_V);
	access_l2(0, NATIVE_LOAD, &(hpa_t){ 0 });
	fence_gvma(VMID, 0, 0);
	access_l2(0, NATIVE_LOAD, &(hpa_t){ 0 });
	assert_true(vm.vcpu->shadow->current->untracked);
}

static void sources_are_bounded(void **state)
{
	struct shadow_table *table = vm.vcpu->shadow->current;

	(void)state;
	use_two_tables();
	table->nr_sources = 768;
	second[0] = 0;
	check(3 * PAGE_SIZE, NATIVE_LOAD); /* a page that no access has used, of a known table */
	assert_false(table->untracked);
	level1[2] = pte_make(LEVEL0(2), PTE_V);
	access_l2(2 * LARGE, NATIVE_LOAD, &(hpa_t){ 0 });
	assert_true(table->untracked);
	fence_all();
	assert_int_equal(access_once(0), MISSING);
	assert_false(table->untracked);
	assert_int_equal(table->nr_sources, 0);
}

static void a_table_without_memory_to_protect_it_counts_as_written(void **state)
{
	(void)state;
	map_all();
	leave_l2();
	check_l1(DATA, NATIVE_LOAD);
	enter_l2();
	native_fail_alloc(1); /* to split the leaf that has L1's tables */
	access_l2(0, NATIVE_LOAD, &(hpa_t){ 0 });
	native_fail_alloc(0);
	check(0, NATIVE_LOAD);
	fence_all();
	assert_int_equal(access_once(0), MISSING);
	check(0, NATIVE_LOAD);
	fence_all();
	assert_int_equal(access_once(0), 0);
}

static void an_incomplete_reverse_map_protects_nothing(void **state)
{
	unsigned long flushes;

	(void)state;
	map_all();
	touch_tables();
	level0[1] = level0[0];
	check(0, NATIVE_LOAD);
	check(PAGE_SIZE, NATIVE_LOAD);
	assert_true(vm.vcpu->shadow->current->incomplete);
	level1[1] = pte_make(LEVEL0(NR_GUESTS - 1), PTE_V);
	flushes = tlb_flushes(vm.vm);
	table_of(NR_GUESTS - 1)[0] = pte_make(DATA + 2 * PAGE_SIZE, FLAGS);
	use(LARGE);
	assert_int_equal(tlb_flushes(vm.vm), flushes);
	fence_all();
	assert_int_equal(access_once(0), 0);
	assert_int_equal(access_once(LARGE), MISSING);
}

/* User space has set hgatp, perhaps after it has restored the VM's memory. */
static void forgotten_tables_are_dropped(void **state)
{
	(void)state;
	use_two_tables();
	leave_l2();
	shadow_forget(vm.vcpu);
	enter_l2();
	assert_int_equal(access_once(0), MISSING);
	assert_int_equal(access_once(LARGE), MISSING);
}

/* The search for sources in a range, or for written ones, takes interrupts, which an HLV cannot. */
static void an_hlv_does_not_wait_for_a_search(void **state)
{
	struct hv_trap trap = { 0 };

	(void)state;
	use_two_tables();
	tlb_flush_vm(vm.vm);
	unpriv_access(vm.vcpu, hlv, 0, 0, true, &trap);
	assert_int_equal(trap.scause, MISSING);
	use(0);
	leave_l2();
	check_l1(BASE, NATIVE_LOAD);
	check_l1(BASE + PAGE_SIZE, NATIVE_LOAD);
	enter_l2();
	assert_int_equal(access_once(0), 0);
	native_user_unmap(HVA, 2 * PAGE_SIZE);
	unpriv_access(vm.vcpu, hlv, 0, 0, true, &trap);
	assert_int_equal(trap.scause, MISSING);
}

/* The fast path makes the call of L1, so that the request is pending at L1's next exit. */
static void an_hlv_after_a_fence_by_the_fast_path_finds_no_leaf(void **state)
{
	struct hv_trap trap = { 0 };

	(void)state;
	use_two_tables();
	store_as_l1(LEVEL0(0), 0);
	leave_l2();
	serve();
	shadow_fence(vm.vcpu, SHADOW_ANY_VMID, 0, ~0ULL);
	enter_l2();
	unpriv_access(vm.vcpu, hlv, 0, 0, true, &trap);
	assert_int_equal(trap.scause, MISSING);
}

static void without_protection_a_fence_removes_everything(void **state)
{
	(void)state;
	use_two_tables();
	fence_all();
	assert_int_equal(access_once(0), MISSING);
	assert_int_equal(access_once(LARGE), MISSING);
	assert_int_equal(vm.vcpu->shadow->current->nr_sources, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_protection_a_fence_removes_everything),
		PROTECT(a_fence_removes_nothing_if_nothing_was_written),
		PROTECT(a_fence_removes_what_comes_from_a_written_table),
		PROTECT(a_fence_by_sbi_removes_it_as_well),
		PROTECT(a_store_of_l2_to_a_table_is_noticed),
		PROTECT(a_table_stays_writable_until_the_next_fence),
		PROTECT(a_write_above_level_0_drops_the_table),
		PROTECT(a_page_at_two_places_of_a_table_is_not_tracked),
		PROTECT(sources_are_bounded),
		PROTECT(an_incomplete_reverse_map_protects_nothing),
		PROTECT(forgotten_tables_are_dropped),
		PROTECT(an_hlv_does_not_wait_for_a_search),
		PROTECT(an_hlv_after_a_fence_by_the_fast_path_finds_no_leaf),
		HUGE_PROTECT(a_table_without_memory_to_protect_it_counts_as_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
