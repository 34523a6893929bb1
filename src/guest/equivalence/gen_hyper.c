// SPDX-License-Identifier: MIT
/*
 * gen_hyper.c - pieces that use the H extension: excursions to V = 1, H and VS CSRs, two-stage
 * translation, HLV and HSV, interrupts of VS.
 *
 * docs/nested.md ("Differences from hardware") lists what these pieces avoid. Above all, an
 * interrupt of VS that is enabled, but not delegated, becomes pending only in emit_vs_irq() and at
 * the beginning of an excursion. Elsewhere, hie has only delegated bits.
 */
#include "equivalence.h"

#define HSTATUS_RANDOM (HSTATUS_SPVP | HSTATUS_HU | HSTATUS_VTVM | HSTATUS_VTW | HSTATUS_VTSR)
#define VSSTATUS_BITS                                                                       \
	(SSTATUS_SIE | SSTATUS_SPIE | SSTATUS_SPP | SSTATUS_VS | SSTATUS_FS | SSTATUS_SUM | \
	 SSTATUS_MXR)
#define FUNCT7_HLV 0x30

/* t5 = value, which may be wider than 31 bits only in the upper part that emit_pte_value() knows. */
static void emit_csr_value(struct gen *g, unsigned int funct3, unsigned int csr,
			   unsigned long value)
{
	emit_pte_value(g, value);
	emit_csr(g, funct3, 0, csr, REG_T5);
}

static void emit_irqs_off(struct gen *g)
{
	emit_csr(g, 7, 0, CSR_sstatus, SSTATUS_SIE);
}

/*
 * Write hvip. While vstimecmp has expired, QEMU 10.0 neither keeps a VSTIP that is set nor clears
 * one, so vstimecmp is written first.
 */
static void emit_hvip(struct gen *g, unsigned int funct3, unsigned long bits)
{
	if (g->stce) {
		emit_li(g, REG_T5, -1);
		emit_csr(g, 1, 0, CSR_vstimecmp, REG_T5);
	}
	emit_csr_value(g, funct3, CSR_hvip, bits & IRQ_VS_BITS);
}

/* ---- excursions ---------------------------------------------------------------------------------- */

/*
 * Have an interrupt of VS pending that HS mode takes as soon as V is 1, since it is not delegated.
 * The handler clears hie.
 */
static void emit_pending_at_entry(struct gen *g)
{
	unsigned long irq = 4UL << 4 * pick(g, 3),
		      hideleg = random_next(&g->rnd) & IRQ_VS_BITS & ~irq;

	emit_irqs_off(g);
	emit_csr(g, 1, 0, CSR_sie, 0);
	emit_csr(g, 1, 0, CSR_hie, 0);
	emit_csr_value(g, 1, CSR_hideleg, hideleg);
	emit_hvip(g, 1, random_next(&g->rnd) | irq);
	emit_csr_value(g, 1, CSR_hie, (random_next(&g->rnd) & hideleg) | irq);
}

static void exchange_paging(struct gen *g)
{
	bool paging = g->paging;

	g->paging = g->other_paging;
	g->other_paging = paging;
	g->virt = !g->virt;
}

/* Set auipc and addi at `at` to compute the address `target`. */
static void patch_address(u8 *at, const u8 *target)
{
	long offset = target - at;
	u32 words[2] = { OP_AUIPC | REG_T5 << 7 | (((u32)offset + 0x800) & 0xfffff000),
			 I_TYPE(OP_IMM, 0, REG_T5, REG_T5, offset & 0xfff) };

	for (unsigned int i = 0; i < 4; i++)
		((u16 *)at)[i] = (u16)(words[i / 2] >> 16 * (i % 2));
}

/*
 * Enter VS or VU mode by sret, execute pieces there, and return by an ecall. The handler continues
 * at `resume` after this ecall, and if the code cannot be fetched. Left out, the excursion has no
 * pieces, since most do something else in HS mode.
 */
