// SPDX-License-Identifier: MIT
/*
 * test_gstage_random.c - both walkers, driven at random: against each other, and against
 * the plainest of models.
 */
#include "gstage_variants.h"

static u64 random_state = 0x9e3779b97f4a7c15ULL;

static u64 rnd(u64 below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

static void assert_same_table(hpa_t a, hpa_t b, unsigned int level, unsigned long entries)
{
	pte_t *ta = native_ram(a), *tb = native_ram(b);
	unsigned long i;

	for (i = 0; i < entries; i++) {
		assert_int_equal(pte_is_table(ta[i]), pte_is_table(tb[i]));
		if (pte_is_table(ta[i]))
			assert_same_table(pte_to_hpa(ta[i]), pte_to_hpa(tb[i]), level - 1, 512);
		else
			assert_int_equal(ta[i], tb[i]);
	}
}

/* Mostly near each other, so that leaves of all sizes meet; sometimes anywhere. */
static gpa_t random_gpa(const struct gstage *gs)
{
	if (rnd(8) == 0)
		return rnd(gstage_limit(gs));
	return BASE + rnd(3 * SZ_1G / 512) / (rnd(2) ? 1 : 64);
}

static void random_step(struct gstage *gs, struct gstage *twin)
{
	unsigned int what = (unsigned int)rnd(12), level = (unsigned int)rnd(16);
	gpa_t gpa = random_gpa(gs), end;
	pte_t old[2] = { 0 }, pte;

	level = level > 13 ? 2 : level > 10 ? 1 : 0;
	end = ALIGN_UP(gpa + rnd(rnd(2) ? 0x10000 : 3 * SZ_2M), PAGE_SIZE);
	gpa = ALIGN_DOWN(gpa, PAGE_SIZE);
	if (what < 7) {
		pte = pte_make(rnd(1 << 20) << gstage_shift(level), rnd(2) ? RW : GSTAGE_LEAF);
		assert_int_equal(gstage_map(gs, gpa, level, pte, &old[0]),
				 gstage_map(twin, gpa, level, pte, &old[1]));
		assert_int_equal(old[0], old[1]);
	} else if (what < 9) {
		assert_int_equal(gstage_unmap(gs, gpa, end), gstage_unmap(twin, gpa, end));
	} else if (what < 10) {
		assert_int_equal(gstage_protect(gs, gpa, end), gstage_protect(twin, gpa, end));
	} else if (what < 11) {
		assert_int_equal(gstage_age(gs, gpa, end), gstage_age(twin, gpa, end));
		assert_false(gstage_is_young(gs, gpa, end));
	} else {
		assert_int_equal(gstage_is_young(gs, gpa, end), gstage_is_young(twin, gpa, end));
	}
	assert_int_equal(gs->tables, twin->tables);
}

static void random_changes_end_in_the_same_table(struct fixture *f)
{
	unsigned int i;

	for (i = 0; i < 1500; i++) {
		random_step(&f->gs, &f->twin);
		if (i % 100 == 99) {
			assert_same_table(f->gs.root, f->twin.root, f->variant->levels - 1, 2048);
			free_retired(&f->gs);
			free_retired(&f->twin);
		}
	}
}

/* Against the plainest of models: one entry a page. */
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
			/* A large leaf that is cut goes as a whole. */
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

FOR_ALL_VARIANTS(random_changes_end_in_the_same_table)
FOR_ALL_VARIANTS(random_changes_agree_with_a_flat_model)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_random_changes_end_in_the_same_table),
		cmocka_unit_test(each_random_changes_agree_with_a_flat_model),
	};

	return cmocka_run_group_tests_name("G-stage, random", tests, NULL, NULL);
}
