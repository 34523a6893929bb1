/* SPDX-License-Identifier: MIT */
/*
 * equivalence.h - random programs whose outcome must be the same in a guest and on the bare machine.
 *
 * A program is generated from a number (gen.c, gen_*.c), executed in the sandbox (sandbox.c,
 * enter.S), and its outcome, that is, the log of its traps and the final state, is folded into a
 * digest (outcome.c). equivalence.c prints the digests. docs/equivalence.md describes the test.
 *
 * Three registers are never written by a program: tp points to the struct sandbox, gp to the window
 * of virtual addresses, and s11 to the arena, the physical memory that programs use.
 */
#ifndef EQUIVALENCE_H
#define EQUIVALENCE_H

/* Offsets into struct sandbox for enter.S and for programs; sandbox.c asserts them. */
#define SB_REGS      0
#define SB_ENTRY     256
#define SB_SP        264
#define SB_CALLER_SP 272
#define SB_CALLER_TP 280
#define SB_ALIAS     288
#define SB_SATPS     296
#define SB_VSATPS    360
#define SB_HGATPS    424
#define SB_RESUME    488

#define SATPS         8
#define VECTOR_STRIDE 4
#define NR_VECTORS    16
#define VS_RETURN     64 /* from sandbox_vs_vectors to the sret with which VS mode returns */

#ifndef __ASSEMBLER__

#include "rt.h"

#define HEDELEG_BITS 0xb1ffU /* exceptions that HS mode can delegate */
#define IRQ_VS_BITS  0x444U  /* bits of sie and sip that are the guest's in hie and hip */

#define REG_GP  3
#define REG_T4  29
#define REG_T5  30
#define REG_T6  31
#define REG_S11 27

/* ---- memory ---- */
#define DATA_PAGES  4 /* pages of the arena that programs store to */
#define SPILL_PAGE  4 /* the end of accesses that begin in the last of these */
#define STUB_PAGE   5 /* returns to ra, at each address; never writable */
#define ARENA_PAGES 6
#define CODE_SIZE   (4 * PAGE_SIZE)
#define ROOTS       4 /* of which the last two are only for V = 1 */
#define S_ROOTS     2
#define GROOTS      2
#define SMALL_PAGES 16               /* pages of 4 KiB in a root's window with random entries */
#define LARGE_PAGES 4                /* of 2 MiB */
#define TOP_INDEX   (WINDOW / SZ_1G) /* of the window, in a root */
#define TABLE_PAGE  32               /* of the G-stage's window: tables of the last two roots */
#define WINDOW      0x1000000000UL   /* virtual address of the window, which gp holds */
#define ALIAS_INDEX 8                /* of 2 MiB in the window: the program's code, for U mode */
#define CODE_ALIAS  (WINDOW + ALIAS_INDEX * SZ_2M)

/* The page tables of one root. Leaves of the window are random; the rest is fixed. */
struct root {
	pte_t top[512];    /* Sv39 root */
	pte_t middle[512]; /* the window's 2 MiB entries */
	pte_t small[512];  /* its 4 KiB entries */
	pte_t alias[512];  /* those of the code */
	pte_t sv48[512], sv57[512];
};
extern struct root roots[ROOTS];
extern u8 arena[SZ_2M], code[CODE_SIZE];

/*
 * The G-stage tables of one root. They map the image one to one, but the arena's first pages at
 * random. The window, too, is random, and has the tables of the roots that are only for V = 1.
 */
struct groot {
	pte_t top[2048]; /* Sv39x4 root */
	pte_t sv48[2048], sv57[2048];
	pte_t image[512];              /* 2 MiB entries of the image */
	pte_t arena[512];              /* 4 KiB entries of the arena */
	pte_t middle[512], small[512]; /* of the window */
};
extern struct groot groots[GROOTS];

/* The payload's memory is mapped one to one. */
static inline hpa_t physical(const void *p)
{
	return (hpa_t)(unsigned long)p;
}

/* Entry n of a level of the window; any flags, harmless target. */
typedef pte_t leaf_fn(unsigned long *rnd, int level, unsigned int n);
pte_t random_leaf(unsigned long *rnd, int level, unsigned int n);
/* The same in one of the roots that are only for V = 1: the target may be in the G-stage's window. */
pte_t random_vs_leaf(unsigned long *rnd, int level, unsigned int n);
/* Entry n of a level of the G-stage's window, or of the arena's pages. */
pte_t random_gleaf(unsigned long *rnd, int level, unsigned int n);
pte_t random_arena_leaf(unsigned long *rnd, unsigned int n);
/* Set all random entries of a window. `top` is the root of Sv39. */
void window_reset(pte_t *small, pte_t *middle, pte_t *top, leaf_fn *leaf, unsigned long *rnd);
unsigned long satp_value(const void *root, unsigned long mode, unsigned long id); /* hgatp, too */

