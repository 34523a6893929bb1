// SPDX-License-Identifier: MIT
/*
 * gen_memory.c - pieces that access memory: loads and stores, page tables, jumps, atomics, code.
 *
 * Each access uses the address in t6, which emit_address() has just computed. So only the arena,
 * and only its data pages, can be written.
 */
#include "equivalence.h"

#define AMOCAS 5 /* funct5 */

#define LARGE_OF_ARENA ((unsigned long)arena & (SZ_1G - 1))

/* Return a random offset in a page. */
static int random_offset(struct gen *g)
{
	switch (pick(g, 8)) {
	case 0:
		return (int)(PAGE_SIZE - 8 + pick(g, 8)); /* at the end of the page */
	case 1:
		return (int)pick(g, PAGE_SIZE - 8);
	default:
		return (int)pick(g, PAGE_SIZE / 64 - 1) * 64 + (int)pick(g, 8) * 8;
	}
}

void emit_based(struct gen *g, unsigned int base, long offset)
{
	emit_li(g, REG_T6, (int)offset);
	emit(g, R_TYPE(OP_REG, 0, 0, REG_T6, REG_T6, base));
}

static bool has_window(const struct gen *g)
{
	return g->paging || (g->virt && g->gstage);
}

void emit_address(struct gen *g)
{
	unsigned int kind = pick(g, 16);
	int offset = (int)(pick(g, DATA_PAGES) * PAGE_SIZE) + random_offset(g);

	/* While translation is off, the window has no memory (docs/equivalence.md). */
	if (!has_window(g) || kind < 3) {
		emit_based(g, REG_S11, offset);
	} else if (kind < 12) {
		emit_based(g, REG_GP, (int)(pick(g, SMALL_PAGES) * PAGE_SIZE) + random_offset(g));
	} else if (kind < 14) {
		emit_based(g, REG_GP, (int)((1 + pick(g, LARGE_PAGES)) * SZ_2M) + offset);
	} else if (kind < 15) {
		emit_based(g, REG_GP, (long)(SZ_1G + LARGE_OF_ARENA) + offset);
	} else { /* an address that is not canonical, or has no table */
		emit_based(g, REG_GP, offset);
		emit(g, I_TYPE(OP_IMM, 0, REG_T5, 0, 1));
		emit(g, I_TYPE(OP_IMM, 1, REG_T5, REG_T5, 37 + pick(g, 27)));
		emit(g, R_TYPE(OP_REG, 6, 0, REG_T6, REG_T6, REG_T5));
	}
}

static unsigned int dest_not_t6(struct gen *g)
{
	unsigned int reg;

	do
		reg = dest_reg(g);
	while (reg == REG_T6);
	return reg;
}

static void emit_one_access(struct gen *g)
{
	unsigned int funct3 = pick(g, 16) ? pick(g, 4) : pick(g, 8);

	switch (pick(g, 8)) {
	case 0:
		/* OpenSBI emulates misaligned loads, but does not make vsstatus.FS dirty. */
		emit(g, I_TYPE(OP_IMM, 7, REG_T6, REG_T6, -8 & 0xfff));
		emit(g, I_TYPE(OP_FLOAD, 2 + pick(g, 2), pick(g, 32), REG_T6, 0));
		break;
	case 1:
		emit(g, S_TYPE(OP_FSTORE, 2 + pick(g, 2), REG_T6, pick(g, 32), 0));
		break;
	case 2:
	case 3:
	case 4:
		emit(g, S_TYPE(OP_STORE, funct3, REG_T6, any_reg(g), 0));
		break;
	default:
		emit(g, I_TYPE(OP_LOAD, pick(g, 16) ? pick(g, 7) : 7, dest_not_t6(g), REG_T6, 0));
	}
}

void emit_memory(struct gen *g)
{
	unsigned int n = 1 + pick(g, 3);

	emit_address(g);
	while (n--)
		emit_one_access(g);
}

/* t5 |= value << shift */
static void emit_or_shifted(struct gen *g, unsigned long value, unsigned int shift)
{
	if (!value)
		return;
	emit_li(g, REG_T4, (int)value);
	emit(g, I_TYPE(OP_IMM, 1, REG_T4, REG_T4, shift));
	emit(g, R_TYPE(OP_REG, 6, 0, REG_T5, REG_T5, REG_T4));
}

