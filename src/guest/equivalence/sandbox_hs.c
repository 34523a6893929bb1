// SPDX-License-Identifier: MIT
/*
 * sandbox_hs.c - the state and the traps of programs that use the H extension.
 *
 * The tables of the G-stage, the H and VS CSRs before and after a program, and what the handler does
 * after a trap from V = 1. VS mode's own handler is an ecall: HS mode logs its trap, too, and changes
 * vsepc, and VS mode returns by sret.
 */
#include "equivalence.h"

#define PTE_G_IMAGE (PTE_V | PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D)
#define IMAGE       0x80000000UL
#define VS_SRET     ((unsigned long)sandbox_vs_vectors + VS_RETURN)

struct groot groots[GROOTS] __attribute__((aligned(4 * PAGE_SIZE)));
unsigned int hgatp_modes;
bool on_spike;
bool hs_programs;

/* ---- tables -------------------------------------------------------------------------------------- */

/* A and D are always set: hyperscope does not set them in a guest's G-stage (docs/nested.md). */
static pte_t with_ad(pte_t pte, unsigned long *rnd)
{
	if (!(pte & (PTE_R | PTE_W | PTE_X)))
		return pte;
	return pte | PTE_A | PTE_D | (random_next(rnd) >> 20 & 15 ? PTE_U : 0);
}

pte_t random_gleaf(unsigned long *rnd, int level, unsigned int n)
{
	pte_t pte = random_leaf(rnd, level, n);

	/* A pointer; A and D of S-stage leaves differ. */
	if (!(pte & (PTE_R | PTE_W | PTE_X)))
		return pte_make(physical(groots[n & 1].small),
				pte & (PTE_V | PTE_U | PTE_A | PTE_D));
	return with_ad(pte, rnd);
}

/* Data pages have data pages as targets, and the stub has itself. */
pte_t random_arena_leaf(unsigned long *rnd, unsigned int n)
{
	unsigned long r = random_next(rnd) >> 8,
		      flags = PTE_V | PTE_A | PTE_D | PTE_U | PTE_R | PTE_X;
	unsigned long page = n == STUB_PAGE ? n : (r & 1 ? n : (r >> 1) % (DATA_PAGES + 1));
	pte_t pte;

	if (n != STUB_PAGE)
		flags |= PTE_W;
	if (!(r >> 8 & 3))
		flags &= ~(r >> 10 & (PTE_V | PTE_R | PTE_W | PTE_X | PTE_U));
	if (n != STUB_PAGE && !(flags & (PTE_R | PTE_W | PTE_X)))
		flags |= PTE_R;
	if (!(flags & (PTE_R | PTE_X)))
		flags &= ~PTE_V;
	pte = pte_make(physical(arena) + page * PAGE_SIZE, flags);
	if (!(r >> 20 & 31))
		pte |= 1UL << (54 + (r >> 25) % 7);
	return pte;
}

pte_t random_vs_leaf(unsigned long *rnd, int level, unsigned int n)
{
	pte_t pte = random_leaf(rnd, level, n);
	hpa_t distance = level == 2 ? WINDOW + SZ_1G - IMAGE : WINDOW - physical(arena);

	if (!(pte & (PTE_R | PTE_W | PTE_X)) || random_next(rnd) >> 20 & 1)
		return pte;
	return pte + ((distance >> PAGE_SHIFT) << 10);
}

static void groots_init(void)
{
	for (unsigned int i = 0; i < GROOTS; i++) {
		struct groot *root = &groots[i];

		for (unsigned int n = 0; n < 512; n++) {
			root->image[n] = pte_make(IMAGE + n * SZ_2M, PTE_G_IMAGE);
			root->arena[n] = pte_make(physical(arena) + n * PAGE_SIZE,
						  PTE_G_IMAGE & ~(PTE_W | PTE_X));
		}
		root->image[(physical(arena) - IMAGE) / SZ_2M] =
			pte_make(physical(root->arena), PTE_V);
		root->top[IMAGE / SZ_1G] = pte_make(physical(root->image), PTE_V);
		root->top[TOP_INDEX] = pte_make(physical(root->middle), PTE_V);
		root->middle[0] = pte_make(physical(root->small), PTE_V);
		root->sv48[0] = pte_make(physical(root->top), PTE_V);
		root->sv57[0] = pte_make(physical(root->sv48), PTE_V);
	}
}

