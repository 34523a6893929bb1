// SPDX-License-Identifier: MIT
/*
 * lab09_run.c - check that running harts see new mappings after a fence, or that the firmware
 * counters count IPIs and fences (lab 9)
 *
 * part=counters checks the firmware counters and needs a processor with counters; part=running
 * checks the running harts. Command line: see lab09.h.
 */
#include "lab09.h"

/* ---- harts that load from a page ---- */

#define OWN_VA 0x3000000000UL

static pte_t *root;
static volatile unsigned long seen[MAX_HARTS];
static volatile bool stop;
static unsigned long *page[2];

/*
 * Load from TEST_VA in a loop that does not cause exits, so that only a kick can make this hart see
 * another translation.
 */
static void look_at_page(unsigned long index)
{
	pt_on(root, 3);
	while (!stop)
		seen[index] = *(volatile unsigned long *)TEST_VA;
	pt_off();
}

static bool both_see(unsigned long value)
{
	unsigned long end = now() + us_to_ticks(20000);

	do
		wait_irq(0, 500);
	while ((seen[1] != value || seen[2] != value) && now() < end);
	return seen[1] == value && seen[2] == value;
}

static void fence_both(unsigned long how)
{
	struct list list = { ALL, 0, false };
	unsigned long a[6] = { 0 };

	if (how < 3) {
		sbi_call6(SBI_EXT_RFENCE, how, 6, 0, TEST_VA, PAGE_SIZE, 3, 0);
		return;
	}
	set_entry(&list, 0, 2);
	set_entry(&list, 1, 1);
	a[boot_need("list")] = list.word;
	a[boot_need("start")] = TEST_VA >> boot_need("unit");
	a[boot_need("count")] = 1;
	a[boot_need("asid")] = 1UL << boot_need("flag") | 3;
	lab_call(boot_need("fid_fence"), a);
}

/*
 * Fence a page that nothing else fences, first on the caller only, then also on hart 1. fences.t
 * counts these fences in the trace.
 */
static void fence_self(void)
{
	unsigned long n, how, i, a[6] = { 0 };

	for (n = 1; n < 3; n++) {
		struct list list = { ALL, 0, false };

		for (how = 1; how < 3; how++)
			sbi_call6(SBI_EXT_RFENCE, how, BIT(n) - 1, 0, OWN_VA, PAGE_SIZE, 3, 0);
		for (i = 0; i < n; i++)
			set_entry(&list, i, i);
		a[boot_need("list")] = list.word;
		a[boot_need("start")] = OWN_VA >> boot_need("unit");
		a[boot_need("count")] = 1;
		lab_call(boot_need("fid_fence"), a);
	}
}

static void test_running(void)
{
	static const char *const name[] = { "", "a remote sfence.vma",
					    "a remote sfence.vma by ASID", "your fence" };
	unsigned long how, i, lost;

	root = pt_new();
	for (i = 0; i < 2; i++) {
		page[i] = page_alloc();
		*page[i] = 100 + i;
	}
	pt_map(root, TEST_VA, (unsigned long)page[0], PTE_KERNEL);
	for (i = 1; i < 3; i++) {
		hart_need((int)i);
		hart_run((int)i, look_at_page, i);
	}
	ok(both_see(100), "two harts load from a page again and again");
	for (how = 1; how < 4; how++) {
		for (lost = i = 0; i < 6 && !lost; i++) {
			*pt_find(root, TEST_VA) =
				pte_make((unsigned long)page[(i + 1) & 1], PTE_KERNEL);
			fence_both(how);
			lost += !both_see(101 - (i & 1));
		}
		ok_eq(lost, 0, "%s makes both harts see another page, 6 times", name[how]);
		if (lost)
			break;
	}
	fence_self();
	stop = true;
	sbi_send_ipi(6, 0);
	ok(hart_wait(1, WAIT_MS) && hart_wait(2, WAIT_MS), "both harts end their loops");
}

/* ---- firmware counters ---- */

