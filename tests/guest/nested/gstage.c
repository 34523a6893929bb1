// SPDX-License-Identifier: MIT
/* gstage.c - the guest's G-stage: a table in hgatp, its faults, and its fences */
#include "nested.h"

static pte_t root[2048] __attribute__((aligned(16384)));
static pte_t level1[512] __attribute__((aligned(4096)));
static pte_t level0[512] __attribute__((aligned(4096)));
static unsigned long pages[4][512] __attribute__((aligned(4096)));
static unsigned long block[SZ_2M / sizeof(long)] __attribute__((aligned(SZ_2M))); /* without code */

void gstage_make(pte_t *top, pte_t *middle, pte_t *bottom)
{
	memset(top, 0, sizeof(root));
	memset(middle, 0, sizeof(level1));
	memset(bottom, 0, sizeof(level0));
	for (unsigned long i = 0; i < 4; i++) /* the guest's code runs there */
		top[i] = pte_make(i * SZ_1G, L2_LEAF);
	top[4] = pte_make((hpa_t)(unsigned long)middle, PTE_V);
	middle[0] = pte_make((hpa_t)(unsigned long)bottom, PTE_V);
}

void gstage_on(const pte_t *top, unsigned long vmid)
{
	csr_write(hgatp, FIELD_PREP(HGATP_MODE, L2_SV39X4) | FIELD_PREP(HGATP_VMID, vmid) |
				 (unsigned long)top >> PAGE_SHIFT);
}

static void table_on(void)
{
	gstage_make(root, level1, level0);
	for (unsigned long i = 0; i < 4; i++) {
		level0[i] = pte_make((hpa_t)(unsigned long)pages[i], L2_LEAF);
		pages[i][0] = 100 + i;
	}
	gstage_on(root, 1);
	fence_later();
}

/* Claim that the guest's access faulted in the G-stage at `gpa`. */
static void ok_fault(unsigned long cause, unsigned long gva, unsigned long gpa, const char *what)
{
	if (!ok(l2.scause == cause && l2.stval == gva && l2.htval << 2 == (gpa & ~3UL) &&
			(l2.hstatus & HSTATUS_GVA),
		"%s", what))
		note("cause %lx, stval %lx, htval %lx", l2.scause, l2.stval, l2.htval);
}

/* Checks H §2.8, §2.10, §5.1. */
static void test_translation(void)
{
	ok_eq(run(l2_load, L2_BASE + 4096, 0), EXC_ECALL_VS,
	      "the guest loads through hgatp's table");
	ok_eq(l2.regs[10], 101, "the value of the page that the table maps");
	run(l2_store, L2_BASE + 8192, 7);
	ok_eq(pages[2][0], 7, "and stores to one");
	run(l2_load, L2_BASE + 0x10000, 0);
	ok_fault(EXC_LOAD_GUEST_PAGE_FAULT, L2_BASE + 0x10000, L2_BASE + 0x10000,
		 "a load without a leaf is a guest page fault");
	run(l2_store, L2_BASE + 0x200008, 0);
	ok_fault(EXC_STORE_GUEST_PAGE_FAULT, L2_BASE + 0x200008, L2_BASE + 0x200008,
		 "and so is a store");
	prepare((char *)(L2_BASE + 0x20000), false);
	l2_run(&l2);
	ok_fault(EXC_INST_GUEST_PAGE_FAULT, L2_BASE + 0x20000, L2_BASE + 0x20000, "and a fetch");
	run(l2_load, 1UL << 41, 0);
	ok_fault(EXC_LOAD_GUEST_PAGE_FAULT, 1UL << 41, 1UL << 41,
		 "and an address of more than 41 bits");
}

