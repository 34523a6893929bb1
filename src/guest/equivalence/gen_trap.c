// SPDX-License-Identifier: MIT
/*
 * gen_trap.c - pieces that concern privilege: CSRs, interrupts, SBI calls, the H extension.
 */
#include "equivalence.h"

static void emit_one_csr(struct gen *g, unsigned int csr)
{
	static const u8 functions[] = { 1, 2, 3, 5, 6, 7 };
	/* In HS mode, FS and VS are Off or Dirty: see emit_fp_state(). */
	unsigned long excluded =
		hs_programs && !g->virt ? IRQ_VS_BITS | SSTATUS_FS | SSTATUS_VS : IRQ_VS_BITS;
	unsigned int tries = 20;
	u32 word;

	if (csr == CSR_sstatus || csr == CSR_sie || csr == CSR_sip) {
		/* Values that csr_ok() can't check: here, without the bits that it excludes. */
		emit_li(g, REG_T5, (int)(random_next(&g->rnd) & 0x7fffffff & ~excluded));
		emit_csr(g, (csr == CSR_sstatus ? 2 : 1) + pick(g, 2), dest_reg(g), csr, REG_T5);
		return;
	}
	do {
		if (!tries--) /* a CSR that programs do not access */
			csr = CSR_sscratch;
		word = I_TYPE(OP_SYSTEM, functions[pick(g, 6)], pick(g, 32),
			      pick(g, 3) ? pick(g, 32) : 0, csr);
	} while (!csr_ok(g, word));
	emit(g, word);
}

/* Mostly CSRs that exist; also all other numbers of the range. */
void emit_csr_s(struct gen *g)
{
	static const u16 numbers[] = { CSR_sstatus,  CSR_sie,  CSR_scounteren, CSR_senvcfg,
				       CSR_sscratch, CSR_sepc, CSR_scause,     CSR_stval,
				       CSR_sip,      CSR_satp, CSR_stvec,      CSR_sstatus };
	unsigned int n = 1 + pick(g, 3);

	while (n--)
		emit_one_csr(g, has[HAS_sstateen] && !pick(g, 12) ? CSR_sstateen0 + pick(g, 4)
				: pick(g, 6) ? numbers[pick(g, ARRAY_SIZE(numbers))]
					     : 0x100 + pick(g, 256));
}

void emit_csr_any(struct gen *g)
{
	static const u16 numbers[] = { CSR_hstatus, CSR_hgatp, CSR_vsstatus, CSR_vsatp, CSR_hvip,
				       CSR_fcsr,    CSR_frm,   CSR_fflags,   CSR_vl,    CSR_vtype,
				       CSR_vstart,  CSR_vcsr,  CSR_vlenb,    CSR_seed,  0x300,
				       0x304,       0x342,     0x3a0,        0x7a0,     0xf14 };

	unsigned int csr = pick(g, 3) ? pick(g, 4096) : numbers[pick(g, ARRAY_SIZE(numbers))];

	if (csr == CSR_seed && !g->user) /* only whether the access traps is compared */
		emit_csr(g, 1 + pick(g, 3), 0, csr, any_reg(g));
	else
		emit_one_csr(g, csr);
}

/* Only whether the read traps is compared: rd is x0. */
void emit_counter(struct gen *g)
{
	unsigned int csr = CSR_cycle + (pick(g, 3) ? pick(g, 3) : pick(g, 32));

	/* OpenSBI 1.5 lets U mode read time, whatever scounteren says. */
	if (csr == CSR_time && g->user)
		csr = CSR_cycle;
	if (!g->user && !pick(g, 3)) {
		emit_csr(g, 5 + pick(g, 3), 0, CSR_scounteren, pick(g, 8));
		return;
	}
	emit_csr(g, pick(g, 8) ? 2 : 1, 0, csr, 0);
}

/* With interrupts off, so that no trap uses the value. */
void emit_stvec(struct gen *g)
{
	emit_csr(g, 7, dest_reg(g), CSR_sstatus, SSTATUS_SIE);
	emit_csr(g, 1, REG_T5, CSR_stvec, any_reg(g));
	emit_csr(g, 1, dest_reg(g), CSR_stvec, REG_T5);
}

