// SPDX-License-Identifier: MIT
/*
 * insn_decode.c - bounded proof of src/kvm/exit/insn_decode.c: the decoder agrees with the manual.
 *
 * Proved: for every value of the instruction word and of htinst, 64 bits each, without a bound. The
 * encodings are stated a second time, as the drawings of the manual (RV32I §6, RV64I §3, C §3, Zcb);
 * for every word, the decoder gives what the first drawing that fits says. For every load and store,
 * the transformed instruction (H §6.3) is decoded as the original is.
 * Assumed: nothing. Models: none. RV64 only; the branches for RV32 are not part of the proof.
 *
 * Folder: kvm
 * Options: --unwind 40 --unsigned-overflow-check
 */
#include "proof.h"
#include "exit/insn_decode.c"

/*
 * One encoding. From the highest bit down: 0 and 1 are fixed, x is any, b is the base register, r
 * is the data register (three bits: x8 to x15), A is bit 0 of the offset, B is bit 1 and so on; L
 * is bit 11, the sign. An encoding without b uses sp.
 */
struct drawing {
	const char *bits;
	enum access_kind kind;
	unsigned int len;
	bool sign_extend;
};

static const struct drawing drawings[] = {
	{ "LKJIHGFEDCBAbbbbb000rrrrr0000011", ACCESS_LOAD, 1, true },  /* lb */
	{ "LKJIHGFEDCBAbbbbb001rrrrr0000011", ACCESS_LOAD, 2, true },  /* lh */
	{ "LKJIHGFEDCBAbbbbb010rrrrr0000011", ACCESS_LOAD, 4, true },  /* lw */
	{ "LKJIHGFEDCBAbbbbb011rrrrr0000011", ACCESS_LOAD, 8, true },  /* ld */
	{ "LKJIHGFEDCBAbbbbb100rrrrr0000011", ACCESS_LOAD, 1, false }, /* lbu */
	{ "LKJIHGFEDCBAbbbbb101rrrrr0000011", ACCESS_LOAD, 2, false }, /* lhu */
	{ "LKJIHGFEDCBAbbbbb110rrrrr0000011", ACCESS_LOAD, 4, false }, /* lwu */
	{ "LKJIHGFrrrrrbbbbb000EDCBA0100011", ACCESS_STORE, 1 },       /* sb */
	{ "LKJIHGFrrrrrbbbbb001EDCBA0100011", ACCESS_STORE, 2 },       /* sh */
	{ "LKJIHGFrrrrrbbbbb010EDCBA0100011", ACCESS_STORE, 4 },       /* sw */
	{ "LKJIHGFrrrrrbbbbb011EDCBA0100011", ACCESS_STORE, 8 },       /* sd */
	{ "xxxxxxxxxxxxxxxxxxxxxxxxx0000111", ACCESS_OTHER },          /* FP, vector */
	{ "xxxxxxxxxxxxxxxxxxxxxxxxx0100111", ACCESS_OTHER },          /* FP, vector */
	{ "xxxxxxxxxxxxxxxxxxxxxxxxx0101111", ACCESS_OTHER },          /* AMO, LR, SC */
	{ "xxxxxxxxxxxxxxxxx010xxxxx0001111", ACCESS_OTHER },          /* cbo */
	{ "010FEDbbbCGrrr00", ACCESS_LOAD, 4, true },                  /* c.lw */
	{ "011FEDbbbHGrrr00", ACCESS_LOAD, 8, true },                  /* c.ld */
	{ "110FEDbbbCGrrr00", ACCESS_STORE, 4 },                       /* c.sw */
	{ "111FEDbbbHGrrr00", ACCESS_STORE, 8 },                       /* c.sd */
	{ "x01xxxxxxxxxxx00", ACCESS_OTHER },                          /* c.fld, c.fsd */
	{ "100000bbbABrrr00", ACCESS_LOAD, 1, false },                 /* c.lbu */
	{ "100001bbb0Brrr00", ACCESS_LOAD, 2, false },                 /* c.lhu */
	{ "100001bbb1Brrr00", ACCESS_LOAD, 2, true },                  /* c.lh */
	{ "100010bbbABrrr00", ACCESS_STORE, 1 },                       /* c.sb */
	{ "100011bbb0Brrr00", ACCESS_STORE, 2 },                       /* c.sh */
	{ "010x00000xxxxx10", ACCESS_NONE },                           /* rd = x0: reserved */
	{ "011x00000xxxxx10", ACCESS_NONE },                           /* rd = x0: reserved */
	{ "010FrrrrrEDCHG10", ACCESS_LOAD, 4, true },                  /* c.lwsp */
	{ "011FrrrrrEDIHG10", ACCESS_LOAD, 8, true },                  /* c.ldsp */
	{ "110FEDCHGrrrrr10", ACCESS_STORE, 4 },                       /* c.swsp */
	{ "111FEDIHGrrrrr10", ACCESS_STORE, 8 },                       /* c.sdsp */
	{ "x01xxxxxxxxxxx10", ACCESS_OTHER },                          /* c.fldsp, c.fsdsp */
};

