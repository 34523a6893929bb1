// SPDX-License-Identifier: MIT
/*
 * gen_bits.c - pieces with computations of extensions that not every processor has.
 */
#include "equivalence.h"

/* An instruction without registers. `unary`: rs2 is a part of its number, else a register or an amount. */
static const struct bits {
	u8 feature;
	bool unary;
	u32 word;
} bits[] = {
	{ HAS_zba, false, 0x20002033 },    /* sh1add */
	{ HAS_zba, false, 0x20004033 },    /* sh2add */
	{ HAS_zba, false, 0x20006033 },    /* sh3add */
	{ HAS_zba, false, 0x0800003b },    /* add.uw */
	{ HAS_zba, false, 0x2000203b },    /* sh1add.uw */
	{ HAS_zba, false, 0x2000403b },    /* sh2add.uw */
	{ HAS_zba, false, 0x2000603b },    /* sh3add.uw */
	{ HAS_zba, false, 0x0800101b },    /* slli.uw */
	{ HAS_zbb, false, 0x40007033 },    /* andn */
	{ HAS_zbb, false, 0x40006033 },    /* orn */
	{ HAS_zbb, false, 0x40004033 },    /* xnor */
	{ HAS_zbb, false, 0x0a004033 },    /* min */
	{ HAS_zbb, false, 0x0a005033 },    /* minu */
	{ HAS_zbb, false, 0x0a006033 },    /* max */
	{ HAS_zbb, false, 0x0a007033 },    /* maxu */
	{ HAS_zbb, false, 0x60001033 },    /* rol */
	{ HAS_zbb, false, 0x6000103b },    /* rolw */
	{ HAS_zbb, false, 0x60005033 },    /* ror */
	{ HAS_zbb, false, 0x6000503b },    /* rorw */
	{ HAS_zbb, false, 0x60005013 },    /* rori */
	{ HAS_zbb, false, 0x6000501b },    /* roriw */
	{ HAS_zbb, true, 0x60001013 },     /* clz */
	{ HAS_zbb, true, 0x60101013 },     /* ctz */
	{ HAS_zbb, true, 0x60201013 },     /* cpop */
	{ HAS_zbb, true, 0x6000101b },     /* clzw */
	{ HAS_zbb, true, 0x6010101b },     /* ctzw */
	{ HAS_zbb, true, 0x6020101b },     /* cpopw */
	{ HAS_zbb, true, 0x60401013 },     /* sext.b */
	{ HAS_zbb, true, 0x60501013 },     /* sext.h */
	{ HAS_zbb, true, 0x0800403b },     /* zext.h */
	{ HAS_zbb, true, 0x28705013 },     /* orc.b */
	{ HAS_zbb, true, 0x6b805013 },     /* rev8 */
	{ HAS_zbc, false, 0x0a001033 },    /* clmul */
	{ HAS_zbc, false, 0x0a002033 },    /* clmulr */
	{ HAS_zbc, false, 0x0a003033 },    /* clmulh */
	{ HAS_zbs, false, 0x48001033 },    /* bclr */
	{ HAS_zbs, false, 0x48005033 },    /* bext */
	{ HAS_zbs, false, 0x68001033 },    /* binv */
	{ HAS_zbs, false, 0x28001033 },    /* bset */
	{ HAS_zbs, false, 0x48001013 },    /* bclri */
	{ HAS_zbs, false, 0x48005013 },    /* bexti */
	{ HAS_zbs, false, 0x68001013 },    /* binvi */
	{ HAS_zbs, false, 0x28001013 },    /* bseti */
	{ HAS_zicond, false, 0x0e005033 }, /* czero.eqz */
	{ HAS_zicond, false, 0x0e007033 }, /* czero.nez */
};

/* Without the extension, an alternative of the class alu. */
void emit_bits(struct gen *g)
{
	unsigned int n = 2 + pick(g, 6);

	while (n--) {
		const struct bits *insn = &bits[pick(g, ARRAY_SIZE(bits))];
		unsigned int rd = dest_reg(g), rs1 = any_reg(g), rs2 = any_reg(g);

		if (has[insn->feature])
			emit(g, insn->word | rd << 7 | rs1 << 15 | (insn->unary ? 0 : rs2 << 20));
		else
			emit(g, R_TYPE(OP_REG, 4 + pick(g, 4), 1, rd, rs1, rs2));
	}
}
