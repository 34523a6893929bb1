// SPDX-License-Identifier: MIT
/*
 * test_gstage.c - the G-stage table: each claim is checked for each walker and each mode.
 */
#include "gstage_variants.h"

/* ---- finding ------------------------------------------------------------------- */

static void an_empty_table_maps_nothing(struct fixture *f)
{
	assert_unmapped(&f->gs, 0);
	assert_unmapped(&f->gs, BASE);
	assert_unmapped(&f->gs, gstage_limit(&f->gs) - 1);
}

static void an_address_beyond_the_table_is_not_mapped(struct fixture *f)
{
	assert_unmapped(&f->gs, gstage_limit(&f->gs));
	assert_unmapped(&f->gs, ~0ULL);
}

static void a_4k_leaf_is_found_at_its_page_only(struct fixture *f)
{
	assert_int_equal(map(&f->gs, BASE + 0x5000, 0, RAM + 0x7000, RW), 0);
	assert_maps(&f->gs, BASE + 0x5000, 0, RAM + 0x7000);
	assert_maps(&f->gs, BASE + 0x5fff, 0, RAM + 0x7fff);
	assert_unmapped(&f->gs, BASE + 0x4fff);
	assert_unmapped(&f->gs, BASE + 0x6000);
}

static void leaf_of_2m_is_found_from_its_middle(struct fixture *f)
{
	assert_int_equal(map(&f->gs, BASE + 0x123000, 1, RAM, RW), 0);
	assert_maps(&f->gs, BASE + 0x123456, 1, RAM + 0x123456);
	assert_unmapped(&f->gs, BASE + SZ_2M);
}

static void leaf_of_1g_is_found_from_its_middle(struct fixture *f)
{
	assert_int_equal(map(&f->gs, BASE, 2, RAM, RW), 0);
	assert_maps(&f->gs, BASE + 0x3fffffff, 2, RAM + 0x3fffffff);
	assert_unmapped(&f->gs, BASE + SZ_1G);
}

static void the_last_page_below_the_limit_can_be_mapped(struct fixture *f)
{
	gpa_t last = gstage_limit(&f->gs) - PAGE_SIZE;

	assert_int_equal(map(&f->gs, last, 0, RAM, RW), 0);
	assert_maps(&f->gs, last + 1, 0, RAM + 1);
	assert_unmapped(&f->gs, 0);
}

static void the_four_roots_do_not_alias(struct fixture *f)
{
	u64 quarter = gstage_limit(&f->gs) / 4;
	unsigned int i;

	for (i = 0; i < 4; i++)
		assert_int_equal(map(&f->gs, i * quarter, 0, RAM + i * PAGE_SIZE, RW), 0);
	for (i = 0; i < 4; i++)
		assert_maps(&f->gs, i * quarter, 0, RAM + i * PAGE_SIZE);
}

static void hgatp_holds_mode_vmid_and_root(struct fixture *f)
{
	unsigned long hgatp = gstage_hgatp(&f->gs, 0x155);

	assert_int_equal(FIELD_GET(HGATP_MODE, hgatp), f->variant->mode);
	assert_int_equal(FIELD_GET(HGATP_VMID, hgatp), 0x155);
	assert_int_equal(FIELD_GET(HGATP_PPN, hgatp) << PAGE_SHIFT, f->gs.root);
	assert_true(IS_ALIGNED(f->gs.root, 0x4000));
	assert_int_equal(gstage_max_gpa_bits(), 9 * f->variant->levels + 14);
}

/*
 * Valid tables do not have a pointer at the last level. A walker that followed one would go below
 * that level.
 */
static void a_pointer_at_the_last_level_is_an_error(struct fixture *f)
{
	struct gstage_leaf leaf;
	pte_t *table = native_ram(f->gs.root);
	unsigned int level;

	map(&f->gs, BASE, 0, RAM, RW);
	for (level = f->variant->levels - 1; level > 0; level--)
		table = native_ram(pte_to_hpa(table[gstage_index(&f->gs, BASE, level)]));
	table[gstage_index(&f->gs, BASE, 0)] = pte_make(RAM, PTE_V);
	assert_int_equal(gstage_find(&f->gs, BASE, &leaf), -EFAULT);
}