/* Checks H §5.1, §5.2. */
static void test_permissions(void)
{
	level0[0] = pte_make((hpa_t)(unsigned long)pages[0], L2_LEAF & ~(PTE_W | PTE_D));
	level0[1] = pte_make((hpa_t)(unsigned long)pages[1], L2_LEAF & ~PTE_U);
	level0[3] = pte_make((hpa_t)(unsigned long)pages[3], L2_LEAF & ~PTE_X);
	fence_later();
	ok_eq(run(l2_load, L2_BASE, 0), EXC_ECALL_VS, "a page without W can be read");
	run(l2_store, L2_BASE, 1);
	ok_fault(EXC_STORE_GUEST_PAGE_FAULT, L2_BASE, L2_BASE, "but not written");
	run(l2_load, L2_BASE + 4096, 0);
	ok_fault(EXC_LOAD_GUEST_PAGE_FAULT, L2_BASE + 4096, L2_BASE + 4096,
		 "a page without U cannot be read");
	prepare((char *)(L2_BASE + 3 * 4096), false);
	l2_run(&l2);
	ok_fault(EXC_INST_GUEST_PAGE_FAULT, L2_BASE + 3 * 4096, L2_BASE + 3 * 4096,
		 "a page without X cannot be executed");
	level0[0] = pte_make((hpa_t)(unsigned long)pages[0], PTE_V | PTE_X | PTE_U | PTE_A);
	fence_later();
	run(l2_load, L2_BASE, 0);
	ok_fault(EXC_LOAD_GUEST_PAGE_FAULT, L2_BASE, L2_BASE, "a page with X alone cannot be read");
	csr_set(sstatus, SSTATUS_MXR);
	ok_eq(run(l2_load, L2_BASE, 0), EXC_ECALL_VS, "but with MXR of HS, it can");
	level0[0] = pte_make((hpa_t)(unsigned long)block, PTE_V | PTE_X | PTE_U | PTE_A);
	fence_later();
	ok_eq(run(l2_load, L2_BASE, 0), EXC_ECALL_VS,
	      "and one from which nothing was executed yet");
	level0[0] = pte_make((hpa_t)(unsigned long)pages[0], PTE_V | PTE_X | PTE_U | PTE_A);
	csr_clear(sstatus, SSTATUS_MXR);
	fence_later();
	run(l2_load, L2_BASE, 0);
	ok_fault(EXC_LOAD_GUEST_PAGE_FAULT, L2_BASE, L2_BASE, "and without it, not any more");
	level0[0] = pte_make((hpa_t)(unsigned long)pages[0], L2_LEAF) | BIT(54);
	fence_later();
	run(l2_load, L2_BASE, 0);
	ok_fault(EXC_LOAD_GUEST_PAGE_FAULT, L2_BASE, L2_BASE, "a leaf with a reserved bit faults");
	level0[0] = pte_make((hpa_t)(unsigned long)pages[0], L2_LEAF);
	fence_later();
	ok_eq(run(l2_store, L2_BASE, 55), EXC_ECALL_VS, "with W and a fence, it can be written");
	ok_eq(pages[0][0], 55, "HS reads the value that the guest stored");
}

/* Checks H §3.2, §5.3. */
static void test_changes(void)
{
	level0[2] = pte_make((hpa_t)(unsigned long)pages[3], L2_LEAF);
	fence_later();
	run(l2_load, L2_BASE + 8192, 0);
	ok_eq(l2.regs[10], 103, "after a change and a fence, the guest reads the new page");
	level0[2] = 0;
	fence_later();
	run(l2_load, L2_BASE + 8192, 0);
	ok_fault(EXC_LOAD_GUEST_PAGE_FAULT, L2_BASE + 8192, L2_BASE + 8192,
		 "after the leaf was removed, it faults");
	level1[1] = pte_make(0x80200000 & ~0x1fffffUL, L2_LEAF);
	run(l2_load, L2_BASE + 0x200000 + ((unsigned long)pages[3] & 0x1fffff), 0);
	if (((unsigned long)pages[3] & ~0x1fffffUL) == 0x80200000)
		ok_eq(l2.regs[10], 103, "a new leaf of 2 MiB needs no fence");
	else
		skip("a new leaf of 2 MiB needs no fence", "the payload is too large");
	root[5] = pte_make(0x80001000, L2_LEAF);
	run(l2_load, 5 * SZ_1G, 0);
	ok_fault(EXC_LOAD_GUEST_PAGE_FAULT, 5 * SZ_1G, 5 * SZ_1G, "a misaligned leaf faults");
}

/* Fences of one page: for all guests, then for one. Checks H §3.2. */
static void test_fences_of_pages(void)
{
	unsigned long *here = (unsigned long *)0x80200000, *there = (unsigned long *)0x80400000;

	for (unsigned long vmid = 0; vmid < 2; vmid++) {
		level0[3] = pte_make((hpa_t)(unsigned long)pages[2], L2_LEAF);
		run(l2_load, L2_BASE + 3 * 4096, 0);
		level0[3] = pte_make((hpa_t)(unsigned long)pages[1], L2_LEAF);
		fence_page(L2_BASE + 3 * 4096, vmid);
		run(l2_load, L2_BASE + 3 * 4096, 0);
		ok_eq(l2.regs[10], 101,
		      "after a fence of its address%s, the guest reads a new page",
		      vmid ? " and VMID" : "");

		level1[1] = pte_make((hpa_t)(unsigned long)here, L2_LEAF);
		fence_page(L2_BASE + 0x200000, vmid);
		run(l2_load, L2_BASE + 0x200000, 0);
		ok_eq(l2.regs[10], *here, "a leaf of 2 MiB is used");
		level1[1] = pte_make((hpa_t)(unsigned long)there, L2_LEAF);
		fence_page(L2_BASE + 0x3ff000, vmid);
		run(l2_load, L2_BASE + 0x200000, 0);
		ok_eq(l2.regs[10], *there,
		      "after a fence of one of its addresses, the new leaf is used");
		level0[3] = pte_make((hpa_t)(unsigned long)pages[3], L2_LEAF);
		level1[1] = 0;
		fence_later();
	}
}

