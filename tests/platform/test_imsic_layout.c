// SPDX-License-Identifier: MIT
/*
 * test_imsic_layout.c - the pages of interrupt files in right, unusual and wrong device trees.
 *
 * The trees are made with libfdt. The firmware does not start with some of them, so they cannot be
 * tested on the machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "hv/bits.h"
#include "lib/printk.h"
#include "platform/fdt.h"
#include "platform/imsic_layout.h"
#include "platform/run_desc.h"

#define HARTS     8
#define MAX_CELLS 16
#define ROUNDS    20000

struct hs_run_desc run_desc;

static char tree[4096];

void panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

struct property {
	const char *name; /* NULL: the last */
	u32 value;
};

/* Make a tree with one IMSIC, of these regions (4 cells each) and properties; returns its node. */
static int make(unsigned int harts, const u32 *cells, unsigned int nr_cells,
		const struct property *p)
{
	u32 pair[2] = { cpu_to_fdt32(1), cpu_to_fdt32(9) };
	int node;

	assert_int_equal(fdt_create_empty_tree(tree, sizeof(tree)), 0);
	fdt_setprop_u32(tree, 0, "#address-cells", 2);
	fdt_setprop_u32(tree, 0, "#size-cells", 2);
	node = fdt_add_subnode(tree, 0, "imsics");
	assert_true(node > 0);
	while (harts--)
		fdt_appendprop(tree, node, "interrupts-extended", pair, sizeof(pair));
	while (nr_cells--)
		fdt_appendprop_u32(tree, node, "reg", *cells++);
	for (; p->name; p++)
		fdt_setprop_u32(tree, node, p->name, p->value);
	host_fdt = tree;
	return node;
}

static void expect(const struct imsic_layout *l, unsigned int index, hpa_t pa, unsigned int files,
		   unsigned int number)
{
	unsigned int got;
	hpa_t at;

	assert_true(imsic_layout_find(l, index, &at, &got));
	assert_int_equal(at, pa);
	assert_int_equal(got, files);
	assert_int_equal(imsic_layout_number(l, at), number);
}

static bool is_there(const struct imsic_layout *l, unsigned int index)
{
	unsigned int files;
	hpa_t pa;

	return imsic_layout_find(l, index, &pa, &files);
}

static void one_region_holds_all_harts(void **state)
{
	static const struct property p[] = { { "riscv,num-ids", 255 },
					     { "riscv,guest-index-bits", 2 },
					     { NULL, 0 } };
	static const u32 reg[] = { 0, 0x28000000, 0, 0xc000 };
	struct imsic_layout l;

	(void)state;
	assert_null(imsic_layout_read(make(3, reg, 4, p), &l));
	assert_int_equal(l.hart_bits, 2); /* of three harts */
	assert_int_equal(l.guest_ids, 255);
	expect(&l, 0, 0x28000000, 4, 0);
	expect(&l, 2, 0x28008000, 4, 2);
	assert_false(is_there(&l, 3));
}

static void each_group_has_a_region(void **state)
{
	static const struct property p[] = {
		{ "riscv,num-ids", 63 },           { "riscv,num-guest-ids", 127 },
		{ "riscv,hart-index-bits", 2 },    { "riscv,group-index-bits", 1 },
		{ "riscv,group-index-shift", 24 }, { NULL, 0 }
	};
	static const u32 reg[] = { 0, 0x28000000, 0, 0x3000, 0, 0x29000000, 0, 0x3000 };
	struct imsic_layout l;

	(void)state;
	assert_null(imsic_layout_read(make(6, reg, 8, p), &l));
	assert_int_equal(l.guest_ids, 127);
	expect(&l, 2, 0x28002000, 1, 2);
	/* A group of three harts takes up the numbers of four. */
	expect(&l, 3, 0x29000000, 1, 4);
	expect(&l, 5, 0x29002000, 1, 6);
	assert_false(is_there(&l, 6));
}

static void a_region_may_end_within_the_last_harts_pages(void **state)
{
	static const struct property p[] = { { "riscv,num-ids", 255 },
					     { "riscv,guest-index-bits", 3 },
					     { NULL, 0 } };
	static const u32 reg[] = { 0, 0x28000000, 0, 0xa800 };
	struct imsic_layout l;

	(void)state;
	assert_null(imsic_layout_read(make(2, reg, 4, p), &l));
	expect(&l, 0, 0x28000000, 8, 0);
	expect(&l, 1, 0x28008000, 2, 1);
}