/* ---- mapping -------------------------------------------------------------------- */

static void mapping_returns_the_old_entry(struct fixture *f)
{
	pte_t old = 1, first = pte_make(RAM, GSTAGE_LEAF), second = pte_make(RAM, RW);

	assert_int_equal(gstage_map(&f->gs, BASE, 0, first, &old), 0);
	assert_int_equal(old, 0);
	assert_int_equal(gstage_map(&f->gs, BASE, 0, second, &old), 0);
	assert_int_equal(old, first);
}

static void a_small_leaf_splits_the_large_one_above_it(struct fixture *f)
{
	map(&f->gs, BASE, 1, RAM, GSTAGE_LEAF);
	assert_int_equal(map(&f->gs, BASE + 0x3000, 0, RAM + 0x3000, RW), 0);
	assert_maps(&f->gs, BASE + 0x2fff, 0, RAM + 0x2fff);
	assert_maps(&f->gs, BASE + 0x1ff000, 0, RAM + 0x1ff000);
	assert_true(writable(&f->gs, BASE + 0x3000));
	assert_false(writable(&f->gs, BASE + 0x2000));
	assert_int_equal(native_events(TRACE_gstage_split), 1);
}

static void a_small_leaf_splits_1g_all_the_way_down(struct fixture *f)
{
	map(&f->gs, BASE, 2, RAM, GSTAGE_LEAF);
	assert_int_equal(map(&f->gs, BASE + 0x3000, 0, RAM + 0x3000, RW), 0);
	assert_maps(&f->gs, BASE + SZ_2M, 1, RAM + SZ_2M);
	assert_maps(&f->gs, BASE + 0x4000, 0, RAM + 0x4000);
}

static void a_large_leaf_replaces_small_ones(struct fixture *f)
{
	unsigned long tables;

	map(&f->gs, BASE + 0x3000, 0, RAM + 0x3000, RW);
	tables = f->gs.tables;
	assert_int_equal(map(&f->gs, BASE, 1, RAM, RW), 0);
	assert_maps(&f->gs, BASE + 0x3000, 1, RAM + 0x3000);
	assert_int_equal(f->gs.tables, tables - 1);
	free_retired(&f->gs);
	assert_int_equal(native_events(TRACE_gstage_collapse), 1);
	assert_int_equal(native_event_args(TRACE_gstage_collapse)[1], 1); /* level */
}

static void without_memory_nothing_is_mapped(struct fixture *f)
{
	unsigned int nth;

	for (nth = 1; nth < f->variant->levels; nth++) {
		gpa_t gpa = nth * (gstage_limit(&f->gs) / 8); /* the gpas share only the root */

		native_fail_alloc(nth);
		assert_int_equal(map(&f->gs, gpa, 0, RAM, RW), -ENOMEM);
		assert_unmapped(&f->gs, gpa);
	}
	native_fail_alloc(0);
}

static void without_memory_a_leaf_stays_unsplit(struct fixture *f)
{
	map(&f->gs, BASE, 1, RAM, GSTAGE_LEAF);
	native_fail_alloc(1);
	assert_int_equal(map(&f->gs, BASE + 0x3000, 0, RAM + 0x3000, RW), -ENOMEM);
	native_fail_alloc(0);
	assert_maps(&f->gs, BASE + 0x3000, 1, RAM + 0x3000);
	assert_false(writable(&f->gs, BASE + 0x3000));
}

/* ---- ranges ----------------------------------------------------------------------- */

static void unmapping_clears_the_range_and_nothing_else(struct fixture *f)
{
	unsigned int i;

	for (i = 0; i < 1024; i++)
		map(&f->gs, BASE + i * PAGE_SIZE, 0, RAM + i * PAGE_SIZE, RW);
	assert_true(gstage_unmap(&f->gs, BASE + 0x5000, BASE + SZ_2M + 0x5000));
	for (i = 0; i < 1024; i++) {
		if (i >= 5 && i < 517)
			assert_unmapped(&f->gs, BASE + i * PAGE_SIZE);
		else
			assert_maps(&f->gs, BASE + i * PAGE_SIZE, 0, RAM + i * PAGE_SIZE);
	}
}