void emit_pte_value(struct gen *g, pte_t value)
{
	emit_li(g, REG_T5, (int)(value & 0x7fffffff));
	emit_or_shifted(g, value >> 31 & 0x7fffff, 31);
	emit_or_shifted(g, value >> 54, 54);
}

static pte_t random_entry(struct gen *g, unsigned int root, int level, unsigned int n)
{
	return root < S_ROOTS ? random_leaf(&g->rnd, level, n) : random_vs_leaf(&g->rnd, level, n);
}

/* Change a random entry of a window, fence, and access the page. */
void emit_pte(struct gen *g)
{
	unsigned int number = pick(g, hs_programs ? ROOTS : S_ROOTS);
	struct root *root = &roots[number];
	unsigned int kind = pick(g, 8), n;
	long place, page;
	pte_t *pte, value;

	if (kind < 6) {
		n = pick(g, SMALL_PAGES);
		pte = &root->small[n];
		value = random_entry(g, number, 0, n);
		page = n * PAGE_SIZE;
	} else {
		n = 1 + pick(g, LARGE_PAGES);
		pte = &root->middle[n];
		value = random_entry(g, number, 1, n);
		page = (long)(n * SZ_2M + pick(g, DATA_PAGES) * PAGE_SIZE);
	}
	place = (long)((u8 *)pte - arena);
	emit_based(g, REG_S11, place);
	emit_pte_value(g, value);
	emit(g, S_TYPE(OP_STORE, 3, REG_T6, REG_T5, 0));
	if (hs_programs && !g->virt)
		emit(g, INSN_HFENCE_VVMA);
	if (has_window(g)) {
		emit_based(g, REG_GP, page + random_offset(g));
		emit(g, INSN_SFENCE | (pick(g, 2) ? REG_T6 : 0U) << 15);
		emit_one_access(g);
		emit_one_access(g);
	} else {
		emit(g, INSN_SFENCE);
	}
}

void emit_load_csr(struct gen *g, unsigned int csr, unsigned int offset, unsigned int n)
{
	emit(g, I_TYPE(OP_LOAD, 3, REG_T5, REG_TP, offset + 8 * n));
	emit_csr(g, 1, dest_reg(g), csr, REG_T5);
}

unsigned long atp_mode(unsigned int n)
{
	static const u8 modes[SATPS] = {
		0,  SATP_MODE_SV39, SATP_MODE_SV39, SATP_MODE_SV48, SATP_MODE_SV57, 15,
		15, SATP_MODE_SV39
	};

	return modes[n];
}

/* The chosen root stays; the fence makes the outcome independent of earlier uses of the ASID. */
void emit_atp(struct gen *g, unsigned int csr, unsigned int n)
{
	bool vsatp = csr == CSR_vsatp, *paging = vsatp ? &g->other_paging : &g->paging;
	unsigned long mode = atp_mode(n);

	emit_load_csr(g, csr, (vsatp || g->virt) && g->gstage ? SB_VSATPS : SB_SATPS, n);
	emit(g, vsatp ? INSN_HFENCE_VVMA : INSN_SFENCE);
	if (!mode)
		*paging = false;
	else if (satp_modes >> mode & 1)
		*paging = true;
}

void emit_satp(struct gen *g)
{
	emit_atp(g, CSR_satp, pick(g, SATPS));
	emit_memory(g);
}

/* Call the stub through a random mapping: it returns, or the fetch faults and ra is used. */
void emit_fetch(struct gen *g)
{
	int offset = (int)pick(g, PAGE_SIZE / 2) * 2;

	if (!has_window(g) || !pick(g, 6))
		emit_based(g, REG_S11, (long)(STUB_PAGE * PAGE_SIZE) + offset);
	else if (pick(g, 4))
		emit_based(g, REG_GP, (long)(pick(g, SMALL_PAGES) * PAGE_SIZE) + offset);
	else
		emit_based(g, REG_GP,
			   (long)((1 + pick(g, LARGE_PAGES)) * SZ_2M + STUB_PAGE * PAGE_SIZE) +
				   offset);
	emit(g, I_TYPE(OP_JALR, 0, REG_RA, REG_T6, pick(g, 2)));
}

