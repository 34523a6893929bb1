// SPDX-License-Identifier: MIT
/* test_smp.c - a trap while the runtime reads the device tree has a stack for its message. */
#include <setjmp.h>
#include "rt.h" /* before cmocka.h, which has a macro skip() */
#include <cmocka.h>

static unsigned int reads;

static void check_trap_stack(void)
{
	assert_int_equal(harts[0].id, 7);
	assert_int_not_equal(harts[0].trap_sp, 0);
	reads++;
}

int fdt_cpus(unsigned long *ids, int max)
{
	(void)max;
	check_trap_stack();
	ids[0] = 3;
	ids[1] = 7;
	return 2;
}

const void *fdt_prop(const char *path, const char *name, int *len)
{
	(void)path;
	(void)name;
	(void)len;
	check_trap_stack();
	return NULL;
}

const char *fdt_string(const char *path, const char *name)
{
	(void)path;
	(void)name;
	check_trap_stack();
	return "rv64";
}

/* Called only for a property that exists. */
unsigned long fdt_cell(const void *prop, int index)
{
	(void)prop;
	return (unsigned long)index;
}

static void the_boot_hart_is_ready_before_the_tree_is_read(void **state)
{
	(void)state;
	smp_init(7);
	assert_int_equal(reads, 3);
	assert_int_equal(nr_harts, 2);
	assert_int_equal(harts[1].id, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_boot_hart_is_ready_before_the_tree_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
