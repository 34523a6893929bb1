// SPDX-License-Identifier: MIT
/*
 * protect_guest.h - L2 with two tables of level 0, with shadow=protect.
 */
#ifndef PROTECT_GUEST_H
#define PROTECT_GUEST_H

#include "shadow_guest.h"

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

#define PROTECT(f)      cmocka_unit_test_setup_teardown(f, setup_protect, one_vm_end)
#define HUGE_PROTECT(f) cmocka_unit_test_setup_teardown(f, setup_protect_huge, one_vm_end)

#endif
