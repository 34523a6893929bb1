// SPDX-License-Identifier: MIT
/*
 * lab05_device.c - check the device of lab 5 (src/vmm/labdev.c) against its variant
 *
 * The variant is on the command line, with the names of lab.json; seed determines values and order.
 */
#include "random.h"

static const char *const names[] = { "ident", "mask", "sum", "count", "data", "level", "errors" };

enum reg {
	IDENT,
	MASK,
	SUM,
	COUNT,
	DATA,
	LEVEL,
	ERRORS,
	NR_REGS
};

static unsigned long dev, size, at[NR_REGS], width[NR_REGS], errors;

static unsigned long number_of(const char *kind, const char *name)
{
	char full[32];
	size_t i = strlen(kind), n = strlen(name);

	memcpy(full, kind, i);
	memcpy(full + i, name, n + 1);
	return boot_need(full);
}

/* ---- accesses ---- */

static unsigned long cut(unsigned long value, unsigned long len)
{
	return len < 8 ? value & (BIT(8 * len) - 1) : value;
}

static unsigned long load_at(unsigned long offset, unsigned long len)
{
	unsigned long address = dev + offset;

	switch (len) {
	case 1:
		return *(volatile u8 *)address;
	case 2:
		return *(volatile u16 *)address;
	case 4:
		return *(volatile u32 *)address;
	}
	return *(volatile u64 *)address;
}

static void store_at(unsigned long offset, unsigned long len, unsigned long value)
{
	unsigned long address = dev + offset;

	switch (len) {
	case 1:
		*(volatile u8 *)address = (u8)value;
		return;
	case 2:
		*(volatile u16 *)address = (u16)value;
		return;
	case 4:
		*(volatile u32 *)address = (u32)value;
		return;
	}
	*(volatile u64 *)address = value;
}

static unsigned long load(enum reg reg)
{
	return load_at(at[reg], width[reg]);
}

static void store(enum reg reg, unsigned long value)
{
	store_at(at[reg], width[reg], value);
}

/*
 * Return 1 if the values differ, else 0. Print the difference unless the last one printed had the
 * same `what`.
 */
static unsigned long differs(const char *what, unsigned long got, unsigned long want)
{
	static const char *told;

	if (got == want)
		return 0;
	if (told != what)
		note("%s: 0x%lx, expected 0x%lx", what, got, want);
	told = what;
	return 1;
}

/* ---- the registers ---- */

static void test_ident(void)
{
	unsigned long wrong = differs("ident", load(IDENT), boot_need("ident"));

	store(IDENT, random_next(&state));
	wrong += differs("ident after a store", load(IDENT), boot_need("ident"));
	ok_eq(wrong, 0, "ident returns the variant's number, and a store to it does nothing");
}

static void test_mask(void)
{
	unsigned long mask = boot_need("mask"), fixed = boot_need("fixed"), wrong, i, value;

	wrong = differs("mask at first", load(MASK), fixed);
	for (i = 0; i < 30; i++) {
		value = random_next(&state);
		store(MASK, value);
		wrong += differs("mask", load(MASK), cut((value & mask) | fixed, width[MASK]));
	}
	ok_eq(wrong, 0, "mask keeps the bits of 0x%lx, and those of 0x%lx are always 1", mask,
	      fixed);
}

static unsigned long summed(unsigned long sum, unsigned long value)
{
	unsigned long rotate = boot_need("rotate"), all = 8 * width[SUM];

	sum = cut(sum << rotate | sum >> (all - rotate), width[SUM]);
	switch (boot_need("operation")) {
	case 0:
		return cut(sum + value, width[SUM]);
	case 1:
		return cut(sum - value, width[SUM]);
	}
	return cut(sum ^ value, width[SUM]);
}

static void test_sum(void)
{
	unsigned long want = boot_need("start"), wrong, i, value;

	wrong = differs("sum at first", load(SUM), want);
	for (i = 0; i < 40; i++) {
		value = random_next(&state);
		store(SUM, value);
		want = summed(want, cut(value, width[SUM]));
		if (below(2))
			wrong += differs("sum", load(SUM), want);
	}
	wrong += differs("sum", load(SUM), want) + differs("sum, loaded again", load(SUM), want);
	ok_eq(wrong, 0, "sum is right after 40 stores, and whenever it is loaded between them");
}

static void test_count(void)
{
	unsigned long counted = boot_need("counted"), wrong = 0, i, want, round;

	load(COUNT);
	for (round = 0; round < 10; round++) {
		for (want = 0, i = below(12); i; i--) {
			if (below(2)) {
				store(SUM, i);
				want += counted != 1;
			} else {
				load(SUM);
				want += counted != 0;
			}
		}
		store(COUNT, random_next(&state));
		wrong += differs("count", load(COUNT), want) +
			 differs("count, loaded again", load(COUNT), 0);
	}
	ok_eq(wrong, 0,
	      "a load of count returns and clears the count, and a store to it does nothing");
}

static unsigned long level_of(unsigned long number, bool lost)
{
	return number << boot_need("number_shift") |
	       (unsigned long)(number == boot_need("depth")) << boot_need("full_bit") |
	       (unsigned long)lost << boot_need("lost_bit");
}

