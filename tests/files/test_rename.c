// SPDX-License-Identifier: MIT
/*
 * test_rename.c - renameat2() moves files and directories, and a call that fails for lack of memory
 * changes nothing.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "stubs.h"
#include "proc/process.h"

static struct process process;
static struct thread thread = { .process = &process };
#undef current
#define current (&thread)
#include "fs/sys_path.c"

/* ---- stubs for the system calls; a path argument is the address of the string ---- */

int at_path_get(struct at_path *ap, int dirfd, unsigned long user_path)
{
	(void)dirfd;
	ap->path = strdup((const char *)user_path);
	ap->start = path_start();
	return 0;
}

void at_path_put(struct at_path *ap)
{
	inode_put(ap->start);
	free(ap->path);
}

struct inode *path_start(void)
{
	inode_get(root_inode);
	return root_inode;
}

int at_inode(int dirfd, unsigned long user_path, unsigned int flags, struct inode **inode)
{
	(void)dirfd, (void)user_path, (void)flags, (void)inode;
	return -ENOENT;
}

struct file *fd_get(int fd)
{
	(void)fd;
	return NULL;
}

void file_put(struct file *f)
{
	(void)f;
}

long strncpy_from_user(char *dst, unsigned long src, size_t size)
{
	(void)dst, (void)src, (void)size;
	return -EFAULT;
}

int copy_to_user(unsigned long dst, const void *src, size_t size)
{
	(void)dst, (void)src, (void)size;
	return -EFAULT;
}

void hv_cpu_relax(void)
{
}

/* ---- tests ---- */

static int begin(void **state)
{
	(void)state;
	tree_begin();
	tree_make("/a/dir", S_IFDIR | 0755, NULL); /* programs may change its names */
	tree_make("/a/dir/file", S_IFREG | 0644, NULL);
	tree_make("/a/file", S_IFREG | 0644, NULL);
	tree_make("/b/file", S_IFREG | 0600, NULL);
	tree_make("/b/empty", S_IFDIR | 0755, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	tree_end();
	return 0;
}

static long move(const char *from, const char *to)
{
	struct trap_frame frame = { .a1 = (unsigned long)from, .a3 = (unsigned long)to };

	return sys_renameat2(&frame);
}

/* Return the mode of the file at a path, or 0 if there is no such file. */
static u32 mode_of(const char *path)
{
	struct walk w;
	u32 mode = 0;

	if (!path_walk(root_inode, path, 0, &w)) {
		mode = w.inode->mode;
		inode_put(w.inode);
	}
	return mode;
}

static void files_and_directories_are_renamed(void **state)
{
	(void)state;
	assert_int_equal(move("/a/file", "/b/file"), 0);
	assert_int_equal(mode_of("/b/file"), S_IFREG | 0644);
	assert_int_equal(mode_of("/a/file"), 0);
	assert_int_equal(move("/a/dir", "/b/empty"), 0);
	assert_int_equal(mode_of("/b/empty/file"), S_IFREG | 0644);
	assert_int_equal(mode_of("/b/empty/.."), mode_of("/b"));
	assert_int_equal(mode_of("/a/dir"), 0);
	assert_int_equal(move("/b", "/b/empty/b"), -EINVAL);
	assert_int_equal(move("/b/empty", "/b/file"), -ENOTDIR);
}

/*
 * Make the first two allocations of each rename fail. The rename then fails, and neither of its
 * paths changes.
 */
static void without_memory_nothing_is_lost(void **state)
{
	static const char *const moves[][2] = {
		{ "/a/dir", "/b/new" },
		{ "/a/dir", "/b/empty" },
		{ "/a/file", "/b/file" },
		{ "/a/dir", "/a/new" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(moves); i++) {
		u32 before = mode_of(moves[i][0]), there = mode_of(moves[i][1]);

		fail_alloc_in = 0;
		fail_allocs = 2;
		assert_int_equal(move(moves[i][0], moves[i][1]), -ENOMEM);
		fail_alloc_in = -1;
		fail_allocs = 1;
		assert_int_equal(mode_of(moves[i][0]), before);
		assert_int_equal(mode_of(moves[i][1]), there);
	}
	assert_int_equal(mode_of("/a/dir/file"), S_IFREG | 0644);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_and_directories_are_renamed, begin, end),
		cmocka_unit_test_setup_teardown(without_memory_nothing_is_lost, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