void emit_guest(struct gen *g)
{
	unsigned int n = 2 + pick(g, 7), piece = g->piece - 1;
	bool vu = !pick(g, 4);
	struct gen before = *g;
	u8 *resume;

	if (!pick(g, 6))
		emit_pending_at_entry(g);
	resume = g->pos;
	g->pos += 8;
	g->insns += 2;
	emit(g, S_TYPE(OP_STORE, 3, REG_TP, REG_T5, SB_RESUME));
	emit_excursion_begin(g, vu && g->other_paging, !vu, true);
	exchange_paging(g);
	g->user = vu;
	while (n--)
		emit_piece(g, vu);
	emit_excursion_end(g);
	g->user = false;
	exchange_paging(g);
	patch_address(resume, g->pos);
	if (!is_kept(g, piece)) {
		before.piece = g->piece;
		*g = before;
	}
}

/* WFI in VS mode, if an interrupt is pending that ends it. */
void emit_vs_wfi(struct gen *g)
{
	emit_csr(g, 7, 0, CSR_sstatus, SSTATUS_SIE);
	emit_csr(g, 6, 0, CSR_sip, 2);
	emit_csr(g, 6, 0, CSR_sie, 2);
	emit_csr(g, 2, REG_T5, CSR_sip, 0);
	emit_csr(g, 2, REG_T4, CSR_sie, 0);
	emit(g, R_TYPE(OP_REG, 7, 0, REG_T5, REG_T5, REG_T4));
	emit(g, 0x463 | REG_T5 << 15); /* beqz t5, .+8 */
	emit(g, INSN_WFI);
	if (pick(g, 2))
		emit_csr(g, 6, 0, CSR_sstatus, SSTATUS_SIE);
}

/* ---- CSRs ---------------------------------------------------------------------------------------- */

/* hie: only what is delegated. */
static void emit_hie(struct gen *g)
{
	emit_csr(g, 2, REG_T5, CSR_hideleg, 0);
	emit(g, I_TYPE(OP_IMM, 7, REG_T5, REG_T5, random_next(&g->rnd) & IRQ_VS_BITS));
	emit_csr(g, 1, dest_reg(g), CSR_hie, REG_T5);
}

static void emit_henvcfg(struct gen *g)
{
	const unsigned long all =
		(on_spike ? 0 : ENVCFG_FIOM) | ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE;
	unsigned long bits = random_next(&g->rnd) & all;

	switch (pick(g, 3)) {
	case 0:
		if ((bits & ENVCFG_CBIE) == 2UL << 4) /* reserved */
			bits &= ~ENVCFG_CBIE;
		emit_csr_value(g, 3, CSR_henvcfg, all);
		emit_csr_value(g, 2, CSR_henvcfg, bits);
		break;
	case 1:
		emit_csr_value(g, 2 + pick(g, 2), CSR_henvcfg, ENVCFG_ADUE);
		emit(g, INSN_HFENCE_VVMA);
		break;
	default:
		if (!has[HAS_stimecmp])
			break;
		/* QEMU keeps VSTIP if STCE is cleared while the timer has expired. */
		emit_li(g, REG_T5, -1);
		emit_csr(g, 1, 0, CSR_vstimecmp, REG_T5);
		g->stce = pick(g, 2);
		emit_csr_value(g, g->stce ? 2 : 3, CSR_henvcfg, ENVCFG_STCE);
	}
	emit_csr(g, 2, dest_reg(g), CSR_henvcfg, 0);
}

/* Some fields of vsstatus. SD is not compared. */
static void emit_vsstatus(struct gen *g)
{
	unsigned int rd = dest_reg(g);

	emit_csr_value(g, 2 + pick(g, 2), CSR_vsstatus, random_next(&g->rnd) & VSSTATUS_BITS);
	emit_csr(g, 2, rd, CSR_vsstatus, 0);
	emit(g, I_TYPE(OP_IMM, 1, rd, rd, 1));
}

static void emit_vsepc(struct gen *g)
{
	emit(g, I_TYPE(OP_IMM, 7, REG_T5, any_reg(g), -2 & 0xfff));
	emit_csr(g, 1, dest_reg(g), CSR_vsepc, REG_T5);
}