static void unmapping_a_part_of_2m_clears_all_of_it(struct fixture *f)
{
	map(&f->gs, BASE, 1, RAM, RW);
	assert_true(gstage_unmap(&f->gs, BASE + 0x5000, BASE + 0x6000));
	assert_unmapped(&f->gs, BASE);
	assert_unmapped(&f->gs, BASE + SZ_2M - 1);
}

static void unmapping_nothing_needs_no_fence(struct fixture *f)
{
	map(&f->gs, BASE, 0, RAM, RW);
	assert_false(gstage_unmap(&f->gs, BASE + 0x1000, BASE + 0x2000));
	assert_false(gstage_unmap(&f->gs, BASE + 0x1000, BASE + 0x1000));
}

static void unmapping_all_frees_every_table(struct fixture *f)
{
	unsigned int i;

	for (i = 0; i < 100; i++)
		map(&f->gs, BASE + i * 0x1234000ULL, 0, RAM, RW);
	assert_true(f->gs.tables > 0);
	assert_true(gstage_unmap(&f->gs, 0, ~0ULL));
	assert_int_equal(f->gs.tables, 0);
	assert_true(native_pages_in_use() > 8); /* retired, but kept until a fence */
	free_retired(&f->gs);
	assert_int_equal(native_pages_in_use(), 8); /* the two roots, of 4 pages each */
}

static void a_retired_table_has_no_valid_entry(struct fixture *f)
{
	hpa_t retired;
	pte_t *table;
	unsigned long tables, seen = 0;
	unsigned int i;

	map(&f->gs, BASE, 0, RAM, RW);
	map(&f->gs, BASE + SZ_1G, 0, RAM, RW);
	tables = f->gs.tables;
	gstage_unmap(&f->gs, 0, ~0ULL);
	for (retired = gstage_take_retired(&f->gs); retired; retired = pte_to_hpa(table[0])) {
		table = native_ram(retired);
		for (i = 0; i < GSTAGE_TABLE_ENTRIES; i++)
			assert_false(table[i] & PTE_V);
		f->gs.retired = f->gs.retired ? f->gs.retired : retired;
		seen++;
	}
	assert_true(tables > 0);
	assert_int_equal(seen, tables);
	free_retired(&f->gs);
}

/* The cost depends on what the range contains: its 62 GiB without leaves do not cost any steps. */
static void a_walk_of_a_range_skips_its_empty_parts(struct fixture *f)
{
	unsigned int before;

	map(&f->gs, BASE, 0, RAM, RW);
	map(&f->gs, BASE + 40 * SZ_1G, 0, RAM + PAGE_SIZE, RW);
	before = native_events(TRACE_gstage_step);
	assert_true(gstage_age(&f->gs, 0, 64 * SZ_1G));
	/*
	 * Each leaf takes three steps: the entries for 1 GiB, 2 MiB and 4 KiB. The two paths share
	 * the entries of higher levels.
	 */
	assert_int_equal(native_events(TRACE_gstage_step) - before, f->variant->levels - 3 + 2 * 3);
}

static void freeing_leaves_no_table(struct fixture *f)
{
	unsigned int i, allocated;

	for (i = 0; i < 100; i++)
		map(&f->gs, BASE + i * 0x1234000ULL, i % 8 == 0, RAM, RW);
	gstage_unmap(&f->gs, BASE, BASE + 8 * 0x1234000ULL);
	allocated = native_events(TRACE_gstage_table);
	gstage_destroy(&f->gs); /* frees the tables in use and the retired ones */
	assert_int_equal(f->gs.tables, 0);
	assert_true(native_events(TRACE_gstage_table) > allocated);
	assert_int_equal(native_pages_in_use(), 4);
}

static void protecting_takes_write_permission_only(struct fixture *f)
{
	map(&f->gs, BASE, 0, RAM, RW);
	map(&f->gs, BASE + 0x1000, 0, RAM + 0x1000, RW);
	map(&f->gs, BASE + SZ_2M, 1, RAM + SZ_2M, RW);
	assert_true(gstage_protect(&f->gs, BASE + 0x1000, BASE + SZ_2M + 0x1000));
	assert_true(writable(&f->gs, BASE));
	assert_false(writable(&f->gs, BASE + 0x1000));
	assert_false(writable(&f->gs, BASE + SZ_2M));
	assert_maps(&f->gs, BASE + SZ_2M + 0x5000, 1, RAM + SZ_2M + 0x5000);
	assert_false(gstage_protect(&f->gs, BASE + 0x1000, BASE + SZ_2M + 0x1000));
}

