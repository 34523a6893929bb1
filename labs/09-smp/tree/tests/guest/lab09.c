// SPDX-License-Identifier: MIT
/*
 * lab09.c - whom a hart mask names, and which fence it is told of (lab 9).
 *
 * part=masks, or part=ranges: what a range is, the queue, how many pages are fenced. No other hart
 * is started: what is asked of them stays to be looked at. Command line: lab09.h.
 */
#include "lab09.h"

static const struct {
	unsigned long mask, base;
	const char *what;
} masks[] = {
	{ 0, 0, "no bit" },
	{ 0, ALL, "base -1 and no bit" },
	{ 0x14, ALL, "base -1 and some bits" },
	{ 0x2a, 0, "every other hart" },
	{ 0x15, 1, "every other hart behind a base" },
	{ 1, 5, "the last hart alone" },
	{ 0x31, 0, "the caller and two behind a gap" },
	{ 0x40, 0, "a hart that is not there" },
	{ 0x44, 0, "one that is there and one that is not" },
	{ 0x7, 4, "two that are there, behind a base, and one that is not" },
	{ 1UL << 63, 0, "bit 63" },
	{ (1UL << 63) | 2, 2, "bit 63 behind a base, and one that is there" },
	{ 1, 64, "base 64" },
	{ 0x3e, 1UL << 32, "a base beyond 32 bits" },
	{ 6, ALL - 1, "base -2: what goes round is nobody" },
	{ ALL, 0, "all bits" },
};

static unsigned long named(unsigned long mask, unsigned long base, long *error)
{
	unsigned long id, told = 0, bit;

	*error = 0;
	if (base == ALL)
		return BIT(harts_there) - 1;
	for (bit = 0; bit < 64; bit++) {
		if (!(mask >> bit & 1))
			continue;
		id = base + bit;
		if (id < base || id >= harts_there)
			*error = SBI_ERR_INVALID_PARAM;
		else
			told |= BIT(id);
	}
	return told;
}

static bool rfence_is(unsigned long fid, unsigned long mask, unsigned long base, const char *what)
{
	unsigned long start = below(1UL << 40), size = 1 + below(1UL << 20), asid = below(1 << 16);
	struct fence fence = { fid == SBI_RFENCE_REMOTE_SFENCE_VMA ? VVMA : VVMA_ASID, start, size,
			       asid };
	long error, want;
	unsigned long told = named(mask, base, &want);
	bool good;

	error = sbi_call6(SBI_EXT_RFENCE, fid, mask, base, start, size, asid, 0).error;
	if (fid == SBI_RFENCE_REMOTE_FENCE_I)
		good = asked_are(told, REQ_FENCE_I, NULL);
	else
		good = asked_are(told, bit_of_fence(), &fence);
	if (error != want) {
		note("error %ld, expected %ld", error, want);
		good = false;
	}
	if (!good)
		note("function %lu, mask 0x%lx base 0x%lx: %s", fid, mask, base, what);
	forget_all();
	return good;
}

static bool ipi_is(unsigned long mask, unsigned long base, const char *what)
{
	long error, want;
	unsigned long told = named(mask, base, &want), self;
	bool good;

	error = sbi_call(SBI_EXT_IPI, SBI_IPI_SEND_IPI, mask, base, 0).error;
	good = asked_are(told, REQ_IRQ, NULL);
	self = csr_read(sip) & BIT(IRQ_S_SOFT) ? 1 : 0;
	if (error != want || self != (told & 1)) {
		note("error %ld, expected %ld; to itself: %lu, expected %lu", error, want, self,
		     told & 1);
		good = false;
	}
	if (!good)
		note("IPI, mask 0x%lx base 0x%lx: %s", mask, base, what);
	forget_all();
	return good;
}

static void test_masks(void)
{
	static const char *const name[] = { "fence.i", "sfence.vma", "sfence.vma by ASID" };
	unsigned long i, fid, wrong;

	for (wrong = i = 0; i < ARRAY_SIZE(masks) && !wrong; i++)
		wrong += !ipi_is(masks[i].mask, masks[i].base, masks[i].what);
	for (i = 0; i < 50 && !wrong; i++)
		wrong += !ipi_is(random_next(&state) >> below(64), below(8), "drawn");
	ok_eq(wrong, 0, "IPI: those that mask and base name get it, and nobody else");
	for (fid = 0; fid < 3; fid++) {
		for (wrong = i = 0; i < ARRAY_SIZE(masks) && !wrong; i++)
			wrong += !rfence_is(fid, masks[i].mask, masks[i].base, masks[i].what);
		for (i = 0; i < 50 && !wrong; i++)
			wrong += !rfence_is(fid, random_next(&state) >> below(64), below(8),
					    "drawn");
		ok_eq(wrong, 0, "remote %s: those that are named are asked for it, and nobody else",
		      name[fid]);
	}
	for (wrong = 0, fid = 1; fid < 8; fid++)
		wrong += sbi_call(SBI_EXT_IPI, fid, ALL, 0, 0).error != SBI_ERR_NOT_SUPPORTED;
	for (fid = 3; fid < 12; fid++)
		wrong += sbi_call(SBI_EXT_RFENCE, fid, ALL, 0, 0).error != SBI_ERR_NOT_SUPPORTED;
	ok(!wrong && asked_are(0, 0, NULL), "other functions are not supported, and tell nobody");
}

/* ---- ranges, and a queue that is full ---- */

#define QUEUE 16

