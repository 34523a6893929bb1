// SPDX-License-Identifier: MIT
/* test_measure.c - the benchmark converts ticks of rdtime into nanoseconds, whatever their frequency. */
#include <setjmp.h>
#include "bench/measure.c" /* before cmocka.h, which has a macro skip() */
#include <cmocka.h>

static unsigned long hz;

unsigned long timebase(void)
{
	return hz;
}

static void a_second_has_ns(unsigned long frequency)
{
	hz = frequency;
	row_begin();
	assert_int_equal(each(frequency, 1), 100000000000); /* hundredths */
	assert_int_equal(each(frequency, 256), 100000000000 / 256);
	assert_int_equal(each(30 * frequency, 1), 3000000000000);
	/* Less than a nanosecond may be lost. */
	assert_in_range(each(frequency / 2, 1), 49999999901, 50000000000);
}

static void any_frequency_gives_ns(void **state)
{
	(void)state;
	a_second_has_ns(10000000);
	a_second_has_ns(24000000);
	a_second_has_ns(32768);
	a_second_has_ns(1000000000);
	a_second_has_ns(1500000000);
	a_second_has_ns(3300000000);
	hz = 10000000;
	assert_int_equal(each(3, 2), 15000); /* 150.00 ns */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_frequency_gives_ns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
