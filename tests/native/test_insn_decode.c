// SPDX-License-Identifier: MIT
/*
 * test_insn_decode.c - decoding of loads and stores, compared with the assembler and disassembler.
 *
 * gen_insns.py makes the table from every 16-bit encoding and thousands of 32-bit ones.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "exit/insn_decode.h"
#include "hv/bits.h"

struct row {
	u32 insn;
	u8 kind, len, sign, reg, base, insn_len;
	s16 offset;
};

_Static_assert(sizeof(struct row) == 12, "struct row has the size that gen_insns.py packs");

__asm__(".section .rodata\n.balign 4\n.globl insn_table, insn_table_end\n"
	"insn_table: .incbin \"" INSN_TABLE "\"\ninsn_table_end:\n.previous");
extern const struct row insn_table[], insn_table_end[];

static bool is_zcb(u32 insn)
{
	return (insn & 0xe003) == 0x8000;
}

static void decoding_agrees_with_the_assembler(void **state)
{
	const struct row *row;
	struct access_insn a;
	unsigned int kinds[4] = { 0 };

	(void)state;
	for (row = insn_table; row < insn_table_end; row++) {
		insn_decode_access(row->insn, &a);
		kinds[row->kind]++;
		if (row->kind == ACCESS_NONE && is_zcb(row->insn))
			continue; /* a disassembler without Zcb does not know these encodings */
		if (a.kind != row->kind || a.insn_len != row->insn_len)
			fail_msg("0x%x: kind %u, %u bytes; expected %u, %u", row->insn, a.kind,
				 a.insn_len, row->kind, row->insn_len);
		if (a.kind != ACCESS_LOAD && a.kind != ACCESS_STORE)
			continue;
		if (a.len != row->len || a.reg != row->reg || a.base != row->base ||
		    a.offset != row->offset ||
		    (a.kind == ACCESS_LOAD && a.sign_extend != row->sign))
			fail_msg("0x%x: %u bytes, sign %u, x%u, %ld(x%u)", row->insn, a.len,
				 a.sign_extend, a.reg, a.offset, a.base);
	}
	assert_true(kinds[ACCESS_LOAD] > 10000 && kinds[ACCESS_STORE] > 10000);
	assert_true(kinds[ACCESS_OTHER] > 1000 && kinds[ACCESS_NONE] > 1000);
}

/*
 * Return the htinst of a 32-bit access: the offset becomes 0, and `distance`, the faulting address
 * minus the access's address, replaces rs1.
 */
static unsigned long transform(const struct row *row, unsigned int distance)
{
	unsigned long insn = row->insn & ~(0x1fUL << 15);

	if (row->kind == ACCESS_LOAD)
		insn &= ~(0xfffUL << 20);
	else
		insn &= ~(0x7fUL << 25 | 0x1fUL << 7);
	return insn | distance << 15;
}

static void decoding_htinst_agrees_with_the_instruction(void **state)
{
	const struct row *row;
	struct access_insn a;
	unsigned int distance, n = 0;

	(void)state;
	for (row = insn_table; row < insn_table_end; row++) {
		if (row->insn_len != 4 || (row->kind != ACCESS_LOAD && row->kind != ACCESS_STORE))
			continue;
		insn_decode_htinst(transform(row, n % 8), &a, &distance);
		assert_int_equal(distance, n++ % 8);
		assert_int_equal(a.kind, row->kind);
		assert_int_equal(a.len, row->len);
		assert_int_equal(a.reg, row->reg);
		assert_int_equal(a.insn_len, 4);
		if (a.kind == ACCESS_LOAD)
			assert_int_equal(a.sign_extend, row->sign);
	}
	assert_true(n > 1000);
}

static void htinst_of_a_compressed_instruction_is_two_bytes_long(void **state)
{
	struct access_insn a;
	unsigned int distance;

	(void)state;
	/* The htinst of c.lw and lw into x10, as observed on QEMU. */
	insn_decode_htinst(0x2501, &a, &distance);
	assert_int_equal(a.kind, ACCESS_LOAD);
	assert_int_equal(a.insn_len, 2);
	assert_int_equal(a.len, 4);
	assert_int_equal(a.reg, 10);
	assert_true(a.sign_extend);
	insn_decode_htinst(0x2503, &a, &distance);
	assert_int_equal(a.insn_len, 4);
}

