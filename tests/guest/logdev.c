// SPDX-License-Identifier: MIT
/*
 * logdev.c - a guest that compares the dirty log of its memory with what it has written.
 *
 * Boot argument seed=N selects the random pages. The guest reads the log through a device of the
 * VMM (--logdev), so it does not write while the log is read, and each claim is exact.
 */
#include "logdev.h"
#include "random.h"

#define PAGES  1024
#define BLOCK  512 /* pages that one leaf of 2 MiB maps */
#define WRITES 64  /* pages written by one write_some() */
#define OTHERS 32  /* upper limit for the payload's own pages in a log: stack, data */
#define MARK   0x5a00000000000000UL

#define MANUAL  1UL /* KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE */
#define INITIAL 2UL /* KVM_DIRTY_LOG_INITIALLY_SET */

/* These pages are written before logging starts. */
static u8 pages[PAGES * PAGE_SIZE] __attribute__((aligned(SZ_2M)));
static u64 want[PAGES / 64];

static volatile u64 *at(u8 *base, unsigned long page)
{
	return (volatile u64 *)(base + page * PAGE_SIZE);
}

/* ---- the log and what is expected of it ---- */

static void expect(unsigned long page)
{
	want[page / 64] |= BIT(page % 64);
}

static void expect_none(void)
{
	memset(want, 0, sizeof(want));
}

static bool is_expected(unsigned long page)
{
	return want[page / 64] >> page % 64 & 1;
}

/* Return for how many of the `nr` pages at `base` the log differs from want[]. */
static unsigned long wrong(u8 *base, unsigned long nr)
{
	unsigned long i, page, bad, count = 0;

	for (i = 0; i < nr / 64; i++) {
		bad = logdev_word(base + 64 * i * PAGE_SIZE) ^ want[i];
		for (page = 64 * i; bad; page++, bad >>= 1) {
			if (!(bad & 1))
				continue;
			if (!count++)
				note("page %lu is %s the log", page,
				     is_expected(page) ? "not in" : "in");
		}
	}
	return count;
}

static void harvest(void)
{
	logdev_set(LOGDEV_GET, 0);
}

/* Write random pages, and those at the ends of a leaf and of a word of bits. */
static void write_some(u8 *base, unsigned long nr)
{
	static const unsigned long ends[] = { 0, 63, 64, BLOCK - 1 };
	unsigned long i, page;

	for (i = 0; i < WRITES; i++) {
		page = i < ARRAY_SIZE(ends) ? ends[i] : below(nr);
		at(base, page)[1 + below(511)] = random_next(&state);
		expect(page);
	}
}

static void read_all(u8 *base, unsigned long nr)
{
	unsigned long page;

	for (page = 0; page < nr; page++)
		(void)at(base, page)[below(512)];
}

/* ---- reading clears ---- */

static void test_written(void)
{
	unsigned long page, lost = 0;

	for (page = 0; page < PAGES; page++)
		at(pages, page)[0] = MARK + page;
	logdev_set(LOGDEV_LOG, 1);
	ok_eq(logdev_get(LOGDEV_ANSWER), 0, "memory is logged");
	write_some(pages, PAGES);
	read_all(pages, PAGES);
	harvest();
	ok_eq(wrong(pages, PAGES), 0, "the log contains exactly the pages that were written");
	for (page = 0; page < PAGES; page++)
		lost += at(pages, page)[0] != MARK + page;
	ok_eq(lost, 0, "every page still has its contents");
	ok(logdev_get(LOGDEV_GET) <= WRITES + OTHERS, "untouched memory is not in the log");
}

static void test_again(void)
{
	expect_none();
	harvest();
	harvest();
	ok_eq(wrong(pages, PAGES), 0, "the log is empty when it is read once more");
	write_some(pages, PAGES);
	write_some(pages, PAGES);
	harvest();
	ok_eq(wrong(pages, PAGES), 0,
	      "pages written again, or for the first time, are in the next log");
	read_all(pages, PAGES);
	expect_none();
	harvest();
	ok_eq(wrong(pages, PAGES), 0, "pages that are only read are not in the log");
}

/* The last page of RAM is unused: the device tree, in the last 64 KiB, does not reach it. */
static void test_last(void)
{
	u8 *last = (u8 *)(ram_base + ram_size - PAGE_SIZE);
	u8 *word = (u8 *)(ram_base + ram_size - 64 * PAGE_SIZE);
	bool first;

	*at(last, 0) = 1;
	harvest();
	first = logdev_word(word) >> 63;
	harvest();
	ok(first && !(logdev_word(word) >> 63), "the last page of RAM is in the log exactly once");
	*at(last, 0) = 2;
	harvest();
	ok(logdev_word(word) >> 63,
	   "the last page of RAM is logged again when it is written again");
}

/*
 * Log pages that are not mapped: the first access to one is a fault, and need not be a write. These
 * pages are outside the payload's image, whose loading would have mapped them.
 */
static void test_fresh(void)
{
	u8 *fresh = (u8 *)ALIGN_DOWN(ram_base + ram_size - 2 * SZ_2M, SZ_2M);

	read_all(fresh, BLOCK);
	harvest();
	expect_none();
	ok_eq(wrong(fresh, BLOCK), 0, "pages read for the first time are not in the log");
	write_some(fresh, BLOCK);
	harvest();
	ok_eq(wrong(fresh, BLOCK), 0,
	      "pages that are written after they were read are logged, and no others");
}