/* Append and remove values, checking level after each operation. */
static void test_queue(void)
{
	unsigned long depth = boot_need("depth"), wrong = 0, in = 0, out = 0, want[16], i;

	for (i = 0; i < 120; i++) {
		if (in - out < depth && below(3)) {
			want[in % 16] = cut(random_next(&state), width[DATA]);
			store(DATA, want[in++ % 16]);
		} else if (in != out) {
			wrong += differs("data", load(DATA), want[out++ % 16]);
		}
		wrong += differs("level", load(LEVEL), level_of(in - out, false));
	}
	while (in != out)
		wrong += differs("data", load(DATA), want[out++ % 16]);
	ok_eq(wrong, 0, "values come out of the queue in the order in which they went in");
	wrong = differs("data", load(DATA), boot_need("empty")) + differs("level", load(LEVEL), 0) +
		differs("data", load(DATA), boot_need("empty"));
	ok_eq(wrong, 0,
	      "a load from the empty queue returns the variant's number and leaves it empty");
}

/*
 * Store more values than the queue holds; check which ones are lost, and the bit that reports a
 * loss.
 */
static void test_full(void)
{
	unsigned long depth = boot_need("depth"), more = 1 + below(depth - 1), wrong = 0, i, base;
	unsigned long keeps = boot_need("oldest_lost") ? more : 0;

	base = cut(random_next(&state), width[DATA]) >> 8;
	for (i = 0; i < depth + more; i++) {
		wrong += differs("level", load(LEVEL), level_of(i < depth ? i : depth, false));
		if (i >= depth)
			break;
		store(DATA, base + i);
	}
	for (; i < depth + more; i++)
		store(DATA, base + i);
	wrong += differs("level after a loss", load(LEVEL), level_of(depth, true));
	ok_eq(wrong, 0, "level shows that the queue is full, and that a value was lost");
	for (wrong = i = 0; i < depth; i++)
		wrong += differs("data", load(DATA), base + keeps + i);
	ok_eq(wrong, 0, "if %lu values are stored in a queue of %lu, the %s are lost", depth + more,
	      depth, keeps ? "oldest" : "newest");
}

static void test_lost(void)
{
	unsigned long lost = boot_need("lost_bit"), depth = boot_need("depth"), wrong = 0, i;

	store(LEVEL, ~0UL);
	load(LEVEL);
	for (i = 0; i <= depth; i++)
		store(DATA, i);
	store(LEVEL, boot_need("cleared_by_load") ? ~0UL : ~BIT(lost));
	for (i = 0; i < depth; i++)
		load(DATA);
	wrong += differs("level", load(LEVEL), level_of(0, true));
	if (boot_need("cleared_by_load")) {
		wrong += differs("level, loaded again", load(LEVEL), 0);
	} else {
		wrong += differs("level, loaded again", load(LEVEL), level_of(0, true));
		store(LEVEL, BIT(lost));
		wrong += differs("level after a store to it", load(LEVEL), 0);
	}
	ok_eq(wrong, 0,
	      "the bit that reports a loss stays set until it is cleared as the variant says");
}

/* ---- wrong accesses ---- */

static unsigned long wrong_access(unsigned long offset, unsigned long len)
{
	unsigned long wrong = 0;

	if (below(2))
		wrong = differs("a wrong load", load_at(offset, len), cut(boot_need("wrong"), len));
	else
		store_at(offset, len, random_next(&state));
	errors++;
	return wrong;
}

static unsigned long check_errors(void)
{
	return differs("errors", load(ERRORS), cut(errors, width[ERRORS]));
}

static void test_widths(void)
{
	unsigned long reg, len, wrong, sum = load(SUM), mask = load(MASK), i;

	store(DATA, 5);
	load(COUNT);
	for (wrong = reg = 0; reg < NR_REGS; reg++) {
		for (len = 1; len <= 8; len *= 2) {
			for (i = 0; i < 3 && len != width[reg]; i++)
				wrong += wrong_access(at[reg], len);
		}
	}
	wrong += check_errors();
	ok_eq(wrong, 0, "an access with a width other than the register's is answered and counted");
	wrong = differs("count", load(COUNT), 0) + differs("sum", load(SUM), sum) +
		differs("mask", load(MASK), mask) +
		differs("level", load(LEVEL), level_of(1, false)) + differs("data", load(DATA), 5);
	ok_eq(wrong, 0, "accesses with wrong widths do not change any other register");
}

static bool is_register(unsigned long offset, unsigned long len)
{
	unsigned long reg;

	for (reg = 0; reg < NR_REGS; reg++) {
		if (offset == at[reg] && len == width[reg])
			return true;
	}
	return false;
}

static void test_offsets(void)
{
	unsigned long i, len, offset, wrong = 0;

	for (i = 0; i < 100; i++) {
		len = BIT(below(4));
		/* Half of the offsets are in or next to a register. */
		offset = i % 2 ? below(size) : at[below(NR_REGS)] + below(16);
		offset = ALIGN_DOWN(offset % size, len);
		if (!is_register(offset, len))
			wrong += wrong_access(offset, len);
	}
	wrong += check_errors();
	ok_eq(wrong, 0, "an access where no register begins is answered and counted");
	store(ERRORS, random_next(&state));
	errors = 0;
	wrong = check_errors();
	wrong_access(at[ERRORS], width[ERRORS] == 1 ? 2 : 1);
	wrong += check_errors();
	ok_eq(wrong, 0, "a store to errors restarts the count at 0");
}

void payload_main(void)
{
	struct fdt_reg found;
	unsigned long reg;

	if (!fdt_find("hyperscope,labdev", 0, &found)) {
		ok(false, "the device exists (--device labdev)");
		done();
	}
	dev = found.base;
	size = found.size;
	random_begin();
	for (reg = 0; reg < NR_REGS; reg++) {
		at[reg] = number_of("at_", names[reg]);
		width[reg] = number_of("width_", names[reg]);
	}
	ok_eq(load(ERRORS), 0, "errors is 0 at first");
	test_ident();
	test_mask();
	test_sum();
	test_count();
	test_queue();
	test_full();
	test_lost();
	test_widths();
	test_offsets();
	done();
}
