// SPDX-License-Identifier: MIT
/*
 * sandbox.c - the state before a random program, and the handler of its traps.
 *
 * sandbox_reset() sets every register, CSR and word of memory that a program can change, so that a
 * program does not depend on the one before. The handler logs each trap and skips the instruction;
 * after an ecall from U mode, the program continues in S mode. MAX_TRAPS ends a program that would
 * trap for ever. All roots map the image one to one, without U.
 */
#include "equivalence.h"

_Static_assert(offsetof(struct sandbox, regs) == SB_REGS, "enter.S");
_Static_assert(offsetof(struct sandbox, entry) == SB_ENTRY, "enter.S");
_Static_assert(offsetof(struct sandbox, sp) == SB_SP, "enter.S");
_Static_assert(offsetof(struct sandbox, caller_sp) == SB_CALLER_SP, "enter.S");
_Static_assert(offsetof(struct sandbox, caller_tp) == SB_CALLER_TP, "enter.S");
_Static_assert(offsetof(struct sandbox, alias) == SB_ALIAS, "gen.c");
_Static_assert(offsetof(struct sandbox, satps) == SB_SATPS, "gen_memory.c");
_Static_assert(offsetof(struct sandbox, vsatps) == SB_VSATPS, "gen_memory.c");
_Static_assert(offsetof(struct sandbox, hgatps) == SB_HGATPS, "gen_hyper.c");
_Static_assert(offsetof(struct sandbox, resume) == SB_RESUME, "gen_hyper.c");

#define STACK    0x2000
#define C_RET    0x8082 /* c.jr ra */
#define PTE_CODE (PTE_V | PTE_R | PTE_X | PTE_U | PTE_A)

struct root roots[ROOTS] __attribute__((aligned(PAGE_SIZE)));
u8 arena[SZ_2M] __attribute__((aligned(SZ_2M)));
u8 code[CODE_SIZE] __attribute__((aligned(PAGE_SIZE)));
struct sandbox sandbox;
bool has[NR_FEATURES];
unsigned int vlenb = 16;
unsigned int satp_modes;

static u8 trap_stack[STACK] __attribute__((aligned(16)));

unsigned long data_pattern(unsigned long number, unsigned long at)
{
	return (number + 1) * 0x9e3779b97f4a7c15 ^ at * 0x2545f4914f6cdd1d;
}

/* One of 16 entries for 64 KiB, of which each takes 4 bits of the page number from the address (Svnapot). */
static pte_t napot_leaf(unsigned long flags, unsigned int n)
{
	flags &= n < DATA_PAGES ? ~PTE_X : n == STUB_PAGE ? ~PTE_W : ~(PTE_W | PTE_X);
	return pte_make(physical(arena) + 8 * PAGE_SIZE,
			flags | (flags & (PTE_R | PTE_X) ? 0 : PTE_R)) |
	       PTE_N;
}

/*
 * Any flags, reserved bits and alignments occur. But the stub is never writable, and only the stub
 * is executable, so a program cannot execute what it has stored.
 */
pte_t random_leaf(unsigned long *rnd, int level, unsigned int n)
{
	unsigned long r = random_next(rnd) >> 8;
	unsigned int page = r % ARENA_PAGES;
	unsigned long flags = PTE_V | (r >> 8 & (PTE_R | PTE_W | PTE_X | PTE_U | PTE_G | PTE_RSW));
	hpa_t pa = physical(arena);
	pte_t pte;

	if (r >> 20 & 3)
		flags |= PTE_A;
	if (r >> 22 & 3)
		flags |= PTE_D;
	if (!level || !(r >> 24 & 7)) /* a large leaf is then misaligned */
		pa += page * PAGE_SIZE;
	else
		pa &= ~((1UL << (PAGE_SHIFT + 9 * level)) - 1);
	if (level || page == STUB_PAGE)
		flags &= flags & PTE_X ? ~PTE_W : ~0UL;
	else
		flags &= ~PTE_X;
	if (!level && page == STUB_PAGE)
		flags &= ~PTE_W;
	/* Without R, W and X, an entry points to a table; here it maps the page for reading. */
	if (!(flags & (PTE_R | PTE_W | PTE_X)))
		flags |= PTE_R;
	pte = pte_make(pa, flags);
	if (!(r >> 28 & 15)) /* a reserved bit, of which N and PBMT may not be reserved */
		pte |= 1UL << (54 + (r >> 32) % 10);
	if (!level && has[HAS_svnapot] && !(r >> 50 & 7))
		pte = napot_leaf(flags, n);
	if (!(r >> 36 & 15))
		pte &= ~PTE_V;
	if (!(r >> 40 & 31)) /* a pointer: at level 0 and with A, D or U, it is invalid */
		pte = pte_make(physical(roots[r >> 46 & 1].small),
			       PTE_V | (r >> 47 & 3 ? 0 : flags & (PTE_U | PTE_A | PTE_D)));
	return pte;
}

