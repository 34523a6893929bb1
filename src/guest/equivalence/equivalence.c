// SPDX-License-Identifier: MIT
/*
 * equivalence.c - execute random programs, and print digests of their outcomes.
 *
 * Boot arguments: first=N and count=N select the programs, batch=N is how many programs share a
 * digest. keep=HEX leaves pieces of the programs out (bit 0: piece 0). detail prints the program
 * and its outcome. without executes the program without each of several groups of pieces, to shrink it.
 * aligned-atomics aligns the addresses of AMOs, LR and SC. hs: the programs use the H extension;
 * with spike, they do not do what Spike does differently from hyperscope (docs/equivalence.md).
 */
#include "equivalence.h"

#define BUCKETS   64
#define INSN_STEP 16
#define CAUSES    64

static u64 everything[2] = { ~0UL, ~0UL }, keep[2];
static struct gen gen;
static unsigned long insns[BUCKETS], traps[BUCKETS + 1], causes[NR_LEVELS][2][CAUSES];
static unsigned long excursions[BUCKETS + 1], guest_traps[BUCKETS + 1];

static u64 run(unsigned long number, const u64 *mask)
{
	sandbox_reset(number);
	/* The generator uses no state of the sandbox but the tables' addresses. */
	generate(&gen, number, mask);
	sandbox_run((unsigned long)gen.pos - 4);
	return outcome_digest(number);
}

static void count(void)
{
	unsigned int from_guest = 0, i;

	insns[MIN(gen.insns / INSN_STEP, BUCKETS - 1U)]++;
	traps[sandbox.traps]++;
	for (i = 0; i < sandbox.traps; i++) {
		const struct record *rec = &sandbox.log[i];

		causes[rec->level][rec->cause >> 63][rec->cause & (CAUSES - 1)]++;
		from_guest += rec->level != LEVEL_V0;
	}
	excursions[sandbox.excursions]++;
	guest_traps[from_guest]++;
}

static void histogram(const char *name, const unsigned long *buckets, unsigned int n,
		      unsigned int step)
{
	unsigned int i;

	printf("histogram %s %u", name, step);
	for (i = 0; i < n; i++)
		printf(" %lu", buckets[i]);
	printf("\n");
}

static void summary(void)
{
	static const char *const prefixes[NR_LEVELS] = { "", "v1-", "vs-" };
	unsigned int i, level;

	for (i = 0; i < NR_CLASSES; i++)
		if (hs_programs || !class_needs_h(i))
			printf("class %s %u\n", class_name(i), gen.counts[i]);
	for (level = 0; level < NR_LEVELS; level++) {
		for (i = 0; i < 2 * CAUSES; i++) {
			unsigned long n = causes[level][i / CAUSES][i % CAUSES];

			if (n)
				printf("cause %s%s%u %lu\n", prefixes[level],
				       i / CAUSES ? "irq" : "", i % CAUSES, n);
		}
	}
	if (hs_programs) {
		histogram("excursions", excursions, MAX_TRAPS + 1, 1);
		histogram("guest-traps", guest_traps, MAX_TRAPS + 1, 1);
	}
	histogram("instructions", insns, BUCKETS, INSN_STEP);
	histogram("traps", traps, MAX_TRAPS + 1, 1);
}

static void batches(unsigned long first, unsigned long total, unsigned long batch)
{
	unsigned long number = first, end = first + total;

	while (number < end) {
		unsigned long stop = MIN(number + batch, end), start = number;
		u64 digest = 0;

		for (; number < stop; number++) {
			digest = fold(digest, run(number, keep));
			count();
		}
		printf("batch %lu %lu %016lx\n", start, stop - start, (unsigned long)digest);
	}
	summary();
}

/* Leave each group of 64, 32, ... pieces out in turn. */
static void without(unsigned long number)
{
	unsigned int size, start, i;

	printf("with all %016lx\n", (unsigned long)run(number, keep));
	for (size = 64; size; size /= 2) {
		for (start = 0; start < MAX_PIECES; start += size) {
			u64 mask[2] = { keep[0], keep[1] };

			for (i = start; i < start + size; i++)
				mask[i / 64] &= ~(1UL << i % 64);
			if (mask[0] != keep[0] || mask[1] != keep[1])
				printf("without %u %u %016lx\n", start, size,
				       (unsigned long)run(number, mask));
		}
	}
}

static void detail(unsigned long number)
{
	gen.listing = true;
	printf("code at %lx, arena at %lx\n", (unsigned long)code, (unsigned long)arena);
	printf("digest = %lx\n", (unsigned long)run(number, keep));
	outcome_print(number);
}

static void read_keep(void)
{
	char text[40];
	unsigned int i;

	keep[0] = everything[0];
	keep[1] = everything[1];
	if (!boot_arg("keep", text, sizeof(text)))
		return;
	keep[0] = keep[1] = 0;
	for (i = 0; text[i]; i++) {
		unsigned int digit =
			(unsigned int)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);

		keep[1] = keep[1] << 4 | keep[0] >> 60;
		keep[0] = keep[0] << 4 | digit;
	}
}

void payload_main(void)
{
	unsigned long first = boot_number("first", 0), total = boot_number("count", 100);
	char text[8];

	hs_programs = boot_arg("hs", NULL, 0);
	on_spike = boot_arg("spike", NULL, 0);
	sandbox_init();
	read_keep();
	gen.aligned = boot_arg("aligned-atomics", NULL, 0);
	if (boot_arg("detail", text, sizeof(text)))
		detail(first);
	else if (boot_arg("without", text, sizeof(text)))
		without(first);
	else
		batches(first, total, boot_number("batch", 100));
	printf("end\n");
	power_off(0);
}