/* Instructions that need the H extension: HLV, HSV, HFENCE, and hypervisor CSRs. */
void emit_hypervisor(struct gen *g)
{
	static const u8 funct7s[] = { 0x11, 0x31, 0x13, 0x33, 0x30, 0x31,
				      0x32, 0x34, 0x36, 0x37, 0x35 };
	unsigned int n = pick(g, ARRAY_SIZE(funct7s)), funct7 = funct7s[n];

	if (hs_programs && !g->virt && n >= 4)
		emit_hlv(g);
	else if (n < 4)
		emit(g, R_TYPE(OP_SYSTEM, 0, funct7, 0, any_reg(g), any_reg(g)));
	else
		emit(g, R_TYPE(OP_SYSTEM, 4, funct7, funct7 & 1 ? 0 : dest_reg(g), any_reg(g),
			       funct7 & 1 ? any_reg(g) : pick(g, 4)));
}

/* ---- SBI ---- */

#define DROP_VALUE 1 /* a1 differs legitimately (docs/equivalence.md) */
#define DROP_ERROR 2 /* a0 */
static const struct call {
	u32 ext;
	int fid, a0, a1, a2;
	unsigned int drop;
} calls[] = {
	{ SBI_EXT_BASE, 0, 0, 0, 0, DROP_VALUE },
	{ SBI_EXT_BASE, 1, 0, 0, 0, DROP_VALUE },
	{ SBI_EXT_BASE, 2, 0, 0, 0, DROP_VALUE },
	{ SBI_EXT_BASE, 3, SBI_EXT_TIME, 0, 0, 0 },
	{ SBI_EXT_BASE, 3, SBI_EXT_IPI, 0, 0, 0 },
	{ SBI_EXT_BASE, 3, SBI_EXT_RFENCE, 0, 0, 0 },
	{ SBI_EXT_BASE, 3, SBI_EXT_HSM, 0, 0, 0 },
	{ SBI_EXT_BASE, 3, SBI_EXT_SRST, 0, 0, 0 },
	{ SBI_EXT_BASE, 3, SBI_EXT_DBCN, 0, 0, 0 },
	{ SBI_EXT_BASE, 3, 0x7edcba98, 0, 0, 0 },
	{ SBI_EXT_BASE, 4, 0, 0, 0, DROP_VALUE },
	{ SBI_EXT_BASE, 5, 0, 0, 0, DROP_VALUE },
	{ SBI_EXT_BASE, 6, 0, 0, 0, DROP_VALUE },
	{ SBI_EXT_BASE, 7, 0, 0, 0, 0 },
	{ SBI_EXT_TIME, 1, 0, 0, 0, 0 },
	{ SBI_EXT_IPI, 0, 0, 0, 0, 0 },
	{ SBI_EXT_IPI, 0, 1, 0, 0, 0 },
	{ SBI_EXT_IPI, 0, 0, -1, 0, 0 },
	{ SBI_EXT_IPI, 0, 2, 0, 0, DROP_ERROR },
	{ SBI_EXT_IPI, 0, 1, 1, 0, DROP_ERROR },
	{ SBI_EXT_IPI, 1, 1, 0, 0, 0 },
	{ SBI_EXT_RFENCE, 0, 1, 0, 0, 0 },
	{ SBI_EXT_RFENCE, 0, 0, -1, 0, 0 },
	{ SBI_EXT_RFENCE, 0, 2, 0, 0, DROP_ERROR },
	{ SBI_EXT_RFENCE, 1, 1, 0, 0, 0 },
	{ SBI_EXT_RFENCE, 1, 0, -1, 4096, 0 },
	{ SBI_EXT_RFENCE, 2, 1, 0, 0, 0 },
	{ SBI_EXT_RFENCE, 3, 1, 0, 0, 0 },
	{ SBI_EXT_RFENCE, 4, 1, 0, 0, 0 },
	{ SBI_EXT_RFENCE, 5, 1, 0, 0, 0 },
	{ SBI_EXT_RFENCE, 6, 1, 0, 0, 0 },
	{ SBI_EXT_RFENCE, 7, 1, 0, 0, 0 },
	{ SBI_EXT_HSM, 0, 0, 0x1000, 0, DROP_ERROR },
	{ SBI_EXT_HSM, 0, 63, 0x1000, 0, 0 },
	{ SBI_EXT_HSM, 2, 0, 0, 0, 0 },
	{ SBI_EXT_HSM, 2, 63, 0, 0, 0 },
	{ SBI_EXT_HSM, 3, 1, 0, 0, 0 },
	{ SBI_EXT_HSM, 3, 0x10000000, 0, 0, DROP_ERROR },
	{ SBI_EXT_HSM, 4, 0, 0, 0, 0 },
	{ SBI_EXT_SRST, 0, 5, 0, 0, 0 },
	{ SBI_EXT_SRST, 0, 0, 5, 0, 0 },
	{ SBI_EXT_SRST, 1, 0, 0, 0, 0 },
	{ SBI_EXT_DBCN, 0, 0, 0, 0, DROP_ERROR },
	{ SBI_EXT_DBCN, 0, 16, 0, -1, DROP_ERROR },
	{ SBI_EXT_DBCN, 1, 16, 0, -1, DROP_ERROR },
	{ SBI_EXT_DBCN, 3, 0, 0, 0, 0 },
	{ 0x7edcba98, 0, 1, 2, 3, 0 },
	{ SBI_LEGACY_CLEAR_IPI, 0, 0, 0, 0, DROP_ERROR },
	{ 9, 0, 0, 0, 0, 0 },
	{ 15, 0, 0, 0, 0, 0 },
};