static void roots_init(void)
{
	unsigned long i, page;

	for (i = 0; i < ROOTS; i++) {
		struct root *root = &roots[i];

		root->top[2] = pte_make(0x80000000, PTE_KERNEL | PTE_G);
		root->top[TOP_INDEX] = pte_make(physical(root->middle), PTE_V);
		root->middle[0] = pte_make(physical(root->small), PTE_V);
		root->middle[ALIAS_INDEX] = pte_make(physical(root->alias), PTE_V);
		for (page = 0; page < CODE_SIZE / PAGE_SIZE; page++)
			root->alias[page] = pte_make(physical(code) + page * PAGE_SIZE, PTE_CODE);
		root->sv48[0] = pte_make(physical(root->top), PTE_V);
		root->sv57[0] = pte_make(physical(root->sv48), PTE_V);
	}
}

void window_reset(pte_t *small, pte_t *middle, pte_t *top, leaf_fn *leaf, unsigned long *rnd)
{
	unsigned int n;

	for (n = 0; n < SMALL_PAGES; n++)
		small[n] = leaf(rnd, 0, n);
	for (n = 1; n <= LARGE_PAGES; n++)
		middle[n] = leaf(rnd, 1, n);
	top[TOP_INDEX + 1] = leaf(rnd, 2, 0);
}

static void roots_reset(unsigned long *rnd)
{
	for (struct root *root = roots; root < roots + S_ROOTS; root++)
		window_reset(root->small, root->middle, root->top, random_leaf, rnd);
}

unsigned long satp_value(const void *root, unsigned long mode, unsigned long id)
{
	return FIELD_PREP(SATP_MODE, mode) | FIELD_PREP(SATP_ASID, id & 0xffff) |
	       (unsigned long)root >> PAGE_SHIFT;
}

/* A mode that the hart does not have makes the whole write ineffective (S §1.11). */
static void satps_reset(unsigned long *rnd)
{
	unsigned long r = random_next(rnd), *satp = sandbox.satps;

	satp[0] = 0;
	satp[1] = satp_value(roots[0].top, SATP_MODE_SV39, r);
	satp[2] = satp_value(roots[1].top, SATP_MODE_SV39, r >> 8);
	satp[3] = satp_value(roots[r & 1].sv48, SATP_MODE_SV48, r >> 16);
	satp[4] = satp_value(roots[r & 1].sv57, SATP_MODE_SV57, r >> 24);
	satp[5] = satp_value(roots[0].top, 1 + r % 7, r >> 32);
	satp[6] = satp_value(roots[0].top, 11 + r % 5, r >> 40);
	satp[7] = satp[1 + (r >> 50 & 1)];
}

static void probe_stimecmp(unsigned long unused)
{
	(void)unused;
	(void)csr_read(stimecmp);
	has[HAS_stimecmp] = true;
}

static void probe_sstateen(unsigned long unused)
{
	(void)unused;
	(void)csr_read(sstateen0);
	has[HAS_sstateen] = true;
}

static void probe_features(void)
{
	static const char *const names[] = {
#define FEATURE(name) "_" #name,
#include "feature.def"
	};
	unsigned int i;

	/* The names of CSRs are no extensions, so that isa_has() does not find them. */
	for (i = 0; i < NR_FEATURES; i++)
		has[i] = isa_has(names[i] + (!names[i][2] ? 1 : 0));
	catch_trap(probe_stimecmp, 0);
	catch_trap(probe_sstateen, 0);
	if (has[HAS_v]) {
		csr_set(sstatus, SSTATUS_VS);
		vlenb = (unsigned int)csr_read(vlenb);
	}
	printf("features");
	for (i = 0; i < NR_FEATURES; i++)
		if (has[i])
			printf(" %s", names[i] + 1);
	printf("\n");
}

