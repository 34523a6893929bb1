// SPDX-License-Identifier: MIT
/*
 * test_fdt.c - the runtime's walk of the device tree, in valid trees and in trees with wrong words.
 *
 * The walk of a wrong tree may find anything, but it ends, and it does not leave the tree.
 */
#include <setjmp.h>
#include <stdlib.h>
#include <unistd.h>
#include "rt.h" /* before cmocka.h, which has a macro skip() */
#include <cmocka.h>

#define BEGIN_NODE 1
#define END_NODE   2
#define PROP       3
#define END        9

#define HEADER  40 /* bytes */
#define ROUNDS  20000
#define SECONDS 60 /* limit for the whole test, which takes one second */

const void *dtb;

/* Called by parts of fdt.c that this test does not use. */
void bail(const char *fmt, ...)
{
	fail_msg("bail: %s", fmt);
	abort();
}

/* ---- making a tree ---- */

static const char strings[] = "reg\0compatible";
static u8 *tree;
static size_t size, structs; /* bytes; where the structure block begins */

static void put(size_t at, u32 word)
{
	for (int i = 0; i < 4; i++)
		tree[at + (size_t)i] = (u8)(word >> (24 - 8 * i));
}

/* The tree has exactly the size of its allocation, so ASan finds an access beyond its end. */
static void add(const void *bytes, size_t n)
{
	size_t padded = (n + 3) & ~3UL;

	tree = realloc(tree, size + padded);
	memset(tree + size, 0, padded);
	memcpy(tree + size, bytes, n);
	size += padded;
}

static void add_word(u32 word)
{
	add("\0\0\0", 4);
	put(size - 4, word);
}

static void begin_tree(void)
{
	free(tree);
	tree = NULL;
	size = 0;
	for (size_t i = 0; i < HEADER / 4; i++)
		add_word(0);
	structs = size;
}

static void begin_node(const char *name)
{
	add_word(BEGIN_NODE);
	add(name, strlen(name) + 1);
}

static void end_node(void)
{
	add_word(END_NODE);
}

static void add_prop(const char *name, const void *value, size_t n)
{
	add_word(PROP);
	add_word((u32)n);
	add_word(strcmp(name, "reg") ? 4 : 0);
	add(value, n);
}

/* Returns where the structure block ends. */
static size_t end_tree(void)
{
	size_t end = size;

	add_word(END);
	add(strings, sizeof(strings));
	put(0, 0xd00dfeed);
	put(4, (u32)size);
	put(8, (u32)structs);
	put(12, (u32)end + 4);
	dtb = tree;
	return end;
}

static size_t make_tree(void)
{
	static const u8 reg[16] = { [3] = 1, [7] = 2, [15] = 3 };

	begin_tree();
	begin_node("");
	begin_node("cpus");
	begin_node("cpu@5");
	add_prop("reg", "\0\0\0\5", 4);
	end_node();
	end_node();
	begin_node("bus");
	begin_node("device@100000002");
	add_prop("compatible", "new\0old", 8);
	add_prop("reg", reg, sizeof(reg));
	end_node();
	end_node();
	end_node();
	return end_tree();
}

/* ---- tests ---- */

static void a_valid_tree_is_read(void **state)
{
	struct fdt_reg reg;
	unsigned long id;
	int len;

	(void)state;
	make_tree();
	assert_int_equal(fdt_cpus(&id, 1), 1);
	assert_int_equal(id, 5);
	assert_true(fdt_find("old", 0, &reg));
	assert_int_equal(reg.base, 0x100000002);
	assert_int_equal(reg.size, 3);
	assert_non_null(fdt_prop("/bus/device", "compatible", &len));
	assert_int_equal(len, 8);
	assert_false(fdt_find("old", 1, &reg));
}

/* With the length -12, the next word of the walk would be that of the same property. */
static void a_negative_length_ends_the_walk(void **state)
{
	(void)state;
	begin_tree();
	begin_node("");
	add_prop("reg", "", 0);
	put(size - 8, (u32)-12);
	end_tree();
	assert_null(fdt_prop("/none", "reg", NULL));
}

/* Before the last node, the path has `n` characters, each a "/" and a name of 1 to 100 characters. */
static void walk_to_path_of(size_t n)
{
	char name[101];
	size_t length = 0, nodes = 0;

	begin_tree();
	begin_node("");
	while (length < n) {
		size_t part = n - length > 101 ? 100 : n - length - 1;

		part -= n - length - part - 1 == 1; /* leave room for a "/" and a name */
		memset(name, 'a', part);
		name[part] = 0;
		begin_node(name);
		length += part + 1;
		nodes++;
	}
	begin_node("b");
	add_prop("reg", "", 0);
	end_node();
	while (nodes--)
		end_node();
	end_node();
	end_tree();
	assert_null(fdt_prop("/none", "reg", NULL));
}

static void long_paths_fit(void **state)
{
	(void)state;
	for (size_t n = 2; n < 600; n++)
		walk_to_path_of(n);
}

static u32 damaged(void)
{
	static const u32 words[] = { 0,           BEGIN_NODE,  END_NODE, PROP,        END,
				     0x7fffffffU, 0x80000000U, (u32)-12, 0xffffffffU, 0xfffffffdU };
	u32 n = (u32)random();

	return n % 2 ? words[n / 2 % (sizeof(words) / 4)] : n / 2 % 64;
}

static void wrong_words_do_no_harm(void **state)
{
	struct fdt_reg reg;
	unsigned long ids[4];

	(void)state;
	srandom(1);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		size_t words = (make_tree() - structs) / 4;

		for (long n = random() % 3; n >= 0; n--)
			put(structs + 4 * ((size_t)random() % words), damaged());
		fdt_find("old", 0, &reg);
		fdt_find("none", 0, &reg);
		fdt_cpus(ids, 4);
		fdt_prop("/none", "reg", NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_valid_tree_is_read),
		cmocka_unit_test(a_negative_length_ends_the_walk),
		cmocka_unit_test(long_paths_fit),
		cmocka_unit_test(wrong_words_do_no_harm),
	};
	int failed;

	alarm(SECONDS);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(tree);
	return failed;
}
