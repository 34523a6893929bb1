// SPDX-License-Identifier: MIT
/*
 * vector.c - vector registers and their CSRs keep their values across every kind of exit, across
 * runs of other vCPUs, and in each state of sstatus.VS; a new vCPU does not find another vCPU's
 * values.
 */
#include "provoke.h"

#define LOOP_MS   150UL
#define MAX_VLENB 256
#define VTYPE     0xc9 /* e16, m2, tail and mask agnostic */
#define VCSR      5    /* round down, saturated */
#define VS_OFF    0
#define VS_INIT   1
#define VS_CLEAN  2
#define VS_DIRTY  3

struct vec_state {
	unsigned long vstart, vl, vtype, vcsr;
	u8 regs[32 * MAX_VLENB];
};

void vec_put(const struct vec_state *state);
void vec_get(struct vec_state *state);
unsigned long vec_len(void);
void vec_csrs(unsigned long vcsr, unsigned long vstart);
void vec_read(unsigned long arg);
void vec_write(unsigned long arg);
unsigned long vec_store(void *to, unsigned long n);

static struct vec_state want[MAX_HARTS], got[MAX_HARTS], at_start[MAX_HARTS];
static unsigned long vlenb;

static unsigned long vs_get(void)
{
	return FIELD_GET(SSTATUS_VS, csr_read(sstatus));
}

static void vs_set(unsigned long vs)
{
	csr_clear(sstatus, SSTATUS_VS);
	csr_set(sstatus, FIELD_PREP(SSTATUS_VS, vs));
}

/* Fill the vector unit with values that depend on the hart and the round. */
static void fill(unsigned long hart, unsigned long round)
{
	struct vec_state *state = &want[hart];
	unsigned long i;

	state->vstart = round % 4;
	state->vl = 4 + round % (vlenb - 4); /* VLMAX is vlenb elements at e16, m2 */
	state->vtype = VTYPE;
	state->vcsr = (VCSR + round) & 7;
	for (i = 0; i < 32 * vlenb; i++)
		state->regs[i] = (u8)(hart * 37 + round * 11 + i * 3 + i / vlenb);
	vec_put(state);
}

/* Return whether the vector unit holds what fill() put there. */
static bool is_kept(unsigned long hart)
{
	const struct vec_state *a = &want[hart], *b = &got[hart];

	vec_get(&got[hart]);
	return a->vstart == b->vstart && a->vl == b->vl && a->vtype == b->vtype &&
	       a->vcsr == b->vcsr && memcmp(a->regs, b->regs, 32 * vlenb) == 0;
}

static void one_fresh_page(void)
{
	*(volatile u8 *)fresh_page() = 1;
}

static const struct {
	const char *name;
	void (*fn)(void);
} exits[] = {
	{ "an SBI call", one_sbi },
	{ "MMIO", one_mmio },
	{ "a WFI", one_sleep },
	{ "an injected trap", one_illegal },
	{ "a G-stage fault", one_fresh_page },
};

static void test_exits(unsigned long vs, const char *vs_name)
{
	unsigned long i, state_changed = 0;

	for (i = 0; i < ARRAY_SIZE(exits); i++) {
		vs_set(VS_DIRTY);
		fill(0, i + vs * 16);
		vs_set(vs);
		exits[i].fn();
		state_changed += vs_get() != vs;
		vs_set(VS_DIRTY);
		ok(is_kept(0), "VS %s: 32 registers, vl, vtype, vcsr and vstart survive %s",
		   vs_name, exits[i].name);
	}
	ok_eq(state_changed, 0, "VS stays %s across exits of every tested kind", vs_name);
}

static void test_states(void)
{
	vs_set(VS_OFF);
	ok_trap(catch_trap(vec_read, 0), EXC_ILLEGAL_INST, ANY, "VS Off: vl cannot be read");
	ok_eq(vs_get(), VS_OFF, "VS Off: VS is still Off after the illegal read");
	vs_set(VS_INIT);
	ok_trap(catch_trap(vec_read, 0), NO_TRAP, ANY, "VS Initial: vl can be read");
	vs_set(VS_CLEAN);
	ok_trap(catch_trap(vec_write, 0), NO_TRAP, ANY, "VS Clean: a register can be written");
	ok_eq(vs_get(), VS_DIRTY, "VS Clean: writing a register makes VS Dirty");
	ok_trap(catch_user(vec_write, 0), EXC_ECALL_U, ANY,
		"a vector register can be written in U mode");
	vs_set(VS_OFF);
	one_sleep();
	ok_trap(catch_trap(vec_read, 0), EXC_ILLEGAL_INST, ANY,
		"VS Off: vl still cannot be read after the vCPU slept");
}