/* Guest physical address of a table of a root that is only for V = 1. */
static hpa_t table_gpa(unsigned int page)
{
	return WINDOW + (TABLE_PAGE + page) * PAGE_SIZE;
}

static void vs_roots_init(void)
{
	for (unsigned int i = S_ROOTS; i < ROOTS; i++) {
		roots[i].top[TOP_INDEX] = pte_make(table_gpa(2 * i), PTE_V);
		roots[i].middle[0] = pte_make(table_gpa(2 * i + 1), PTE_V);
	}
}

/* The tables' pages in the G-stage's window: mostly mapped; sometimes read-only, or not at all. */
static pte_t table_leaf(unsigned long *rnd, const void *table)
{
	static const u8 missing[] = { 0, 0, 0, 0, 0, PTE_W, PTE_V, PTE_U };

	return pte_make(physical(table),
			(PTE_G_IMAGE & ~PTE_X) & ~(pte_t)missing[random_next(rnd) >> 20 & 7]);
}

static void tables_reset(unsigned long *rnd)
{
	unsigned int i, n;

	for (i = S_ROOTS; i < ROOTS; i++)
		window_reset(roots[i].small, roots[i].middle, roots[i].top, random_vs_leaf, rnd);
	for (i = 0; i < GROOTS; i++) {
		struct groot *root = &groots[i];

		for (n = 0; n < ARENA_PAGES; n++)
			root->arena[n] = random_arena_leaf(rnd, n);
		window_reset(root->small, root->middle, root->top, random_gleaf, rnd);
		for (n = S_ROOTS; n < ROOTS; n++) {
			root->small[TABLE_PAGE + 2 * n] = table_leaf(rnd, roots[n].middle);
			root->small[TABLE_PAGE + 2 * n + 1] = table_leaf(rnd, roots[n].small);
		}
	}
}

/*
 * On Spike, a write of vsatp or hgatp with a mode that the hart lacks changes the other fields (H §2.10
 * and §2.18 permit that), and there is no VMID. Replace such modes by Sv39, and all VMIDs by 0.
 */
static void replace_modes(unsigned long *atp, unsigned int modes)
{
	for (unsigned int n = 1; n < SATPS; n++)
		if (!(modes >> FIELD_GET(SATP_MODE, atp[n]) & 1))
			atp[n] = atp[1];
}

static void atps_reset_for_spike(void)
{
	replace_modes(sandbox.satps, satp_modes);
	replace_modes(sandbox.vsatps, satp_modes);
	replace_modes(sandbox.hgatps, hgatp_modes);
	for (unsigned int n = 1; n < SATPS; n++)
		sandbox.hgatps[n] &= ~HGATP_VMID;
}