static void tables_at_the_edge_of_a_range_stay(struct fixture *f)
{
	map(&f->gs, BASE + 0x1000, 0, RAM, RW);
	gstage_unmap(&f->gs, BASE + 0x1000, BASE + SZ_2M);
	assert_true(f->gs.tables > 0);
	assert_int_equal(f->gs.retired, 0);
}

FOR_ALL_VARIANTS(an_empty_table_maps_nothing)
FOR_ALL_VARIANTS(an_address_beyond_the_table_is_not_mapped)
FOR_ALL_VARIANTS(a_4k_leaf_is_found_at_its_page_only)
FOR_ALL_VARIANTS(leaf_of_2m_is_found_from_its_middle)
FOR_ALL_VARIANTS(leaf_of_1g_is_found_from_its_middle)
FOR_ALL_VARIANTS(the_last_page_below_the_limit_can_be_mapped)
FOR_ALL_VARIANTS(the_four_roots_do_not_alias)
FOR_ALL_VARIANTS(hgatp_holds_mode_vmid_and_root)
FOR_ALL_VARIANTS(a_pointer_at_the_last_level_is_an_error)
FOR_ALL_VARIANTS(mapping_returns_the_old_entry)
FOR_ALL_VARIANTS(a_small_leaf_splits_the_large_one_above_it)
FOR_ALL_VARIANTS(a_small_leaf_splits_1g_all_the_way_down)
FOR_ALL_VARIANTS(a_large_leaf_replaces_small_ones)
FOR_ALL_VARIANTS(without_memory_nothing_is_mapped)
FOR_ALL_VARIANTS(without_memory_a_leaf_stays_unsplit)
FOR_ALL_VARIANTS(unmapping_clears_the_range_and_nothing_else)
FOR_ALL_VARIANTS(unmapping_a_part_of_2m_clears_all_of_it)
FOR_ALL_VARIANTS(unmapping_nothing_needs_no_fence)
FOR_ALL_VARIANTS(unmapping_all_frees_every_table)
FOR_ALL_VARIANTS(a_retired_table_has_no_valid_entry)
FOR_ALL_VARIANTS(a_walk_of_a_range_skips_its_empty_parts)
FOR_ALL_VARIANTS(freeing_leaves_no_table)
FOR_ALL_VARIANTS(protecting_takes_write_permission_only)
FOR_ALL_VARIANTS(tables_at_the_edge_of_a_range_stay)

static void the_largest_mode_is_chosen_and_having_none_fails(void **s)
{
	(void)s;
	native_reset();
	native_hgatp_set(1 << SATP_MODE_SV39 | 1 << SATP_MODE_SV48, 14);
	assert_int_equal(gstage_probe(), 0);
	assert_int_equal(gstage_max_gpa_bits(), 50);
	native_hgatp_set(0, 14);
	assert_int_equal(gstage_probe(), -ENODEV);
}

static void a_setting_chooses_the_narrowest_mode_with_enough_bits(void **s)
{
	static const struct {
		u64 bits;
		int err;
		unsigned int gpa_bits;
		unsigned long mode;
	} rows[] = {
		{ 0, 0, 41, SATP_MODE_SV39 },           { 50, 0, 50, SATP_MODE_SV48 },
		{ 59, 0, 59, SATP_MODE_SV57 },          { 42, 0, 50, SATP_MODE_SV48 },
		{ 60, -EINVAL, 50, SATP_MODE_SV48 },    { 41, 0, 41, SATP_MODE_SV39 },
		{ ~0ULL, -EINVAL, 41, SATP_MODE_SV39 },
	};
	struct gstage gs;
	unsigned int i;

	(void)s;
	native_reset();
	assert_int_equal(gstage_probe(), 0);
	assert_int_equal(gstage_init(&gs, &gstage_iter_ops, true), 0);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(gstage_set_gpa_bits(&gs, rows[i].bits), rows[i].err);
		assert_int_equal(gstage_gpa_bits(&gs), rows[i].gpa_bits);
		assert_true(gstage_limit(&gs) == 1ULL << rows[i].gpa_bits);
		assert_int_equal(FIELD_GET(HGATP_MODE, gstage_hgatp(&gs, 1)), rows[i].mode);
		assert_true(FIELD_GET(HGATP_PPN, gstage_hgatp(&gs, 1)) == gs.root >> PAGE_SHIFT);
	}
	gstage_destroy(&gs);
}

