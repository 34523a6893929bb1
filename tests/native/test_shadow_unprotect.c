// SPDX-License-Identifier: MIT
/*
 * test_shadow_unprotect.c - whatever ends the write protection of a page of L1's table is noticed, and
 * nothing else ends it (shadow_protect.c).
 */
#include "protect_guest.h"

/* The shadow tables of two guests have a page of L1's tables in common. */
static void share_a_table(void)
{
	use_two_tables();
	switch_guest(1);
	level1[0] = pte_make(LEVEL0(0), PTE_V);
	use(0);
}

static void all_tables_notice_a_write(void **state)
{
	(void)state;
	share_a_table();
	store_as_l1(LEVEL0(0), 0);
	fence_all();
	assert_int_equal(access_once(0), MISSING);
	switch_guest(0);
	assert_int_equal(access_once(0), MISSING);
	assert_int_equal(access_once(LARGE), 0);
}

/* A page is written and then protected for another table, before the first one has noticed anything. */
static void a_page_that_is_protected_again_has_been_written(void **state)
{
	struct hv_trap store = l1_fault(LEVEL0(0), EXC_STORE_GUEST_PAGE_FAULT);
	struct hv_trap load = { .scause = MISSING, .htinst = 0x2503 };

	(void)state;
	use_two_tables();
	leave_l2();
	serve();
	assert_int_equal(exit_gstage_fault(vm.vcpu, &store), RESUME_GUEST);
	level0[0] = pte_make(DATA + 3 * PAGE_SIZE, FLAGS);
	choose_guest(1);
	level1[0] = pte_make(LEVEL0(0), PTE_V);
	enter_l2();
	nested_unsettle(vm.vcpu);
	assert_int_equal(nested_fault(vm.vcpu, &load), RESUME_GUEST);
	nested_settle(vm.vcpu);
	leave_l2();
	shadow_fence(vm.vcpu, SHADOW_ANY_VMID, 0, ~0ULL);
	choose_guest(0);
	enter_l2();
	assert_int_equal(access_once(0), MISSING);
	switch_guest(1);
	assert_int_equal(access_once(0), 0); /* its own protection of the page does not count */
}

/* The host swaps pages out and in, among them one of L1's table: it may have been written meanwhile. */
static void swap(unsigned int pages)
{
	static char copy[PAGE_SIZE];
	hva_t hva = HVA + (LEVEL0(0) - BASE);

	use_two_tables();
	memcpy(copy, table_of(0), PAGE_SIZE);
	native_user_unmap(hva, pages * PAGE_SIZE);
	native_user_map(hva, pages * PAGE_SIZE, 0);
	memcpy(table_of(0), copy, PAGE_SIZE);
	store_as_l1(LEVEL0(0), 0);
	fence_all();
	assert_int_equal(access_once(0), MISSING);
	assert_int_equal(access_once(LARGE), 0);
}

static void a_table_that_was_swapped_has_been_written(void **state)
{
	(void)state;
	swap(1);
}

static void a_table_among_swapped_pages_has_been_written(void **state)
{
	(void)state;
	swap(2);
}

/* A load that sets A again takes the mark from the page, and may make it writable. */
static void age(void)
{
	hva_t hva = HVA + (LEVEL0(0) - BASE);
	struct hv_trap load = l1_fault(LEVEL0(0), MISSING);

	use_two_tables();
	vm.vm->notifier.clear_young(&vm.vm->notifier, hva, hva + PAGE_SIZE);
	leave_l2();
	serve();
	assert_int_equal(exit_gstage_fault(vm.vcpu, &load), RESUME_GUEST);
	store_l1(LEVEL0(0), 0);
	enter_l2();
	fence_all();
	assert_int_equal(access_once(0), MISSING);
	assert_int_equal(access_once(LARGE), 0);
}

static void a_table_that_was_aged_has_been_written(void **state)
{
	(void)state;
	age();
}

/* Then the load does not make the page writable, but the store does. */
static void a_logged_table_that_was_aged_has_been_written(void **state)
{
	(void)state;
	set_logging(true);
	age();
}

