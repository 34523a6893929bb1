// SPDX-License-Identifier: MIT
/*
 * test_shadow_protect.c - with shadow=protect, a fence of L1 for all addresses removes the leaves that
 * come from pages of L1's table to which L1 has written, and no others (shadow_protect.c).
 */
#include "shadow_guest.h"
#include "mmu/unpriv.h"

#define MISSING ((unsigned long)EXC_LOAD_GUEST_PAGE_FAULT)
#define FLAGS   (PTE_V | PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D)

static u64
	*second; /* a second table of level 0, which maps the pages after those of the first one */

static u64 *table_of(unsigned int n)
{
	return memory(LEVEL0(n));
}

/* L1 has written its tables, so the VM's own table maps them. */
static void touch_tables(void)
{
	leave_l2();
	for (gpa_t gpa = ROOT(0); gpa < ROOT(NR_GUESTS); gpa += PAGE_SIZE)
		store_l1(gpa, *(u64 *)memory(gpa));
	enter_l2();
}

/* L2 loads, and its page is mapped. */
static void use(u64 l2)
{
	hpa_t hpa;

	assert_int_equal(access_l2(l2, NATIVE_LOAD, &hpa), 0);
}

/* L2 uses one page of each of two tables. */
static void use_two_tables(void)
{
	map_all();
	touch_tables();
	second = table_of(NR_GUESTS - 1);
	level1[1] = pte_make(LEVEL0(NR_GUESTS - 1), PTE_V);
	second[0] = pte_make(DATA + PAGE_SIZE, FLAGS);
	level0[1] = 0;
	check(0, NATIVE_LOAD);
	check(2 * PAGE_SIZE, NATIVE_LOAD);
	use(LARGE);
}

static void store_as_l1(gpa_t entry, u64 pte)
{
	leave_l2();
	store_l1(entry, pte);
	enter_l2();
}

static void fence_all(void)
{
	fence_gvma(SHADOW_ANY_VMID, 0, ~0ULL);
}

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
	check(2 * PAGE_SIZE, NATIVE_LOAD);
	assert_false(table->untracked);
	level1[2] = pte_make(LEVEL0(2), PTE_V);
	access_l2(2 * LARGE, NATIVE_LOAD, &(hpa_t){ 0 });
	assert_true(table->untracked);
	fence_all();
	assert_int_equal(access_once(0), MISSING);
	assert_false(table->untracked);
	assert_int_equal(table->nr_sources, 0);
}

/* The shadow tables of two guests have a page of L1's tables in common. */
static void share_a_table(void)
{
	use_two_tables();
	leave_l2();
	choose_guest(1);
	level1[0] = pte_make(LEVEL0(0), PTE_V);
	enter_l2();
	use(0);
}

static void all_tables_notice_a_write(void **state)
{
	(void)state;
	share_a_table();
	store_as_l1(LEVEL0(0), 0);
	fence_all();
	assert_int_equal(access_once(0), MISSING);
	leave_l2();
	choose_guest(0);
	enter_l2();
	assert_int_equal(access_once(0), MISSING);
	assert_int_equal(access_once(LARGE), 0);
}

/* A page is written and then protected for another table, before the first one has noticed anything. */
static void a_page_that_is_protected_again_has_been_written(void **state)
{
	struct hv_trap store = { .scause = EXC_STORE_GUEST_PAGE_FAULT,
				 .htval = LEVEL0(0) >> 2,
				 .stval = LEVEL0(0),
				 .htinst = 0x2023 };
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
	leave_l2();
	choose_guest(1);
	enter_l2();
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
	struct hv_trap load = {
		.scause = MISSING, .htval = LEVEL0(0) >> 2, .stval = LEVEL0(0), .htinst = 0x2503
	};

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
#define PROTECT(f)      cmocka_unit_test_setup_teardown(f, setup_protect, one_vm_end)
#define HUGE_PROTECT(f) cmocka_unit_test_setup_teardown(f, setup_protect_huge, one_vm_end)
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
		PROTECT(all_tables_notice_a_write),
		PROTECT(a_page_that_is_protected_again_has_been_written),
		PROTECT(a_table_that_was_swapped_has_been_written),
		PROTECT(a_table_among_swapped_pages_has_been_written),
		PROTECT(a_table_that_was_aged_has_been_written),
		PROTECT(a_logged_table_that_was_aged_has_been_written),
		PROTECT(the_dirty_log_leaves_tables_protected),
		PROTECT(an_incomplete_reverse_map_protects_nothing),
		PROTECT(forgotten_tables_are_dropped),
		PROTECT(an_hlv_does_not_wait_for_a_search),
		HUGE_PROTECT(a_table_without_memory_to_protect_it_counts_as_written),
		HUGE_PROTECT(only_the_page_that_is_written_becomes_writable),
		HUGE_PROTECT(a_page_beside_a_table_is_mapped_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
