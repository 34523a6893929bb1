// SPDX-License-Identifier: MIT
/*
 * measure.c - measure an operation: time batches, sort the samples, and print one line of CSV per
 * row.
 *
 * The clock is rdtime, which every hypervisor provides. Under QEMU -icount shift=0, a tick is 100
 * instructions (this is checked first, and column `unit` shows the result), so a batch of 256
 * operations resolves 0.4 instructions per operation. rdinstret is recorded as well, if it counts.
 * With the boot argument `cycles`, the clock is rdcycle if the guest has it, for real hardware.
 *
 * Percentiles are computed over batches, by the nearest-rank method. With the boot argument
 * `single`, each batch of bench() is a single operation. Under -icount, such batches are measured
 * by rdinstret if it counts, because rdtime resolves only 100 instructions.
 */
#include "bench.h"

#define INSNS_PER_TICK 100
#define ONLY_MAX       600

bool icount;
static bool has_instret, cycles, single;
static bool exact; /* rdinstret is available to measure single operations */
static char only[ONLY_MAX];

static struct {
	unsigned long n, start, start_insns;
	bool timed; /* samples are ticks of rdtime, whatever clock other rows use */
	bool exact; /* samples are instructions, counted by rdinstret */
	unsigned long ticks[MAX_SAMPLES];
	unsigned long insns[MAX_SAMPLES];
} row;

static unsigned long instret(void)
{
	return has_instret ? csr_read(instret) : 0;
}

static unsigned long clock(void)
{
	return cycles ? csr_read(cycle) : now();
}

/* ---- one row ---- */

void row_begin(void)
{
	row.n = 0;
	row.timed = false;
	row.exact = single && exact;
}

void row_begin_single(void)
{
	row_begin();
	row.exact = exact;
}

void sample_start(void)
{
	row.start = clock();
	row.start_insns = instret();
}

void sample_stop(void)
{
	unsigned long insns = instret(), end = clock();

	if (row.n < MAX_SAMPLES) {
		row.insns[row.n] = insns - row.start_insns;
		row.ticks[row.n] = row.exact ? row.insns[row.n] : end - row.start;
		row.n++;
	}
}

void sample_ticks(unsigned long ticks)
{
	if (row.n < MAX_SAMPLES) {
		row.insns[row.n] = 0;
		row.ticks[row.n++] = ticks;
		row.timed = true;
	}
}

static void sort(unsigned long *v, unsigned long n)
{
	unsigned long i, j;

	for (i = 1; i < n; i++) {
		unsigned long x = v[i];

		for (j = i; j && v[j - 1] > x; j--)
			v[j] = v[j - 1];
		v[j] = x;
	}
}

static const char *unit(void)
{
	return cycles && !row.timed ? "cycles" : icount ? "instructions" : "ns";
}

static unsigned long ticks_to_ns(unsigned long ticks)
{
	const unsigned long hz = timebase();

	return ticks / hz * 1000000000 + ticks % hz * 1000000000 / hz;
}

/* Convert a batch's ticks to hundredths of a unit per operation. */
static unsigned long each(unsigned long ticks, unsigned long per_batch)
{
	unsigned long units = icount ? ticks * INSNS_PER_TICK : ticks_to_ns(ticks);

	if ((cycles || row.exact) && !row.timed)
		units = ticks;
	return units * 100 / per_batch;
}

static void print_value(unsigned long hundredths)
{
	printf(",%lu.%02lu", hundredths / 100, hundredths % 100);
}

/* Return the index of the p-th percentile in the sorted samples, by the nearest-rank method. */
static unsigned long rank(unsigned long p)
{
	return row.n ? (row.n * p + 99) / 100 - 1 : 0;
}

