// SPDX-License-Identifier: MIT
/*
 * gen.c - generate a random program from its number: a sequence of pieces, and an ebreak.
 *
 * Programs always end: they only jump forward, except for loops with a counter and calls of the stub.
 * Each piece has its own random numbers. So a piece can be left out (`keep`) without changing the
 * others, which is how scripts/hyperscope equivalence shrinks a program.
 */
#include "equivalence.h"

#define MIN_PIECES  26
#define MORE_PIECES 26
#define ROOM        2048 /* bytes left for the last piece and the pieces in it; see generate() */

enum where {
	ANYWHERE,
	S_ONLY,
	WITH_H,
	HS_ONLY
};
static const struct {
	const char *name;
	unsigned int weight;
	enum where where;
	void (*emit)(struct gen *g);
} classes[] = {
#define PIECE(name, weight, where, what) { #name, weight, where, emit_##name },
#include "class.def"
};

const char *class_name(unsigned int class)
{
	return classes[class].name;
}

bool class_needs_h(unsigned int class)
{
	return classes[class].where >= WITH_H;
}

void start_random(unsigned long *rnd, unsigned long number, unsigned long what)
{
	*rnd = (number + 1) * 0x9e3779b97f4a7c15 ^ (what + 1) * 0xbf58476d1ce4e5b9;
	*rnd += !*rnd;
	random_next(rnd);
	random_next(rnd);
}

/* ---- emitters ---- */

static void emit16(struct gen *g, u16 insn)
{
	*(u16 *)g->pos = insn;
	g->pos += 2;
	g->insns++;
}

void emit(struct gen *g, u32 insn)
{
	*(u16 *)g->pos = (u16)insn;
	*(u16 *)(g->pos + 2) = (u16)(insn >> 16);
	g->pos += 4;
	g->insns++;
}

bool reserved_reg(unsigned int reg)
{
	return reg == REG_GP || reg == REG_TP || reg == REG_S11;
}

unsigned int any_reg(struct gen *g)
{
	return pick(g, 32);
}

unsigned int dest_reg(struct gen *g)
{
	unsigned int reg;

	do
		reg = pick(g, 32);
	while (reserved_reg(reg));
	return reg;
}

void emit_li(struct gen *g, unsigned int rd, int value)
{
	int low = (int)((unsigned int)value << 20) >> 20;

	if (value == low) {
		emit(g, I_TYPE(OP_IMM, 0, rd, 0, value & 0xfff));
		return;
	}
	emit(g, OP_LUI | rd << 7 | (((u32)value - (u32)low) & 0xfffff000));
	emit(g, I_TYPE(OP_IMM32, 0, rd, rd, low & 0xfff));
}

void emit_csr(struct gen *g, unsigned int funct3, unsigned int rd, unsigned int csr,
	      unsigned int rs)
{
	emit(g, I_TYPE(OP_SYSTEM, funct3, rd, rs, csr));
}

/* ---- which random words are harmless ---- */

#define CSR_hcontext 0x6a8

#define CSR_PROTECTED(n) \
	((n) == CSR_stvec || (n) == CSR_satp || (n) == CSR_stimecmp || (n) == CSR_stimecmph)

/* With V = 1, these CSRs are not accessible. In HS mode, emit_csr_h() and others write them. */
static bool csr_h_ok(const struct gen *g, unsigned int csr, bool writes)
{
	unsigned int group = csr >> 8;

	if (!hs_programs || g->virt || (group != 2 && group != 6))
		return true;
	/* htinst and SD of vsstatus: docs/nested.md. QEMU shows VSTIP of vstimecmp in hvip, too. */
	return !writes && csr != CSR_htinst && csr != CSR_vsstatus && csr != CSR_hvip;
}