static void atps_reset(unsigned long *rnd)
{
	unsigned long r = random_next(rnd), *vsatp = sandbox.vsatps, *hgatp = sandbox.hgatps;

	vsatp[0] = 0;
	vsatp[1] = satp_value(roots[2].top, SATP_MODE_SV39, r & 255);
	vsatp[2] = satp_value(roots[3].top, SATP_MODE_SV39, r >> 8 & 255);
	vsatp[3] = satp_value(roots[r & 3].sv48, SATP_MODE_SV48, r >> 16 & 255);
	vsatp[4] = satp_value(roots[r >> 2 & 3].sv57, SATP_MODE_SV57, r >> 24 & 255);
	vsatp[5] = satp_value(roots[0].top, 1 + r % 7, 0);
	vsatp[6] = satp_value(roots[0].top, 11 + r % 5, 0);
	vsatp[7] = satp_value(roots[r >> 4 & 1].top, SATP_MODE_SV39, r >> 32 & 255);
	hgatp[0] = 0;
	hgatp[1] = satp_value(groots[0].top, SATP_MODE_SV39, r >> 20 & 15);
	hgatp[2] = satp_value(groots[1].top, SATP_MODE_SV39, r >> 24 & 15);
	hgatp[3] = satp_value(groots[r & 1].sv48, SATP_MODE_SV48, r >> 28 & 15);
	hgatp[4] = satp_value(groots[r >> 1 & 1].sv57, SATP_MODE_SV57, r >> 32 & 15);
	hgatp[5] = satp_value(groots[0].top, 1 + r % 7, 0);
	hgatp[6] = satp_value(groots[0].top, 11 + r % 5, 0);
	hgatp[7] = hgatp[1 + (r >> 40 & 1)];
	if (on_spike)
		atps_reset_for_spike();
}

void hs_init(void)
{
	if (!has[HAS_h])
		bail("this machine has no H extension");
	groots_init();
	vs_roots_init();
	for (unsigned int mode = SATP_MODE_SV39; mode <= SATP_MODE_SV57; mode++) {
		csr_write(hgatp, satp_value(groots[0].top, mode, 0));
		if (FIELD_GET(HGATP_MODE, csr_read(hgatp)) == mode)
			hgatp_modes |= 1U << mode;
		csr_write(hgatp, 0);
	}
}

/* ---- CSRs ---------------------------------------------------------------------------------------- */

static unsigned long vsstatus_compared(void)
{
	return csr_read(vsstatus) & ~SSTATUS_SD; /* QEMU does not set SD there */
}

/* Lower interrupts of VS. While vstimecmp has expired, QEMU 10.0 does not clear hvip.VSTIP. */
static void lower(unsigned long lines)
{
	if ((lines & BIT(IRQ_VS_TIMER)) && has[HAS_stimecmp])
		csr_write(vstimecmp, ~0UL);
	csr_clear(hvip, lines);
}

/* No interrupt of VS is pending or enabled. */
static void guest_irqs_off(void)
{
	csr_write(hie, 0);
	lower(IRQ_VS_BITS);
}

/* FS and VS of HS mode are Off or Dirty: see emit_fp_state(). */
static unsigned long off_or_dirty(unsigned long status, unsigned long field)
{
	return status & field ? status | field : status;
}

void hs_reset(unsigned long number)
{
	unsigned long rnd, hideleg;

	sandbox.status = off_or_dirty(off_or_dirty(sandbox.status, SSTATUS_FS), SSTATUS_VS);
	start_random(&rnd, number, ~2UL);
	tables_reset(&rnd);
	atps_reset(&rnd);
	guest_irqs_off();
	hideleg = random_next(&rnd) >> 20 & IRQ_VS_BITS;
	csr_write(hstatus, FIELD_PREP(HSTATUS_VSXL, XL_64) |
				   (random_next(&rnd) >> 20 & (HSTATUS_SPVP | HSTATUS_HU)));
	csr_write(hedeleg, random_next(&rnd) >> 20 & HEDELEG_BITS);
	csr_write(hideleg, hideleg);
	csr_write(hie, random_next(&rnd) >> 20 & hideleg);
	csr_write(hvip, random_next(&rnd) >> 20 & random_next(&rnd) >> 20 & IRQ_VS_BITS);
	csr_write(hcounteren, random_next(&rnd) >> 20 & 7);
	csr_write(henvcfg,
		  (has[HAS_stimecmp] ? ENVCFG_STCE : 0) |
			  (random_next(&rnd) & (ENVCFG_ADUE | ENVCFG_CBCFE | ENVCFG_CBZE)));
	csr_write(htimedelta, random_next(&rnd));
	csr_write(htval, 0);
	csr_write(vsstatus, FIELD_PREP(SSTATUS_UXL, XL_64) |
				    (random_next(&rnd) &
				     (SSTATUS_SIE | SSTATUS_SPIE | SSTATUS_SPP | SSTATUS_SUM |
				      SSTATUS_MXR | SSTATUS_FS | SSTATUS_VS)));
	csr_write(vstvec, (unsigned long)sandbox_vs_vectors);
	csr_write(vsscratch, random_next(&rnd));
	csr_write(vsepc, random_next(&rnd) & ~1UL);
	csr_write(vscause, random_next(&rnd) & 15);
	csr_write(vstval, random_next(&rnd));
	csr_write(vsatp, sandbox.vsatps[1]);
	csr_write(hgatp, sandbox.hgatps[1]);
	fence_guest();
}