static void an_address_must_agree_with_the_bits(void **state)
{
	static const struct property p[] = { { "riscv,num-ids", 255 },
					     { "riscv,guest-index-bits", 1 },
					     { NULL, 0 } };
	static const u32 apart[] = { 0, 0x28000000, 0, 0x2000, 0, 0x29000000, 0, 0x2000 };
	static const u32 askew[] = { 0, 0x28001000, 0, 0x4000 };
	static const u32 far[] = { 0x20, 0, 0, 0x4000 };
	static const u32 huge[] = { 0xffffffff, 0xffffc000, 0xffffffff, 0xffffffff };
	static const u32 none[] = { 0, 0x28000000, 0, 0 };
	struct imsic_layout l;

	(void)state;
	assert_null(imsic_layout_read(make(2, apart, 8, p), &l));
	assert_true(is_there(&l, 0));
	assert_false(is_there(&l, 1));
	assert_null(imsic_layout_read(make(2, askew, 4, p), &l));
	assert_false(is_there(&l, 0));
	assert_null(imsic_layout_read(make(2, far, 4, p), &l)); /* beyond the linear map */
	assert_false(is_there(&l, 0));
	assert_null(imsic_layout_read(make(2, huge, 4, p), &l));
	assert_false(is_there(&l, 0));
	assert_null(imsic_layout_read(make(2, none, 4, p), &l));
	assert_false(is_there(&l, 0));
}

static void a_wrong_property_is_named(void **state)
{
	static const struct property wrong[] = {
		{ "riscv,num-ids", 0 },
		{ "riscv,num-ids", 62 },
		{ "riscv,num-ids", 64 },
		{ "riscv,num-ids", 2111 },
		{ "riscv,num-guest-ids", 1 },
		{ "riscv,num-guest-ids", ~0U },
		{ "riscv,guest-index-bits", 8 },
		{ "riscv,guest-index-bits", ~0U },
		{ "riscv,hart-index-bits", 16 },
		{ "riscv,hart-index-bits", ~0U },
		{ "riscv,group-index-bits", 8 },
		{ "riscv,group-index-bits", ~0U },
		{ "riscv,group-index-shift", 23 },
		{ "riscv,group-index-shift", 56 },
	};
	static const u32 reg[] = { 0, 0x28000000, 0, 0x4000 };
	struct property p[3] = { { "riscv,num-ids", 255 } };
	struct imsic_layout l;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		p[1] = wrong[i];
		assert_string_equal(imsic_layout_read(make(2, reg, 4, p), &l), wrong[i].name);
	}
	p[1].name = NULL;
	assert_string_equal(imsic_layout_read(make(2, reg, 0, p), &l), "reg");
	assert_string_equal(imsic_layout_read(make(2, reg, 3, p), &l), "reg");
	p[0].name = NULL;
	assert_string_equal(imsic_layout_read(make(2, reg, 4, p), &l), "riscv,num-ids");
}

static void groups_must_not_overlap_the_harts_bits(void **state)
{
	static const struct property p[] = { { "riscv,num-ids", 255 },
					     { "riscv,guest-index-bits", 7 },
					     { "riscv,hart-index-bits", 6 },
					     { "riscv,group-index-bits", 1 },
					     { NULL, 0 } };
	static const u32 reg[] = { 0, 0x28000000, 0, 0x4000 };
	struct imsic_layout l;

	(void)state;
	assert_string_equal(imsic_layout_read(make(2, reg, 4, p), &l), "riscv,group-index-shift");
}

/* Random values, most of them near a limit, lead to no access outside the linear map. */
static void a_random_tree_gives_only_usable_pages(void **state)
{
	static const char *const names[] = { "riscv,guest-index-bits", "riscv,hart-index-bits",
					     "riscv,group-index-bits", "riscv,group-index-shift",
					     "riscv,num-guest-ids" };
	static const u32 values[] = { 0,  1,  2,      7,      15,         24, 25,
				      55, 63, 0x1000, 0x4000, 0x28000000, ~0U };
	struct property p[ARRAY_SIZE(names) + 2] = { { "riscv,num-ids", 255 } };
	unsigned int round, i, found = 0, files;
	u32 cells[MAX_CELLS];
	struct imsic_layout l;
	hpa_t pa;

	(void)state;
	srand(1);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < ARRAY_SIZE(names); i++)
			p[i + 1] = (struct property){ rand() % 2 ? names[i] : "x",
						      values[rand() % (int)ARRAY_SIZE(values)] };
		for (i = 0; i < MAX_CELLS; i++) /* mostly small sizes and reachable addresses */
			cells[i] = i % 2 || rand() % 8 == 0
					   ? values[rand() % (int)ARRAY_SIZE(values)]
					   : 0;
		if (imsic_layout_read(make(HARTS, cells, (unsigned int)rand() % MAX_CELLS, p), &l))
			continue;
		for (i = 0; i < HARTS; i++) {
			if (!imsic_layout_find(&l, i, &pa, &files))
				continue;
			found++;
			assert_true(pa < 0x2000000000 && !(pa & (PAGE_SIZE - 1)));
			assert_in_range(files, 1, 1U << l.guest_bits);
			assert_true(imsic_layout_number(&l, pa) <
				    1U << (l.group_bits + l.hart_bits));
		}
	}
	assert_true(found > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_region_holds_all_harts),
		cmocka_unit_test(each_group_has_a_region),
		cmocka_unit_test(a_region_may_end_within_the_last_harts_pages),
		cmocka_unit_test(an_address_must_agree_with_the_bits),
		cmocka_unit_test(a_wrong_property_is_named),
		cmocka_unit_test(groups_must_not_overlap_the_harts_bits),
		cmocka_unit_test(a_random_tree_gives_only_usable_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