#define FIRST_EVENT SBI_PMU_FW_IPI_SENT
#define EVENTS      8 /* sent and received: IPI, fence.i, sfence.vma, sfence.vma by ASID */

static unsigned long counter[3][EVENTS], counted[3][EVENTS];

static void begin_counting(unsigned long hart)
{
	unsigned long i, event = FIELD_PREP(SBI_PMU_EVENT_TYPE, SBI_PMU_TYPE_FW);
	unsigned long nr =
		(unsigned long)sbi_call(SBI_EXT_PMU, SBI_PMU_NUM_COUNTERS, 0, 0, 0).value;

	for (i = 0; i < EVENTS; i++)
		counter[hart][i] =
			(unsigned long)sbi_call6(SBI_EXT_PMU, SBI_PMU_COUNTER_CONFIG_MATCHING, 0,
						 ALL >> (64 - nr),
						 SBI_PMU_CFG_CLEAR_VALUE | SBI_PMU_CFG_AUTO_START,
						 event | (FIRST_EVENT + i), 0, 0)
				.value;
}

static void read_counters(unsigned long hart)
{
	unsigned long i;

	for (i = 0; i < EVENTS; i++)
		counted[hart][i] = (unsigned long)sbi_call(SBI_EXT_PMU, SBI_PMU_COUNTER_FW_READ,
							   counter[hart][i], 0, 0)
					   .value;
}

static void on_each(hart_fn fn)
{
	int i;

	fn(0);
	for (i = 1; i < 3; i++) {
		hart_run(i, fn, (unsigned long)i);
		if (!hart_wait(i, WAIT_MS))
			bail("hart %d does not return", i);
	}
}

static void test_counters(void)
{
	static const char *const name[] = { "fence.i", "sfence.vma", "sfence.vma by ASID" };
	static const unsigned long mask[] = { 2, 4, 6, 1, 3, 7 };
	unsigned long i, fid, hart, sent = 0, got[3] = { 0 }, ipis;

	if (!sbi_has(SBI_EXT_PMU)) {
		skip("firmware counters", "this processor has no counters for guests");
		return;
	}
	for (i = 1; i < 3; i++)
		hart_need((int)i);
	on_each(begin_counting);
	for (i = 0; i < ARRAY_SIZE(mask); i++) {
		for (fid = 0; fid < 3; fid++)
			sbi_call6(SBI_EXT_RFENCE, fid, mask[i], 0, 0x1000, 0x1000, 1, 0);
		sent++;
		for (hart = 0; hart < 3; hart++)
			got[hart] += mask[i] >> hart & 1;
	}
	on_each(read_counters);
	for (fid = 0; fid < 3; fid++) {
		unsigned long wrong = counted[0][2 + 2 * fid] != sent;

		for (hart = 0; hart < 3; hart++)
			wrong += counted[hart][3 + 2 * fid] != got[hart];
		ok_eq(wrong, 0,
		      "%s: each call counts as one sent, and as one received on each target",
		      name[fid]);
		note("sent %lu of %lu; received %lu %lu %lu of %lu %lu %lu",
		     counted[0][2 + 2 * fid], sent, counted[0][3 + 2 * fid],
		     counted[1][3 + 2 * fid], counted[2][3 + 2 * fid], got[0], got[1], got[2]);
	}
	/* Between two reads of its own counters, hart 0 counts only its own calls. */
	read_counters(0);
	ipis = counted[0][0];
	sent = counted[0][1];
	for (i = 0; i < 5; i++)
		sbi_send_ipi(7, 0);
	ipi_clear();
	sbi_call(SBI_EXT_IPI, 1, 7, 0, 0);
	read_counters(0);
	ok(counted[0][0] - ipis == 5 && counted[0][1] - sent == 5,
	   "IPI: each call counts as one sent and one received; unknown functions do not count");
	note("sent %lu, received %lu, of 5", counted[0][0] - ipis, counted[0][1] - sent);
}

void payload_main(void)
{
	char part[16] = "";

	begin();
	boot_arg("part", part, sizeof(part));
	if (!strcmp(part, "counters"))
		test_counters();
	else
		test_running();
	done();
}