static void test_ranges(void)
{
	static const struct {
		unsigned long start, size, all;
	} ranges[] = {
		{ 0, 0, 1 },      { 0, ALL, 1 },   { 0x1234, ALL, 1 }, { 0x1000, 0, 0 },
		{ 0, 0x1000, 0 }, { 0xfff, 2, 0 }, { ALL, 1, 0 },      { 1UL << 63, 8192, 0 }
	};
	unsigned long i, fid, wrong = 0;

	for (fid = SBI_RFENCE_REMOTE_SFENCE_VMA; fid <= SBI_RFENCE_REMOTE_SFENCE_VMA_ASID; fid++) {
		for (i = 0; i < ARRAY_SIZE(ranges) && !wrong; i++) {
			struct fence want = { fid == SBI_RFENCE_REMOTE_SFENCE_VMA ? VVMA
										  : VVMA_ASID,
					      ranges[i].start, ranges[i].all ? ALL : ranges[i].size,
					      0xabc };

			wrong += sbi_call6(SBI_EXT_RFENCE, fid, 4, 0, ranges[i].start,
					   ranges[i].size, 0xabc, 0)
					 .error != 0;
			wrong += !asked_are(4, bit_of_fence(), &want);
			if (wrong)
				note("function %lu, start 0x%lx size 0x%lx", fid, ranges[i].start,
				     ranges[i].size);
			forget_all();
		}
	}
	ok_eq(wrong, 0,
	      "0 and 0, or a size of -1, is everything; all else is the range that is said");
}

/* The fewest instructions, in all modes, of a remote fence that is the caller's alone. */
static unsigned long cost(unsigned long start, unsigned long size)
{
	unsigned long least = ALL, before, took, i;

	for (i = 0; i < 8; i++) {
		before = csr_read(instret);
		sbi_call6(SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_SFENCE_VMA, 1, 0, start, size, 0, 0);
		took = csr_read(instret) - before;
		least = took < least ? took : least;
	}
	return least;
}

/*
 * A fence of 64 pages at most is an instruction for each, and more is one fence of everything. Some
 * instructions to and fro are the compiler's: one page more or less is not seen here.
 */
static void test_pages(void)
{
	static const struct {
		unsigned long start, size, pages; /* 0: one fence of everything */
	} ranges[] = { { 0, 4096, 1 },
		       { 0x1000, 64 * 4096, 64 },
		       { 0x1234, 32 * 4096, 33 },
		       { 0xfff, 2, 2 },
		       { 0x1000, 65 * 4096, 0 },
		       { 1, 64 * 4096 + 1, 0 },
		       { 0x1000, 1 << 30, 0 },
		       { ALL, 2, 0 },
		       { 0x1000, ALL - 4096, 0 } };
	unsigned long all = cost(0, ALL), one = cost(0, 4096), each, want, got, i, wrong = 0;

	if (flush_all()) {
		skip("pages of a fence", "tlb_flush=all has no use for them");
		return;
	}
	each = (cost(0, 33 * 4096) - one) / 32;
	note("a fence of all: %lu instructions, of one page %lu, each page more %lu", all, one,
	     each);
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		got = cost(ranges[i].start, ranges[i].size);
		want = ranges[i].pages ? one + (ranges[i].pages - 1) * each : all;
		if (got <= want + 25 && got + 25 >= want)
			continue;
		note("start 0x%lx size 0x%lx: %lu instructions, expected about %lu",
		     ranges[i].start, ranges[i].size, got, want);
		wrong++;
	}
	ok(each && each < 50, "each page more of a range costs some instructions");
	ok_eq(wrong, 0,
	      "a range of 64 pages is fenced page by page; a longer one, or one that goes "
	      "round the end, by one fence");
}

static void test_queue(void)
{
	unsigned long n, wrong = 0;

	if (flush_all()) {
		skip("the queue of a vCPU", "tlb_flush=all has none");
		return;
	}
	for (n = 0; n < QUEUE; n++)
		wrong += sbi_call6(SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_SFENCE_VMA, 4, 0,
				   (n + 1) << 12, 4096, 0, 0)
				 .error != 0;
	for (n = 0; n < QUEUE; n++) {
		struct fence want = { VVMA, (n + 1) << 12, 4096, 0 };

		wrong += !has_fence(2, n, &want);
	}
	ok(!wrong && requests(2) == BIT(REQ_HFENCE) && queued(2) == QUEUE,
	   "%d fences wait in the queue, in their order", QUEUE);
	for (n = 0; n < 3; n++)
		sbi_call6(SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_SFENCE_VMA, 4, 0, 77 << 12, 4096, 0, 0);
	ok(requests(2) & BIT(REQ_HFENCE_ALL) && queued(2) == QUEUE,
	   "what finds it full is a fence of all of the VS-stage");
	note("requests 0x%lx, %lu in the queue", requests(2), queued(2));
	ok(!(requests(2) & BIT(REQ_TLB_FLUSH)), "and leaves the G-stage alone");
	forget_all();
	sbi_call6(SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_SFENCE_VMA, 4, 0, 4096, 4096, 0, 0);
	ok(requests(2) == BIT(REQ_HFENCE) && queued(2) == 1, "emptied, it takes one again");
	forget_all();
}

void payload_main(void)
{
	char part[16] = "";

	begin();
	boot_arg("part", part, sizeof(part));
	if (!strcmp(part, "ranges")) {
		test_ranges();
		test_queue();
		test_pages();
	} else {
		test_masks();
	}
	done();
}