/* Reading the log removes W from all pages, which does not make a protected one less protected. */
static void the_dirty_log_leaves_tables_protected(void **state)
{
	(void)state;
	use_two_tables();
	set_logging(true);
	store_as_l1(LEVEL0(NR_GUESTS - 1), 0);
	stored[(LEVEL0(NR_GUESTS - 1) - BASE) / PAGE_SIZE] = true;
	read_log();
	fence_all();
	assert_int_equal(access_once(0), 0);
	assert_int_equal(access_once(LARGE), MISSING);
	store_as_l1(LEVEL0(0), 0);
	fence_all();
	assert_int_equal(access_once(0), MISSING);
}

/* The VM's own table maps all of L1's tables with one leaf at first. */
static void only_the_page_that_is_written_becomes_writable(void **state)
{
	struct shadow_table *table = vm.vcpu->shadow->current;
	unsigned long flushes;

	(void)state;
	leave_l2();
	check_l1(DATA, NATIVE_LOAD);
	enter_l2();
	use_two_tables();
	flushes = tlb_flushes(vm.vm);
	leave_l2();
	check_l1(DATA + 5 * PAGE_SIZE, NATIVE_STORE); /* not a table */
	enter_l2();
	assert_int_equal(tlb_flushes(vm.vm), flushes);
	store_as_l1(LEVEL0(0), 0);
	assert_int_equal(tlb_flushes(vm.vm), flushes + 1);
	fence_all();
	assert_int_equal(access_once(0), MISSING);
	assert_int_equal(access_once(LARGE), 0);
	assert_int_equal(table->nr_sources, 4);
	assert_int_equal(table->nr_written, 0);
}

/* A page of the same leaf, which the host has replaced, does not take the leaf's place as a whole. */
static void a_page_beside_a_table_is_mapped_alone(void **state)
{
	(void)state;
	leave_l2();
	check_l1(DATA, NATIVE_LOAD);
	enter_l2();
	use_two_tables();
	vm.vm->notifier.clear_young(&vm.vm->notifier, HVA + (DATA - BASE) + 8 * PAGE_SIZE,
				    HVA + (DATA - BASE) + 9 * PAGE_SIZE);
	leave_l2();
	check_l1(DATA + 8 * PAGE_SIZE, NATIVE_STORE);
	enter_l2();
	fence_all();
	assert_int_equal(access_once(0), 0);
	store_as_l1(LEVEL0(0), 0);
	fence_all();
	assert_int_equal(access_once(0), MISSING);
	assert_int_equal(access_once(LARGE), 0);
}

/* Another thread has removed leaves, perhaps those of L1's tables, and not recorded its flush yet. */
static void a_fence_during_a_flush_removes_everything(void **state)
{
	(void)state;
	use_two_tables();
	assert_int_equal(access_once(0), 0);
	vm.vm->gstage.unfenced++;
	fence_all();
	assert_int_equal(access_once(0), MISSING);
	assert_int_equal(access_once(LARGE), MISSING);
	vm.vm->gstage.unfenced--;
}

/* Another thread has protected the page, and its fence is not complete. */
static void a_fence_of_another_protection_is_awaited(void **state)
{
	u64 flushes;

	(void)state;
	share_a_table();
	switch_guest(2);
	level1[0] = pte_make(LEVEL0(0), PTE_V);
	vm.vm->gstage.unfenced++;
	use(0);
	flushes = vm.vm->stats.remote_tlb_flush_requests;
	level1[1] = pte_make(LEVEL0(NR_GUESTS - 1), PTE_V); /* protected for guest 0 */
	use(LARGE);
	assert_true(vm.vm->stats.remote_tlb_flush_requests > flushes);
	vm.vm->gstage.unfenced--;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROTECT(all_tables_notice_a_write),
		PROTECT(a_page_that_is_protected_again_has_been_written),
		PROTECT(a_table_that_was_swapped_has_been_written),
		PROTECT(a_table_among_swapped_pages_has_been_written),
		PROTECT(a_table_that_was_aged_has_been_written),
		PROTECT(a_logged_table_that_was_aged_has_been_written),
		PROTECT(the_dirty_log_leaves_tables_protected),
		PROTECT(a_fence_during_a_flush_removes_everything),
		PROTECT(a_fence_of_another_protection_is_awaited),
		HUGE_PROTECT(only_the_page_that_is_written_becomes_writable),
		HUGE_PROTECT(a_page_beside_a_table_is_mapped_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