static void emit_call(struct gen *g, const struct call *call)
{
	emit_li(g, 17, (int)call->ext);
	emit_li(g, 16, call->fid);
	emit_li(g, 10, call->a0);
	emit_li(g, 11, call->a1);
	emit_li(g, 12, call->a2);
	emit(g, INSN_ECALL);
	if (call->drop & DROP_VALUE)
		emit_li(g, 11, 0);
	if (call->drop & DROP_ERROR)
		emit_li(g, 10, 0);
}

void emit_sbi(struct gen *g)
{
	emit_call(g, &calls[pick(g, ARRAY_SIZE(calls))]);
}

/* ---- interrupts ---- */

/* Enable or disable interrupts: in sie, or all of them. */
static void emit_enable(struct gen *g)
{
	if (pick(g, 2)) {
		emit_csr(g, 6 + pick(g, 2), dest_reg(g), CSR_sstatus, SSTATUS_SIE);
		return;
	}
	emit_li(g, REG_T5, (int)(pick(g, 2) << IRQ_S_TIMER | pick(g, 2) << IRQ_S_SOFT));
	emit_csr(g, 2 + pick(g, 2), dest_reg(g), CSR_sie, REG_T5);
}

static void emit_set_timer(struct gen *g, int time)
{
	if (has[HAS_stimecmp] && pick(g, 2)) {
		emit_li(g, REG_T5, time);
		emit_csr(g, 1, 0, CSR_stimecmp, REG_T5);
	} else {
		struct call call = { SBI_EXT_TIME, 0, time, 0, 0, 0 };

		if (!pick(g, 4))
			call.ext = SBI_LEGACY_SET_TIMER;
		emit_call(g, &call);
	}
}

static void emit_raise(struct gen *g)
{
	static const struct call ipi = { SBI_EXT_IPI, 0, 1, 0, 0, 0 };

	switch (pick(g, 3)) {
	case 0:
		emit_call(g, &ipi);
		break;
	case 1:
		emit_csr(g, 7, dest_reg(g), CSR_sip, 2);
		break;
	default:
		emit_csr(g, 6, dest_reg(g), CSR_sip, 2);
	}
}

/*
 * Switch stvec to vectored mode or back. The mode is on only where interrupts are the only traps:
 * OpenSBI 1.5 redirects exceptions to the value of stvec, including MODE.
 */
static void emit_vectored(struct gen *g, bool on)
{
	emit_csr(g, on ? 6 : 7, 0, CSR_stvec, 1);
}

void emit_soft_irq(struct gen *g)
{
	emit_vectored(g, pick(g, 2));
	emit_raise(g);
	emit_enable(g);
	if (pick(g, 2))
		emit_enable(g);
	emit_csr(g, 2, dest_reg(g), CSR_sip, 0);
	emit_vectored(g, false);
}

/* The time is in the past or never: whether it has come does not depend on the speed. */
void emit_timer_irq(struct gen *g)
{
	emit_vectored(g, pick(g, 2));
	emit_set_timer(g, pick(g, 3) ? 0 : -1);
	emit_csr(g, 2, dest_reg(g), CSR_sip, 0);
	emit_enable(g);
	emit_enable(g);
	emit_vectored(g, false);
}

/* wfi ends at once, because an interrupt that sie enables is pending, whatever SIE is. */
void emit_wfi(struct gen *g)
{
	if (g->virt) {
		emit_vs_wfi(g);
		return;
	}
	emit_csr(g, 7, 0, CSR_sstatus, SSTATUS_SIE);
	if (pick(g, 2)) {
		emit_csr(g, 6, 0, CSR_sip, 2);
		emit_csr(g, 6, 0, CSR_sie, 2);
	} else {
		emit_set_timer(g, 0);
		emit_li(g, REG_T5, 1 << IRQ_S_TIMER);
		emit_csr(g, 2, 0, CSR_sie, REG_T5);
	}
	emit(g, INSN_WFI);
	if (pick(g, 2))
		emit_csr(g, 6, 0, CSR_sstatus, SSTATUS_SIE);
}
