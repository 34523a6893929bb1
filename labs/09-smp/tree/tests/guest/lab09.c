// SPDX-License-Identifier: MIT
/*
 * lab09.c - check which harts a mask selects, and which fence they get (lab 9)
 *
 * part=masks checks the masks; part=ranges checks ranges, the queue, and the number of fenced
 * pages. The other harts are not started, so their requests stay pending and can be examined.
 * Command line: see lab09.h.
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
	{ 0x15, 1, "every other hart, with a base" },
	{ 1, 5, "only the last hart" },
	{ 0x31, 0, "the caller and two harts after a gap" },
	{ 0x40, 0, "a hart that does not exist" },
	{ 0x44, 0, "a hart that exists and a hart that does not" },
	{ 0x7, 4, "with a base, two harts that exist and one that does not" },
	{ 1UL << 63, 0, "bit 63" },
	{ (1UL << 63) | 2, 2, "with a base, bit 63 and a hart that exists" },
	{ 1, 64, "base 64" },
	{ 0x3e, 1UL << 32, "a base beyond 32 bits" },
	{ 6, ALL - 1, "base -2: an ID that wraps around selects no hart" },
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
		note("error %ld, expected %ld; IPIs to itself: %lu, expected %lu", error, want,
		     self, told & 1);
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
		wrong += !ipi_is(random_next(&state) >> below(64), below(8), "random");
	ok_eq(wrong, 0, "exactly the harts that mask and base select get an IPI");
	for (fid = 0; fid < 3; fid++) {
		for (wrong = i = 0; i < ARRAY_SIZE(masks) && !wrong; i++)
			wrong += !rfence_is(fid, masks[i].mask, masks[i].base, masks[i].what);
		for (i = 0; i < 50 && !wrong; i++)
			wrong += !rfence_is(fid, random_next(&state) >> below(64), below(8),
					    "random");
		ok_eq(wrong, 0, "remote %s: exactly the selected harts get a request", name[fid]);
	}
	for (wrong = 0, fid = 1; fid < 8; fid++)
		wrong += sbi_call(SBI_EXT_IPI, fid, ALL, 0, 0).error != SBI_ERR_NOT_SUPPORTED;
	for (fid = 3; fid < 12; fid++)
		wrong += sbi_call(SBI_EXT_RFENCE, fid, ALL, 0, 0).error != SBI_ERR_NOT_SUPPORTED;
	ok(!wrong && asked_are(0, 0, NULL),
	   "unknown functions are not supported and do not notify any hart");
}

/* ---- ranges, and a full queue ---- */

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
	      "start 0 and size 0, or size -1, fence everything; other ranges stay as given");
}

/*
 * Return the least number of instructions, in all modes, that a remote fence takes if the caller is
 * its only target.
 */
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
 * A call for at most 64 pages executes one fence instruction per page; a call for more pages
 * executes a single fence of everything. The counts vary with the compiler, so this test does not
 * detect one page too many or too few.
 */
static void test_pages(void)
{
	static const struct {
		unsigned long start, size, pages; /* pages is 0: one fence of everything */
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
		skip("a range is fenced page by page", "tlb_flush=all does not fence by page");
		return;
	}
	each = (cost(0, 33 * 4096) - one) / 32;
	note("fence of everything: %lu instructions; of one page: %lu; each further page: %lu", all,
	     one, each);
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		got = cost(ranges[i].start, ranges[i].size);
		want = ranges[i].pages ? one + (ranges[i].pages - 1) * each : all;
		if (got <= want + 25 && got + 25 >= want)
			continue;
		note("start 0x%lx size 0x%lx: %lu instructions, expected about %lu",
		     ranges[i].start, ranges[i].size, got, want);
		wrong++;
	}
	ok(each && each < 50, "each further page of a range costs between 1 and 49 instructions");
	ok_eq(wrong, 0,
	      "up to 64 pages are fenced one by one; a longer or wrapping range by one fence");
}

static void test_queue(void)
{
	unsigned long n, wrong = 0;

	if (flush_all()) {
		skip("the queue of a vCPU", "tlb_flush=all has no queue");
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
	   "%d fences wait in the queue, in order", QUEUE);
	for (n = 0; n < 3; n++)
		sbi_call6(SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_SFENCE_VMA, 4, 0, 77 << 12, 4096, 0, 0);
	ok(requests(2) & BIT(REQ_HFENCE_ALL) && queued(2) == QUEUE,
	   "a fence that finds the queue full becomes a fence of the whole VS-stage");
	note("requests 0x%lx, %lu in the queue", requests(2), queued(2));
	ok(!(requests(2) & BIT(REQ_TLB_FLUSH)),
	   "a fence that finds the queue full does not flush the G-stage");
	forget_all();
	sbi_call6(SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_SFENCE_VMA, 4, 0, 4096, 4096, 0, 0);
	ok(requests(2) == BIT(REQ_HFENCE) && queued(2) == 1,
	   "the queue accepts fences again after it has been emptied");
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