bool csr_ok(const struct gen *g, u32 word)
{
	unsigned int csr = word >> 20, rd = word >> 7 & 31, rs = word >> 15 & 31;
	bool writes = (word >> 12 & 3) == 1 || rs;

	if (reserved_reg(rd) || (writes && CSR_PROTECTED(csr)) || !csr_h_ok(g, csr, writes))
		return false;
	/*
	 * QEMU accepts reserved values of UXL, and aborts when it uses them. A guest's write of the
	 * reserved bits 2, 6 and 10 of sie and sip changes bits 1, 5 and 9 there.
	 */
	if (csr == CSR_sstatus && writes && (word >> 13 & 3) != 3)
		return false;
	if ((csr == CSR_sie || csr == CSR_sip) && rs && (!(word >> 14 & 1) || (rs & IRQ_VS_BITS)))
		return false;
	/* OpenSBI emulates htimedelta even where there is no H extension. */
	if (csr == CSR_htimedelta || csr == CSR_htimedeltah)
		return false;
	/* Of Sdtrig, which a guest does not have; Spike does. */
	if (on_spike && csr == CSR_hcontext)
		return false;
	/* Random, and in U mode accessible only in guests; see emit_csr_any(). */
	if (csr == CSR_seed)
		return false;
	/* The values of counters differ between any two runs; see emit_counter(), too. */
	return (csr & ~0x9fU) != CSR_cycle || (!rd && csr != CSR_time);
}

static bool system_ok(const struct gen *g, u32 word)
{
	unsigned int funct3 = word >> 12 & 7;

	if (funct3 & 3)
		return csr_ok(g, word);
	/* HLV and HSV at random addresses */
	if (funct3 == 4 && hs_programs && !g->virt)
		return false;
	if (reserved_reg(word >> 7 & 31))
		return false;
	return funct3 || (word != INSN_ECALL && word != INSN_SRET && word != INSN_WFI &&
			  word != 0x00d00073 && word != 0x01d00073); /* wrs.nto, wrs.sto */
}

bool word_ok(const struct gen *g, u32 word)
{
	unsigned int funct3 = word >> 12 & 7;

	switch (word & 0x7f) {
	case OP_LOAD:
	case OP_FLOAD:
	case OP_STORE:
	case OP_FSTORE:
	case OP_AMO:
	case 0x6f: /* jal */
		return false;
	case OP_FENCE:
		return funct3 != 2 && !reserved_reg(word >> 7 & 31);
	case 0x63: /* branches */
		return funct3 == 2 || funct3 == 3;
	case OP_JALR:
		return funct3 != 0;
	case OP_SYSTEM:
		return system_ok(g, word);
	default:
		return (word & 3) == 3 && !reserved_reg(word >> 7 & 31);
	}
}

/* As word_ok(), for a compressed instruction. */
static bool half_ok(u16 half)
{
	unsigned int funct3 = half >> 13, rd = half >> 7 & 31, rs2 = half >> 2 & 31;

	switch (half & 3) {
	case 0:
		return funct3 == 0;
	case 1:
		return funct3 < 5 && !reserved_reg(rd);
	case 2:
		if (funct3 != 4 || reserved_reg(rd))
			return funct3 == 0 && !reserved_reg(rd);
		return rs2 || !rd; /* not c.jr, c.jalr */
	default:
		return false;
	}
}

/* ---- pieces without memory ---- */

/* Of I, M and the compressed instructions. Those of Zba, Zbb, Zbc, Zbs and Zicond are in emit_bits(). */
static void emit_one_alu(struct gen *g)
{
	unsigned int rd = dest_reg(g), rs1 = any_reg(g), funct3 = pick(g, 8), shift = pick(g, 64);
	bool word = pick(g, 2), high = pick(g, 2);
	u16 half;

	switch (pick(g, 4)) {
	case 0:
		do
			half = (u16)random_next(&g->rnd) | 1;
		while ((half & 3) == 3 || !half_ok(half) || (half & 0xfc03) == 0x9c01);
		emit16(g, half);
		break;
	case 1: /* with an immediate */
		if (word)
			funct3 &= 5, funct3 -= funct3 == 4 ? 4 : 0, shift &= 31;
		emit(g, I_TYPE(word ? OP_IMM32 : OP_IMM, funct3, rd, rs1,
			       funct3 == 1   ? shift
			       : funct3 == 5 ? shift | (unsigned int)high << 10
					     : pick(g, 4096)));
		break;
	case 2:
		high = high && (!(funct3 & 3) ^ (funct3 == 4) || funct3 == 5);
		if (word)
			funct3 &= 5, funct3 -= funct3 == 4 ? 4 : 0;
		emit(g, R_TYPE(word ? OP_REG32 : OP_REG, funct3, high ? 0x20 : 0, rd, rs1,
			       any_reg(g)));
		break;
	default: /* multiply and divide; the 32-bit ones have no mulh */
		if (word && funct3 && funct3 < 4)
			funct3 = 0;
		emit(g, R_TYPE(word ? OP_REG32 : OP_REG, funct3, 1, rd, rs1, any_reg(g)));
	}
}

