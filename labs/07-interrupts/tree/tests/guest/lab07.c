// SPDX-License-Identifier: MIT
/*
 * lab07.c - test the PLIC of lab 7 through its registers, with lines that the guest drives (--wire)
 *
 * On the command line: own=0 (test the PLIC's rules) or own=1 (test the variant's two registers;
 * the variant is then also on the command line: best_shift, priority_shift, waiting_shift,
 * busy_shift, raised_shift, filler, status_at, claim_at, multiplier, addend); seed=N and count=N
 * for the random operations. Two S contexts are used: that of this hart, whose interrupt is visible
 * in sip, and that of another hart.
 */
#include "random.h"

#define FIRST   16 /* first source that the tests use; wire.c drives sources 16 to 31 */
#define SOURCES 32
#define ALL     (~0U << FIRST)
#define MINE    (2 * (int)this_hart()->id + 1)
#define OTHER   (2 * (int)harts[1].id + 1)

static unsigned long plic, wire;
static unsigned int multiplier, addend;

static volatile u32 *at(unsigned long address)
{
	return (volatile u32 *)address;
}

static volatile u32 *priority(unsigned int source)
{
	return at(plic + 4 * source);
}

static u32 pending(void)
{
	return *at(plic + 0x1000) & ALL;
}

static volatile u32 *enable(int context)
{
	return at(plic + 0x2000 + 0x80UL * (unsigned int)context);
}

/* A register in the page of a context: the threshold at offset 0, claim and completion at 4. */
static volatile u32 *of_context(int context, unsigned long offset)
{
	return at(plic + 0x200000 + 0x1000UL * (unsigned int)context + offset);
}

static volatile u32 *threshold(int context)
{
	return of_context(context, 0);
}

static volatile u32 *claim(int context)
{
	return of_context(context, 4);
}

static void pull(u32 lines)
{
	*at(wire) = lines;
}

static bool interrupted(void)
{
	return csr_read(sip) & BIT(IRQ_S_EXT);
}

static unsigned int drawn(unsigned int limit)
{
	return (unsigned int)(random_next(&state) >> 16) % limit;
}

/* Reset: all lines low, nothing in service, priority 1, all sources enabled for this hart only. */
static void fresh(void)
{
	unsigned int source;

	pull(0);
	*enable(MINE) = *enable(OTHER) = ALL;
	for (source = FIRST; source < SOURCES; source++) {
		*claim(MINE) = source;
		*priority(source) = 1;
	}
	*enable(OTHER) = 0;
	*threshold(MINE) = *threshold(OTHER) = 0;
}

/* ---- one rule after the other ---- */

static void test_gate(void)
{
	fresh();
	pull(BIT(20));
	ok(interrupted() && pending() == BIT(20), "a line that rises is pending, and interrupts");
	*priority(20) = 0;
	ok(!interrupted() && pending() == BIT(20),
	   "a source of priority 0 is pending, but does not interrupt");
	ok_eq(*claim(MINE), 0, "a source of priority 0 cannot be claimed");
	*priority(20) = 5;
	*threshold(MINE) = 5;
	ok(!interrupted(), "a priority equal to the threshold does not interrupt");
	ok_eq(*claim(MINE), 0, "a priority equal to the threshold cannot be claimed");
	*threshold(MINE) = 4;
	ok(interrupted(), "a source with a priority above the threshold interrupts");
	*enable(MINE) = ALL & ~BIT(20);
	ok(!interrupted() && pending() == BIT(20),
	   "a pending source that is not enabled does not interrupt");
	*enable(MINE) = ALL;
	ok(interrupted(), "a pending source interrupts as soon as it is enabled");
	pull(0);
	ok(!interrupted() && !pending(), "a line that falls before the claim is no longer pending");
}

static void test_order(void)
{
	fresh();
	pull(BIT(16) | BIT(22) | BIT(31));
	*priority(22) = 3;
	*priority(31) = 3;
	ok_eq(*claim(MINE), 22, "of two sources of the highest priority, the lower one is claimed");
	ok_eq(*claim(MINE), 31,
	      "of two sources of the highest priority, the higher one is claimed next");
	*priority(16) = 7;
	ok_eq(*claim(MINE), 16,
	      "the last pending source is claimed after those of higher priority");
	ok_eq(*claim(MINE), 0, "a claim returns no source when all are claimed");
}

