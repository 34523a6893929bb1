// SPDX-License-Identifier: MIT
/* test_number.c - parse numbers from the text of a parameter, and show numbers as text. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "hv/bits.h"
#include "number.h"

#define LARGEST "18446744073709551615"

static void a_number_is_appended_and_terminated(void **state)
{
	char text[8 + NUMBER_SIZE] = "kvm-";
	char *end = number_append(text + 4, 1907);

	(void)state;
	assert_string_equal(text, "kvm-1907");
	assert_ptr_equal(end, text + 8);
	assert_string_equal((number_append(end, 0), text), "kvm-19070");
}

static void the_buffer_must_hold_the_largest_number(void **state)
{
	char *buf = malloc(NUMBER_SIZE); /* exact size, so that ASan detects an overrun */

	(void)state;
	assert_int_equal(number_show(buf, NUMBER_SIZE, ~0ULL), 0);
	assert_string_equal(buf, LARGEST);
	assert_int_equal(number_show(buf, NUMBER_SIZE - 1, ~0ULL), -EINVAL);
	assert_int_equal(number_show(buf, 1, 0), -EINVAL);
	assert_string_equal(buf, LARGEST);
	free(buf);
}

static void a_shown_number_is_parsed_again(void **state)
{
	static const u64 numbers[] = { 0, 9, 10, 1234, ~0U, ~0ULL };
	char text[NUMBER_SIZE];
	unsigned int i;
	u64 n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		assert_int_equal(number_show(text, sizeof(text), numbers[i]), 0);
		n = 77;
		assert_int_equal(number_parse(text, numbers[i], &n), 0);
		assert_int_equal(n, numbers[i]);
	}
}

static void other_text_is_refused_and_changes_nothing(void **state)
{
	static const char *const texts[] = { "",           " 1",        "1 ",
					     "-1",         "+1",        "0x10",
					     "1:",         "/1",        "\xb1",
					     "4294967296", LARGEST "0", "18446744073709551616" };
	unsigned int i;
	u64 n = 77;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(number_parse(texts[i], ~0U, &n), -EINVAL);
	assert_int_equal(number_parse("18446744073709551616", ~0ULL, &n), -EINVAL);
	assert_int_equal(number_parse("3", 2, &n), -EINVAL);
	assert_int_equal(number_parse("1", 0, &n), -EINVAL);
	assert_int_equal(n, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_is_appended_and_terminated),
		cmocka_unit_test(the_buffer_must_hold_the_largest_number),
		cmocka_unit_test(a_shown_number_is_parsed_again),
		cmocka_unit_test(other_text_is_refused_and_changes_nothing),
	};

	return cmocka_run_group_tests_name("numbers as text", tests, NULL, NULL);
}
