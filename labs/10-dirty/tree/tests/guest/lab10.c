// SPDX-License-Identifier: MIT
/*
 * lab10.c - test the VMM's part of the dirty log, the order in which it restores registers, and its
 * pre-copy rule (labs/10-dirty), through the registers of src/vmm/lab10.c
 *
 * do=taken (default): compare the pages that the VMM takes out of the logs with those that were
 * written. This needs two harts.
 *
 * do=order: test the order in which registers are set. Save the guest when it prints "saving".
 *
 * do=rule: test that pre-copy stops when the variant's rule says so. The boot arguments few,
 * patience, percent, num, den, least and in_a_row define the rule.
 *
 * do=busy: make no claims. First, write once to each of cold=N pages and of hot=N other pages. Then
 * print "writing", and write to a random hot page every gap=N iterations of a loop. Save the guest
 * while it writes.
 *
 * seed=N seeds the random choices.
 */
#include "logdev.h"
#include "random.h"

#define PAGES 256
#define SAVES 400

enum lab10_register { /* offsets in the device: LAB10 (src/vmm/lab10.h) is the first */
	LAB_START = 0x100,
	LAB_TAKE = 0x108,
	LAB_FIRST = 0x110,
	LAB_BITS = 0x118,
	LAB_WRITTEN = 0x120,
	LAB_AT = 0x128,
	LAB_WROTE = 0x130,
	LAB_MOMENT = 0x138,
	LAB_MOMENTS = 0x140,
	LAB_PAGES = 0x148,
	LAB_BEGIN = 0x150,
	LAB_ROUND = 0x158,
	LAB_LEFT = 0x160,
	LAB_OLD = 0x168,
	LAB_SET = 0x170,
	LAB_LATE = 0x178,
	LAB_OMITTED = 0x180,
	LAB_ZICBOZ = 0x188,
};

static u8 pages[PAGES * PAGE_SIZE] __attribute__((aligned(64 * PAGE_SIZE)));
static u64 want[PAGES / 64];

/* ---- pages that are taken ---- */

static void store(unsigned long page)
{
	*(volatile u64 *)(pages + page * PAGE_SIZE + 8 * below(512)) = random_next(&state);
	want[page / 64] |= BIT(page % 64);
}

static void store_some(void)
{
	int i;

	for (i = 0; i < 30; i++)
		store(below(PAGES));
}

/* Return the word that contains this page's bit, from the VMM's bitmap of the pages found. */
static u64 found(unsigned long page)
{
	logdev_set(LAB_FIRST, ((unsigned long)pages + page * PAGE_SIZE - ram_base) >> PAGE_SHIFT);
	return logdev_get(LAB_BITS);
}

static bool in_found(unsigned long page)
{
	return found(page) >> page % 64 & 1;
}

static unsigned long wrong(void)
{
	unsigned long i, page, count = 0;
	u64 bad;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		bad = found(64 * i) ^ want[i];
		for (page = 64 * i; bad; page++, bad >>= 1)
			if (bad & 1 && !count++)
				note("page %lu is %s the pages found", page,
				     want[i] >> page % 64 & 1 ? "not among" : "among");
	}
	return count;
}

/* Tell the VMM that all pages found are in the file now. */
static void written(void)
{
	logdev_set(LAB_WRITTEN, 0);
	memset(want, 0, sizeof(want));
}

static void test_taken(void)
{
	store_some();
	logdev_set(LAB_START, 1);
	ok_eq(logdev_get(LAB_START), 1, "memory is logged");
	written();
	store_some();
	logdev_set(LAB_TAKE, 0);
	ok_eq(wrong(), 0, "the pages that vCPUs wrote are taken, and no others");
	logdev_set(LAB_TAKE, 0);
	ok_eq(wrong(), 0, "pages taken stay among the pages found until they are in the file");
	store_some();
	logdev_set(LAB_TAKE, 0);
	ok_eq(wrong(), 0, "pages taken earlier are found together with pages taken later");
	written();
	logdev_set(LAB_TAKE, 0);
	ok_eq(wrong(), 0, "a page that was taken and is in the file is not taken again");
	store_some();
	logdev_set(LAB_TAKE, 0);
	ok_eq(wrong(), 0, "a page that the guest writes again is taken again");
	written();
}