void emit_alu(struct gen *g)
{
	unsigned int n = 2 + pick(g, 6);

	while (n--)
		emit_one_alu(g);
}

/* Up to 16 rounds of a loop, or a branch over some instructions. */
void emit_loop(struct gen *g)
{
	unsigned int rounds = 1 + pick(g, 16), rd, i;
	u8 *start;
	long back;

	if (pick(g, 2)) {
		static const u8 conditions[] = { 0, 1, 4, 5, 6, 7 };

		emit(g, S_TYPE(0x63, conditions[pick(g, 6)], any_reg(g), any_reg(g), 0) | 12 << 7);
		emit_li(g, dest_reg(g), (int)pick(g, 2048));
		emit_li(g, dest_reg(g), (int)pick(g, 2048));
		g->insns -= 2;
		return;
	}
	emit_li(g, REG_T5, (int)rounds);
	start = g->pos;
	for (i = 0; i < 3; i++) {
		do
			rd = dest_reg(g);
		while (rd == REG_T5);
		emit(g, R_TYPE(OP_REG, pick(g, 8), 0, rd, any_reg(g), any_reg(g)));
	}
	emit(g, I_TYPE(OP_IMM, 0, REG_T5, REG_T5, 0xfff));
	back = start - g->pos;
	emit(g, 0x63 | 1U << 12 | REG_T5 << 15 | ((u32)back >> 1 & 15) << 8 |
			((u32)back >> 5 & 63) << 25 | ((u32)back >> 11 & 1) << 7 | 1U << 31);
	g->insns += 5 * (rounds - 1);
}

void emit_illegal(struct gen *g)
{
	unsigned int kind = pick(g, 8);
	u32 word;

	if (kind == 0) {
		u16 half;

		do
			half = (u16)random_next(&g->rnd);
		while (!half_ok(half));
		emit16(g, pick(g, 4) ? half : 0);
		return;
	}
	do {
		word = (u32)random_next(&g->rnd) | 3;
		if (kind == 1)
			word = (word & ~0x7fU) | OP_SYSTEM;
		else if (kind == 2)
			word = (word & ~0x707fU) | OP_SYSTEM;
	} while (!word_ok(g, word));
	emit(g, word);
}

void emit_brk(struct gen *g)
{
	if (pick(g, 2))
		emit(g, INSN_EBREAK);
	else
		emit16(g, 0x9002);
}

void emit_fence(struct gen *g)
{
	unsigned int kind = pick(g, 4);

	if (kind == 0)
		emit(g, INSN_FENCE_I);
	else if (kind == 1)
		emit(g, INSN_SFENCE | any_reg(g) << 15 | any_reg(g) << 20);
	else
		emit(g, I_TYPE(OP_FENCE, 0, 0, 0, random_next(&g->rnd) & 0xfff));
}

/* ---- programs ---- */

static unsigned int pick_class(struct gen *g)
{
	unsigned int total = 0, i, n;

	for (i = 0; i < NR_CLASSES; i++)
		total += hs_programs || classes[i].where < WITH_H ? classes[i].weight : 0;
	n = pick(g, total);
	for (i = 0; n >= classes[i].weight; i++)
		n -= classes[i].weight;
	return i;
}

static void list_piece(const struct gen *g, unsigned int piece, const char *name, const u8 *from)
{
	printf("piece %u %s %lx:", piece, name, (unsigned long)(from - code));
	for (; from < g->pos; from += 2)
		printf(" %04x", *(const u16 *)from);
	printf("\n");
}

bool is_kept(const struct gen *g, unsigned int piece)
{
	return g->keep[piece / 64] >> piece % 64 & 1;
}