void hs_save(void)
{
	unsigned long *csrs = sandbox.hcsrs;

	csrs[0] = csr_read(hstatus);
	csrs[1] = csr_read(hedeleg);
	csrs[2] = csr_read(hideleg);
	csrs[3] = csr_read(hie);
	csrs[4] = csr_read(hvip) &
		  (BIT(IRQ_VS_SOFT) | BIT(IRQ_VS_EXT)); /* QEMU shows other bits of mip */
	csrs[5] = csr_read(hip);
	csrs[6] = csr_read(hcounteren);
	csrs[7] = csr_read(henvcfg);
	csrs[8] = csr_read(hgatp);
	csrs[9] = csr_read(htimedelta);
	csrs[10] = vsstatus_compared();
	csrs[11] = csr_read(vsie);
	csrs[12] = csr_read(vstvec);
	csrs[13] = csr_read(vsscratch);
	csrs[14] = csr_read(vsepc);
	csrs[15] = csr_read(vscause);
	csrs[16] = csr_read(vstval);
	csrs[17] = csr_read(vsatp);
	csrs[18] = has[HAS_stimecmp] ? csr_read(vstimecmp) : 0;
	csrs[19] = csr_read(hgeie);
	guest_irqs_off();
	csr_write(hstatus, FIELD_PREP(HSTATUS_VSXL, XL_64));
	csr_write(vsatp, 0);
	csr_write(hgatp, 0);
	fence_guest();
}

/* ---- traps --------------------------------------------------------------------------------------- */

/* The instruction at pc, if it is one of the program's. */
static u32 insn_at(unsigned long pc)
{
	pc = in_code(pc);
	return is_code(pc) ? *(u16 *)pc | (u32) * (u16 *)(pc + 2) << 16 : 0;
}

static bool is_hlvx(u32 insn)
{
	return (insn & 0xfff0707f) == 0x64304073 || (insn & 0xfff0707f) == 0x68304073;
}

/*
 * A trap of HLV and HSV has V = 0 and GVA = 1. QEMU reports faults of HLVX as those of a fetch, and
 * hyperscope sets htinst only if it is a pseudoinstruction (docs/nested.md).
 */
static void record_hlv(struct record *rec)
{
	u32 insn = insn_at(rec->epc);
	bool hlvx = is_hlvx(insn);

	if (rec->cause == EXC_INST_PAGE_FAULT && hlvx) {
		rec->cause = csr_read(htval) ? EXC_LOAD_GUEST_PAGE_FAULT : EXC_LOAD_PAGE_FAULT;
		csr_write(scause, rec->cause);
		rec->htval = rec->cause == EXC_LOAD_GUEST_PAGE_FAULT ? csr_read(htval) : 0;
	}
	/* On the bare machine, GVA is left over from an earlier trap if the firmware redirects this one. */
	if ((insn & 0x707f) != (OP_SYSTEM | 4 << 12))
		rec->hstatus &= ~HSTATUS_GVA;
	if (hlvx || (rec->htinst != 0x3000 && rec->htinst != 0x3020))
		rec->htinst = 0;
}

/* hyperscope sets htinst only for these (docs/nested.md). */
static bool has_htinst(unsigned long cause)
{
	return cause == EXC_INST_GUEST_PAGE_FAULT || cause == EXC_LOAD_GUEST_PAGE_FAULT ||
	       cause == EXC_STORE_GUEST_PAGE_FAULT;
}

