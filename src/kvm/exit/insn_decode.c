// SPDX-License-Identifier: MIT
/*
 * insn_decode.c - decode loads and stores (see insn_decode.h).
 *
 * Integer loads and stores are decoded completely. AMO, LR/SC, FP, vector and cache-block
 * instructions are only recognized (ACCESS_OTHER); mmio.c decides what to do with them. All other
 * encodings are ACCESS_NONE.
 *
 * tests/native/test_insn_decode.c checks the decoder against the assembler's own encodings.
 * Spec: RV32I §6, RV64I §3, C §3, Zcb, H §6.3.
 */
#include "hv/bits.h"
#include "exit/insn_decode.h"

#define OPCODE_LOAD     0x03
#define OPCODE_LOAD_FP  0x07 /* and vector */
#define OPCODE_MISC_MEM 0x0f
#define OPCODE_STORE    0x23
#define OPCODE_STORE_FP 0x27 /* and vector */
#define OPCODE_AMO      0x2f /* and LR/SC */

/* Return bits high..low of the instruction. */
static unsigned int bits(unsigned long insn, unsigned int high, unsigned int low)
{
	return (unsigned int)(insn >> low) & ((2U << (high - low)) - 1);
}

static long sign_extend(unsigned int value, unsigned int width)
{
	unsigned int sign = 1U << (width - 1);

	return (long)(value ^ sign) - (long)sign;
}

/*
 * Set the width and sign extension of a load from its funct3. Returns false if the encoding is
 * reserved.
 */
static bool load_width(struct access_insn *access, unsigned int funct3)
{
	/* lab 5: write load_width: len and sign_extend of a load, from its funct3 */
	/* Bits 1:0 are the base-2 logarithm of the width in bytes; bit 2 means unsigned. */
	unsigned int log = funct3 & 3;

	access->len = 1U << log;
	access->sign_extend = !(funct3 & 4);
	return BITS_PER_LONG == 64 ? funct3 != 7 : funct3 != 6 && log != 3;
	/* lab 5 end */
}

static bool store_width(struct access_insn *access, unsigned int funct3)
{
	/* lab 5: write store_width: len of a store, from its funct3 */
	access->len = 1U << (funct3 & 3);
	return funct3 <= (BITS_PER_LONG == 64 ? 3 : 2);
	/* lab 5 end */
}

static void decode_32(unsigned long insn, struct access_insn *access)
{
	/* lab 5: write decode_32: decode integer loads and stores, detect other memory accesses */
	unsigned int funct3 = bits(insn, 14, 12);

	access->base = bits(insn, 19, 15);
	switch (bits(insn, 6, 0)) {
	case OPCODE_LOAD:
		access->reg = bits(insn, 11, 7);
		access->offset = sign_extend(bits(insn, 31, 20), 12);
		if (load_width(access, funct3))
			access->kind = ACCESS_LOAD;
		break;
	case OPCODE_STORE:
		access->reg = bits(insn, 24, 20);
		access->offset = sign_extend(bits(insn, 31, 25) << 5 | bits(insn, 11, 7), 12);
		if (store_width(access, funct3))
			access->kind = ACCESS_STORE;
		break;
	case OPCODE_MISC_MEM:
		/* fence and fence.i do not access memory; funct3 = 2 means cbo.*. */
		if (funct3 == 2)
			access->kind = ACCESS_OTHER;
		break;
	case OPCODE_LOAD_FP:
	case OPCODE_STORE_FP:
	case OPCODE_AMO:
		access->kind = ACCESS_OTHER;
		break;
	}
	/* lab 5 end */
}

/* Offsets of the compressed forms, scaled by the width (C §3.1, §3.2). */
static unsigned int offset_cw(unsigned long insn)
{
	/* lab 5: write offset_cw: the offset of c.lw and c.sw */
	return bits(insn, 5, 5) << 6 | bits(insn, 12, 10) << 3 | bits(insn, 6, 6) << 2;
	/* lab 5 end */
}

static unsigned int offset_cd(unsigned long insn)
{
	/* lab 5: write offset_cd: the offset of c.ld and c.sd */
	return bits(insn, 6, 5) << 6 | bits(insn, 12, 10) << 3;
	/* lab 5 end */
}

static unsigned int offset_lwsp(unsigned long insn)
{
	return bits(insn, 3, 2) << 6 | bits(insn, 12, 12) << 5 | bits(insn, 6, 4) << 2;
}

static unsigned int offset_ldsp(unsigned long insn)
{
	return bits(insn, 4, 2) << 6 | bits(insn, 12, 12) << 5 | bits(insn, 6, 5) << 3;
}

static unsigned int offset_swsp(unsigned long insn)
{
	return bits(insn, 8, 7) << 6 | bits(insn, 12, 9) << 2;
}

static unsigned int offset_sdsp(unsigned long insn)
{
	return bits(insn, 9, 7) << 6 | bits(insn, 12, 10) << 3;
}