static void test_claim(void)
{
	fresh();
	pull(BIT(17));
	ok_eq(*claim(MINE), 17, "a claim returns the pending source");
	ok(!interrupted() && !pending(), "a claim ends the interrupt, although the line is high");
	ok_eq(*claim(MINE), 0, "a second claim returns no source");
	pull(0);
	pull(BIT(17));
	ok(!interrupted() && !pending(), "a line that falls and rises while in service waits");
	*claim(MINE) = 0;
	*claim(MINE) = 18;
	*claim(MINE) = 49;
	*claim(MINE) = ~0U;
	ok(!interrupted(), "completions of other sources and of invalid ones change nothing");
	*enable(MINE) = ALL & ~BIT(17);
	*claim(MINE) = 17;
	*enable(MINE) = ALL;
	ok(!interrupted(), "a context that has not enabled a source cannot complete it");
	*claim(MINE) = 17;
	ok(interrupted() && pending() == BIT(17),
	   "a source completed with its line high is pending again");
	ok_eq(*claim(MINE), 17, "a source completed with its line high can be claimed again");
	pull(0);
	*claim(MINE) = 17;
	ok(!interrupted() && !pending(), "a source completed with its line low is not pending");
	*claim(MINE) = 17;
	ok(!interrupted() && !pending(), "a completion without a claim does nothing");
}

static void test_contexts(void)
{
	fresh();
	*enable(MINE) = BIT(18) | BIT(25);
	*enable(OTHER) = BIT(25) | BIT(28);
	*threshold(OTHER) = 2;
	*priority(25) = 2;
	pull(BIT(28));
	ok(!interrupted(),
	   "a source enabled only for another context does not interrupt this hart");
	pull(BIT(25));
	ok(interrupted(), "a source enabled for both contexts interrupts this hart");
	ok_eq(*claim(OTHER), 0,
	      "the other context cannot claim a source that is not above its threshold");
	*threshold(OTHER) = 1;
	ok_eq(*claim(OTHER), 25, "with a lower threshold, the other context can claim the source");
	ok(!interrupted(), "a claim by the other context ends this hart's interrupt");
	ok_eq(*claim(MINE), 0,
	      "after a claim by the other context, this hart's claim returns no source");
	*claim(MINE) = 25;
	ok(interrupted(), "a context can complete an enabled source that another one has claimed");
	pull(0);
}

/* ---- the variant's two registers ---- */

static u32 status_of(unsigned int best, unsigned int rank, unsigned int waiting, unsigned int busy,
		     bool raised)
{
	return (u32)(boot_need("filler") | (unsigned long)best << boot_need("best_shift") |
		     (unsigned long)rank << boot_need("priority_shift") |
		     (unsigned long)waiting << boot_need("waiting_shift") |
		     (unsigned long)busy << boot_need("busy_shift") |
		     (unsigned long)raised << boot_need("raised_shift"));
}

static u32 status(int context)
{
	return *of_context(context, boot_need("status_at"));
}

static u32 own_claim(int context)
{
	return *of_context(context, boot_need("claim_at"));
}

static unsigned int own_rank(unsigned int source)
{
	return (source * multiplier + addend) % SOURCES;
}

static void test_own(void)
{
	unsigned int i, source, last = 0, wrong = 0;

	fresh();
	ok_eq(status(MINE), status_of(0, 0, 0, 0, false), "status: no source is pending or busy");
	*priority(30) = 6;
	pull(BIT(21) | BIT(30) | BIT(31));
	ok_eq(status(MINE), status_of(30, 6, 3, 0, true),
	      "status: three sources wait, and one of them is best");
	*threshold(MINE) = 6;
	ok_eq(status(MINE), status_of(0, 0, 3, 0, false),
	      "status: sources not above the threshold wait, but none of them is best");
	*threshold(MINE) = 0;
	ok_eq(*claim(MINE), 30, "the standard claim register still orders by priority and number");
	ok_eq(status(MINE), status_of(21, 1, 2, 1, true), "status: a claimed source is busy");
	ok_eq(status(OTHER), status_of(0, 0, 0, 0, false),
	      "status: the other context's register does not show this context's sources");
	fresh();
	pull(ALL);
	for (i = FIRST; i < SOURCES; i++) {
		source = own_claim(MINE);
		wrong += source < FIRST || (i > FIRST && own_rank(source) <= own_rank(last));
		last = source;
	}
	ok_eq(wrong, 0, "own claim: 16 sources of equal priority are claimed in your order");
	ok_eq(own_claim(MINE), 0, "own claim: no source is returned when all are claimed");
	ok(!interrupted(), "own claim: the last claim ends the interrupt");
	ok_eq(status(MINE), status_of(0, 0, 0, 16, false), "status: 16 claimed sources are busy");
	fresh();
	*priority(19) = 2;
	pull(ALL);
	ok_eq(own_claim(MINE), 19, "own claim: a higher priority comes first");
	*claim(MINE) = 19;
	ok_eq(own_claim(MINE), 19,
	      "own claim: a completed source whose line is high can be claimed again");
	*threshold(MINE) = 1;
	ok_eq(own_claim(MINE), 0, "own claim: a source that the threshold masks is not returned");
	pull(0);
}