static void wrote(unsigned long page, unsigned long offset, unsigned long len)
{
	unsigned long touched;

	logdev_set(LAB_AT, (unsigned long)pages + page * PAGE_SIZE + offset);
	logdev_set(LAB_WROTE, len);
	for (touched = 0; len && touched <= (offset + len - 1) / PAGE_SIZE; touched++)
		want[(page + touched) / 64] |= BIT((page + touched) % 64);
}

static void test_devices(void)
{
	wrote(3, 17, 1);
	wrote(5, PAGE_SIZE - 1, 1);
	wrote(8, 0, PAGE_SIZE);
	wrote(11, PAGE_SIZE - 1, 2);
	wrote(62, 4000, 3 * PAGE_SIZE);
	wrote(100 + below(20), 0, 0);
	wrote(200 + below(20), below(PAGE_SIZE), 1 + below(4 * PAGE_SIZE));
	logdev_set(LAB_TAKE, 0);
	ok_eq(wrong(), 0, "exactly the pages that devices wrote are taken");
	written();
	logdev_set(LAB_TAKE, 0);
	ok_eq(wrong(), 0, "pages that devices wrote are taken only once");
	wrote(70, 0, 64);
	store(70);
	store(71);
	wrote(72, 0, 64);
	logdev_set(LAB_TAKE, 0);
	ok_eq(wrong(), 0, "one take finds the pages of both logs");
	written();
}

static volatile u64 moment[PAGE_SIZE / 8] __attribute__((aligned(PAGE_SIZE)));
static unsigned long unlogged, logged;

/* On the other hart: store to a page that KVM's log has just reported, and to another. */
static void writer(unsigned long arg)
{
	(void)arg;
	while (moment[0] != 1)
		;
	store(unlogged);
	store(logged);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	moment[0] = 2;
}

static void test_moment(void)
{
	bool first;

	if (nr_harts < 2)
		bail("this test needs two harts");
	hart_need(1);
	logdev_set(LAB_TAKE, 0);
	written();
	logged = below(64);
	unlogged = 64 + below(PAGES - 64);
	store(logged);
	hart_run(1, writer, 0);
	logdev_set(LAB_MOMENT, (unsigned long)moment);
	logdev_set(LAB_TAKE, 0);
	hart_wait(1, 10000);
	if (!ok(logdev_get(LAB_MOMENTS) == 1, "KVM's log is read by kvm_call()"))
		return;
	ok(in_found(logged), "a page in KVM's log is found by the take");
	first = in_found(unlogged);
	written();
	logdev_set(LAB_TAKE, 0);
	ok(first || in_found(unlogged),
	   "a page written after KVM's answer is found by the next take");
	written();
	store(logged);
	store(unlogged);
	logdev_set(LAB_TAKE, 0);
	ok_eq(wrong(), 0,
	      "the logged and the unlogged page are logged when they are written again");
	logdev_set(LAB_START, 0);
}

/* ---- the end of RAM ---- */

static bool last_in_found(void)
{
	logdev_set(LAB_FIRST, (ram_size >> PAGE_SHIFT) - 1);
	return logdev_get(LAB_BITS) >> 63;
}

/*
 * The last page's bit is the last bit of the bitmap's last word. The page is unused: the device
 * tree ends before it.
 */
static void test_last(void)
{
	volatile u8 *last = (volatile u8 *)(ram_base + ram_size - PAGE_SIZE);
	bool first;

	last[below(PAGE_SIZE)] = 1;
	logdev_set(LAB_TAKE, 0);
	first = last_in_found();
	written();
	logdev_set(LAB_TAKE, 0);
	ok(first && !last_in_found(),
	   "the last page of RAM is taken once after a vCPU has written to it");
	last[below(PAGE_SIZE)] = 2;
	logdev_set(LAB_TAKE, 0);
	first = last_in_found();
	written();
	logdev_set(LAB_AT, ram_base + ram_size - 1);
	logdev_set(LAB_WROTE, 1);
	logdev_set(LAB_TAKE, 0);
	ok(first && last_in_found(),
	   "the last page of RAM is taken again after a vCPU or a device has written to it");
	written();
}

