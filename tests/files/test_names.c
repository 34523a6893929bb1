// SPDX-License-Identifier: MIT
/*
 * test_names.c - the table of names: each name is found while the table grows and shrinks, chains
 * stay short, and memory is returned.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include "stubs.h"

#define DIRS  3
#define NAMES 6000 /* in each directory */

static struct inode *dirs[DIRS], *file;
static bool there[DIRS][NAMES];

static const char *name_of(int i)
{
	static char name[12];

	snprintf(name, sizeof(name), "%d", i);
	return name;
}

static int begin(void **state)
{
	char path[] = "/d0";

	(void)state;
	tree_begin();
	memset(there, 0, sizeof(there));
	for (int d = 0; d < DIRS; d++, path[2]++)
		dirs[d] = tree_make(path, S_IFDIR | 0755, NULL);
	file = inode_alloc(S_IFREG | 0644, NULL);
	file->data = ram_file_create(NULL, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	inode_put(file);
	tree_end();
	return 0;
}

static void toggle(int d, int i)
{
	if (there[d][i])
		dir_remove(dir_find(dirs[d], name_of(i)));
	else
		assert_int_equal(dir_add(dirs[d], name_of(i), file), 0);
	there[d][i] = !there[d][i];
}

/* Check all names, and return the length of the longest chain. */
static int check_names(void)
{
	int longest = 0, len;
	struct dentry *at;

	for (int d = 0; d < DIRS; d++)
		for (int i = 0; i < NAMES; i++) {
			at = dir_find(dirs[d], name_of(i));
			assert_int_equal(at != NULL, there[d][i]);
			assert_true(!at || (at->dir == dirs[d] && !strcmp(at->name, name_of(i))));
			for (len = 0; at; at = at->next)
				len++;
			longest = MAX(longest, len);
		}
	return longest;
}

static void every_name_is_found_and_chains_are_short(void **state)
{
	(void)state;
	for (int i = 0; i < NAMES; i++)
		for (int d = 0; d < DIRS; d++)
			toggle(d, i);
	assert_in_range(check_names(), 1, 16);
	assert_true(tree_bytes >= NAMES * DIRS * 8 - (long)PAGE_SIZE);
	srand(1);
	for (int i = 0; i < 5 * NAMES; i++)
		toggle(rand() % DIRS, rand() % NAMES);
	assert_in_range(check_names(), 1, 16);
}

static void the_table_returns_its_memory(void **state)
{
	long before = tree_bytes;

	(void)state;
	for (int i = 0; i < NAMES; i++)
		toggle(0, i);
	assert_true(tree_bytes > before);
	for (int i = 0; i < NAMES; i++)
		toggle(0, i);
	assert_int_equal(tree_bytes, before);
}

static void without_memory_for_the_table_names_are_added(void **state)
{
	(void)state;
	for (int i = 0; i < NAMES; i++) {
		fail_alloc_in =
			1; /* a name is the first allocation, a page of the table the second */
		toggle(1, i);
	}
	fail_alloc_in = -1;
	check_names();
	for (int i = 0; i < NAMES; i += 2)
		toggle(1, i);
	assert_in_range(check_names(), 1, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_name_is_found_and_chains_are_short, begin,
						end),
		cmocka_unit_test_setup_teardown(the_table_returns_its_memory, begin, end),
		cmocka_unit_test_setup_teardown(without_memory_for_the_table_names_are_added, begin,
						end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
