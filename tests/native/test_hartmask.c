// SPDX-License-Identifier: MIT
/* test_hartmask.c - sets of harts (hv/hartmask.h), compared with an array of bool. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "hv/hartmask.h"
#include "random.h"

static unsigned int nr; /* how many harts the masks of this test have bits for */

/* Words beyond hv_hartmask_words must be neither read nor written: fill them, and check them. */
#define BEYOND 0x5a5a5a5a5a5a5a5aUL

static void fill_words_beyond(struct hv_hartmask *mask)
{
	for (unsigned int i = hv_hartmask_words; i < ARRAY_SIZE(mask->word); i++)
		mask->word[i] = BEYOND;
}

static void assert_words_beyond(const struct hv_hartmask *mask)
{
	for (unsigned int i = hv_hartmask_words; i < ARRAY_SIZE(mask->word); i++)
		assert_int_equal(mask->word[i], BEYOND);
}

static void assert_same(const struct hv_hartmask *mask, const bool *want)
{
	unsigned int hart, expected = 0;

	hartmask_for_each(hart, mask) {
		while (expected < hart)
			assert_false(want[expected++]);
		assert_true(want[expected++]);
	}
	assert_int_equal(hart, HV_MAX_HARTS);
	while (expected < nr)
		assert_false(want[expected++]);
	for (hart = 0; hart < nr; hart++)
		assert_int_equal(hartmask_test(mask, hart), want[hart]);
}

/* Set and clear random harts, by both kinds of functions; sometimes, all of them. */
static void a_mask_has_the_harts_that_were_set(void **state)
{
	struct hv_hartmask mask;
	bool want[HV_MAX_HARTS] = { false };
	unsigned int members = 0;

	(void)state;
	fill_words_beyond(&mask);
	hartmask_clear_all(&mask);
	for (unsigned int i = 0; i < 4000; i++) {
		unsigned int hart = (unsigned int)(rnd(nr));
		bool set = rnd(2);

		if (!rnd(100)) {
			bool all = rnd(2);

			all ? hartmask_set_all(&mask) : hartmask_clear_all(&mask);
			for (unsigned int n = 0; n < nr; n++)
				want[n] = all;
			members = all ? nr : 0;
		}
		if (rnd(2))
			set ? hartmask_set(&mask, hart) : hartmask_clear(&mask, hart);
		else
			set ? hartmask_set_atomic(&mask, hart) : hartmask_clear_atomic(&mask, hart);
		members += (unsigned int)set - (unsigned int)want[hart];
		want[hart] = set;
		assert_int_equal(hartmask_is_empty(&mask), !members);
		if (i % 50 == 0)
			assert_same(&mask, want);
	}
	assert_words_beyond(&mask);
}

static void one_hart_is_a_mask_that_is_not_empty(void **state)
{
	struct hv_hartmask mask, rest;

	(void)state;
	fill_words_beyond(&mask);
	fill_words_beyond(&rest);
	hartmask_clear_all(&mask);
	for (unsigned int hart = 0; hart < nr; hart++) {
		hartmask_set(&mask, hart);
		assert_false(hartmask_is_empty(&mask));
		assert_int_equal(hartmask_next(&mask, 0), hart);
		assert_int_equal(hartmask_next(&mask, hart), hart);
		assert_int_equal(hartmask_next(&mask, hart + 1), HV_MAX_HARTS);
		assert_false(hartmask_without(&rest, &mask, hart));
		assert_true(hartmask_without(&rest, &mask, (hart + 1) % nr));
		assert_true(hartmask_test(&rest, hart));
		hartmask_clear(&mask, hart);
		assert_true(hartmask_is_empty(&mask));
	}
	assert_words_beyond(&mask);
	assert_words_beyond(&rest);
}

static void harts_are_removed_from_a_full_mask(void **state)
{
	struct hv_hartmask mask, others;
	bool want[HV_MAX_HARTS];

	(void)state;
	fill_words_beyond(&mask);
	fill_words_beyond(&others);
	hartmask_set_all(&mask);
	assert_true(hartmask_without(&others, &mask, nr - 1));
	for (unsigned int hart = 0; hart < nr; hart++) {
		want[hart] = hart % 3 == 1;
		if (want[hart])
			hartmask_clear(&others, hart);
	}
	want[nr - 1] = true; /* was not in `others` */
	hartmask_remove_atomic(&mask, &others);
	assert_same(&mask, want);
	assert_words_beyond(&mask);
	assert_words_beyond(&others);
}

static int large(void **state)
{
	(void)state;
	nr = HV_MAX_HARTS;
	hv_hartmask_words = hartmask_words_for(nr);
	return hv_hartmask_words == ARRAY_SIZE(((struct hv_hartmask *)NULL)->word) ? 0 : -1;
}

static int small(void **state)
{
	(void)state;
	nr = BITS_PER_LONG;
	hv_hartmask_words = hartmask_words_for(nr);
	return hv_hartmask_words == 1 && hartmask_words_for(nr + 1) == 2 ? 0 : -1;
}

#define SMALL_AND_LARGE(test)                           \
	{ #test " (64)", test, small, NULL, NULL },     \
	{                                               \
#test " (512)", test, large, NULL, NULL \
	}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SMALL_AND_LARGE(a_mask_has_the_harts_that_were_set),
		SMALL_AND_LARGE(one_hart_is_a_mask_that_is_not_empty),
		SMALL_AND_LARGE(harts_are_removed_from_a_full_mask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