/*
 * With V = 1, load from the page first, so that the shadow table has it. Otherwise, an AMO or a
 * cache-block operation may report another fault than on the bare machine (docs/nested.md), and a
 * fault-only-first load may end at another element.
 */
void emit_touch(struct gen *g)
{
	if (g->virt)
		emit(g, I_TYPE(OP_LOAD, 0, 0, REG_T6, 0));
}

/* Compute the address of an AMO, LR or SC. A misaligned one is an exception. */
static void emit_atomic_address(struct gen *g)
{
	emit_address(g);
	emit_touch(g);
	if (g->aligned)
		emit(g, I_TYPE(OP_IMM, 7, REG_T6, REG_T6, -16 & 0xfff));
}

/* LR and SC have a piece of their own. amocas.q (Zacas) writes a pair of registers, which starts at an even one. */
void emit_amo(struct gen *g)
{
	static const u8 functions[] = { 0, 1, 4, 8, 12, 16, 20, 24, 28 };
	unsigned int funct5 = pick(g, 12) ? functions[pick(g, 9)] : 4 + pick(g, 28),
		     funct3 = pick(g, 12) ? 2 + pick(g, 2) : pick(g, 8), rd;

	if (has[HAS_zacas] && !pick(g, 6))
		funct5 = AMOCAS, funct3 = 2 + pick(g, 3);
	emit_atomic_address(g);
	do
		rd = dest_reg(g);
	while (funct5 == AMOCAS && funct3 == 4 && reserved_reg(rd | 1));
	emit(g, R_TYPE(OP_AMO, funct3, funct5 << 2 | pick(g, 4), rd, REG_T6, any_reg(g)));
}

/*
 * Try LR and SC up to three times: an SC may fail because of an interrupt of the host, but hardly
 * three times. The counter's register is cleared. Or an SC alone, which fails.
 */
void emit_lrsc(struct gen *g)
{
	unsigned int width = 2 + pick(g, 2), rd = 28, count = 29,
		     value = dest_not_t6(g); /* t3, t4 */

	emit_atomic_address(g);
	if (!pick(g, 3)) {
		emit(g,
		     R_TYPE(OP_AMO, width, 3 << 2 | pick(g, 4), dest_reg(g), REG_T6, any_reg(g)));
		return;
	}
	if (value == rd || value == count)
		value = 5;
	emit_li(g, count, 4);
	emit(g, I_TYPE(OP_IMM, 0, count, count, 0xfff));
	emit(g, 0x863 | count << 15); /* beqz count, .+16 */
	emit(g, R_TYPE(OP_AMO, width, 2 << 2 | pick(g, 4), value, REG_T6, 0));
	emit(g, R_TYPE(OP_AMO, width, 3 << 2 | pick(g, 4), rd, REG_T6, any_reg(g)));
	emit(g, 0xfe0018e3 | rd << 15); /* bnez rd, .-16 */
	emit_li(g, count, 0);
}

/* Replace an instruction that follows. */
void emit_code(struct gen *g)
{
	u32 word = R_TYPE(OP_REG, pick(g, 8), 0, dest_reg(g), any_reg(g), any_reg(g));

	emit_li(g, REG_T5, (int)word);
	emit(g, OP_AUIPC | REG_T6 << 7);
	emit(g, S_TYPE(OP_STORE, 2, REG_T6, REG_T5, 12));
	emit(g, INSN_FENCE_I);
	emit(g, I_TYPE(OP_IMM, 0, dest_reg(g), 0, pick(g, 2048)));
}

/* cbo.inval, cbo.clean, cbo.flush, cbo.zero, one that does not exist, or prefetch. */
void emit_cbo(struct gen *g)
{
	unsigned int n = pick(g, 6);

	emit_address(g);
	emit_touch(g);
	if (n == 5)
		emit(g, I_TYPE(OP_IMM, 6, 0, REG_T6, pick(g, 4)));
	else
		emit(g, I_TYPE(OP_FENCE, 2, 0, REG_T6, n < 3 ? n : n == 3 ? 4 : 3));
}
