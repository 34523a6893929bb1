// SPDX-License-Identifier: MIT
/*
 * test_icache.c - on a host that executes fence.i only for pages that the core looks up for a fetch
 * (host_icache.c), a guest fetches from no other page. The other native tests of faults at random
 * addresses and of nested guests use this host, too.
 */
#include "mmu/gpa.h"
#include "touch.h"

static u64 data;

static int fetch(gva_t gva)
{
	return touch(vm.vcpu, gva, NATIVE_FETCH, &data);
}

static pte_t flags_at(gpa_t gpa)
{
	struct gstage_leaf leaf;

	assert_int_equal(gstage_find(&vm.vm->gstage, gpa, &leaf), 0);
	return leaf.pte & (PTE_R | PTE_W | PTE_X);
}

static int setup_with(unsigned int user_flags)
{
	touch_setup(user_flags);
	native_icache();
	return 0;
}

static int setup_small(void **state)
{
	(void)state;
	return setup_with(0);
}

static int setup_huge(void **state)
{
	(void)state;
	return setup_with(NATIVE_HUGE);
}

static int setup_walk(void **state)
{
	(void)state;
	setup_with(0);
	vm.vm->gpa = &gpa_walk_ops;
	return 0;
}

static void a_page_becomes_executable_at_its_first_fetch(void **state)
{
	(void)state;
	store(BASE + 0x3000, 1);
	assert_int_equal(flags_at(BASE + 0x3000), PTE_R | PTE_W);
	assert_int_equal(fetch(BASE + 0x3000), RESUME_GUEST);
	assert_int_equal(faults, 1);
	assert_int_equal(flags_at(BASE + 0x3000), PTE_R | PTE_W | PTE_X);
	store(BASE + 0x3000, 2);
	assert_int_equal(faults, 0);
	assert_int_equal(fetch(BASE + 0x4000), RESUME_GUEST); /* of a page that is not mapped */
	assert_int_equal(faults, 1);
}

static void a_block_becomes_executable_at_its_first_fetch(void **state)
{
	(void)state;
	store(BASE + 0x3000, 1);
	assert_int_equal(flags_at(BASE + 0x3000), PTE_R | PTE_W);
	assert_int_equal(fetch(BASE + 0x5000), RESUME_GUEST);
	assert_int_equal(fetch(BASE + 0x3000), RESUME_GUEST);
	assert_int_equal(faults, 0);
	assert_int_equal(flags_at(BASE + 0x3000), PTE_R | PTE_W | PTE_X);
}

static void a_page_with_a_new_frame_is_not_executable(void **state)
{
	(void)state;
	assert_int_equal(fetch(BASE + 0x3000), RESUME_GUEST);
	native_user_unmap(HVA + 0x3000, PAGE_SIZE);
	native_user_map(HVA + 0x3000, PAGE_SIZE, 0);
	load(BASE + 0x3000);
	assert_int_equal(flags_at(BASE + 0x3000), PTE_R | PTE_W);
	assert_int_equal(fetch(BASE + 0x3000), RESUME_GUEST);
}

static void a_page_is_executable_at_its_other_addresses_too(void **state)
{
	(void)state;
	assert_int_equal(fetch(BASE + 0x3000), RESUME_GUEST);
	assert_int_equal(native_set_slot(vm.vm, 1, 0x10000000, 0x10000, HVA, 0), 0);
	load(0x10003000); /* the same page at another address */
	assert_int_equal(flags_at(0x10003000), PTE_R | PTE_W | PTE_X);
}

/* An instruction stores to its own page, so the guest needs both permissions at the same time. */
static void an_instruction_in_a_logged_page_can_store_to_that_page(void **state)
{
	unsigned int tries;

	(void)state;
	native_icache_shared();
	assert_int_equal(
		native_set_slot(vm.vm, 0, BASE, NATIVE_GUEST_SIZE, HVA, KVM_MEM_LOG_DIRTY_PAGES),
		0);
	for (tries = 0; tries < 5; tries++) {
		assert_int_equal(fetch(BASE + 0x3000), RESUME_GUEST);
		store(BASE + 0x3000, 1);
		if (!faults && flags_at(BASE + 0x3000) == (PTE_R | PTE_W | PTE_X))
			break;
	}
	assert_true(tries < 5);
}

/* Two lookups: the page may be replaced in between, and must not be mapped then. */
static void replace_page(hva_t hva, bool write)
{
	(void)write;
	native_page_get_hook = NULL;
	native_user_unmap(ALIGN_DOWN(hva, PAGE_SIZE), PAGE_SIZE);
	native_user_map(ALIGN_DOWN(hva, PAGE_SIZE), PAGE_SIZE, 0);
}

static void a_page_that_is_replaced_between_the_lookups_is_fetched_only_later(void **state)
{
	(void)state;
	native_page_get_hook = replace_page;
	assert_int_equal(fetch(BASE + 0x3000), RESUME_GUEST);
	assert_int_equal(faults, 2);
}

#define CASE(claim, setup) cmocka_unit_test_setup_teardown(claim, setup, one_vm_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_page_becomes_executable_at_its_first_fetch, setup_small),
		CASE(a_block_becomes_executable_at_its_first_fetch, setup_huge),
		CASE(a_page_becomes_executable_at_its_first_fetch, setup_walk),
		CASE(a_page_with_a_new_frame_is_not_executable, setup_small),
		CASE(a_page_with_a_new_frame_is_not_executable, setup_walk),
		CASE(a_page_is_executable_at_its_other_addresses_too, setup_small),
		CASE(an_instruction_in_a_logged_page_can_store_to_that_page, setup_small),
		CASE(a_page_that_is_replaced_between_the_lookups_is_fetched_only_later,
		     setup_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