/* ---- random operations, compared with a model ---- */

static struct model {
	u32 level, pending, busy, enable[2], threshold[2];
	u32 priority[SOURCES];
} model;

static unsigned int model_best(int c, bool own)
{
	unsigned int source, best = 0;

	for (source = FIRST; source < SOURCES; source++) {
		u32 mine = model.priority[source], most = model.priority[best];

		if (!(model.pending & model.enable[c] & BIT(source)) ||
		    mine <= model.threshold[c] || (best && mine < most))
			continue;
		if (!best || mine > most || (own && own_rank(source) < own_rank(best)))
			best = source;
	}
	return best;
}

static void model_pull(u32 lines)
{
	model.pending |= lines & ~model.level & ~model.busy;
	model.pending &= lines;
	model.level = lines;
}

static unsigned int model_claim(int c, bool own)
{
	unsigned int best = model_best(c, own);

	if (best) {
		model.pending &= ~(u32)BIT(best);
		model.busy |= (u32)BIT(best);
	}
	return best;
}

static void model_complete(int c, unsigned int source)
{
	if (source < SOURCES && model.enable[c] & BIT(source)) {
		model.busy &= ~(u32)BIT(source);
		model.pending |= model.level & (u32)BIT(source);
	}
}

static void model_fresh(void)
{
	unsigned int source;

	model = (struct model){ .enable = { ALL, 0 } };
	for (source = FIRST; source < SOURCES; source++)
		model.priority[source] = 1;
}

static unsigned int ones(u32 word)
{
	unsigned int count = 0;

	for (; word; word &= word - 1)
		count++;
	return count;
}

/* Apply one random operation to the PLIC and the model. Returns false if the answers differ. */
static bool same(bool own)
{
	int c = (int)drawn(2), context = c ? OTHER : MINE;
	unsigned int source = FIRST + drawn(SOURCES - FIRST), value = drawn(8);
	u32 word = (u32)random_next(&state) & ALL;

	switch (drawn(own ? 10 : 8)) {
	case 0:
	case 1:
		word = model.level ^ (u32)BIT(source);
		model_pull(word);
		pull(word);
		return true;
	case 2:
		model.priority[source] = value;
		*priority(source) = value;
		return true;
	case 3:
		model.enable[c] = word;
		*enable(context) = word;
		return true;
	case 4:
		model.threshold[c] = value / 2;
		*threshold(context) = value / 2;
		return true;
	case 5:
	case 6:
		return *claim(context) == model_claim(c, false);
	case 7:
		model_complete(c, source);
		*claim(context) = source;
		return true;
	case 8:
		return own_claim(context) == model_claim(c, true);
	default:
		source = model_best(c, false);
		return status(context) == status_of(source, model.priority[source],
						    ones(model.pending & model.enable[c]),
						    ones(model.busy & model.enable[c]), source);
	}
}

static void test_drawn(bool own, unsigned int count)
{
	unsigned int i;

	fresh();
	model_fresh();
	for (i = 0; i < count; i++) {
		if (!same(own) || pending() != model.pending ||
		    interrupted() != !!model_best(0, false)) {
			note("operation %u: pending 0x%x, expected 0x%x; interrupted %d, expected "
			     "%d",
			     i, pending(), model.pending, interrupted(), !!model_best(0, false));
			break;
		}
	}
	ok_eq(i, count, "the PLIC answers %u random operations as a model of it does", count);
	fresh();
}

void payload_main(void)
{
	bool own = boot_need("own");
	struct fdt_reg found;

	if (!fdt_find("riscv,plic0", 0, &found))
		bail("no PLIC in the device tree");
	plic = found.base;
	if (!fdt_find("hyperscope,wire", 0, &found) || nr_harts < 2)
		bail("the test needs --wire and two harts");
	wire = found.base;
	random_begin();
	if (own) {
		multiplier = (unsigned int)boot_need("multiplier");
		addend = (unsigned int)boot_need("addend");
		test_own();
	} else {
		test_gate();
		test_order();
		test_claim();
		test_contexts();
	}
	test_drawn(own, (unsigned int)boot_number("count", 500));
	done();
}