/* Write vcsr and vstart while everything else keeps the values with which it was loaded. */
static void test_csrs_alone(void)
{
	unsigned long round, lost = 0;

	if (on_linux()) {
		skip("vcsr and vstart survive exits when nothing else has changed",
		     "QEMU leaves VS Clean, and Linux 6.12 relies on VS");
		return;
	}
	vs_set(VS_DIRTY);
	fill(0, 3);
	for (round = 1; round < 16; round++) {
		one_mmio();
		one_sleep();
		want[0].vcsr = round & 7;
		want[0].vstart = round & 3;
		vec_csrs(want[0].vcsr, want[0].vstart);
		if (round & 1)
			vs_set(VS_CLEAN);
		one_mmio();
		one_sleep();
		lost += !is_kept(0);
		vec_put(&want[0]);
	}
	ok_eq(lost, 0, "vcsr and vstart survive exits when nothing else has changed");
}

/* A vector store across two untouched pages can fault at its start and again partway. */
static void test_memory(void)
{
	u8 *to = fresh_page() + SZ_2M - 7;
	unsigned long n;

	fresh_page();
	vs_set(VS_DIRTY);
	fill(0, 9);
	n = vec_store(to, 4 * vlenb);
	ok_eq(n, 4 * vlenb, "a store of four registers to two untouched pages stores every byte");
	ok(memcmp(to, want[0].regs + 8 * vlenb, n) == 0,
	   "a store to two untouched pages stores the right bytes");
}

static void loop(unsigned long n)
{
	unsigned long round = 0, bad = 0;

	vs_set(VS_INIT);
	vec_get(&at_start[n]);
	while (now() < loop_end) {
		vs_set(VS_DIRTY);
		fill(n, round);
		one_by_turns(round);
		if (round & 8)
			vs_set(VS_CLEAN);
		bad += !is_kept(n);
		round++;
	}
	loop_bad[n] = bad;
	loop_rounds[n] = round;
}

static bool is_zero(const struct vec_state *state)
{
	unsigned long i, any = state->vstart | state->vl | state->vcsr;

	for (i = 0; i < 32 * vlenb; i++)
		any |= state->regs[i];
	return !any;
}

static void test_together(void)
{
	unsigned long bad, nonzero = 0;
	int i, n = loop_together(loop, LOOP_MS, &bad);

	for (i = 1; i < n; i++)
		nonzero += !is_zero(&at_start[i]);
	ok_eq(nonzero, 0, "%d harts begin with all vector state zero", n - 1);
	ok_eq(bad, 0, "%d harts use vector at once for %lu ms; none sees another hart's values", n,
	      LOOP_MS);
}

static void use_vector(unsigned long n)
{
	vs_set(VS_DIRTY);
	fill(n, 5);
}

static void use_fp(unsigned long value)
{
	__asm__ volatile(
		".option push; .option arch, +d; fmv.d.x f0, %0; .option pop" ::"r"(value));
}

/*
 * This vCPU uses FP in each turn and vector in every third, and the other vCPU uses vector in each.
 * The test is meaningful only if both vCPUs share one host hart.
 */
static void test_beside_fp(void)
{
	unsigned long turn, lost = 0;

	if (nr_harts < 2 || !isa_has("d")) {
		skip("vector registers are loaded even if FP registers are already loaded",
		     "this needs two harts and D");
		return;
	}
	csr_set(sstatus, SSTATUS_FS);
	use_vector(0);
	for (turn = 1; turn < 13; turn++) {
		use_fp(turn);
		hart_run(1, use_vector, 1);
		if (!hart_wait(1, 20000))
			bail("the other hart does not answer");
		if (turn % 3)
			continue;
		lost += catch_trap(vec_read, 0)->cause != NO_TRAP || !is_kept(0);
		use_vector(0);
	}
	csr_clear(sstatus, SSTATUS_FS);
	ok_eq(lost, 0, "vector registers are loaded even if FP registers are already loaded");
}

void payload_main(void)
{
	struct fdt_reg reg;

	if (!isa_has("v")) {
		vs_set(VS_DIRTY);
		ok_trap(catch_trap(vec_read, 0), EXC_ILLEGAL_INST, ANY,
			"without the V extension, vl cannot be read, whatever VS is");
		done();
	}
	if (fdt_find("ns16550a", 0, &reg))
		uart = reg.base;
	vs_set(VS_INIT);
	vlenb = vec_len();
	if (vlenb > MAX_VLENB) {
		skip("vector registers", "the registers are too long for this payload");
		done();
	}
	vec_get(&at_start[0]);
	ok(is_zero(&at_start[0]),
	   "32 registers of %lu bytes, vl, vcsr and vstart are zero at first", vlenb);
	test_states();
	test_exits(VS_DIRTY, "Dirty");
	test_exits(VS_CLEAN, "Clean");
	test_exits(VS_INIT, "Initial");
	test_exits(VS_OFF, "Off");
	test_csrs_alone();
	test_memory();
	test_together();
	test_beside_fp();
	done();
}