/* Does the instruction have this encoding? Then fill in *want. */
static bool fits(const struct drawing *drawing, unsigned int width, u64 insn,
		 struct access_insn *want)
{
	unsigned int i, nr_reg = 0, nr_base = 0;
	bool fit = true;

	*want = (struct access_insn){ drawing->kind, drawing->sign_extend, drawing->len,
				      width / 8 };
	for (i = 0; i < width; i++) {
		unsigned int bit = insn >> (width - 1 - i) & 1;
		char c = drawing->bits[i];

		fit &= !((c == '0' && bit) || (c == '1' && !bit));
		if (c == 'r' && ++nr_reg)
			want->reg = want->reg << 1 | bit;
		if (c == 'b' && ++nr_base)
			want->base = want->base << 1 | bit;
		if (c >= 'A' && c <= 'K')
			want->offset |= (long)bit << (c - 'A');
		if (c == 'L')
			want->offset -= (long)bit << 11;
	}
	want->reg += nr_reg == 3 ? 8 : 0;
	want->base += nr_base == 3 ? 8 : nr_base ? 0 : 2;
	return fit;
}

static struct access_insn wanted(u64 insn)
{
	unsigned int width = (insn & 3) == 3 ? 32 : 16, i;
	struct access_insn want, none = { .kind = ACCESS_NONE, .insn_len = width / 8 };

	for (i = 0; i < ARRAY_SIZE(drawings); i++) {
		unsigned int drawn = drawings[i].bits[16] ? 32 : 16;

		if (drawn == width && fits(&drawings[i], drawn, insn, &want))
			return want;
	}
	return none;
}

static bool is_access(const struct access_insn *a)
{
	return a->kind == ACCESS_LOAD || a->kind == ACCESS_STORE;
}

static void claim_form(const struct access_insn *a)
{
	claim(a->insn_len == 2 || a->insn_len == 4, "an instruction has 2 or 4 bytes");
	if (!is_access(a))
		return;
	claim(a->reg < 32 && a->base < 32, "registers are x0 to x31");
	claim(a->len == 1 || a->len == 2 || a->len == 4 || a->len == 8,
	      "an access has 1, 2, 4 or 8 bytes");
	claim(a->offset >= -2048 && a->offset < 2048, "the offset has 12 bits");
}

void prove_access(void)
{
	unsigned long insn;
	struct access_insn a, want = wanted(insn);

	havoc(&a);
	insn_decode_access(insn, &a);
	claim_form(&a);
	claim(a.kind == want.kind && a.insn_len == want.insn_len, "kind and length as drawn");
	if (is_access(&a)) {
		claim(a.len == want.len, "width as drawn");
		claim(a.kind == ACCESS_STORE || a.sign_extend == want.sign_extend,
		      "sign extension as drawn");
		claim(a.reg == want.reg && a.base == want.base, "registers as drawn");
		claim(a.offset == want.offset, "offset as drawn");
	}
	reached(a.kind == ACCESS_LOAD && a.insn_len == 2 && a.len == 1);
	reached(a.kind == ACCESS_STORE && a.insn_len == 4 && a.offset == -2048);
	reached(a.kind == ACCESS_OTHER && a.insn_len == 2);
	reached(a.kind == ACCESS_NONE && a.insn_len == 4);
}

/* The transformed form of a load or store (H §6.3), for a fault `distance` bytes into the access. */
static unsigned long transformed(const struct access_insn *a, unsigned int distance)
{
	unsigned long log = a->len == 1 ? 0 : a->len == 2 ? 1 : a->len == 4 ? 2 : 3;
	unsigned long insn = distance << 15 | (a->insn_len == 4 ? 3 : 1);

	if (a->kind == ACCESS_STORE)
		return insn | 0x20 | log << 12 | a->reg << 20;
	return insn | log << 12 | (a->sign_extend ? 0 : 1UL << 14) | a->reg << 7;
}

void prove_htinst(void)
{
	unsigned long insn, htinst;
	unsigned int distance, told;
	struct access_insn a, b;

	insn_decode_access(insn, &a);
	suppose(is_access(&a) && distance < 32);
	havoc(&b);
	insn_decode_htinst(transformed(&a, distance), &b, &told);
	claim(b.kind == a.kind && b.insn_len == a.insn_len && b.len == a.len && b.reg == a.reg,
	      "htinst describes the access that the instruction makes");
	claim(b.sign_extend == a.sign_extend || a.kind == ACCESS_STORE,
	      "htinst describes its sign extension");
	claim(told == distance && b.offset == 0 && b.base == 0,
	      "htinst gives the distance of the fault");
	reached(a.kind == ACCESS_STORE && a.insn_len == 2 && distance == 7);

	havoc(&b);
	insn_decode_htinst(htinst, &b, &told);
	claim_form(&b);
	claim(told < 32, "a distance has 5 bits");
	reached(b.kind == ACCESS_OTHER);
	reached(b.kind == ACCESS_NONE);
}