static void a_mode_that_one_hart_lacks_is_not_used(void **s)
{
	struct gstage gs = { 0 };

	(void)s;
	native_reset();
	assert_int_equal(gstage_probe(), 0);
	assert_true(gstage_hart_init());
	assert_int_equal(gstage_max_gpa_bits(), 59);

	native_hgatp_set(1 << SATP_MODE_SV39, 14); /* the modes of the next hart */
	native_hart_set(1);
	assert_false(gstage_hart_init());
	assert_int_equal(gstage_max_gpa_bits(), 41);
	assert_int_equal(gstage_init(&gs, &gstage_iter_ops, true), 0);
	assert_int_equal(gs.levels, 3);
	assert_int_equal(FIELD_GET(HGATP_MODE, gstage_hgatp(&gs, 1)), SATP_MODE_SV39);
	assert_int_equal(gstage_set_gpa_bits(&gs, 42), -EINVAL);
	assert_int_equal(gstage_gpa_bits(&gs), 41);
	gstage_destroy(&gs);

	/* A third hart has no mode, so VMs must be refused rather than run without a G-stage. */
	native_hgatp_set(0, 14);
	gstage_hart_init();
	assert_int_equal(gstage_max_gpa_bits(), 0);
	assert_int_equal(gstage_init(&gs, &gstage_iter_ops, true), -ENODEV);
	native_hart_set(0);
	native_reset();
	assert_int_equal(gstage_probe(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_an_empty_table_maps_nothing),
		cmocka_unit_test(each_an_address_beyond_the_table_is_not_mapped),
		cmocka_unit_test(each_a_4k_leaf_is_found_at_its_page_only),
		cmocka_unit_test(each_leaf_of_2m_is_found_from_its_middle),
		cmocka_unit_test(each_leaf_of_1g_is_found_from_its_middle),
		cmocka_unit_test(each_the_last_page_below_the_limit_can_be_mapped),
		cmocka_unit_test(each_the_four_roots_do_not_alias),
		cmocka_unit_test(each_hgatp_holds_mode_vmid_and_root),
		cmocka_unit_test(each_a_pointer_at_the_last_level_is_an_error),
		cmocka_unit_test(each_mapping_returns_the_old_entry),
		cmocka_unit_test(each_a_small_leaf_splits_the_large_one_above_it),
		cmocka_unit_test(each_a_small_leaf_splits_1g_all_the_way_down),
		cmocka_unit_test(each_a_large_leaf_replaces_small_ones),
		cmocka_unit_test(each_without_memory_nothing_is_mapped),
		cmocka_unit_test(each_without_memory_a_leaf_stays_unsplit),
		cmocka_unit_test(each_unmapping_clears_the_range_and_nothing_else),
		cmocka_unit_test(each_unmapping_a_part_of_2m_clears_all_of_it),
		cmocka_unit_test(each_unmapping_nothing_needs_no_fence),
		cmocka_unit_test(each_unmapping_all_frees_every_table),
		cmocka_unit_test(each_a_retired_table_has_no_valid_entry),
		cmocka_unit_test(each_a_walk_of_a_range_skips_its_empty_parts),
		cmocka_unit_test(each_freeing_leaves_no_table),
		cmocka_unit_test(each_protecting_takes_write_permission_only),
		cmocka_unit_test(each_tables_at_the_edge_of_a_range_stay),
		cmocka_unit_test(the_largest_mode_is_chosen_and_having_none_fails),
		cmocka_unit_test(a_setting_chooses_the_narrowest_mode_with_enough_bits),
		cmocka_unit_test(a_mode_that_one_hart_lacks_is_not_used),
	};

	return cmocka_run_group_tests_name("G-stage", tests, NULL, NULL);
}
