// SPDX-License-Identifier: MIT
/*
 * test_initramfs.c - a valid archive becomes a tree, and unpacking any archive, even a damaged one,
 * logs one line.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/errno.h>
#include <linux/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include "fs/initramfs.h"
#include "mm/page.h"
#include "stubs.h"

static u8 archive[16384];
static size_t archive_size;

static void put(const void *data, size_t size)
{
	assert_true(archive_size + size <= sizeof(archive));
	memcpy(archive + archive_size, data, size);
	archive_size += size;
	while (archive_size % 4)
		archive[archive_size++] = 0;
}

static void add(const char *name, u32 mode, u32 ino, u32 nlink, const char *data)
{
	char header[200];
	size_t len;

	len = (size_t)snprintf(header, sizeof(header),
			       "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s", ino,
			       mode, 0, 0, nlink, 7, (u32)strlen(data), 0, 0, 5, 1,
			       (u32)strlen(name) + 1, 0, name);
	put(header, len + 1);
	put(data, strlen(data));
}

static void good_archive(void)
{
	archive_size = 0;
	add(".", S_IFDIR | 0755, 1, 2, "");
	add("etc", S_IFDIR | 0700, 2, 2, "");
	add("etc/motd", S_IFREG | 0644, 3, 1, "good morning");
	add("a/b/c/deep", S_IFREG | 0600, 4, 1, "x");
	add("link", S_IFLNK | 0777, 5, 1, "etc/motd");
	add("one", S_IFREG | 0644, 6, 2, "");
	add("two", S_IFREG | 0644, 6, 2, "shared");
	add("dev/console", S_IFCHR | 0600, 7, 1, "");
	add("/abs", S_IFREG | 0644, 8, 1, "y");
	add("TRAILER!!!", 0, 0, 1, "");
}

/* Unpack a copy whose buffer has exactly `size` bytes, so that ASan detects accesses beyond it. */
static void unpack(const u8 *bytes, size_t size)
{
	u8 *copy = malloc(size ? size : 1);

	memcpy(copy, bytes, size);
	initramfs_unpack(va_to_pa(copy), size);
	free(copy);
}

static struct inode *find(const char *path)
{
	struct walk w;

	if (path_walk(root_inode, path, WALK_NOFOLLOW, &w))
		return NULL;
	inode_put(w.inode); /* the file's name still holds a reference */
	return w.inode;
}

static int begin(void **state)
{
	(void)state;
	tree_begin();
	fail_alloc_in = -1;
	return 0;
}

static int end(void **state)
{
	(void)state;
	tree_end();
	return 0;
}

static void an_archive_becomes_a_tree(void **state)
{
	(void)state;
	good_archive();
	unpack(archive, archive_size);
	assert_int_equal(nr_log_lines, 1);
	assert_string_equal(log_line, "host: initramfs: 8 files, 1 KiB\n");
	assert_int_equal(inode_size(find("etc/motd")), 12);
	assert_int_equal(find("etc")->mode, S_IFDIR | 0700);
	assert_int_equal(find("a/b/c/deep")->mode, S_IFREG | 0600);
	assert_string_equal(find("link")->target, "etc/motd");
	assert_int_equal(find("dev/console")->rdev, 5 << 8 | 1);
	assert_non_null(find("abs"));
}

static void two_names_of_one_file_share_its_data(void **state)
{
	(void)state;
	good_archive();
	unpack(archive, archive_size);
	assert_ptr_equal(find("one"), find("two"));
	assert_int_equal(inode_size(find("one")), 6);
	assert_int_equal(find("one")->nlink, 2);
}

static void a_later_file_replaces_an_earlier_one(void **state)
{
	(void)state;
	archive_size = 0;
	add("f", S_IFREG | 0644, 1, 1, "first");
	add("f", S_IFREG | 0644, 2, 1, "second");
	add("TRAILER!!!", 0, 0, 1, "");
	unpack(archive, archive_size);
	assert_int_equal(inode_size(find("f")), 6);
}