/* Log what the trap has set, and clear htval and GVA: only a trap for which they matter sets them. */
void hs_record(struct record *rec)
{
	unsigned long entry = rec->epc - (unsigned long)sandbox_vs_vectors;

	rec->hstatus = csr_read(hstatus);
	rec->hip = csr_read(hip);
	rec->vsstatus = vsstatus_compared();
	/* For other causes, QEMU does not always set htval to 0. */
	if (has_htinst(rec->cause)) {
		rec->htval = csr_read(htval);
		rec->htinst = csr_read(htinst);
	}
	if (!(rec->hstatus & HSTATUS_SPV))
		record_hlv(rec);
	csr_write(htval, 0);
	csr_clear(hstatus, HSTATUS_GVA);
	if (!(rec->hstatus & HSTATUS_SPV))
		return;
	rec->level = LEVEL_V1;
	/* QEMU sets stval to 0 for cache-block operations, and hyperscope to the instruction. */
	if (rec->cause == EXC_VIRTUAL_INST && (insn_at(rec->epc) & 0x7f) == OP_FENCE) {
		rec->tval = 0;
		csr_write(stval, 0);
	}
	if (rec->cause == EXC_ECALL_VS && entry < VS_RETURN) {
		rec->level = LEVEL_VS;
		rec->cause = csr_read(vscause);
		rec->tval = csr_read(vstval);
		rec->epc = csr_read(vsepc);
		rec->entry = entry / VECTOR_STRIDE;
	}
}

/* In HS mode: hie is cleared, since HS mode takes a second interrupt of VS only later (docs/nested.md). */
void hs_trap_irq(unsigned long cause)
{
	csr_write(hie, 0);
	lower(BIT(cause & 63));
}

/* End the excursion. */
static void leave(void)
{
	sandbox.excursions++;
	csr_clear(hstatus, HSTATUS_SPV);
	csr_set(sstatus, SSTATUS_SPP);
	csr_write(sepc, sandbox.resume);
	sfence_vma();
}

/* Continue in VS or VU mode at `pc`. to_s: in VS mode. */
static void stay(const struct record *rec, unsigned long pc, bool to_s)
{
	if (rec->level == LEVEL_VS) {
		if (to_s)
			csr_set(vsstatus, SSTATUS_SPP);
		csr_write(vsepc, pc);
		csr_write(sepc, VS_SRET);
		return;
	}
	if (to_s)
		csr_set(sstatus, SSTATUS_SPP);
	csr_write(sepc, pc);
}

static void virtual_exception(const struct record *rec)
{
	unsigned long pc = in_code(rec->epc), ra = sandbox.regs[REG_RA];
	bool call = rec->cause == EXC_ECALL_U || rec->cause == EXC_ECALL_VS;
	bool fetch = rec->cause == EXC_INST_PAGE_FAULT || rec->cause == EXC_INST_ACCESS_FAULT ||
		     rec->cause == EXC_INST_GUEST_PAGE_FAULT;

	if (rec->epc == VS_SRET && rec->cause == EXC_VIRTUAL_INST)
		csr_clear(hstatus, HSTATUS_VTSR);
	else if (!is_code(pc) && fetch && is_code(in_code(ra)))
		stay(rec, ra, false);
	else if (!is_code(pc) || fetch || (call && pc + 4 == sandbox.resume))
		leave();
	else if (rec->cause == EXC_ECALL_U)
		stay(rec, pc + 4, true);
	else
		stay(rec, rec->epc + ((*(u16 *)pc & 3) == 3 ? 4 : 2), false);
}

void hs_trap_virtual(const struct record *rec)
{
	if (!(rec->cause & CAUSE_IRQ_FLAG)) {
		virtual_exception(rec);
	} else {
		lower(BIT((rec->cause & 63) + 1)); /* the number is one higher in hvip */
		csr_write(sepc, VS_SRET);
	}
}