/* Checks H §5, §5.2. */
static void test_two_stages(void)
{
	pte_t *vs = pt_new();
	unsigned long va = TEST_VA;

	pt_map(vs, va, L2_BASE + 4096, PTE_V | PTE_R | PTE_W | PTE_A | PTE_D);
	pt_map(vs, va + 4096, L2_BASE + 0x30000, PTE_V | PTE_R | PTE_W | PTE_A | PTE_D);
	level0[1] = pte_make((hpa_t)(unsigned long)pages[1], L2_LEAF);
	csr_write(vsatp, satp_make(vs, 1));
	fence_later();
	ok_eq(run(l2_load, va, 0), EXC_ECALL_VS, "the guest loads through both stages");
	ok_eq(l2.regs[10], 101, "and gets the value of the page");
	run(l2_load, va + 4100, 0);
	l2.stval &= ~7UL;
	ok_fault(EXC_LOAD_GUEST_PAGE_FAULT, va + 4096, L2_BASE + 0x30000 + 4,
		 "a fault in the G-stage reports both addresses");
	csr_write(vsatp, FIELD_PREP(SATP_MODE, SATP_MODE_SV39) | (L2_BASE + 0x40000) >> PAGE_SHIFT);
	run(l2_load, va, 0);
	ok(l2.scause == EXC_INST_GUEST_PAGE_FAULT && l2.htval << 2 >= L2_BASE + 0x40000 &&
		   l2.htval << 2 < L2_BASE + 0x41000,
	   "a page table without a leaf is a guest page fault at the address of its entry");
	csr_write(vsatp, 0);
	fence_later();
}

static void hlv(unsigned long va)
{
	do_hlv_d(va);
}

static void hlvx(unsigned long va)
{
	do_hlvx_wu(va);
}

/* Checks H §3.1. */
static void test_hlv(void)
{
	const struct trap *trap;

	csr_write(hstatus, VXL | HSTATUS_SPVP);
	ok_eq(do_hlv_d(L2_BASE + 4096), 101, "hlv.d reads through hgatp's table");
	do_hsv_d(L2_BASE + 4096 + 8, 0x99);
	ok_eq(pages[1][1], 0x99, "hsv.d writes");
	trap = catch_trap(hlv, L2_BASE + 0x50000);
	ok_trap(trap, EXC_LOAD_GUEST_PAGE_FAULT, L2_BASE + 0x50000,
		"hlv.d without a leaf is a guest page fault");
	ok_eq(csr_read(htval) << 2, L2_BASE + 0x50000, "with the address in htval");
	ok_eq(csr_read(hstatus) & (HSTATUS_SPV | HSTATUS_GVA), HSTATUS_GVA, "GVA = 1 and SPV = 0");

	level0[1] = pte_make((hpa_t)(unsigned long)pages[1], L2_LEAF & ~(PTE_R | PTE_W | PTE_D));
	level0[2] = pte_make((hpa_t)(unsigned long)pages[2], L2_LEAF & ~PTE_X);
	fence();
	ok_eq(do_hlvx_wu(L2_BASE + 4096), 101, "hlvx.wu reads a page that can only be executed");
	trap = catch_trap(hlv, L2_BASE + 4096);
	ok_trap(trap, EXC_LOAD_GUEST_PAGE_FAULT, L2_BASE + 4096, "which hlv.d does not");
	if (!quirk("hlvx.wu of a page without X is a guest page fault"))
		ok_trap(catch_trap(hlvx, L2_BASE + 8192), EXC_LOAD_GUEST_PAGE_FAULT, L2_BASE + 8192,
			"hlvx.wu of a page without X is a guest page fault");
	csr_write(hstatus, VXL);
}

/* The firmware's fences for hypervisors, for this hart and for all. */
static void test_sbi_fences(void)
{
	unsigned long fid, self = this_hart()->id;

	level0[0] = pte_make((hpa_t)(unsigned long)pages[0], L2_LEAF);
	fence_later();
	run(l2_load, L2_BASE, 0);
	level0[0] = pte_make((hpa_t)(unsigned long)pages[3], L2_LEAF);
	for (fid = SBI_RFENCE_REMOTE_HFENCE_GVMA_VMID; fid <= SBI_RFENCE_REMOTE_HFENCE_VVMA;
	     fid++) {
		ok_sbi(sbi_call6(SBI_EXT_RFENCE, fid, 1, self, 0, ~0UL, 1, 0), SBI_SUCCESS,
		       "SBI RFENCE function %lu for this hart", fid);
		ok_sbi(sbi_call6(SBI_EXT_RFENCE, fid, 0, ~0UL, 0, ~0UL, 1, 0), SBI_SUCCESS,
		       "SBI RFENCE function %lu for all harts", fid);
	}
	run(l2_load, L2_BASE, 0);
	ok_eq(l2.regs[10], 103, "after SBI's fence, the guest reads the new page");
}

void test_gstage(void)
{
	clear_vs();
	csr_write(hgatp, FIELD_PREP(HGATP_MODE, L2_SV39X4));
	if (FIELD_GET(HGATP_MODE, csr_read(hgatp)) != L2_SV39X4) {
		skip("a table in hgatp", "no Sv39x4");
		return;
	}
	table_on();
	test_translation();
	test_permissions();
	test_changes();
	test_fences_of_pages();
	test_two_stages();
	test_hlv();
	test_sbi_fences();
	csr_write(hgatp, 0);
	fence_later();
	ok_eq(run(l2_ecall, 0, 0), EXC_ECALL_VS, "with hgatp Bare again, the guest runs");
}