static void htinst_of_amo_fp_and_vector_is_another_access(void **state)
{
	/* lr.w, amoadd.d, flw, fsd and vle8.v, with rs1 = 0. */
	static const u32 htinst[] = { 0x100022af, 0x007032af, 0x00002087, 0x00103027, 0x02000087 };
	struct access_insn a;
	unsigned int distance, i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(htinst); i++) {
		insn_decode_htinst(htinst[i], &a, &distance);
		assert_int_equal(a.kind, ACCESS_OTHER);
	}
}

static void assert_zcb(u32 insn, enum access_kind kind, unsigned int len, bool sign, long offset)
{
	struct access_insn a;

	/* Register x10, base x9. */
	insn_decode_access(insn | 1 << 7 | 2 << 2, &a);
	assert_int_equal(a.kind, kind);
	if (kind == ACCESS_NONE)
		return;
	assert_int_equal(a.len, len);
	assert_int_equal(a.offset, offset);
	assert_int_equal(a.reg, 10);
	assert_int_equal(a.base, 9);
	assert_int_equal(a.insn_len, 2);
	if (kind == ACCESS_LOAD)
		assert_int_equal(a.sign_extend, sign);
}

/* Encodings from the Zcb chapter of the unprivileged specification. */
static void zcb_loads_and_stores_bytes_and_halves(void **state)
{
	unsigned int hi, lo;

	(void)state;
	for (hi = 0; hi < 2; hi++) {
		for (lo = 0; lo < 2; lo++) {
			assert_zcb(0x8000 | hi << 5 | lo << 6, ACCESS_LOAD, 1, false, hi * 2 + lo);
			assert_zcb(0x8800 | hi << 5 | lo << 6, ACCESS_STORE, 1, false, hi * 2 + lo);
		}
		assert_zcb(0x8400 | hi << 5, ACCESS_LOAD, 2, false, hi * 2);
		assert_zcb(0x8440 | hi << 5, ACCESS_LOAD, 2, true, hi * 2);
		assert_zcb(0x8c00 | hi << 5, ACCESS_STORE, 2, false, hi * 2);
		assert_zcb(0x8c40 | hi << 5, ACCESS_NONE, 0, false, 0);
	}
	assert_zcb(0x9000, ACCESS_NONE, 0, false, 0);
}

/* Whatever the bits are, the result is within bounds, and no sanitizer reports anything. */
static void any_bits_are_decoded_within_bounds(void **state)
{
	unsigned int i, distance;
	u64 bits = 0x9e3779b97f4a7c15ULL;
	struct access_insn a;

	(void)state;
	for (i = 0; i < 500000; i++) {
		bits ^= bits << 13;
		bits ^= bits >> 7;
		bits ^= bits << 17;
		insn_decode_access((unsigned long)bits, &a);
		assert_true(a.insn_len == 2 || a.insn_len == 4);
		if (a.kind == ACCESS_LOAD || a.kind == ACCESS_STORE) {
			assert_true(a.len == 1 || a.len == 2 || a.len == 4 || a.len == 8);
			assert_true(a.reg < 32 && a.base < 32);
		}
		insn_decode_htinst((unsigned long)bits, &a, &distance);
		assert_true(distance < 32 && a.reg < 32);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decoding_agrees_with_the_assembler),
		cmocka_unit_test(decoding_htinst_agrees_with_the_instruction),
		cmocka_unit_test(htinst_of_a_compressed_instruction_is_two_bytes_long),
		cmocka_unit_test(htinst_of_amo_fp_and_vector_is_another_access),
		cmocka_unit_test(zcb_loads_and_stores_bytes_and_halves),
		cmocka_unit_test(any_bits_are_decoded_within_bounds),
	};

	return cmocka_run_group_tests_name("instruction decode", tests, NULL, NULL);
}
