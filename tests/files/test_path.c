// SPDX-License-Identifier: MIT
/*
 * test_path.c - paths are resolved to inodes: dots, slashes, links, loops and lengths.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/errno.h>
#include <linux/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include "stubs.h"

static int begin(void **state)
{
	(void)state;
	tree_begin();
	tree_make("/a/b/c", S_IFREG | 0644, NULL);
	tree_make("/a/empty", S_IFDIR | 0755, NULL);
	tree_make_link("/rel", "a/b");
	tree_make_link("/a/up", "../a/b/c");
	tree_make_link("/abs", "/a/empty");
	tree_make_link("/loop1", "loop2");
	tree_make_link("/loop2", "./loop1");
	tree_make_link("/dangling", "a/nothing");
	return 0;
}

static int end(void **state)
{
	(void)state;
	tree_end();
	return 0;
}

/* Walk `path` from directory `from`. Returns the found inode's path, or "!N" for error -N. */
static const char *walk(const char *from, const char *path, unsigned int flags)
{
	static char text[PATH_LEN_MAX];
	struct walk w, start;
	int err;

	assert_int_equal(path_walk(root_inode, from, 0, &start), 0);
	err = path_walk(start.inode, path, flags, &w);
	if (err) {
		snprintf(text, sizeof(text), "!%d", -err);
	} else {
		inode_path(w.inode, text, sizeof(text));
		inode_put(w.inode);
	}
	inode_put(start.inode);
	return text;
}

static void dots_and_slashes_are_resolved(void **state)
{
	(void)state;
	assert_string_equal(walk("/", "/", 0), "/");
	assert_string_equal(walk("/", "..", 0), "/");
	assert_string_equal(walk("/a", "b/c", 0), "/a/b/c");
	assert_string_equal(walk("/a", "/a//b///c", 0), "/a/b/c");
	assert_string_equal(walk("/a/b", "../.././a/./b/", 0), "/a/b");
	assert_string_equal(walk("/", "", 0), "!2");
	assert_string_equal(walk("/", "a/x", 0), "!2");
	assert_string_equal(walk("/", "a/b/c/", 0), "!20");
	assert_string_equal(walk("/", "a/b/c/d", 0), "!20");
	assert_string_equal(walk("/", "a/b/c/..", 0), "!20");
}

static void links_are_resolved_from_their_own_directory(void **state)
{
	(void)state;
	assert_string_equal(walk("/a", "/rel/c", 0), "/a/b/c");
	assert_string_equal(walk("/", "a/up", 0), "/a/b/c");
	assert_string_equal(walk("/", "a/up", WALK_NOFOLLOW), "/a/up");
	assert_string_equal(walk("/", "rel/../up", 0), "/a/b/c");
	assert_string_equal(walk("/", "abs", WALK_DIRECTORY), "/a/empty");
	assert_string_equal(walk("/", "abs/", WALK_NOFOLLOW), "/a/empty");
	assert_string_equal(walk("/", "rel/c/x", 0), "!20");
	assert_string_equal(walk("/", "dangling", 0), "!2");
	assert_string_equal(walk("/", "dangling", WALK_NOFOLLOW), "/dangling");
}

static void loops_of_links_are_eloop(void **state)
{
	(void)state;
	assert_string_equal(walk("/", "loop1", 0), "!40");
	assert_string_equal(walk("/", "loop1/x", 0), "!40");
}

static void the_parent_and_the_last_name_are_separated(void **state)
{
	struct walk w;

	(void)state;
	assert_int_equal(path_walk(root_inode, "rel/new/", WALK_PARENT, &w), 0);
	assert_string_equal(w.last, "new");
	assert_true(w.must_be_dir);
	inode_put(w.inode);
	assert_int_equal(path_walk(root_inode, "/a/..", WALK_PARENT, &w), 0);
	assert_string_equal(w.last, "");
	inode_put(w.inode);
	assert_int_equal(path_walk(root_inode, "none/new", WALK_PARENT, &w), -ENOENT);
	assert_int_equal(path_walk(root_inode, "a/b/c/new", WALK_PARENT, &w), -ENOTDIR);
}

