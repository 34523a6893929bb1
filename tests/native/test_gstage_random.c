// SPDX-License-Identifier: MIT
/*
 * test_gstage_random.c - compare random operations of both walkers with each other and with a flat
 * model.
 */
#include "gstage_variants.h"
#include "random.h"

/*
 * Addresses are usually close together, so that leaves of all sizes overlap; sometimes they are
 * anywhere.
 */
static gpa_t random_gpa(const struct gstage *gs)
{
	if (rnd(8) == 0)
		return rnd(gstage_limit(gs));
	return BASE + rnd(3 * SZ_1G / 512) / (rnd(2) ? 1 : 64);
}

static void find_alike(struct gstage *gs, struct gstage *twin, gpa_t gpa)
{
	struct gstage_leaf leaf[2] = { { 0 } };

	assert_int_equal(gstage_find(gs, gpa, &leaf[0]), gstage_find(twin, gpa, &leaf[1]));
	assert_int_equal(leaf[0].pte, leaf[1].pte);
	assert_int_equal(leaf[0].level, leaf[1].level);
}

static void map_alike(struct gstage *gs, struct gstage *twin, gpa_t gpa)
{
	unsigned int level = (unsigned int)rnd(64); /* 1G is rare: a split writes 512 entries */
	pte_t old[2] = { 0 }, pte;

	level = level == 0 ? 2 : level < 8 ? 1 : 0;
	pte = pte_make(rnd(1 << 20) << gstage_shift(level), rnd(2) ? RW : GSTAGE_LEAF);
	assert_int_equal(gstage_map(gs, gpa, level, pte, &old[0]),
			 gstage_map(twin, gpa, level, pte, &old[1]));
	/* Old entries that point to tables differ, because each G-stage has its own tables. */
	assert_int_equal(pte_is_table(old[0]), pte_is_table(old[1]));
	if (!pte_is_table(old[0]))
		assert_int_equal(old[0], old[1]);
}

static void random_step(struct gstage *gs, struct gstage *twin)
{
	gpa_t gpa = ALIGN_DOWN(random_gpa(gs), PAGE_SIZE);
	gpa_t end = gpa + ALIGN_UP(rnd(rnd(8) ? 0x10000 : 3 * SZ_2M), PAGE_SIZE);
	unsigned int what = (unsigned int)rnd(14);

	if (what < 7) {
		map_alike(gs, twin, gpa);
	} else if (what < 9) {
		assert_int_equal(gstage_unmap(gs, gpa, end), gstage_unmap(twin, gpa, end));
	} else if (what < 10) {
		assert_int_equal(gstage_protect(gs, gpa, end), gstage_protect(twin, gpa, end));
	} else if (what < 11) {
		assert_int_equal(gstage_age(gs, gpa, end), gstage_age(twin, gpa, end));
		assert_false(gstage_is_young(gs, gpa, end));
		assert_false(gstage_is_young(twin, gpa, end));
	} else if (what < 12) {
		assert_int_equal(gstage_is_young(gs, gpa, end), gstage_is_young(twin, gpa, end));
	} else {
		find_alike(gs, twin, gpa);
	}
	assert_int_equal(gs->tables, twin->tables);
	assert_int_equal(gs->changed_start, twin->changed_start);
	assert_int_equal(gs->changed_end, twin->changed_end);
}

#define STEPS       1000000
#define ROUND_STEPS 1000 /* per pair of tables; every other pair is emptied before it is freed */

static void random_round(const struct gstage_ops *ops, const struct gstage_ops *twin_ops,
			 unsigned int levels, bool empty)
{
	struct gstage gs, twin;
	unsigned int i;

	assert_int_equal(gstage_init(&gs, ops, true), 0);
	assert_int_equal(gstage_init(&twin, twin_ops, true), 0);
	for (i = 0; i < ROUND_STEPS; i++) {
		random_step(&gs, &twin);
		if (i % 64 == 0) {
			free_retired(&gs);
			free_retired(&twin);
		}
		if (i % 16 == 0) {
			gs.changed_end = 0;
			twin.changed_end = 0;
		}
	}
	assert_same_table(gs.root, twin.root, levels - 1, 2048);
	if (empty) {
		assert_int_equal(gstage_unmap(&gs, 0, ~0ULL), gstage_unmap(&twin, 0, ~0ULL));
		assert_int_equal(gs.tables, 0);
		assert_same_table(gs.root, twin.root, levels - 1, 2048);
	}
	gstage_destroy(&gs);
	gstage_destroy(&twin);
	assert_int_equal(gs.tables + twin.tables, 0);
	assert_int_equal(native_pages_in_use(), 0);
	assert_int_equal(native_maps_in_use(), 0);
}