/* Pick a class for VS or VU mode: those that are not allowed there would be too many to replace by alu. */
static unsigned int pick_guest_class(struct gen *g, bool user)
{
	unsigned int class;

	do
		class = pick_class(g);
	while (classes[class].where == HS_ONLY || (user && classes[class].where == S_ONLY));
	return class;
}

/* Emit the next piece, which `keep` may leave out. */
void emit_piece(struct gen *g, bool inner)
{
	unsigned int piece = g->piece++, class;
	u8 *from = g->pos;

	start_random(&g->rnd, g->number, piece);
	class = g->virt ? pick_guest_class(g, inner) : pick_class(g);
	if (inner && (classes[class].where == S_ONLY || classes[class].where == HS_ONLY))
		class = P_alu;
	if (class == P_user && piece + 8 > MAX_PIECES)
		class = P_alu;
	/* 8 pieces, each of which may be an excursion to VU mode with 5 pieces */
	if (class == P_guest && piece + 56 > MAX_PIECES)
		class = P_alu;
	if (class != P_user && class != P_guest && !is_kept(g, piece))
		return;
	g->counts[class]++;
	classes[class].emit(g);
	if (g->listing)
		list_piece(g, piece, classes[class].name, from);
}

void emit_excursion_begin(struct gen *g, bool alias, bool to_s, bool to_virt)
{
	emit(g, OP_AUIPC | REG_T6 << 7);
	if (alias) {
		emit(g, I_TYPE(OP_LOAD, 3, REG_T5, REG_TP, SB_ALIAS));
		emit(g, R_TYPE(OP_REG, 0, 0, REG_T6, REG_T6, REG_T5));
	}
	emit(g, I_TYPE(OP_IMM, 0, REG_T6, REG_T6, 24 + 8 * alias + 8 * to_virt));
	emit_csr(g, 1, 0, CSR_sepc, REG_T6);
	emit(g, I_TYPE(OP_IMM, 0, REG_T5, 0, SSTATUS_SPP));
	emit_csr(g, to_s ? 2 : 3, 0, CSR_sstatus, REG_T5);
	if (to_virt) {
		emit(g, I_TYPE(OP_IMM, 0, REG_T5, 0, HSTATUS_SPV));
		emit_csr(g, 2, 0, CSR_hstatus, REG_T5);
	}
	emit(g, INSN_SRET);
}

/* If the ecall is executed in S mode, it calls an SBI extension that does not exist. */
void emit_excursion_end(struct gen *g)
{
	emit(g, OP_LUI | 17 << 7 | 0x7ed00U << 12);
	emit(g, INSN_ECALL);
}

/*
 * Enter U mode by sret, execute pieces there, and return by an ecall. The address is that of the
 * code's alias if paging is on. If the excursion is left out, its pieces remain, in S mode.
 */
void emit_user(struct gen *g)
{
	unsigned int n = 1 + pick(g, 5), piece = g->piece - 1;
	bool kept = is_kept(g, piece), was_user = g->user;

	if (kept) {
		emit_excursion_begin(g, g->paging, false, false);
		g->user = true;
	}
	while (n--)
		emit_piece(g, true);
	if (kept) {
		emit_excursion_end(g);
		g->user = was_user;
	}
}

/*
 * ROOM is not the size of the largest possible piece: an excursion with many vector pieces would need
 * more. No program is known that does.
 */
void generate(struct gen *g, unsigned long number, const u64 *keep)
{
	unsigned int pieces;

	g->number = number;
	g->keep = keep;
	g->pos = code;
	g->paging = true;
	g->user = g->virt = false;
	g->other_paging = g->gstage = g->stce = true;
	g->piece = 0;
	g->insns = 0;
	start_random(&g->rnd, number, ~1UL);
	pieces = MIN_PIECES + pick(g, MORE_PIECES);
	while (g->piece < pieces && g->pos < code + CODE_SIZE - ROOM)
		emit_piece(g, false);
	emit(g, INSN_EBREAK);
	if (g->pos > code + CODE_SIZE)
		bail("program %lu is longer than its memory", number);
}