static void long_links_expand_up_to_the_limit(void **state)
{
	static char path[PATH_LEN_MAX * 2];
	char target[2001];

	(void)state;
	memset(target, '/', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	tree_make_link("/slashes", target);
	strcpy(path, "slashes");
	memset(path + 7, '/', 1000);
	strcpy(path + 1007, "slashes/a");
	assert_string_equal(walk("/", path, 0), "/a");
	memset(path + 7, '/', 3000);
	strcpy(path + 3007, "slashes/a");
	assert_string_equal(walk("/", path, 0), "!36");
	memset(path, 'n', 300);
	path[300] = '\0';
	assert_string_equal(walk("/", path, 0), "!36");
}

/* "x/y/../y/../" … with `steps` components, then `last`. */
static const char *long_path(unsigned int steps, const char *last)
{
	static char path[PATH_LEN_MAX];
	unsigned int i;

	strcpy(path, "a/");
	for (i = 1; i < steps; i++)
		strcat(path, i % 2 ? "empty/" : "../");
	return strcat(path, last);
}

static void a_long_walk_pauses_and_can_be_ended(void **state)
{
	(void)state;
	assert_string_equal(walk("/", "a/up", 0), "/a/b/c");
	assert_int_equal(nr_pauses, 0);
	assert_string_equal(walk("/", long_path(641, "b/c"), 0), "/a/b/c");
	assert_in_range(nr_pauses, 20, 60);
	pause_error = -EINTR;
	assert_string_equal(walk("/", long_path(641, "b/c"), 0), "!4");
}

static void remove_empty(void)
{
	struct walk w;

	on_pause = NULL;
	assert_int_equal(path_walk(root_inode, "a", 0, &w), 0);
	dir_remove(dir_find(w.inode, "empty"));
	inode_put(w.inode);
}

static void what_a_walk_has_reached_may_be_removed_while_it_pauses(void **state)
{
	(void)state;
	on_pause = remove_empty;
	assert_string_equal(walk("/", long_path(16, "../b"), 0), "!2");
	assert_null(on_pause);
}

static void random_paths_neither_crash_nor_leak(void **state)
{
	static const char *const parts[] = {
		"a",  "b", "c",     "empty", "up",   "rel", "abs",
		"..", "/", "loop1", ".",     "none", "//",  "dangling"
	};
	char path[400];
	unsigned int round, n;
	struct walk w;

	(void)state;
	srand(2);
	for (round = 0; round < 20000; round++) {
		path[0] = '\0';
		for (n = (unsigned int)rand() % 12; n; n--) {
			strcat(path, parts[(unsigned int)rand() % ARRAY_SIZE(parts)]);
			strcat(path, rand() % 4 ? "/" : "");
		}
		fail_alloc_in = rand() % 8 ? -1 : rand() % 3;
		if (!path_walk(root_inode, path, (unsigned int)rand() % 8, &w))
			inode_put(w.inode);
		fail_alloc_in = -1;
	}
}

static struct inode *make_known(struct inode *dir, const char *name)
{
	(void)dir;
	return strcmp(name, "known") ? NULL : inode_alloc(S_IFREG | 0444, NULL);
}

static void running_out_of_memory_is_not_taken_for_an_unknown_name(void **state)
{
	static const struct inode_ops maker = { .lookup = make_known };

	(void)state;
	tree_make("/made", S_IFDIR | 0555, &maker);
	assert_string_equal(walk("/", "made/unknown", 0), "!2");
	fail_alloc_in = 0;
	assert_string_equal(walk("/", "made/known", 0), "!12");
	fail_alloc_in = -1;
	assert_string_equal(walk("/", "unknown", 0), "!2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(dots_and_slashes_are_resolved, begin, end),
		cmocka_unit_test_setup_teardown(links_are_resolved_from_their_own_directory, begin,
						end),
		cmocka_unit_test_setup_teardown(loops_of_links_are_eloop, begin, end),
		cmocka_unit_test_setup_teardown(the_parent_and_the_last_name_are_separated, begin,
						end),
		cmocka_unit_test_setup_teardown(long_links_expand_up_to_the_limit, begin, end),
		cmocka_unit_test_setup_teardown(
			running_out_of_memory_is_not_taken_for_an_unknown_name, begin, end),
		cmocka_unit_test_setup_teardown(a_long_walk_pauses_and_can_be_ended, begin, end),
		cmocka_unit_test_setup_teardown(
			what_a_walk_has_reached_may_be_removed_while_it_pauses, begin, end),
		cmocka_unit_test_setup_teardown(random_paths_neither_crash_nor_leak, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