/* ---- programs ---- */
#define MAX_PIECES 128
enum piece {
#define PIECE(name, weight, where, what) P_##name,
#include "class.def"
	NR_CLASSES
};

/* The generator. rnd is reseeded for each piece, so that a piece does not depend on others. */
struct gen {
	unsigned long rnd;
	u8 *pos;
	unsigned long number; /* of the program */
	bool paging, user;    /* at this point of the program */
	bool virt;            /* V = 1 here; paging is vsatp's then, otherwise satp's */
	bool other_paging;    /* the other one's */
	bool gstage;          /* hgatp is not Bare */
	bool stce;            /* henvcfg.STCE is 1 */
	bool listing;         /* print each piece */
	bool aligned;         /* AMOs, LR and SC have aligned addresses */
	unsigned int piece;   /* the next piece's number */
	unsigned int insns;   /* executed if no trap skips any */
	const u64 *keep;      /* bit N: piece N is not left out */
	unsigned int counts[NR_CLASSES];
};
void generate(struct gen *g, unsigned long number, const u64 *keep);
const char *class_name(unsigned int class);
bool class_needs_h(unsigned int class); /* only with hs_programs */
void start_random(unsigned long *rnd, unsigned long number, unsigned long what);

static inline unsigned int pick(struct gen *g, unsigned int limit)
{
	return (unsigned int)((random_next(&g->rnd) >> 16) % limit);
}

/* Emitters (gen.c) */
void emit(struct gen *g, u32 insn);
unsigned int any_reg(struct gen *g);
unsigned int dest_reg(struct gen *g); /* a register that programs may write */
void emit_li(struct gen *g, unsigned int rd, int value);
void emit_address(struct gen *g); /* a random address in t6 */
void emit_touch(struct gen *g);   /* with V = 1, load from the address in t6 */
void emit_csr(struct gen *g, unsigned int funct3, unsigned int rd, unsigned int csr,
	      unsigned int rs);
bool reserved_reg(unsigned int reg);
/* Is the word harmless: no access to memory, no jump, no write of a protected register or CSR? */
bool word_ok(const struct gen *g, u32 word);
bool csr_ok(const struct gen *g, u32 word);
void emit_piece(struct gen *g, bool inner); /* the next piece; inner: within an excursion */
/*
 * Continue with the next instruction by sret, at the address of the code's alias or not, in VS or S
 * mode or in VU or U mode, with V = 1 or V as it is.
 */
void emit_excursion_begin(struct gen *g, bool alias, bool to_s, bool to_virt);
void emit_excursion_end(struct gen *g);
bool is_kept(const struct gen *g, unsigned int piece);
void emit_based(struct gen *g, unsigned int base, long offset); /* t6 = base + offset */
void emit_pte_value(struct gen *g, pte_t value);                /* in t5 */
/* Load a CSR with entry n of the array at this offset of the sandbox. */
void emit_load_csr(struct gen *g, unsigned int csr, unsigned int offset, unsigned int n);
unsigned long atp_mode(unsigned int n); /* of entry n of satps, vsatps and hgatps */
/* Load satp, or vsatp in HS mode, with entry n, and fence. */
void emit_atp(struct gen *g, unsigned int csr, unsigned int n);
#define PIECE(name, weight, where, what) void emit_##name(struct gen *g);
#include "class.def"
void emit_vs_wfi(struct gen *g);

#define I_TYPE(op, f3, rd, rs1, imm) \
	((u32)(op) | (u32)(rd) << 7 | (u32)(f3) << 12 | (u32)(rs1) << 15 | (u32)(imm) << 20)
#define R_TYPE(op, f3, f7, rd, rs1, rs2) I_TYPE(op, f3, rd, rs1, (u32)(f7) << 5 | (u32)(rs2))
#define S_TYPE(op, f3, rs1, rs2, imm)                                            \
	((u32)(op) | ((u32)(imm)&31) << 7 | (u32)(f3) << 12 | (u32)(rs1) << 15 | \
	 (u32)(rs2) << 20 | ((u32)(imm) >> 5 & 127) << 25)
