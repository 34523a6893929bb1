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

/* 1 s is 10^11 hundredths of a nanosecond. For each tick, less than one of them may be lost. */
static void a_second_has_ns(unsigned long frequency)
{
	unsigned long one;

	hz = frequency;
	row_begin();
	one = each(frequency, 1);
	assert_in_range(one, 100000000001 - frequency, 100000000000);
	assert_in_range(each(frequency, 256), one / 256 - 1, one / 256);
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