/* ---- registers ---- */

#define TIMER_US 100000UL

static unsigned int type_of(unsigned long reg)
{
	return (unsigned int)(reg >> 24 & 0xff);
}

static const char *name_of(unsigned long reg)
{
	static const char *const names[] = { "",        "CONFIG", "CORE",     "CSR",
					     "TIMER",   "FP_F",   "FP_D",     "ISA_EXT",
					     "SBI_EXT", "VECTOR", "SBI_STATE" };

	return type_of(reg) < ARRAY_SIZE(names) ? names[type_of(reg)] : "";
}

/* With LAB_OLD, the saving host reports the timer as off, and has no Zicboz. */
static void test_order(void)
{
	unsigned long t = now(), due = t + us_to_ticks(TIMER_US), late, omitted;
	bool early;

	csr_write(sie, 0);
	timer_at(due);
	logdev_set(LAB_OLD, 1);
	note("saving");
	while (!logdev_get(LAB_SET) && now() - t < us_to_ticks(5000000))
		;
	if (!ok(logdev_get(LAB_SET), "the guest continues in another machine"))
		return;
	late = logdev_get(LAB_LATE);
	if (!ok(!late, "registers are set in the right order"))
		note("the first register set too late is 0x%lx (%s)", late, name_of(late));
	omitted = logdev_get(LAB_OMITTED);
	if (!ok(!omitted, "no register is left out"))
		note("the first register that was not set is 0x%lx (%s)", omitted,
		     name_of(omitted));
	ok(!logdev_get(LAB_ZICBOZ), "an extension that the guest did not have is switched off");
	early = csr_read(sip) & BIT(IRQ_S_TIMER) && now() < due;
	while (now() < due + us_to_ticks(1000))
		;
	ok(!early && csr_read(sip) & BIT(IRQ_S_TIMER),
	   "a timer that KVM has reported as off, despite Sstc, fires at its time");
	timer_off();
}

/* ---- the rule ---- */

enum stop {
	LITTLE,
	IN_VAIN,
	TOO_MUCH,
	OFTEN,
	REASONS
};

static struct {
	unsigned long few, patience, percent, num, den, least, in_a_row;
} rule;

static struct {
	unsigned long pages, most, rounds, vain, written, base;
	unsigned long before, left; /* for the message */
} run;

static unsigned long wrong_stops[REASONS], wrong_goes;

/*
 * Add a round to the model in `run`. Return the reasons to stop: bit n is set for reason n of enum
 * stop.
 */
static unsigned long reasons(unsigned long wrote_now, unsigned long left)
{
	bool vain = left * rule.den > run.base * rule.num;

	run.rounds++;
	run.written += wrote_now;
	run.vain = vain ? run.vain + 1 : rule.in_a_row ? 0 : run.vain;
	if (!rule.least || left < run.base)
		run.base = left;
	return (unsigned long)(left <= rule.few) << LITTLE |
	       (unsigned long)(run.vain >= rule.patience) << IN_VAIN |
	       (unsigned long)(run.written * 100 > run.pages * rule.percent) << TOO_MUCH |
	       (unsigned long)(run.rounds >= run.most) << OFTEN;
}

/*
 * Return a random number of pages left. It is often close to the rule's limits, to detect
 * off-by-one errors.
 */
static unsigned long draw_left(void)
{
	unsigned long turn = run.base * rule.num / rule.den;

	switch (below(8)) {
	case 0:
		return rule.few - 1 + below(3);
	case 1:
	case 2:
		return turn + below(3) - (turn > 0);
	case 3:
		return run.base + below(20);
	case 4:
		return 1 + below(run.pages);
	default:
		return 1 + turn / 2 + below(turn / 2 + 1);
	}
}

static void compare(unsigned long why, bool goes_on)
{
	unsigned int reason;

	if (goes_on == !why)
		return;
	wrong_goes += !goes_on;
	for (reason = 0; reason < REASONS; reason++)
		wrong_stops[reason] += goes_on && why >> reason & 1;
}

