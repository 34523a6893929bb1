// SPDX-License-Identifier: MIT
/*
 * lab05_code.c - execute random loads and stores on the test device, with known register values
 *
 * Each instruction must make the access that it encodes and change only its destination register,
 * and the guest must continue at the next instruction.
 *
 * On the command line: seed; refused=1 to also test instructions that get an access fault.
 */
#include "random.h"
#include "testdev.h"

#define EBREAK   0x00100073U
#define C_EBREAK 0x9002U
#define ECALL    0x0073U /* lower half of ecall; the upper half is 0 */
#define TRIES    60
#define MEMORY   0x800 /* bytes of the device that are memory */

static unsigned long regs[32];
static u8 pages[2 * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

/* ---- an instruction ---- */

enum form {
	I_LOAD,  /* funct3 of LOAD */
	I_STORE, /* funct3 of STORE */
	I_C_REG, /* base and register are x8 to x15; funct3 of quadrant 0 */
	I_C_SP,  /* base is sp; funct3 of quadrant 2 */
	I_AMO,   /* no offset; funct5 of AMO, width 4 or 8 */
	I_LOAD_FP,
	I_STORE_FP,
};

struct kind {
	const char *name;
	enum form form;
	unsigned int funct, len;
	bool store, sign;
};

static const struct kind loads[] = {
	{ "lb", I_LOAD, 0, 1, false, true },   { "lh", I_LOAD, 1, 2, false, true },
	{ "lw", I_LOAD, 2, 4, false, true },   { "ld", I_LOAD, 3, 8, false, true },
	{ "lbu", I_LOAD, 4, 1, false, false }, { "lhu", I_LOAD, 5, 2, false, false },
	{ "lwu", I_LOAD, 6, 4, false, false },
};

static const struct kind stores[] = {
	{ "sb", I_STORE, 0, 1, true, false },
	{ "sh", I_STORE, 1, 2, true, false },
	{ "sw", I_STORE, 2, 4, true, false },
	{ "sd", I_STORE, 3, 8, true, false },
};

static const struct kind compressed[] = {
	{ "c.lw", I_C_REG, 2, 4, false, true },  { "c.ld", I_C_REG, 3, 8, false, true },
	{ "c.sw", I_C_REG, 6, 4, true, false },  { "c.sd", I_C_REG, 7, 8, true, false },
	{ "c.lwsp", I_C_SP, 2, 4, false, true }, { "c.ldsp", I_C_SP, 3, 8, false, true },
	{ "c.swsp", I_C_SP, 6, 4, true, false }, { "c.sdsp", I_C_SP, 7, 8, true, false },
};

static const struct kind amos[] = {
	{ "amoadd", I_AMO, 0x00, 0, true, false },  { "amoswap", I_AMO, 0x01, 0, true, false },
	{ "amoxor", I_AMO, 0x04, 0, true, false },  { "amomax", I_AMO, 0x14, 0, true, false },
	{ "amominu", I_AMO, 0x18, 0, true, false }, { "lr", I_AMO, 0x02, 0, false, false },
};

static const struct kind floats[] = {
	{ "flw", I_LOAD_FP, 2, 4, false, false },  { "fld", I_LOAD_FP, 3, 8, false, false },
	{ "fsw", I_STORE_FP, 2, 4, true, false },  { "fsd", I_STORE_FP, 3, 8, true, false },
	{ "c.fld", I_C_REG, 1, 8, false, false },  { "c.fsd", I_C_REG, 5, 8, true, false },
	{ "c.fldsp", I_C_SP, 1, 8, false, false }, { "c.fsdsp", I_C_SP, 5, 8, true, false },
};

struct insn {
	const struct kind *kind;
	unsigned int reg, base, len, size;
	long offset;
	u32 bits;
};

static u32 field(unsigned long value, unsigned int high, unsigned int low, unsigned int to)
{
	return (u32)(value >> low & (BIT(high - low + 1) - 1)) << to;
}

static u32 encode_sp(const struct insn *insn)
{
	unsigned long at = (unsigned long)insn->offset;
	bool wide = insn->kind->len == 8;
	u32 bits = (u32)insn->kind->funct << 13 | 2;

	if (insn->kind->store)
		return bits | insn->reg << 2 |
		       (wide ? field(at, 5, 3, 10) | field(at, 8, 6, 7)
			     : field(at, 5, 2, 9) | field(at, 7, 6, 7));
	return bits | insn->reg << 7 | field(at, 5, 5, 12) |
	       (wide ? field(at, 4, 3, 5) | field(at, 8, 6, 2)
		     : field(at, 4, 2, 4) | field(at, 7, 6, 2));
}

static u32 encode(const struct insn *insn)
{
	const struct kind *kind = insn->kind;
	unsigned long at = (unsigned long)insn->offset;
	u32 bits = insn->base << 15 | (u32)kind->funct << 12;

	switch (kind->form) {
	case I_LOAD:
		return bits | field(at, 11, 0, 20) | insn->reg << 7 | 0x03;
	case I_LOAD_FP:
		return bits | field(at, 11, 0, 20) | insn->reg << 7 | 0x07;
	case I_STORE:
		return bits | field(at, 11, 5, 25) | insn->reg << 20 | field(at, 4, 0, 7) | 0x23;
	case I_STORE_FP:
		return bits | field(at, 11, 5, 25) | insn->reg << 20 | field(at, 4, 0, 7) | 0x27;
	case I_AMO:
		return kind->funct << 27 | (kind->store ? below(32) << 20 : 0) | insn->base << 15 |
		       (insn->len == 8 ? 3 : 2) << 12 | insn->reg << 7 | 0x2f;
	case I_C_REG:
		return kind->funct << 13 | (insn->base - 8) << 7 | (insn->reg - 8) << 2 |
		       field(at, 5, 3, 10) |
		       (kind->len == 8 ? field(at, 7, 6, 5)
				       : field(at, 2, 2, 6) | field(at, 6, 6, 5));
	case I_C_SP:
		break;
	}
	return encode_sp(insn);
}

/* Return a random register that can be checked: not sp or tp, which the trap handler overwrites. */
static unsigned int any_result(void)
{
	unsigned int reg;

	do
		reg = (unsigned int)below(32);
	while (reg == REG_SP || reg == REG_TP);
	return reg;
}

static void draw(struct insn *insn, const struct kind *kinds, unsigned long count)
{
	const struct kind *kind = &kinds[below(count)];
	bool fp = kind->form == I_LOAD_FP || kind->form == I_STORE_FP ||
		  ((kind->form == I_C_REG || kind->form == I_C_SP) && (kind->funct & 3) == 1);

	insn->kind = kind;
	insn->len = kind->len ? kind->len : 4U << below(2);
	insn->size = kind->form == I_C_REG || kind->form == I_C_SP ? 2 : 4;
	insn->reg = kind->store ? (unsigned int)below(32) : any_result();
	insn->base = 1 + (unsigned int)below(31);
	insn->offset = (long)below(4096) - 2048;
	if (kind->form == I_C_REG) {
		insn->reg = 8 + (unsigned int)below(8);
		insn->base = 8 + (unsigned int)below(8);
		insn->offset = (long)(below(32) * kind->len);
	} else if (kind->form == I_C_SP) {
		insn->base = REG_SP;
		insn->offset = (long)(below(64) * kind->len);
		while (!insn->reg && !kind->store && !fp)
			insn->reg = any_result(); /* c.lwsp and c.ldsp: rd = x0 is reserved */
	} else if (kind->form == I_AMO) {
		insn->offset = 0;
		insn->reg = any_result();
	}
	insn->bits = encode(insn);
}

/* ---- executing an instruction ---- */

/*
 * Write the instruction, sometimes across two pages, and after it c.ebreak, which ends the run.
 * Returns the instruction's pc.
 */
static unsigned long place(const struct insn *insn)
{
	unsigned long at = below(4) ? below(PAGE_SIZE) : PAGE_SIZE - 2;
	u16 *code = (u16 *)(pages + (at & ~1UL));
	unsigned int i;

	for (i = 0; i < 6; i++)
		code[i] = C_EBREAK;
	code[0] = (u16)insn->bits;
	if (insn->size == 4)
		code[1] = (u16)(insn->bits >> 16);
	fence_i();
	return (unsigned long)code;
}

static void tell(const struct insn *insn, const char *what, unsigned long got, unsigned long want)
{
	note("%s, register x%u, base x%u, offset %ld (0x%x): %s 0x%lx, expected 0x%lx",
	     insn->kind->name, insn->reg, insn->base, insn->offset, insn->bits, what, got, want);
}

/*
 * Return the name of the first register whose value is not the one in want[], and set *got and
 * *expected to the two values; return NULL if there is no such register. Do not compare sp and tp,
 * because the trap handler overwrites them.
 */
static const char *wrong_register(const unsigned long *want, unsigned long *got,
				  unsigned long *expected)
{
	static char name[] = "x00";
	const struct hart *hart = this_hart();
	unsigned int i;

	for (i = 1; i < 32; i++) {
		if (i == REG_SP || i == REG_TP || hart->regs[i] == want[i])
			continue;
		name[1] = (char)('0' + i / 10);
		name[2] = (char)('0' + i % 10);
		*got = hart->regs[i];
		*expected = want[i];
		return name;
	}
	return NULL;
}

static unsigned long extended(const struct insn *insn, unsigned long cell, unsigned long at)
{
	unsigned long unused = 64 - 8 * insn->len, value = cell >> 8 * (at % 8) << unused;

	return insn->kind->sign ? (unsigned long)((long)value >> unused) : value >> unused;
}

/*
 * Write the instruction, and set up the registers so that it accesses offset `at` of the device.
 * Returns the instruction's pc.
 */
static unsigned long prepare(const struct insn *insn, unsigned long at)
{
	unsigned int i;

	for (i = 1; i < 32; i++)
		regs[i] = random_next(&state);
	regs[insn->base] = dev + at - (unsigned long)insn->offset;
	return regs[0] = place(insn);
}

static const struct trap *run(const struct insn *insn)
{
	const struct trap *trap = catch_code(regs);

	if (trap->cause & CAUSE_IRQ_FLAG) {
		tell(insn, "after five seconds the guest is at", trap->epc, regs[0] + insn->size);
		bail("the guest loops forever");
	}
	return trap;
}

#define DIFFERS(what, got, want)                             \
	do {                                                 \
		if ((got) != (want)) {                       \
			if (!*wrong)                         \
				tell(insn, what, got, want); \
			(*wrong)++;                          \
			return;                              \
		}                                            \
	} while (0)

static void try_access(const struct insn *insn, unsigned long *wrong)
{
	unsigned long at = ALIGN_DOWN(below(MEMORY), insn->len), cell = random_next(&state), pc;
	unsigned long want[32], stored, mask = insn->len < 8 ? BIT(8 * insn->len) - 1 : ~0UL;
	unsigned long got, expected;
	const struct trap *trap;
	const char *name;

	dev_set(at & ~7UL, cell);
	pc = prepare(insn, at);
	memcpy(want, regs, sizeof(want));
	want[0] = 0;
	stored = want[insn->reg] & mask;
	if (!insn->kind->store)
		want[insn->reg] = extended(insn, cell, at);
	dev_set(DEV_COUNT, 0);
	trap = run(insn);
	DIFFERS("the guest's trap has the cause", trap->cause, EXC_BREAKPOINT);
	DIFFERS("the guest continues at", trap->epc, pc + insn->size);
	DIFFERS("number of accesses:", dev_reg(DEV_COUNT), 1);
	DIFFERS("bytes accessed:", dev_reg(DEV_LEN), insn->len);
	DIFFERS("the access was a store:", dev_reg(DEV_WRITE), insn->kind->store);
	DIFFERS("address accessed:", dev_reg(DEV_OFFSET), at);
	if (insn->kind->store)
		DIFFERS("stored:", dev_reg(DEV_VALUE), stored);
	name = wrong_register(want, &got, &expected);
	if (name)
		DIFFERS(name, got, expected);
}

static void accesses(const struct kind *kinds, unsigned long count, const char *what)
{
	unsigned long i, wrong = 0;
	struct insn insn;

	for (i = 0; i < TRIES; i++) {
		draw(&insn, kinds, count);
		try_access(&insn, &wrong);
	}
	ok_eq(wrong, 0, "%d %s make one access each, and the guest continues after them", TRIES,
	      what);
}

/* ---- stores that the kernel handles itself ---- */

/* Stores of four bytes, the only width for which the kernel signals the eventfd of DEV_NOTIFY. */
static const struct kind words[] = {
	{ "sw", I_STORE, 2, 4, true, false },
	{ "c.sw", I_C_REG, 6, 4, true, false },
	{ "c.swsp", I_C_SP, 6, 4, true, false },
};

/*
 * Test a store for which the kernel signals an eventfd, without an exit to the VMM. The next
 * instruction is an SBI call, which does exit to the VMM. A solution that completes the store
 * again after that exit loses the answer to the SBI call.
 */
static void try_taken(const struct insn *insn, unsigned long *wrong)
{
	unsigned long pc = prepare(insn, DEV_NOTIFY), want[32], got, expected;
	u16 *behind = (u16 *)(pc + insn->size);
	const struct trap *trap;
	const char *name;

	behind[0] = ECALL;
	behind[1] = 0;
	fence_i();
	regs[REG_A0] = regs[REG_A0 + 2] = 0; /* no bytes */
	regs[REG_A0 + 1] = (unsigned long)pages;
	regs[REG_A0 + 6] = SBI_DBCN_CONSOLE_WRITE;
	regs[REG_A0 + 7] = SBI_EXT_DBCN;
	memcpy(want, regs, sizeof(want));
	want[REG_A0 + 1] = 0;
	dev_reg(DEV_SIGNALS);
	trap = run(insn);
	DIFFERS("followed by an SBI call: the guest's trap has the cause", trap->cause,
		EXC_BREAKPOINT);
	DIFFERS("followed by an SBI call: the guest continues at", trap->epc, pc + insn->size + 4);
	DIFFERS("signals of the eventfd:", dev_reg(DEV_SIGNALS), 1);
	name = wrong_register(want, &got, &expected);
	if (name)
		DIFFERS(name, got, expected);
}

static void test_taken(void)
{
	unsigned long i, wrong = 0;
	struct insn insn;

	for (i = 0; i < TRIES; i++) {
		do
			draw(&insn, words, ARRAY_SIZE(words));
		while (insn.base >= REG_A0 && insn.base < REG_A0 + 8);
		try_taken(&insn, &wrong);
	}
	ok_eq(wrong, 0,
	      "each of %d stores with an eventfd signals it once, without an exit to the VMM",
	      TRIES);
}

/* ---- refused ---- */

static void try_refused(const struct insn *insn, unsigned long at, unsigned long *wrong)
{
	unsigned long pc = prepare(insn, at), want[32], got, expected;
	const struct trap *trap;
	const char *name;

	memcpy(want, regs, sizeof(want));
	dev_set(DEV_COUNT, 0);
	trap = run(insn);
	DIFFERS("the guest's trap has the cause", trap->cause,
		insn->kind->store ? EXC_STORE_ACCESS_FAULT : EXC_LOAD_ACCESS_FAULT);
	DIFFERS("its sepc is", trap->epc, pc);
	DIFFERS("its stval is", trap->tval, dev + at);
	DIFFERS("number of accesses:", dev_reg(DEV_COUNT), 0);
	name = wrong_register(want, &got, &expected);
	if (name)
		DIFFERS(name, got, expected);
}

static void refused(const struct kind *kinds, unsigned long count, bool aligned, const char *what)
{
	unsigned long i, wrong = 0, at;
	struct insn insn;

	for (i = 0; i < TRIES; i++) {
		draw(&insn, kinds, count);
		at = ALIGN_DOWN(below(MEMORY - 8), insn.len);
		if (!aligned && insn.len == 1)
			continue;
		if (!aligned)
			at += 1 + below(insn.len - 1);
		try_refused(&insn, at, &wrong);
	}
	ok_eq(wrong, 0, "%s raise an access fault each, and do nothing else", what);
}

static void test_refused(void)
{
	refused(loads, ARRAY_SIZE(loads), false, "misaligned loads");
	refused(stores, ARRAY_SIZE(stores), false, "misaligned stores");
	refused(compressed, ARRAY_SIZE(compressed), false, "misaligned compressed accesses");
	refused(amos, ARRAY_SIZE(amos), true, "atomic instructions");
	if (!isa_has("d")) {
		skip("loads and stores of floating-point registers",
		     "this processor has no D extension");
		return;
	}
	csr_set(sstatus, FIELD_PREP(SSTATUS_FS, FS_INITIAL));
	refused(floats, ARRAY_SIZE(floats), true, "loads and stores of floating-point registers");
	csr_clear(sstatus, SSTATUS_FS);
}

void payload_main(void)
{
	testdev_find();
	random_begin();
	accesses(loads, ARRAY_SIZE(loads), "loads");
	accesses(stores, ARRAY_SIZE(stores), "stores");
	accesses(compressed, ARRAY_SIZE(compressed), "compressed loads and stores");
	test_taken();
	if (boot_arg("refused", NULL, 0))
		test_refused();
	done();
}