/* Not a reserved mode on Spike, which then clears bit 1 instead of ignoring the write. */
static void emit_vstvec(struct gen *g)
{
	unsigned int value = any_reg(g);

	if (on_spike) {
		emit(g, I_TYPE(OP_IMM, 7, REG_T5, value, -3 & 0xfff));
		value = REG_T5;
	}
	emit_csr(g, 1, REG_T5, CSR_vstvec, value);
	emit_csr(g, 1, dest_reg(g), CSR_vstvec, REG_T5);
}

static void emit_one_csr_h(struct gen *g)
{
	static const u16 any_value[] = { CSR_vsscratch, CSR_vscause, CSR_vstval, CSR_htimedelta,
					 CSR_htval };
	static const u16 read_only[] = { CSR_hstatus, CSR_hedeleg,    CSR_hideleg, CSR_hie,
					 CSR_hip,     CSR_hcounteren, CSR_hgeie,   CSR_hgeip,
					 CSR_hgatp,   CSR_vsie,       CSR_vsip,    CSR_vsatp,
					 CSR_vstvec };
	unsigned long bits = random_next(&g->rnd);

	switch (pick(g, 15)) {
	case 0:
	case 1:
		emit_csr_value(g, 2 + pick(g, 2), CSR_hstatus, bits & HSTATUS_RANDOM);
		break;
	case 2:
		emit_csr_value(g, 1 + pick(g, 3), CSR_hedeleg, bits & HEDELEG_BITS);
		break;
	case 3:
		emit_csr(g, 1, 0, CSR_hie, 0);
		emit_csr_value(g, 1, CSR_hideleg, bits & IRQ_VS_BITS);
		break;
	case 4:
		emit_hvip(g, 1 + pick(g, 3), bits);
		break;
	case 5:
		emit_hie(g);
		break;
	case 6:
		emit_csr(g, 6 + pick(g, 2), pick(g, 2) ? dest_reg(g) : 0, CSR_hip, 4);
		break;
	case 7:
		emit_csr(g, 5, dest_reg(g), CSR_hcounteren, bits & 7);
		break;
	case 8:
		emit_henvcfg(g);
		break;
	case 9:
		emit_vsstatus(g);
		break;
	case 10:
		emit_csr_value(g, 1 + pick(g, 3), pick(g, 2) ? CSR_vsie : CSR_vsip, bits & 0x222);
		break;
	case 11:
		if (pick(g, 2))
			emit_vsepc(g);
		else
			emit_vstvec(g);
		break;
	case 12:
		if (has[HAS_stimecmp]) {
			emit_li(g, REG_T5, g->stce && (bits & 1) ? 0 : -1);
			emit_csr(g, 1, dest_reg(g), CSR_vstimecmp, REG_T5);
			break;
		}
		/* fall through */
	case 13:
		emit_csr(g, 1 + pick(g, 3), dest_reg(g), any_value[bits % ARRAY_SIZE(any_value)],
			 any_reg(g));
		break;
	default:
		emit_csr(g, 2, dest_reg(g), read_only[bits % ARRAY_SIZE(read_only)], 0);
	}
}

void emit_csr_h(struct gen *g)
{
	unsigned int n = 1 + pick(g, 3);

	while (n--)
		emit_one_csr_h(g);
}

/* ---- translation --------------------------------------------------------------------------------- */

void emit_csr_vsatp(struct gen *g)
{
	emit_atp(g, CSR_vsatp, pick(g, SATPS));
}

/* While hgatp is Bare, roots that have tables in the G-stage's window are not used. */
void emit_hgatp(struct gen *g)
{
	unsigned int n = pick(g, SATPS);
	unsigned long mode = atp_mode(n);

	if (!mode) {
		g->gstage = false;
		emit_atp(g, CSR_vsatp, 1 + pick(g, 2));
	}
	emit_load_csr(g, CSR_hgatp, SB_HGATPS, n);
	emit(g, INSN_HFENCE_GVMA);
	if (mode && hgatp_modes >> mode & 1)
		g->gstage = true;
	emit_hlv(g);
}