/*
 * Claim `what`, which holds if `wrong_ones` is 0. If the claim fails, `run` describes the first
 * wrong save, because the test stops after it.
 */
static void claim(unsigned long wrong_ones, const char *what, const char *but)
{
	if (!ok(!wrong_ones, "%s", what))
		note("memory of %lu pages, round %lu of %lu: %lu pages written so far, %lu left "
		     "before and %lu now; %lu rounds in vain: %s",
		     run.pages, run.rounds, run.most, run.written, run.before, run.left, run.vain,
		     but);
}

/* Simulate the rounds of one save until the model or the VMM stops. */
static void one_save(void)
{
	unsigned long why = 0, wrote_now, left;
	bool goes_on = true;

	memset(&run, 0, sizeof(run));
	run.pages = run.base = run.left = left = 500 + below(100000);
	run.most = 1 + below(12);
	logdev_set(LAB_PAGES, run.pages);
	logdev_set(LAB_BEGIN, run.most);
	while (goes_on && !why) {
		wrote_now = left - below(1 + left / 16);
		if (below(6) == 0) /* up to the limit of what may be written, or one page more */
			wrote_now = run.pages * rule.percent / 100 + below(2) - run.written;
		left = draw_left();
		why = reasons(wrote_now, left);
		logdev_set(LAB_ROUND, wrote_now);
		logdev_set(LAB_LEFT, left);
		goes_on = logdev_get(LAB_LEFT) & 1;
		run.before = run.left;
		run.left = left;
		compare(why, goes_on);
	}
}

static void test_rule(void)
{
	static const char *const name[] = {
		[LITTLE] = "pre-copy stops when few pages are left",
		[IN_VAIN] = "pre-copy stops when too many rounds were in vain",
		[TOO_MUCH] = "pre-copy stops when too many pages were written",
		[OFTEN] = "pre-copy stops after the allowed number of rounds",
	};
	unsigned long i, bad = 0;

	rule.few = boot_need("few");
	rule.patience = boot_need("patience");
	rule.percent = boot_need("percent");
	rule.num = boot_need("num");
	rule.den = boot_need("den");
	rule.least = boot_need("least");
	rule.in_a_row = boot_need("in_a_row");
	for (i = 0; i < SAVES && !bad; i++) {
		one_save();
		bad = wrong_goes + wrong_stops[LITTLE] + wrong_stops[IN_VAIN] +
		      wrong_stops[TOO_MUCH] + wrong_stops[OFTEN];
	}
	for (i = 0; i < REASONS; i++)
		claim(wrong_stops[i], name[i], "it continues");
	claim(wrong_goes, "pre-copy continues if there is no reason to stop", "it stops");
	ok(!bad, "pre-copy follows the rule in %d saves", SAVES);
}

/* ---- a guest to be saved ---- */

#define TURNS 1000000000UL /* iterations after which the guest ends, saved or not */

static void busy(void)
{
	unsigned long cold = boot_need("cold"), hot = boot_need("hot"), gap = boot_need("gap");
	volatile u8 *first = (u8 *)ALIGN_UP((unsigned long)_end, SZ_2M);
	unsigned long i, turn;

	for (i = 0; i < cold + hot; i++)
		first[i * PAGE_SIZE] = 1;
	note("writing");
	for (i = 0; i < TURNS / gap; i++) {
		first[(cold + below(hot)) * PAGE_SIZE] = (u8)i;
		for (turn = 0; turn < gap; turn++)
			__asm__ volatile("");
	}
}

void payload_main(void)
{
	char what[8] = "";

	random_begin();
	boot_arg("do", what, sizeof(what));
	if (!strcmp(what, "busy")) {
		busy();
		done();
	}
	if (!logdev_find())
		bail("this VMM has no --logdev");
	if (!strcmp(what, "order")) {
		test_order();
		done();
	}
	if (!strcmp(what, "rule")) {
		test_rule();
		done();
	}
	test_taken();
	test_devices();
	test_last();
	test_moment();
	done();
}
