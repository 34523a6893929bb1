// SPDX-License-Identifier: MIT
/*
 * fp.c - floating-point registers and fcsr keep their values across every kind of exit, across runs
 * of other vCPUs, and in each state of sstatus.FS.
 *
 * Hypervisors switch FP registers lazily in various ways. Each claim covers a moment at which one
 * of these ways could lose the registers' values.
 */
#include "provoke.h"

#define FCSR    0x65 /* a rounding mode and two of the flags */
#define LOOP_MS 60UL

void fp_fill(unsigned long base, unsigned long fcsr);
unsigned long fp_changed(unsigned long base, unsigned long fcsr);
void fp_read(unsigned long arg);
void fp_write(unsigned long arg);
unsigned long fp_through(unsigned long value, unsigned long *addr);
void fp_user(unsigned long base);

static unsigned long fs_get(void)
{
	return FIELD_GET(SSTATUS_FS, csr_read(sstatus));
}

static void fs_set(unsigned long fs)
{
	csr_clear(sstatus, SSTATUS_FS);
	csr_set(sstatus, FIELD_PREP(SSTATUS_FS, fs));
}

static void one_print(void)
{
	note("a line on the console");
}

static void one_fresh_page(void)
{
	*(volatile unsigned long *)fresh_page() = 1;
}

static const struct {
	const char *name;
	void (*fn)(void);
} exits[] = {
	{ "an SBI call", one_sbi },      { "MMIO", one_mmio },
	{ "a WFI", one_sleep },          { "an injected trap", one_illegal },
	{ "console output", one_print }, { "a G-stage fault", one_fresh_page },
};

static void test_exits(unsigned long fs, const char *fs_name)
{
	unsigned long i, base = 0x4045000000000000UL, changed, state_changed = 0;

	for (i = 0; i < ARRAY_SIZE(exits); i++) {
		fs_set(FS_DIRTY);
		fp_fill(base, FCSR);
		fs_set(fs);
		exits[i].fn();
		state_changed += fs_get() != fs;
		fs_set(FS_DIRTY);
		changed = fp_changed(base, FCSR);
		ok_eq(changed, 0, "FS %s: 32 registers and fcsr survive %s", fs_name,
		      exits[i].name);
		base += 0x1000;
	}
	ok_eq(state_changed, 0, "FS stays %s across exits of every tested kind", fs_name);
}

static void test_states(void)
{
	fs_set(FS_OFF);
	ok_trap(catch_trap(fp_read, 0), EXC_ILLEGAL_INST, ANY,
		"FS Off: an FP instruction is illegal");
	ok_eq(fs_get(), FS_OFF, "FS Off: FS is still Off after the illegal FP instruction");
	fs_set(FS_INITIAL);
	ok_trap(catch_trap(fp_read, 0), NO_TRAP, ANY, "FS Initial: an FP instruction is legal");
	fs_set(FS_CLEAN);
	ok_trap(catch_trap(fp_write, 0), NO_TRAP, ANY, "FS Clean: a register can be written");
	ok_eq(fs_get(), FS_DIRTY, "FS Clean: writing a register makes FS Dirty");
	ok(csr_read(sstatus) & SSTATUS_SD, "FS Clean: writing a register sets SD");
	fs_set(FS_OFF);
	one_sleep();
	ok_trap(catch_trap(fp_read, 0), EXC_ILLEGAL_INST, ANY,
		"FS Off: an FP instruction is still illegal after the vCPU slept");
}

/* Change only fcsr: f0 to f31 keep the values that fp_fill() has loaded. */
static void test_fcsr_alone(void)
{
	unsigned long base = 0x4545000000000000UL, round, lost = 0;

	if (on_linux()) {
		skip("fcsr survives exits when no FP register has changed",
		     "QEMU leaves FS Clean, and Linux 6.12 relies on FS");
		return;
	}
	fs_set(FS_DIRTY);
	fp_fill(base, 0);
	for (round = 1; round < 16; round++) {
		one_mmio();
		one_sleep();
		__asm__ volatile("csrw 0x003, %0" ::"r"(round));
		if (round & 1)
			fs_set(FS_CLEAN);
		one_mmio();
		one_sleep();
		lost += fp_changed(base, round) != 0;
	}
	ok_eq(lost, 0, "fcsr survives exits when no FP register has changed");
}

static void test_memory(void)
{
	unsigned long *page = (unsigned long *)(ALIGN_UP((unsigned long)_end, SZ_2M) + SZ_2M);

	fs_set(FS_INITIAL);
	ok_eq(fp_through(0x400921fb54442d18UL, page), 0x400921fb54442d18UL,
	      "fld returns what fsd stored to an untouched page");
	ok_eq(fp_through(0x3ff0000000000001UL, (unsigned long *)((u8 *)page + 2 * PAGE_SIZE - 4)),
	      0x3ff0000000000001UL, "fld returns what fsd stored across two untouched pages");
}

static void test_user(void)
{
	fs_set(FS_INITIAL);
	ok_trap(catch_user(fp_user, 0x1234500), EXC_ECALL_U, ANY, "FP works in U mode");
	ok_eq(fp_changed(0x1234500, 0x21), 0, "S mode sees the FP values that U mode has written");
	ok_eq(fs_get(), FS_DIRTY, "FS is Dirty after U mode has written FP registers");
}

/* Check values unique to this hart, with an exit of some kind in most rounds. */
static void loop(unsigned long n)
{
	unsigned long base = 0x7000000000000000UL + (n << 32), round = 0, bad = 0;

	fs_set(FS_DIRTY);
	while (now() < loop_end) {
		base += 0x100;
		fp_fill(base, (n + round) & 0x1f);
		one_by_turns(round);
		if (round & 8)
			fs_set(FS_CLEAN);
		bad += fp_changed(base, (n + round) & 0x1f) != 0;
		round++;
	}
	loop_bad[n] = bad;
	loop_rounds[n] = round;
}

static void test_together(void)
{
	unsigned long bad;
	int n = loop_together(loop, LOOP_MS, &bad);

	ok_eq(bad, 0, "%d harts use FP at once for %lu ms, and none sees another hart's values", n,
	      LOOP_MS);
}

void payload_main(void)
{
	struct fdt_reg reg;

	if (!isa_has("d")) {
		skip("floating point", "this processor has no D extension");
		done();
	}
	if (fdt_find("ns16550a", 0, &reg))
		uart = reg.base;
	test_states();
	test_exits(FS_DIRTY, "Dirty");
	test_exits(FS_CLEAN, "Clean");
	test_exits(FS_INITIAL, "Initial");
	test_exits(FS_OFF, "Off");
	test_fcsr_alone();
	test_memory();
	test_user();
	test_together();
	done();
}