void emit_gpte(struct gen *g)
{
	struct groot *root = &groots[pick(g, GROOTS)];
	unsigned int n = pick(g, SMALL_PAGES);
	pte_t *pte, value;

	switch (pick(g, 4)) {
	case 0:
		n = 1 + pick(g, LARGE_PAGES);
		pte = &root->middle[n];
		value = random_gleaf(&g->rnd, 1, n);
		break;
	case 1:
		pte = &root->small[n];
		value = random_gleaf(&g->rnd, 0, n);
		break;
	default:
		n = pick(g, ARENA_PAGES);
		pte = &root->arena[n];
		value = random_arena_leaf(&g->rnd, n);
	}
	emit_based(g, REG_S11, (u8 *)pte - arena);
	emit_pte_value(g, value);
	emit(g, S_TYPE(OP_STORE, 3, REG_T6, REG_T5, 0));
	emit(g, INSN_HFENCE_GVMA);
	emit_hlv(g);
}

/* In U mode, these need hstatus.HU. With V = 1, they trap. */
void emit_hlv(struct gen *g)
{
	unsigned int n = 1 + pick(g, 3), width, rd;
	bool exchange = !g->virt;

	if (exchange)
		exchange_paging(g);
	emit_address(g);
	if (exchange)
		exchange_paging(g);
	while (n--) {
		width = pick(g, 4);
		if (pick(g, 3)) {
			do
				rd = dest_reg(g);
			while (rd == REG_T6);
			emit(g, R_TYPE(OP_SYSTEM, 4, FUNCT7_HLV + 2 * width, rd, REG_T6,
				       pick(g, 16) ? (pick(g, 4) ? pick(g, 2) : 3) : pick(g, 32)));
		} else {
			emit(g, R_TYPE(OP_SYSTEM, 4, FUNCT7_HLV + 2 * width + 1, 0, REG_T6,
				       any_reg(g)));
		}
	}
}

void emit_hfence(struct gen *g)
{
	emit(g, (pick(g, 2) ? INSN_HFENCE_VVMA : INSN_HFENCE_GVMA) |
			(pick(g, 2) ? any_reg(g) : 0) << 15 | (pick(g, 2) ? any_reg(g) : 0) << 20);
}

/* ---- traps into HS mode -------------------------------------------------------------------------- */

/*
 * HS mode takes an interrupt of VS at the write of hie, if it is enabled and not delegated. Only one
 * interrupt is enabled: without AIA, QEMU takes the one with the lowest number instead of H §2.2's order.
 */
void emit_vs_irq(struct gen *g)
{
	emit_irqs_off(g);
	emit_csr(g, 1, 0, CSR_sie, 0);
	emit_csr(g, 1, 0, CSR_hie, 0);
	emit_csr_value(g, 1, CSR_hideleg, random_next(&g->rnd) & IRQ_VS_BITS);
	emit_hvip(g, 1, random_next(&g->rnd));
	if (pick(g, 4))
		emit_csr(g, 6, 0, CSR_sstatus, SSTATUS_SIE);
	emit_csr_value(g, 1 + pick(g, 2), CSR_hie, 4UL << 4 * pick(g, 3));
	emit_csr(g, 2, dest_reg(g), CSR_hip, 0);
	emit_csr(g, 2, REG_T5, CSR_hideleg, 0);
	emit_csr(g, 2, REG_T4, CSR_hie, 0);
	emit(g, R_TYPE(OP_REG, 7, 0, REG_T5, REG_T5, REG_T4));
	emit_csr(g, 1, dest_reg(g), CSR_hie, REG_T5);
}

/* An exception with V = 0 clears both bits. Interrupts are off (docs/nested.md). */
void emit_spv(struct gen *g)
{
	emit_irqs_off(g);
	emit_csr_value(g, 2, CSR_hstatus, pick(g, 2) ? HSTATUS_SPV : HSTATUS_SPV | HSTATUS_GVA);
	if (pick(g, 2))
		emit_brk(g);
	else
		emit_hlv(g);
	emit_csr(g, 2, dest_reg(g), CSR_hstatus, 0);
	emit_csr_value(g, 3, CSR_hstatus, HSTATUS_SPV | HSTATUS_GVA);
}
