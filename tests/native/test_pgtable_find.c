// SPDX-License-Identifier: MIT
/*
 * test_pgtable_find.c - finding a leaf without mm->lock, while another thread changes the table.
 *
 * pgtable_find.c is compiled into this test with a READ_ONCE() that calls a hook. Each test is
 * repeated for every read at which the hook can run, so the other thread's change happens at every
 * possible time.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "native.h"
#include "hv/bits.h"
#include "hv/pte.h"
#include "../../src/host/platform/layout.h"

/* Instead of mm.h: the fields that pgtable_find.c uses. */
#define HOST_MM_H
struct mm {
	hpa_t root;
	unsigned long peek_seq;
};
pte_t *pgtable_find(const struct mm *mm, unsigned long va, unsigned long *size);
bool pgtable_peek(const struct mm *mm, unsigned long va, pte_t *leaf, unsigned long *size);

static void before_read(void);
#undef READ_ONCE
#define READ_ONCE(x) (before_read(), *(const volatile __typeof__(x) *)&(x))
#include "../../src/host/mm/pgtable_find.c"

#define VA      (3 * SZ_1G + 5 * SZ_2M + 7 * SZ_4K)
#define FLAGS   (PTE_V | PTE_R | PTE_U | PTE_A)
#define LEAF    pte_make(0x80007000, FLAGS)
#define NEW     pte_make(0x90000000, FLAGS | PTE_W)
#define READS   5 /* three levels, the leaf again, and peek_seq */
#define GARBAGE (~0UL)

static pte_t tables[3][512] __attribute__((aligned(4096)));
static struct mm mm;
static unsigned int reads_left; /* until the other thread acts */
static void (*other_thread)(void);

static void before_read(void)
{
	if (reads_left && --reads_left == 0)
		other_thread();
}

static pte_t *entry(unsigned int level)
{
	return &tables[level][(VA >> (PAGE_SHIFT + 9 * level)) & 511];
}

static void build(void)
{
	memset(tables, 0, sizeof(tables));
	mm.root = va_to_pa(tables[2]);
	mm.peek_seq = 4;
	*entry(2) = pte_make(va_to_pa(tables[1]), PTE_V);
	*entry(1) = pte_make(va_to_pa(tables[0]), PTE_V);
	*entry(0) = LEAF;
}

/* Look up VA; the other thread acts before read number `read`. */
static bool peek_at(unsigned int read, void (*action)(void), pte_t *leaf, unsigned long *size)
{
	build();
	other_thread = action;
	reads_left = read;
	return pgtable_peek(&mm, VA, leaf, size);
}

/* What the holder of mm->lock does to free the level-0 table. Then the memory is reused. */
static void free_and_reuse_table(void)
{
	*entry(0) = 0;
	*entry(1) = 0;
	mm.peek_seq += 2;
	memset(tables[0], (int)GARBAGE, sizeof(tables[0]));
}

/* The same, but a leaf has taken the table's place. */
static void replace_table_by_leaf(void)
{
	free_and_reuse_table();
	*entry(1) = NEW;
}

static void split_leaf(void)
{
	*entry(1) = pte_make(va_to_pa(tables[0]), PTE_V);
}

static void map_instructions(void)
{
	mm.peek_seq += 1;
	*entry(0) = NEW;
}

static void an_undisturbed_leaf_is_found(void **state)
{
	unsigned long size = 0;
	pte_t leaf = 0;

	(void)state;
	assert_true(peek_at(0, NULL, &leaf, &size));
	assert_int_equal(leaf, LEAF);
	assert_int_equal(size, SZ_4K);
	*entry(1) = NEW;
	assert_true(pgtable_peek(&mm, VA, &leaf, &size));
	assert_int_equal(leaf, NEW);
	assert_int_equal(size, SZ_2M);
	*entry(1) = 0;
	assert_false(pgtable_peek(&mm, VA, &leaf, &size));
}

static void an_entry_of_a_freed_table_is_never_returned(void **state)
{
	unsigned long size;
	unsigned int read;
	pte_t leaf;

	(void)state;
	for (read = 1; read <= READS; read++)
		assert_false(peek_at(read, free_and_reuse_table, &leaf, &size));
	for (read = 1; read <= READS; read++)
		assert_false(peek_at(read, replace_table_by_leaf, &leaf, &size));
}

static void a_leaf_that_is_split_is_found_or_has_no_permissions(void **state)
{
	unsigned long size = 0;
	unsigned int read;
	pte_t leaf = 0;

	(void)state;
	for (read = 1; read <= READS; read++) {
		build();
		*entry(1) = NEW;
		other_thread = split_leaf;
		reads_left = read;
		if (!pgtable_peek(&mm, VA, &leaf, &size))
			fail_msg("nothing found when the leaf was split at read %u", read);
		if (leaf & PTE_R)
			assert_int_equal(size, leaf == NEW ? SZ_2M : SZ_4K);
	}
}

static void new_instructions_are_not_found_before_the_fence(void **state)
{
	unsigned long size;
	unsigned int read;
	pte_t leaf;

	(void)state;
	for (read = 1; read <= READS; read++)
		if (peek_at(read, map_instructions, &leaf, &size))
			assert_int_equal(leaf, LEAF);
	map_instructions();
	mm.peek_seq |= 1;
	assert_false(pgtable_peek(&mm, VA, &leaf, &size));
	mm.peek_seq += 1;
	assert_true(pgtable_peek(&mm, VA, &leaf, &size));
	assert_int_equal(leaf, NEW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_undisturbed_leaf_is_found),
		cmocka_unit_test(an_entry_of_a_freed_table_is_never_returned),
		cmocka_unit_test(a_leaf_that_is_split_is_found_or_has_no_permissions),
		cmocka_unit_test(new_instructions_are_not_found_before_the_fence),
	};

	return cmocka_run_group_tests_name("finding a leaf without the lock", tests, NULL, NULL);
}
