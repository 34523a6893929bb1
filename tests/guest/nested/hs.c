// SPDX-License-Identifier: MIT
/* hs.c - HS mode itself: privilege, traps while SPV is set, FP */
#include "nested.h"
#include "rt.h"

static unsigned long cell;

static void user_hlv(unsigned long va)
{
	do_hlv_d(va);
}

static void user_csr(unsigned long arg)
{
	(void)arg;
	(void)csr_read(hstatus);
}

static void break_with_spv(unsigned long arg)
{
	(void)arg;
	csr_set(hstatus, HSTATUS_SPV | HSTATUS_GVA);
	__asm__ volatile(".option push\n.option norvc\nebreak\n.option pop");
}

/* Checks H §3.1, §6.1. */
void test_hs(void)
{
	const struct trap *trap;

	clear_vs();
	csr_write(hstatus, VXL);
	ok_trap(catch_user(user_csr, 0), EXC_ILLEGAL_INST, ANY, "U mode cannot read hstatus");
	ok_trap(catch_user(user_hlv, (unsigned long)&cell), EXC_ILLEGAL_INST, ANY,
		"nor execute hlv.d");
	csr_set(hstatus, HSTATUS_HU);
	trap = catch_user(user_hlv, (unsigned long)&cell);
	ok_eq(trap->cause, EXC_ECALL_U, "except with hstatus.HU");
	csr_clear(hstatus, HSTATUS_HU);
	trap = catch_trap(break_with_spv, 0);
	ok_eq(trap->cause, EXC_BREAKPOINT, "a trap in HS while SPV is 1 is taken in HS");
	ok_eq(csr_read(hstatus) & HSTATUS_SPV, 0, "and clears SPV");
	csr_write(hstatus, VXL);
}

/* Checks H §2.11, M §1.6. */
void test_fp(void)
{
	unsigned long two = 0x4000000000000000, four = 0x4010000000000000;

	clear_vs();
	if (!isa_has("d")) {
		skip("FP in the guest", "no D");
		return;
	}
	csr_write(vsstatus, SSTATUS_FS);
	csr_clear(sstatus, SSTATUS_FS);
	ok_illegal(l2_fp, two, "with sstatus.FS Off, FP is illegal in the guest");
	csr_set(sstatus, FIELD_PREP(SSTATUS_FS, FS_CLEAN));
	csr_write(vsstatus, 0);
	ok_illegal(l2_fp, two, "so it is with vsstatus.FS Off");
	csr_write(vsstatus, FIELD_PREP(SSTATUS_FS, FS_INITIAL));
	ok_eq(run(l2_fp, two, 0), EXC_ECALL_VS, "with both on, the guest uses FP");
	ok_eq(l2.regs[10], four, "and computes");
	ok_eq(csr_read(sstatus) & SSTATUS_FS, SSTATUS_FS, "sstatus.FS is Dirty then");
	ok_eq(csr_read(vsstatus) & SSTATUS_FS, SSTATUS_FS, "vsstatus.FS is Dirty, too");
	ok_eq(l1_f5(), four, "HS finds the guest's register");

	csr_clear(sstatus, SSTATUS_FS);
	csr_set(sstatus, FIELD_PREP(SSTATUS_FS, FS_CLEAN));
	run(l2_fp_clean, four, 0);
	ok_eq(csr_read(vsstatus) & SSTATUS_FS, FIELD_PREP(SSTATUS_FS, FS_CLEAN),
	      "the guest can set vsstatus.FS to Clean");
	ok_eq(csr_read(sstatus) & SSTATUS_FS, SSTATUS_FS, "but sstatus.FS stays Dirty");
	csr_clear(sstatus, SSTATUS_FS);
}

/* The guest computes for longer than a tick of the host, which may use the vector unit then. Checks H §2.11. */
void test_vector(void)
{
	clear_vs();
	if (!isa_has("v")) {
		skip("vectors in the guest", "no V");
		return;
	}
	csr_clear(sstatus, SSTATUS_VS);
	csr_write(vsstatus, SSTATUS_VS);
	ok_illegal(l2_vector, 1,
		   "with sstatus.VS Off, vector instructions are illegal in the guest");
	csr_set(sstatus, FIELD_PREP(SSTATUS_VS, FS_CLEAN));
	csr_write(vsstatus, FIELD_PREP(SSTATUS_VS, FS_CLEAN));
	ok_eq(run(l2_vector, 20000000, 77), EXC_ECALL_VS, "with both on, the guest uses them");
	ok_eq(csr_read(sstatus) & SSTATUS_VS, SSTATUS_VS, "sstatus.VS is Dirty then");
	ok_eq(csr_read(vsstatus) & SSTATUS_VS, SSTATUS_VS, "vsstatus.VS is Dirty, too");
	ok_eq(l1_v1(), 77, "HS finds the guest's register");
	csr_clear(sstatus, SSTATUS_VS);
}