/* Print the row. Without samples, n and all values are 0: the counted event has not occurred. */
void row_end(const char *name, unsigned long per_batch)
{
	unsigned long i, sum = 0, last = row.n ? row.n - 1 : 0;

	if (!row.n)
		row.ticks[0] = row.insns[0] = 0;
	for (i = 0; i < row.n; i++)
		sum += row.ticks[i];
	sort(row.ticks, row.n);
	sort(row.insns, row.n);
	printf("bench,%s,%s,%lu", name, unit(), row.n * per_batch);
	print_value(each(row.ticks[0], per_batch));
	print_value(each(row.ticks[rank(50)], per_batch));
	print_value(each(row.ticks[rank(99)], per_batch));
	print_value(each(row.ticks[last], per_batch));
	print_value(row.n ? each(sum, per_batch) / row.n : 0);
	if (row.n && row.insns[0])
		print_value(row.insns[rank(50)] * 100 / per_batch);
	else
		printf(",");
	printf("\n");
}

/* ---- which rows ---- */

bool asked_for(const char *name)
{
	size_t n = strlen(name);
	const char *at = only;

	for (; *at; at++) {
		if (!strncmp(at, name, n) && (!at[n] || at[n] == ','))
			return true;
		while (*at && *at != ',')
			at++;
		if (!*at)
			break;
	}
	return false;
}

bool wanted(const char *name)
{
	return !only[0] || asked_for(name);
}

/* ---- rows of batches ---- */

void bench_steps(const char *name, op_fn op, unsigned long arg, unsigned long per_batch,
		 unsigned long batches, unsigned long step)
{
	if (!wanted(name))
		return;
	row_begin();
	while (batches--) {
		sample_start();
		op(per_batch, arg);
		sample_stop();
		arg += step;
	}
	row_end(name, per_batch);
}

void bench(const char *name, op_fn op, unsigned long arg)
{
	if (!wanted(name))
		return;
	op(PER_BATCH, arg);
	bench_steps(name, op, arg, single ? 1 : PER_BATCH, single ? MAX_SAMPLES : BATCHES, 0);
}

void bench_fp(const char *name, op_fn op, unsigned long arg)
{
	if (!isa_has("d"))
		return;
	csr_set(sstatus, FIELD_PREP(SSTATUS_FS, FS_INITIAL));
	bench(name, op, arg);
	csr_clear(sstatus, SSTATUS_FS);
}

/* ---- the unit ---- */

static bool counts(unsigned long a, unsigned long b)
{
	return b - a >= 2000 && b - a < 2100;
}

/*
 * Set icount and has_instret: compare rdtime and rdinstret with loops of 2 instructions per
 * iteration. Under -icount, most loops take the same time: the host's own interrupts disturb few of
 * them. A machine that happens to execute about 10^9 instructions per second never repeats a time so
 * exactly.
 */
static void find_unit(void)
{
	unsigned long t, a, b, i, same = 0;

	op_nothing(1000, 0);
	for (i = 0; i < 10; i++) {
		t = now();
		op_nothing(50000, 0);
		t = now() - t;
		same += t >= 1000 && t <= 1001;
	}
	icount = same > 5;
	skip_begin();
	a = csr_read(instret);
	op_nothing(1000, 0);
	b = csr_read(instret);
	has_instret = !skip_end() && counts(a, b);
}

/*
 * Return whether the cycle counter works. If it does not, reading it traps, or its value never
 * changes.
 */
static bool has_cycle(void)
{
	unsigned long a, b;

	skip_begin();
	a = csr_read(cycle);
	op_nothing(1000, 0);
	b = csr_read(cycle);
	return !skip_end() && a != b;
}

void measure_init(void)
{
	char word[2];

	boot_arg("only", only, sizeof(only));
	single = boot_arg("single", word, sizeof(word));
	find_unit();
	if (boot_arg("cycles", word, sizeof(word))) {
		cycles = has_cycle();
		if (!cycles)
			printf("# cycles: this guest has no cycle counter\n");
	}
	exact = icount && has_instret && !cycles;
	printf("# sbi: implementation %lu version 0x%lx\n", impl_id(),
	       (unsigned long)sbi_call(SBI_EXT_BASE, SBI_BASE_GET_IMPL_VERSION, 0, 0, 0).value);
	printf("bench,exit,unit,n,min,p50,p99,max,mean,instret\n");
}
