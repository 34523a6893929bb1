// SPDX-License-Identifier: MIT
/*
 * gen_fp.c - pieces with floating point and vectors.
 */
#include "equivalence.h"

/* Unit-stride accesses of vectors, by lumop or sumop */
#define WHOLE_REGISTERS  8
#define MASK             11
#define FAULT_ONLY_FIRST 16

/* Mostly, turn the units on first; else every instruction traps after a program has turned them off. */
static void emit_units(struct gen *g)
{
	if (g->user || !pick(g, 4))
		return;
	emit_li(g, REG_T5, (int)(SSTATUS_FS | SSTATUS_VS));
	emit_csr(g, 2, 0, CSR_sstatus, REG_T5);
}

static void emit_one_fp(struct gen *g)
{
	/* funct7 without its two bits for the format */
	static const u8 functions[] = { 0x00, 0x04, 0x08, 0x0c, 0x2c, 0x10, 0x14,
					0x20, 0x50, 0x60, 0x68, 0x70, 0x78 };
	static const u8 fused[] = { 0x43, 0x47, 0x4b, 0x4f };
	unsigned int format = pick(g, 16) ? pick(g, 2) : pick(g, 4);
	unsigned int rm = pick(g, 2) ? 7 : pick(g, 16) ? pick(g, 5) : pick(g, 8);
	unsigned int function = functions[pick(g, 13)];
	u32 word;

	/* sign injection, minimum, comparison, move and class use rm as part of their number */
	if ((function == 0x10 || function == 0x50) && pick(g, 8))
		rm = pick(g, 3);
	else if ((function == 0x14 || function >= 0x70) && pick(g, 8))
		rm = pick(g, function == 0x78 ? 1 : 2);

	do {
		if (!pick(g, 5))
			word = R_TYPE(fused[pick(g, 4)], rm, format, pick(g, 32), pick(g, 32),
				      pick(g, 32)) |
			       pick(g, 32) << 27;
		else
			word = R_TYPE(OP_FP, rm, function | format, pick(g, 32), pick(g, 32),
				      function == 0x20                       ? 1 - format % 2
				      : function >= 0x70 || function == 0x2c ? 0
				      : function >= 0x60                     ? pick(g, 4)
									     : pick(g, 32));
	} while (!word_ok(g, word));
	emit(g, word);
}

void emit_fp(struct gen *g)
{
	unsigned int n = 1 + pick(g, 5);

	emit_units(g);
	if (!pick(g, 3))
		emit_csr(g, 5, dest_reg(g), CSR_frm, pick(g, 8) ? pick(g, 5) : pick(g, 8));
	while (n--)
		emit_one_fp(g);
	if (!pick(g, 3))
		emit_csr(g, 2 + pick(g, 2), dest_reg(g), 1 + pick(g, 3),
			 pick(g, 2) ? any_reg(g) : 0);
}

/*
 * Set FS or VS to a state, and use it. In U mode, only the use remains. In HS mode, the state is Off or
 * Dirty, since a guest's becomes Dirty earlier than on a bare hart (docs/nested.md).
 */
void emit_fp_state(struct gen *g)
{
	bool vector = has[HAS_v] && pick(g, 2);
	unsigned int shift = vector ? 9 : 13;

	if (!g->user) {
		emit_li(g, REG_T5, 3 << shift);
		emit_csr(g, 3, 0, CSR_sstatus, REG_T5);
		emit_li(g, REG_T5,
			(int)(hs_programs && !g->virt ? pick(g, 2) * 3 : pick(g, 4)) << shift);
		emit_csr(g, 2, 0, CSR_sstatus, REG_T5);
	}
	switch (pick(g, 3)) {
	case 0:
		emit(g, vector ? R_TYPE(OP_V, 0, 1, pick(g, 32), pick(g, 32), pick(g, 32))
			       : R_TYPE(OP_FP, 0, 0x71, dest_reg(g), pick(g, 32), 0)); /* fmv.x.d */
		break;
	case 1:
		emit_csr(g, 2, dest_reg(g), vector ? CSR_vl : CSR_fcsr, 0);
		break;
	default:
		emit(g, R_TYPE(OP_FP, 0, 0x79, pick(g, 32), any_reg(g), 0)); /* fmv.d.x */
	}
	if (!g->user)
		emit_csr(g, 2, dest_reg(g), CSR_sstatus, 0);
}

/* Mostly a whole register, so that every register number is valid. */
static u32 vtype(struct gen *g)
{
	if (!pick(g, 8))
		return pick(g, 1024);
	return pick(g, 4) << 3 | (pick(g, 2) ? 0 : pick(g, 8)) | pick(g, 4) << 6;
}

static void emit_vset(struct gen *g)
{
	if (pick(g, 2)) /* vsetivli */
		emit(g, 0xc0007057 | dest_reg(g) << 7 | pick(g, 32) << 15 | vtype(g) << 20);
	else /* vsetvli */
		emit(g, 0x00007057 | dest_reg(g) << 7 | any_reg(g) << 15 | vtype(g) << 20);
}

/*
 * Unit-stride accesses only: the addresses of others depend on registers. QEMU 10.0 aborts in two cases,
 * which programs avoid (docs/equivalence.md):
 *
 *  - a fault-only-first load that crosses a page, or begins in its middle because of vstart: it probes
 *    up to twice the size of the access. The address leaves room for that in the page;
 *  - an access to whole registers with vstart at its end or after it. So vstart is set before it.
 */
static void emit_vector_access(struct gen *g)
{
	static const u8 widths[] = { 0, 5, 6, 7 },
			modes[] = { 0, 0, WHOLE_REGISTERS, MASK, FAULT_ONLY_FIRST };
	unsigned int fields = pick(g, 3) ? 0 : pick(g, 8), mode = modes[pick(g, 5)],
		     width = pick(g, 4);

	emit_address(g);
	if (mode == FAULT_ONLY_FIRST) {
		emit(g, I_TYPE(OP_IMM, 7, REG_T6, REG_T6, -16 * (int)vlenb & 0xfff));
		emit_touch(g);
	}
	if (mode == WHOLE_REGISTERS)
		emit_csr(g, 5, 0, CSR_vstart, pick(g, MIN((fields + 1) * vlenb >> width, 32U)));
	else if (!pick(g, 4))
		emit_csr(g, 5, 0, CSR_vstart, pick(g, 32));
	emit(g, (pick(g, 2) ? OP_FLOAD : OP_FSTORE) | pick(g, 32) << 7 | (u32)widths[width] << 12 |
			REG_T6 << 15 | mode << 20 | pick(g, 2) << 25 | fields << 29);
}

void emit_vector(struct gen *g)
{
	unsigned int n = 1 + pick(g, 4);
	u32 word;

	emit_units(g);
	if (pick(g, 3))
		emit_vset(g);
	while (n--) {
		if (!pick(g, 4)) {
			emit_vector_access(g);
			continue;
		}
		do {
			static const u8 functions[] = {
				0, 2, 9, 10, 11, 23, 33, 37, 39, 40, 41, 45
			};
			unsigned int funct6 = pick(g, 8) ? functions[pick(g, 12)] : pick(g, 64);

			word = R_TYPE(OP_V, pick(g, 8) ? pick(g, 7) : 7, funct6 << 1 | pick(g, 2),
				      pick(g, 32), pick(g, 32), pick(g, 32));
		} while (!word_ok(g, word));
		emit(g, word);
	}
}