/*
 * When logging ends, the pages are unmapped from the G-stage table. A read then maps them again. If
 * memory is logged, it must not map them as writable, although the host's own mapping is writable.
 */
static void test_unmapped(void)
{
	logdev_set(LOGDEV_LOG, 0);
	logdev_set(LOGDEV_LOG, 1);
	read_all(pages, PAGES);
	expect_none();
	harvest();
	ok_eq(wrong(pages, PAGES), 0, "a new log does not contain pages that are only read");
	write_some(pages, PAGES);
	harvest();
	ok_eq(wrong(pages, PAGES), 0, "writes to pages that were read before are logged");
}

/* ---- separate reading and clearing ---- */

static void clear(unsigned long page, unsigned long nr)
{
	logdev_point(pages + page * PAGE_SIZE);
	logdev_set(LOGDEV_CLEAR, nr);
}

static void test_manual(void)
{
	unsigned long page;

	logdev_set(LOGDEV_MANUAL, MANUAL);
	ok_eq(logdev_get(LOGDEV_ANSWER), 0, "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 is enabled");
	expect_none();
	write_some(pages, PAGES);
	harvest();
	harvest();
	ok_eq(wrong(pages, PAGES), 0, "with manual protection, reading clears nothing");

	/* After the log is read and before it is cleared, write a page that is not in it. */
	for (page = 0; page < PAGES && is_expected(page); page++)
		;
	at(pages, page)[1] = 1;
	clear(0, PAGES);
	ok_eq(logdev_get(LOGDEV_ANSWER), 0, "clearing every page of the log succeeds");
	expect_none();
	expect(page);
	harvest();
	ok_eq(wrong(pages, PAGES), 0,
	      "a page written between reading and clearing stays in the log");

	write_some(pages, PAGES);
	harvest();
	clear(128, 192);
	memset(&want[2], 0, 3 * sizeof(want[0]));
	harvest();
	ok_eq(wrong(pages, PAGES), 0, "clearing a range clears only that range");
	at(pages, 130)[5] = 1;
	at(pages, 319)[5] = 1;
	expect(130);
	expect(319);
	harvest();
	ok_eq(wrong(pages, PAGES), 0, "pages written in a cleared range are logged again");
}

static void test_mask(void)
{
	unsigned long page;

	clear(0, PAGES);
	harvest();
	expect_none();
	ok_eq(wrong(pages, PAGES), 0, "clearing all pages empties the log to the last page");
	for (page = 128; page < 192; page++)
		at(pages, page)[2] = page;
	logdev_point(pages + 128 * PAGE_SIZE);
	logdev_set(LOGDEV_BITS, 0x00ff00ff00ff00ffUL);
	clear(128, 64);
	harvest();
	want[2] = 0xff00ff00ff00ff00UL;
	ok_eq(wrong(pages, PAGES), 0, "only the given bits of a word are cleared");
	at(pages, 129)[2] = 1;
	expect(129);
	harvest();
	ok_eq(wrong(pages, PAGES), 0, "only cleared pages are logged again");
	clear(1, 64);
	ok_eq(logdev_get(LOGDEV_ANSWER), 22, "a clear that begins within a word fails: EINVAL");
	clear(0, 63);
	ok_eq(logdev_get(LOGDEV_ANSWER), 22, "a clear that ends within a word fails: EINVAL");
	harvest();
	ok_eq(wrong(pages, PAGES), 0, "a clear that fails changes nothing");
}

static void test_initially_set(void)
{
	unsigned long page;

	logdev_set(LOGDEV_LOG, 0);
	logdev_set(LOGDEV_MANUAL, MANUAL | INITIAL);
	if (logdev_get(LOGDEV_ANSWER)) {
		skip("a new log lists every page", "this KVM has no KVM_DIRTY_LOG_INITIALLY_SET");
		logdev_set(LOGDEV_LOG, 1);
		return;
	}
	logdev_set(LOGDEV_LOG, 1);
	harvest();
	for (page = 0; page < PAGES; page++)
		expect(page);
	ok_eq(wrong(pages, PAGES), 0, "KVM_DIRTY_LOG_INITIALLY_SET: a new log lists every page");
}

static void test_end(void)
{
	unsigned long page, lost = 0;

	logdev_set(LOGDEV_LOG, 0);
	logdev_set(LOGDEV_MANUAL, 0);
	write_some(pages, PAGES);
	harvest();
	ok_eq(logdev_get(LOGDEV_ANSWER), 2, "reading the log of unlogged memory fails with ENOENT");
	logdev_set(LOGDEV_LOG, 1);
	expect_none();
	harvest();
	ok_eq(wrong(pages, PAGES), 0, "a new log is empty");
	write_some(pages, PAGES);
	harvest();
	ok_eq(wrong(pages, PAGES), 0, "a new log lists the pages written since it was switched on");
	logdev_set(LOGDEV_LOG, 0);
	for (page = 0; page < PAGES; page++)
		lost += at(pages, page)[0] != MARK + page;
	ok_eq(lost, 0, "in the end, every page still has its contents");
}

void payload_main(void)
{
	random_begin();
	if (!logdev_find()) {
		skip("the dirty log", "no such device here (VMM option --logdev)");
		done();
	}
	test_written();
	test_again();
	test_last();
	test_fresh();
	test_unmapped();
	test_manual();
	test_mask();
	test_initially_set();
	test_end();
	done();
}