#define OP_LUI           0x37
#define OP_AUIPC         0x17
#define OP_IMM           0x13
#define OP_IMM32         0x1b
#define OP_REG           0x33
#define OP_REG32         0x3b
#define OP_LOAD          0x03
#define OP_STORE         0x23
#define OP_FLOAD         0x07
#define OP_FSTORE        0x27
#define OP_AMO           0x2f
#define OP_FENCE         0x0f
#define OP_SYSTEM        0x73
#define OP_FP            0x53
#define OP_V             0x57
#define OP_JALR          0x67
#define INSN_ECALL       0x73
#define INSN_EBREAK      0x100073
#define INSN_SRET        0x10200073
#define INSN_WFI         0x10500073
#define INSN_FENCE_I     0x100f
#define INSN_SFENCE      0x12000073
#define INSN_HFENCE_VVMA 0x22000073
#define INSN_HFENCE_GVMA 0x62000073

/* ---- the sandbox ---- */
#define MAX_TRAPS 64
struct record {
	unsigned long cause, tval, epc, status, ip, entry;
	/* Only with H. */
	unsigned long level, hstatus, htval, htinst, hip, vsstatus;
};

enum level {      /* of a trap, in struct record */
	LEVEL_V0, /* from V = 0 */
	LEVEL_V1, /* from V = 1 into HS mode */
	LEVEL_VS, /* from V = 1 into VS mode */
	NR_LEVELS
};

struct sandbox {
	unsigned long regs[32]; /* [0]: where the program begins */
	unsigned long entry;    /* which entry of the vector took the trap */
	unsigned long sp;       /* of the trap handler */
	unsigned long caller_sp, caller_tp;
	unsigned long alias; /* CODE_ALIAS - code */
	unsigned long satps[SATPS], vsatps[SATPS], hgatps[SATPS];
	unsigned long
		resume; /* where the program continues in HS mode after an excursion to V = 1 */
	unsigned long status; /* sstatus for the program */
	unsigned long end;    /* address of its last instruction */
	unsigned int traps;
	unsigned int excursions; /* to V = 1, that have ended */
	struct record log[MAX_TRAPS];
	unsigned long csrs[16];  /* final values, see outcome.c */
	unsigned long hcsrs[20]; /* of H, see outcome.c */
	u64 fregs[32];
	unsigned long fcsr;
	unsigned long v[5]; /* vl, vtype, vstart, vcsr, vlenb */
	u8 vregs[32 * 128];
};
extern struct sandbox sandbox;
/* What both processors have. A program uses other extensions only by random instruction words. */
enum feature {
#define FEATURE(name) HAS_##name,
#include "feature.def"
	NR_FEATURES
};
extern bool has[NR_FEATURES];
extern unsigned int vlenb;      /* bytes of a vector register */
extern unsigned int satp_modes; /* bit N: mode N */
extern unsigned int hgatp_modes;
extern bool on_spike;    /* programs do not do what Spike does differently */
extern bool hs_programs; /* programs use the H extension */

void sandbox_init(void);
void sandbox_reset(unsigned long number);
void sandbox_run(unsigned long end);
unsigned long data_pattern(unsigned long number, unsigned long at);
bool is_code(unsigned long pc);
unsigned long in_code(unsigned long pc); /* the address in `code` of an address in its alias */

/* sandbox_hs.c: what programs that use the H extension need in addition */
void hs_init(void);
void hs_reset(unsigned long number);
void hs_save(void); /* the final values; then turn everything off */
void hs_record(struct record *rec);
void hs_trap_virtual(const struct record *rec); /* continue after a trap from V = 1 */
void hs_trap_irq(unsigned long cause);          /* an interrupt of VS in HS mode */

/* enter.S */
void sandbox_enter(struct sandbox *box);
void sandbox_vectors(void);
void sandbox_vs_vectors(void);
void fence_guest(void);                 /* HFENCE.VVMA and HFENCE.GVMA */
long sandbox_trap(struct sandbox *box); /* 0: go on; 1: the program has ended */
void fp_load(const u64 *fregs, unsigned long fcsr);
unsigned long fp_save(u64 *fregs);
void vector_load(const u8 *vregs, unsigned long avl, unsigned long vtype);
void vector_save(u8 *vregs, unsigned long *v);

/* ---- the outcome ---- */
u64 outcome_digest(unsigned long number);
void outcome_print(unsigned long number);

static inline u64 fold(u64 digest, u64 value)
{
	digest = (digest ^ value) * 0x9e3779b97f4a7c15;
	return digest ^ digest >> 29;
}

#endif
#endif
