// SPDX-License-Identifier: MIT
/*
 * lab04.c - check how the G-stage table maps the pages that this guest touched
 * (src/kvm/sbi/sbi_walk.c)
 *
 * On the command line: the variant (weight0 to weight4, per_level, flags_shift and `nothing`); seed
 * (for the pages); huge=1 if leaves larger than 4 KiB may occur; drop=1 to remove pages from the
 * table.
 */
#include "random.h"

#define EXT_WALK 0x0a0004abUL
#define PAGES    1024
#define TABLE    0x200000UL /* bytes mapped by one table of level 0 */
#define FLAGS    (PTE_V | PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D)

static u8 pages[PAGES * PAGE_SIZE] __attribute__((aligned(TABLE)));
static unsigned long levels;

static unsigned long index(unsigned long gpa, unsigned long level)
{
	return gpa >> (PAGE_SHIFT + 9 * level) & (level == levels - 1 ? 2047 : 511);
}

/*
 * Return the number of the path to `gpa` if the walk ends at level `end`: at a leaf with these
 * flags, or, if `flags` is 0, at an entry that is not valid.
 */
static unsigned long path(unsigned long gpa, unsigned long end, unsigned long flags)
{
	static const char *const weight[] = { "weight0", "weight1", "weight2", "weight3",
					      "weight4" };
	unsigned long level, sum = end * boot_need("per_level");

	for (level = levels; level-- > end;)
		sum += index(gpa, level) * boot_need(weight[level]);
	return sum + (flags ? flags << boot_need("flags_shift") : boot_need("nothing"));
}

static unsigned long told(unsigned long gpa)
{
	struct sbiret ret = sbi_call(EXT_WALK, 1, gpa, 0, 0);

	return ret.error ? ~0UL : (unsigned long)ret.value;
}

static unsigned long found(unsigned long gpa)
{
	struct sbiret ret = sbi_call(EXT_WALK, 3, gpa, 0, 0);

	return ret.error ? ~0UL : (unsigned long)ret.value;
}

static void test_touched(void)
{
	unsigned long i, gpa, got, want, level = 0, nr_large = 0, wrong = 0;
	bool huge = boot_number("huge", 0);

	for (i = 0; i < PAGES; i++)
		pages[i * PAGE_SIZE + below(PAGE_SIZE)] = 1;
	for (i = 0; i < PAGES; i++) {
		gpa = (unsigned long)pages + i * PAGE_SIZE + below(PAGE_SIZE);
		got = told(gpa);
		if (huge)
			level = found(gpa) >> 8;
		nr_large += level == 1;
		want = path(gpa, level, FLAGS);
		if (got == want && level <= 1)
			continue;
		if (!wrong++)
			note("gpa 0x%lx: path 0x%lx, expected 0x%lx", gpa, got, want);
	}
	ok_eq(wrong, 0, "the path of each of %d written pages ends at a leaf with all flags",
	      PAGES);
	for (wrong = i = 0; i < PAGES; i++) {
		got = found((unsigned long)pages + i * PAGE_SIZE + 8);
		wrong += got != FLAGS && !(huge && got == (1 << 8 | FLAGS));
	}
	ok_eq(wrong, 0, "the walker finds a leaf for each written page");
	if (huge)
		ok(nr_large, "large leaves map some of the written pages");
}

/*
 * Test addresses beyond all memory, in the upper half of the root's entries, and the first address
 * beyond the table.
 */
static void test_nothing(void)
{
	unsigned long i, gpa, got, wrong = 0, reach = 1UL << (PAGE_SHIFT + 9 * levels + 2);

	for (i = 0; i < 64; i++) {
		gpa = reach - 1 - below(reach / 2);
		got = told(gpa);
		if (got == path(gpa, levels - 1, 0))
			continue;
		if (!wrong++)
			note("gpa 0x%lx: path 0x%lx, expected 0x%lx", gpa, got,
			     path(gpa, levels - 1, 0));
	}
	ok_eq(wrong, 0, "the paths of 64 addresses that are not mapped end in the root");
	ok_eq(found(reach - 8), ~0UL, "the walker finds no leaf at an address that is not mapped");
	ok_eq(told(reach), ~0UL, "a request for the path to an address beyond the table fails");
}

static unsigned long drop(unsigned long first, unsigned long count)
{
	unsigned long gpa = (unsigned long)pages + first * PAGE_SIZE;

	return (unsigned long)sbi_call(EXT_WALK, 2, gpa, gpa + count * PAGE_SIZE, 0).error;
}

/*
 * Return how many of pages[first] to pages[end - 1] have a wrong path. The right path ends at
 * `level`: at a leaf with the flags `what`, or, if `what` is 0, at an entry that is not valid.
 */
static unsigned long wrong_paths(unsigned long first, unsigned long end, unsigned long level,
				 unsigned long what)
{
	unsigned long i, gpa, wrong = 0;

	for (i = first; i < end; i++) {
		gpa = (unsigned long)pages + i * PAGE_SIZE;
		wrong += told(gpa) != path(gpa, level, what);
	}
	return wrong;
}

static unsigned long wrong_values(void)
{
	unsigned long i, wrong = 0;

	for (i = 0; i < PAGES; i++) {
		unsigned long *word = (unsigned long *)(pages + i * PAGE_SIZE + 8 * (i % 512));

		wrong += *word != i + 1;
		*word = i + 1; /* the load above may have mapped the page read-only */
	}
	return wrong;
}

static void test_drop(void)
{
	unsigned long round, first, end, wrong = 0, i;

	for (i = 0; i < PAGES; i++)
		*(unsigned long *)(pages + i * PAGE_SIZE + 8 * (i % 512)) = i + 1;
	for (round = 0; round < 10; round++) {
		first = 1 + below(PAGES / 2 - 1);
		end = first + 1 + below(PAGES - first - 1);
		/* The range covers neither of the two tables as a whole. */
		end = end > PAGES - 1 ? PAGES - 1 : end;
		wrong += !!drop(first, end - first);
		wrong += wrong_paths(0, first, 0, FLAGS) + wrong_paths(first, end, 0, 0) +
			 wrong_paths(end, PAGES, 0, FLAGS);
		wrong += wrong_values() + wrong_paths(0, PAGES, 0, FLAGS);
	}
	ok_eq(wrong, 0,
	      "10 removed ranges are unmapped, nothing else is, and touching them maps them again");
	wrong = !!drop(0, PAGES / 2) + wrong_paths(0, PAGES / 2, 1, 0) +
		wrong_paths(PAGES / 2, PAGES, 0, FLAGS);
	ok_eq(wrong, 0, "a table within a removed range is removed, and the next table is not");
	ok_eq(wrong_values() + wrong_paths(0, PAGES, 0, FLAGS), 0,
	      "touching the pages of a removed table maps them again");
}

void payload_main(void)
{
	struct sbiret ret = sbi_call(EXT_WALK, 0, 0, 0, 0);

	levels = (unsigned long)ret.value;
	random_begin();
	if (!ok(!ret.error && levels >= 3 && levels <= 5, "the table has 3, 4 or 5 levels"))
		done();
	note("%lu levels", levels);
	test_touched();
	test_nothing();
	if (boot_arg("drop", NULL, 0))
		test_drop();
	done();
}
