// SPDX-License-Identifier: MIT
/* test_bits.c - MIN and MAX of hv/bits.h evaluate each argument once. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "hv/bits.h"

/* Returns 100, and then larger numbers, like the room in a pipe while a reader empties it. */
static unsigned int growing(void)
{
	static unsigned int next = 64;

	return next += 36;
}

static void a_value_that_changes_is_read_once(void **state)
{
	(void)state;
	assert_int_equal(MIN(100U, growing()), 100);
	assert_int_equal(MIN(growing(), 200U), 136);
	assert_int_equal(MAX(growing(), 100U), 172);
	assert_int_equal(MAX(MIN(growing(), 100U), MIN(300U, growing())), 244);
}

static void the_result_has_the_common_type(void **state)
{
	unsigned char small = 200;
	uint64_t large = 1ULL << 40;
	int below = -1;

	(void)state;
	assert_int_equal(MIN(small, large), 200);
	assert_true(MAX(small, large) == large);
	assert_int_equal(MIN(below, 1), -1);
	assert_int_equal(sizeof(MIN(small, large)), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_that_changes_is_read_once),
		cmocka_unit_test(the_result_has_the_common_type),
	};

	return cmocka_run_group_tests_name("MIN and MAX", tests, NULL, NULL);
}