void sandbox_init(void)
{
	unsigned int mode, i;

	for (i = 0; i < PAGE_SIZE / 2; i++)
		((u16 *)(arena + STUB_PAGE * PAGE_SIZE))[i] = C_RET;
	roots_init();
	probe_features();
	if (hs_programs)
		hs_init();
	for (mode = SATP_MODE_SV39; mode <= SATP_MODE_SV57; mode++) {
		const void *root = mode == SATP_MODE_SV39   ? roots[0].top
				   : mode == SATP_MODE_SV48 ? roots[0].sv48
							    : roots[0].sv57;

		csr_write(satp, satp_value(root, mode, 0));
		if (FIELD_GET(SATP_MODE, csr_read(satp)) == mode)
			satp_modes |= 1U << mode;
		pt_off();
	}
	sandbox.sp = (unsigned long)trap_stack + STACK;
	sandbox.alias = CODE_ALIAS - (unsigned long)code;
}

static unsigned long random_value(unsigned long *rnd)
{
	unsigned long r = random_next(rnd), kind = random_next(rnd) >> 20 & 15;

	switch (kind) {
	case 0:
		return r & 15;
	case 1:
		return ~(r & 15);
	case 2:
		return 1UL << (r & 63);
	case 3:
		return (1UL << (r & 63)) - 1;
	case 4:
		return (unsigned long)arena + r % (DATA_PAGES * PAGE_SIZE);
	case 5:
		return WINDOW + r % (SMALL_PAGES * PAGE_SIZE);
	case 6:
		return 0x7ff0000000000000 | (r & BIT(63)); /* infinity */
	case 7:
		return 0xffffffff00000000 | r; /* a boxed float */
	default:
		return r >> (r & 32);
	}
}

static void regs_reset(unsigned long *rnd)
{
	unsigned int i;

	for (i = 1; i < 32; i++)
		sandbox.regs[i] = random_value(rnd);
	sandbox.regs[0] = (unsigned long)code;
	sandbox.regs[REG_TP] = (unsigned long)&sandbox;
	sandbox.regs[REG_GP] = WINDOW;
	sandbox.regs[REG_S11] = (unsigned long)arena;
	csr_set(sstatus, SSTATUS_FS | SSTATUS_VS);
	if (has[HAS_d]) {
		for (i = 0; i < 32; i++)
			sandbox.fregs[i] = random_value(rnd);
		fp_load(sandbox.fregs, random_next(rnd) & 0x1f);
	}
	if (has[HAS_v]) {
		for (i = 0; i < sizeof(sandbox.vregs); i += 8)
			*(u64 *)(sandbox.vregs + i) =
				i < 512 ? random_value(rnd) : i * 0x2545f4914f6cdd1d;
		vector_load(sandbox.vregs, random_next(rnd) % 40, random_next(rnd) & 0xdf);
	}
}

/* No interrupt is pending or enabled before a program. */
static void irqs_reset(void)
{
	csr_write(sie, 0);
	sbi_set_timer(~0ULL);
	csr_clear(sip, BIT(IRQ_S_SOFT));
}

void sandbox_reset(unsigned long number)
{
	unsigned long rnd, i;

	start_random(&rnd, number, ~0UL);
	for (i = 0; i < (DATA_PAGES + 1) * PAGE_SIZE; i += 8)
		*(unsigned long *)(arena + i) = data_pattern(number, i);
	roots_reset(&rnd);
	satps_reset(&rnd);
	regs_reset(&rnd);
	irqs_reset();
	sandbox.traps = sandbox.excursions = 0;
	sandbox.status = random_next(&rnd) &
			 (SSTATUS_SPIE | SSTATUS_SUM | SSTATUS_MXR | SSTATUS_FS | SSTATUS_VS);
	sandbox.status |= SSTATUS_SPP;
	csr_write(sie, random_next(&rnd) & 0x222);
	csr_write(sscratch, random_next(&rnd));
	csr_write(scounteren, random_next(&rnd) >> 20 & 7);
	csr_write(senvcfg, 0);
	if (has[HAS_sstateen])
		csr_write(sstateen0, 0);
	csr_write(stval, random_next(&rnd));
	csr_write(scause, random_next(&rnd) & 15);
	csr_write(stvec, (unsigned long)sandbox_vectors);
	sandbox.satps[7] = sandbox.satps[1];
	csr_write(satp, sandbox.satps[7]);
	sfence_vma();
	if (hs_programs)
		hs_reset(number);
}