static void a_second_archive_may_follow_zeros(void **state)
{
	(void)state;
	archive_size = 0;
	add("f", S_IFREG | 0644, 1, 1, "first");
	add("TRAILER!!!", 0, 0, 1, "");
	memset(archive + archive_size, 0, 512);
	archive_size += 512;
	add("g", S_IFREG | 0644, 1, 1, "other");
	add("TRAILER!!!", 0, 0, 1, "");
	unpack(archive, archive_size);
	assert_non_null(find("f"));
	assert_non_null(find("g"));
	assert_ptr_not_equal(find("f"), find("g"));
}

static void every_truncation_logs_one_line(void **state)
{
	size_t size;

	(void)state;
	good_archive();
	for (size = 1; size < archive_size; size++) {
		tree_end();
		tree_begin();
		unpack(archive, size);
		assert_int_equal(nr_log_lines, 1);
		/*
		 * If at most the last four bytes are missing, every file is still unpacked, so this
		 * message is not required.
		 */
		if (size < archive_size - 4)
			assert_non_null(strstr(log_line, "truncated at byte"));
	}
}

static void names_cannot_leave_the_root(void **state)
{
	(void)state;
	archive_size = 0;
	add("../../up", S_IFREG | 0644, 1, 1, "x");
	unpack(archive, archive_size);
	assert_non_null(strstr(log_line, "a path that cannot be created at byte"));
}

static void nothing_is_put_below_a_file_or_through_a_link(void **state)
{
	(void)state;
	archive_size = 0;
	add("f", S_IFREG | 0644, 1, 1, "x");
	add("f/below", S_IFREG | 0644, 2, 1, "x");
	unpack(archive, archive_size);
	assert_non_null(strstr(log_line, "a path that cannot be created at byte"));
	archive_size = 0;
	add("l", S_IFLNK | 0777, 3, 1, "/");
	add("l/through", S_IFREG | 0644, 4, 1, "x");
	unpack(archive, archive_size);
	assert_non_null(strstr(log_line, "a path that cannot be created at byte"));
}

static void running_out_of_memory_logs_one_line(void **state)
{
	long n;

	(void)state;
	good_archive();
	for (n = 0; n < 60; n++) {
		tree_end();
		tree_begin();
		fail_alloc_in = n;
		unpack(archive, archive_size);
		fail_alloc_in = -1;
		assert_int_equal(nr_log_lines, 1);
	}
}

static void random_damage_is_survived(void **state)
{
	static u8 damaged[sizeof(archive)];
	unsigned int round, hits, i;
	size_t size, at;

	(void)state;
	good_archive();
	srand(1);
	for (round = 0; round < 5000; round++) {
		memcpy(damaged, archive, archive_size);
		size = rand() % 3 ? archive_size : (size_t)rand() % archive_size + 1;
		hits = (unsigned int)rand() % 8;
		for (i = 0; i < hits; i++) {
			at = (size_t)rand() % size;
			damaged[at] = rand() % 2 ? (u8)rand() : (u8) "0189aFf/.\0"[rand() % 10];
		}
		tree_end();
		tree_begin();
		unpack(damaged, size);
		assert_int_equal(nr_log_lines, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_archive_becomes_a_tree, begin, end),
		cmocka_unit_test_setup_teardown(two_names_of_one_file_share_its_data, begin, end),
		cmocka_unit_test_setup_teardown(a_later_file_replaces_an_earlier_one, begin, end),
		cmocka_unit_test_setup_teardown(a_second_archive_may_follow_zeros, begin, end),
		cmocka_unit_test_setup_teardown(every_truncation_logs_one_line, begin, end),
		cmocka_unit_test_setup_teardown(names_cannot_leave_the_root, begin, end),
		cmocka_unit_test_setup_teardown(nothing_is_put_below_a_file_or_through_a_link,
						begin, end),
		cmocka_unit_test_setup_teardown(running_out_of_memory_logs_one_line, begin, end),
		cmocka_unit_test_setup_teardown(random_damage_is_survived, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