static void new_machine(const struct variant *v)
{
	native_reset();
	native_hgatp_set(1U << v->mode, 14);
	assert_int_equal(gstage_probe(), 0);
}

static void a_million_random_changes_end_in_the_same_table(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < STEPS / ROUND_STEPS; i++) {
		const struct variant *v = &variants[i % 3];

		new_machine(v);
		trace_keys[TRACE_gstage_step].enabled = 0; /* counting steps doubles the time */
		random_round(&gstage_iter_ops, &gstage_rec_ops, v->levels, i & 1);
	}
}

/* Use one walker for both tables, so that all events are its own. Repeat with the other walker. */
static void both_walkers_emit_the_same_events(void **state)
{
	static const struct gstage_ops *const walker[] = { &gstage_iter_ops, &gstage_rec_ops };
	unsigned int count[2][TRACE_NR_EVENTS], i, w, e;

	(void)state;
	for (i = 0; i < 12; i++) {
		u64 seed = random_state;

		for (w = 0; w < 2; w++) {
			random_state = seed;
			new_machine(&variants[i % 3]);
			random_round(walker[w], walker[w], variants[i % 3].levels, i & 1);
			for (e = 0; e < TRACE_NR_EVENTS; e++)
				count[w][e] = native_events(e);
		}
		assert_memory_equal(count[0], count[1], sizeof(count[0]));
		assert_true(count[0][TRACE_gstage_step] > 1000);
	}
}

/* Compare the table with a flat model that has one entry per page. */
static void random_changes_agree_with_a_flat_model(struct fixture *f)
{
	static hpa_t model[4096];
	unsigned int i, j;

	memset(model, 0, sizeof(model));
	for (i = 0; i < 2000; i++) {
		bool large = rnd(8) == 0;
		unsigned int page = (unsigned int)rnd(4096), n = (unsigned int)rnd(600);

		if (rnd(3)) {
			hpa_t hpa = RAM + (rnd(64) * SZ_2M);

			page = large ? page & ~511U : page;
			hpa += large ? 0 : (page & 511) * PAGE_SIZE;
			assert_int_equal(map(&f->gs, BASE + page * PAGE_SIZE, large, hpa, RW), 0);
			if (large)
				for (j = 0; j < 512; j++)
					model[page + j] = 0;
			for (j = 0; j < (large ? 512 : 1); j++)
				model[page + j] = hpa + j * PAGE_SIZE;
		} else {
			struct gstage_leaf leaf;
			unsigned int first = page, last = MIN(page + n, 4096U);

			if (first == last)
				continue;
			/*
			 * Unmapping a range that covers only a part of a large leaf removes the
			 * whole leaf.
			 */
			if (!gstage_find(&f->gs, BASE + first * PAGE_SIZE, &leaf) && leaf.level)
				first &= ~511U;
			if (!gstage_find(&f->gs, BASE + (last - 1) * PAGE_SIZE, &leaf) &&
			    leaf.level)
				last = ALIGN_UP(last, 512U);
			gstage_unmap(&f->gs, BASE + page * PAGE_SIZE,
				     BASE + MIN(page + n, 4096U) * PAGE_SIZE);
			for (j = first; j < last; j++)
				model[j] = 0;
		}
		free_retired(&f->gs);
	}
	for (i = 0; i < 4096; i++) {
		struct gstage_leaf leaf;
		int err = gstage_find(&f->gs, BASE + i * PAGE_SIZE, &leaf);

		assert_int_equal(err, model[i] ? 0 : -ENOENT);
		if (!err)
			assert_int_equal(gstage_leaf_hpa(&leaf, BASE + i * PAGE_SIZE), model[i]);
	}
}

FOR_ALL_VARIANTS(random_changes_agree_with_a_flat_model)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_random_changes_end_in_the_same_table),
		cmocka_unit_test(both_walkers_emit_the_same_events),
		cmocka_unit_test(each_random_changes_agree_with_a_flat_model),
	};

	return cmocka_run_group_tests_name("G-stage, random", tests, NULL, NULL);
}