static void set_c(struct access_insn *access, enum access_kind kind, unsigned int len,
		  unsigned int offset)
{
	access->kind = kind;
	access->len = len;
	access->sign_extend = true; /* c.lw and c.ld, which have no unsigned form */
	access->offset = (long)offset;
}

/* Zcb: loads and stores of bytes and halfwords, selected by bits 12:10; halfwords also by bit 6. */
static void decode_zcb(unsigned long insn, struct access_insn *access)
{
	bool store = bits(insn, 11, 11), half = bits(insn, 10, 10), bit6 = bits(insn, 6, 6);

	if (bits(insn, 12, 12) || (store && half && bit6))
		return;
	set_c(access, store ? ACCESS_STORE : ACCESS_LOAD, half ? 2 : 1, bits(insn, 5, 5) << 1);
	if (!half)
		access->offset |= bit6;
	access->sign_extend = half && bit6; /* only for c.lh; c.lhu and c.lbu zero-extend */
}

/* Quadrant 0: the base register and the data register are among x8 to x15. */
static void decode_c0(unsigned long insn, struct access_insn *access)
{
	/* lab 5: write decode_c0: decode the compressed loads and stores whose base is not sp */
	const bool rv64 = BITS_PER_LONG == 64;

	access->reg = 8 + bits(insn, 4, 2);
	access->base = 8 + bits(insn, 9, 7);
	switch (bits(insn, 15, 13)) {
	case 1: /* c.fld */
	case 5: /* c.fsd */
		access->kind = ACCESS_OTHER;
		break;
	case 2:
		set_c(access, ACCESS_LOAD, 4, offset_cw(insn));
		break;
	case 3: /* c.flw on RV32 */
		set_c(access, rv64 ? ACCESS_LOAD : ACCESS_OTHER, 8, offset_cd(insn));
		break;
	case 4:
		decode_zcb(insn, access);
		break;
	case 6:
		set_c(access, ACCESS_STORE, 4, offset_cw(insn));
		break;
	case 7: /* c.fsw on RV32 */
		set_c(access, rv64 ? ACCESS_STORE : ACCESS_OTHER, 8, offset_cd(insn));
		break;
	}
	/* lab 5 end */
}

/* Quadrant 2: addresses are relative to sp. An integer load into x0 is reserved. */
static void decode_c2(unsigned long insn, struct access_insn *access)
{
	const bool rv64 = BITS_PER_LONG == 64;
	unsigned int rd = bits(insn, 11, 7), funct3 = bits(insn, 15, 13);

	access->base = 2;
	access->reg = funct3 < 4 ? rd : bits(insn, 6, 2);
	switch (funct3) {
	case 1: /* c.fldsp */
	case 5: /* c.fsdsp */
		access->kind = ACCESS_OTHER;
		break;
	case 2:
		if (rd)
			set_c(access, ACCESS_LOAD, 4, offset_lwsp(insn));
		break;
	case 3: /* c.flwsp on RV32, with any register */
		if (!rv64)
			access->kind = ACCESS_OTHER;
		else if (rd)
			set_c(access, ACCESS_LOAD, 8, offset_ldsp(insn));
		break;
	case 6:
		set_c(access, ACCESS_STORE, 4, offset_swsp(insn));
		break;
	case 7: /* c.fswsp on RV32 */
		set_c(access, rv64 ? ACCESS_STORE : ACCESS_OTHER, 8, offset_sdsp(insn));
		break;
	}
}

void insn_decode_access(unsigned long insn, struct access_insn *access)
{
	*access = (struct access_insn){ .kind = ACCESS_NONE };
	access->insn_len = (insn & 3) == 3 ? 4 : 2;
	switch (insn & 3) {
	case 0:
		decode_c0(insn, access);
		break;
	case 2:
		decode_c2(insn, access);
		break;
	case 3:
		decode_32(insn, access);
		break;
	}
}

void insn_decode_htinst(unsigned long htinst, struct access_insn *access, unsigned int *distance)
{
	/* lab 5: write insn_decode_htinst: decode a load or store in its transformed form */
	unsigned int funct3 = bits(htinst, 14, 12);

	access->kind = ACCESS_NONE;
	access->insn_len = 2 + (htinst & 2);
	access->base = 0;
	access->offset = 0;
	*distance = bits(htinst, 19, 15);
	switch (htinst & (0x7f & ~2UL)) {
	case OPCODE_LOAD & ~2:
		access->reg = bits(htinst, 11, 7);
		if (load_width(access, funct3))
			access->kind = ACCESS_LOAD;
		break;
	case OPCODE_STORE & ~2:
		access->reg = bits(htinst, 24, 20);
		access->sign_extend = false;
		if (store_width(access, funct3))
			access->kind = ACCESS_STORE;
		break;
	default: /* not emulated */
		access->kind = ACCESS_OTHER;
	}
	/* lab 5 end */
}