static void state_save(void)
{
	unsigned long *csrs = sandbox.csrs;

	csrs[0] = csr_read(sie);
	csrs[1] = csr_read(sip);
	csrs[2] = csr_read(satp);
	csrs[3] = csr_read(stvec);
	csrs[4] = csr_read(sscratch);
	csrs[5] = csr_read(scounteren);
	csrs[6] = csr_read(senvcfg);
	csrs[7] = csr_read(scause);
	csrs[8] = csr_read(stval);
	csrs[9] = csr_read(sepc);
	csrs[10] = csr_read(sstatus);
	csrs[12] = has[HAS_sstateen] ? csr_read(sstateen0) : 0;
	csrs[11] = has[HAS_stimecmp] ? csr_read(stimecmp) : 0;
}

void sandbox_run(unsigned long end)
{
	struct hart *hart = this_hart();

	sandbox.end = end;
	fence_i();
	csr_write(sstatus, sandbox.status);
	sandbox_enter(&sandbox);
	state_save();
	if (hs_programs)
		hs_save();
	csr_write(satp, 0);
	sfence_vma();
	csr_write(stvec, (unsigned long)trap_entry);
	csr_write(sscratch, (unsigned long)hart);
	irqs_reset();
	csr_write(sstatus, SSTATUS_FS | SSTATUS_VS | SSTATUS_SPP);
	if (has[HAS_d])
		sandbox.fcsr = fp_save(sandbox.fregs);
	if (has[HAS_v])
		vector_save(sandbox.vregs, sandbox.v);
}

/* ---- traps ---- */

static void trap_irq(unsigned long cause)
{
	if (cause == (CAUSE_IRQ_FLAG | IRQ_S_SOFT))
		csr_clear(sip, BIT(IRQ_S_SOFT));
	else if (cause == (CAUSE_IRQ_FLAG | IRQ_S_TIMER))
		sbi_set_timer(~0ULL);
	else if (hs_programs && BIT(cause & 63) & IRQ_VS_BITS)
		hs_trap_irq(cause);
	else
		csr_clear(sie, BIT(cause & 63));
}

/* The address in `code` of an address in its U-mode alias, or the address itself. */
unsigned long in_code(unsigned long pc)
{
	return pc - CODE_ALIAS < CODE_SIZE ? pc - sandbox.alias : pc;
}

bool is_code(unsigned long pc)
{
	return pc - (unsigned long)code < CODE_SIZE;
}

/*
 * Return where an exception continues, or 0 if the program cannot continue. A jump out of the code
 * that faults continues at ra; a fault at the code itself, in S mode.
 */
static unsigned long trap_exception(struct record *rec)
{
	unsigned long pc = in_code(rec->epc);
	bool fetch = rec->cause == EXC_INST_PAGE_FAULT || rec->cause == EXC_INST_ACCESS_FAULT;

	if (!is_code(pc))
		return fetch && is_code(in_code(sandbox.regs[REG_RA])) ? sandbox.regs[REG_RA] : 0;
	if (fetch) {
		csr_set(sstatus, SSTATUS_SPP);
		return pc;
	}
	if (rec->cause == EXC_ECALL_U) {
		csr_set(sstatus, SSTATUS_SPP);
		return pc + 4;
	}
	return rec->epc + ((*(u16 *)pc & 3) == 3 ? 4 : 2);
}

long sandbox_trap(struct sandbox *box)
{
	struct record *rec = &box->log[box->traps];
	unsigned long pc;

	*rec = (struct record){
		.cause = csr_read(scause),
		.tval = csr_read(stval),
		.epc = csr_read(sepc),
		.status = csr_read(sstatus),
		.ip = csr_read(sip),
		.entry = box->entry,
	};
	if (hs_programs)
		hs_record(rec);
	if (++box->traps == MAX_TRAPS || rec->epc == box->end)
		return 1;
	if ((rec->cause & CAUSE_IRQ_FLAG) && rec->level != LEVEL_VS) {
		trap_irq(rec->cause);
		return 0;
	}
	if (rec->level != LEVEL_V0) {
		hs_trap_virtual(rec);
		return 0;
	}
	pc = trap_exception(rec);
	if (!pc)
		return 1;
	csr_write(sepc, pc);
	return 0;
}
