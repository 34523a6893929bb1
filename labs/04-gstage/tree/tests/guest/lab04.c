// SPDX-License-Identifier: MIT
/*
 * lab04.c - a guest asks how its own G-stage table maps what it touched (src/kvm/sbi/sbi_walk.c).
 *
 * On the command line: weight0 to weight4, per_level, flags_shift, nothing (the variant); seed for the
 * pages; huge=1 where leaves above 4 KiB may be met; drop=1 to have pages taken out of the table.
 */
#include "random.h"

#define EXT_WALK 0x0a0004abUL
#define PAGES    1024
#define TABLE    0x200000UL /* that one table of level 0 maps */
#define FLAGS    (PTE_V | PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D)

static u8 pages[PAGES * PAGE_SIZE] __attribute__((aligned(TABLE)));
static unsigned long levels;

static unsigned long index(unsigned long gpa, unsigned long level)
{
	return gpa >> (PAGE_SHIFT + 9 * level) & (level == levels - 1 ? 2047 : 511);
}

/* Of a walk that ends at this level, at a leaf or, flags being 0, at nothing. */
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
	unsigned long i, gpa, got, want, wrong = 0;

	for (i = 0; i < PAGES; i++)
		pages[i * PAGE_SIZE + below(PAGE_SIZE)] = 1;
	for (i = 0; i < PAGES; i++) {
		gpa = (unsigned long)pages + i * PAGE_SIZE + below(PAGE_SIZE);
		got = told(gpa);
		want = path(gpa, 0, FLAGS);
		if (got == want || (boot_number("huge", 0) && got == path(gpa, 1, FLAGS)))
			continue;
		if (!wrong++)
			note("gpa 0x%lx: path 0x%lx, expected 0x%lx", gpa, got, want);
	}
	ok_eq(wrong, 0, "%d pages written to: the path ends at a leaf with all its flags", PAGES);
	for (wrong = i = 0; i < PAGES; i++) {
		got = found((unsigned long)pages + i * PAGE_SIZE + 8);
		wrong += got != FLAGS && !(boot_number("huge", 0) && got == (1 << 8 | FLAGS));
	}
	ok_eq(wrong, 0, "the walker finds a leaf at each");
}

/* Beyond all memory: in the last entries of the root, and just behind its first. */
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
	ok_eq(wrong, 0, "64 addresses where nothing is: the path ends in the root");
	ok_eq(found(reach - 8), ~0UL, "and the walker finds nothing there");
	ok_eq(told(reach), ~0UL, "an address beyond the table is an error");
}

static unsigned long drop(unsigned long first, unsigned long count)
{
	unsigned long gpa = (unsigned long)pages + first * PAGE_SIZE;

	return (unsigned long)sbi_call(EXT_WALK, 2, gpa, gpa + count * PAGE_SIZE, 0).error;
}

/* Of these pages, how many paths do not end at a leaf, or, what being 0, at nothing of that level? */
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
		*word = i + 1; /* so that the leaf is a writable one */
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
		/* Neither of the two tables lies in the range. */
		end = end > PAGES - 1 ? PAGES - 1 : end;
		wrong += !!drop(first, end - first);
		wrong += wrong_paths(0, first, 0, FLAGS) + wrong_paths(first, end, 0, 0) +
			 wrong_paths(end, PAGES, 0, FLAGS);
		wrong += wrong_values() + wrong_paths(0, PAGES, 0, FLAGS);
	}
	ok_eq(wrong, 0, "10 ranges taken out: they alone are gone, and come again as they were");
	wrong = !!drop(0, PAGES / 2) + wrong_paths(0, PAGES / 2, 1, 0) +
		wrong_paths(PAGES / 2, PAGES, 0, FLAGS);
	ok_eq(wrong, 0, "a table that lies in the range goes with it, the one behind it does not");
	ok_eq(wrong_values() + wrong_paths(0, PAGES, 0, FLAGS), 0, "and comes again");
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
