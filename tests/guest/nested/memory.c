// SPDX-License-Identifier: MIT
/* memory.c - the guest's memory: its own loads and stores, and HLV and HSV */
#include "nested.h"
#include "rt.h"

static unsigned long cells[1024] __attribute__((aligned(4096)));
#define UNTOUCHED_SIZE 0x100000UL

static u8 untouched[UNTOUCHED_SIZE] __attribute__((aligned(4096)));

static void hlv_fault(unsigned long va)
{
	do_hlv_d(va);
}

static void hsv_fault(unsigned long va)
{
	do_hsv_d(va, 1);
}

static void hlvx_fault(unsigned long va)
{
	do_hlvx_wu(va);
}

/* Claim that a hypervisor access traps in HS, with V = 0. */
static void ok_hlv_trap(hart_fn fn, unsigned long va, unsigned long cause, const char *what)
{
	const struct trap *trap;
	unsigned long hstatus;

	csr_clear(hstatus, HSTATUS_GVA);
	trap = catch_trap(fn, va);
	hstatus = csr_read(hstatus);
	ok_trap(trap, cause, va, "%s", what);
	ok_eq(hstatus & (HSTATUS_GVA | HSTATUS_SPV), HSTATUS_GVA, "... with GVA = 1 and SPV = 0");
	csr_clear(hstatus, HSTATUS_GVA);
}

/* Checks H §3.1, §5. */
void test_memory(void)
{
	pte_t *root = pt_new();
	unsigned long va = TEST_VA;

	clear_vs();
	ok_eq(run(l2_store, (unsigned long)&cells[1], 77), EXC_ECALL_VS, "the guest stores");
	ok_eq(cells[1], 77, "to the memory of HS");
	ok_eq(run(l2_load, (unsigned long)&untouched[UNTOUCHED_SIZE / 2], 0), EXC_ECALL_VS,
	      "the guest loads from memory that HS has not used");
	ok_eq(l2.regs[10], 0, "which is 0");

	pt_map(root, va, (unsigned long)cells, PTE_V | PTE_R | PTE_W | PTE_A | PTE_D);
	pt_map(root, va + 4096, (unsigned long)cells, PTE_V | PTE_R | PTE_A);
	pt_map(root, va + 8192, (unsigned long)cells,
	       PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D);
	pt_map(root, va + 12288, (unsigned long)cells, PTE_V | PTE_X | PTE_A);
	csr_write(vsatp, satp_make(root, 3));
	fence();
	ok_eq(run(l2_load, va + 8, 0), EXC_ECALL_VS, "the guest loads through its own table");
	ok_eq(l2.regs[10], 77, "and gets the value of the page");
	ok_eq(run(l2_store, va + 4096, 1), EXC_STORE_PAGE_FAULT,
	      "a store to a read-only page of its table is a store page fault");
	ok(l2.stval == va + 4096 && (l2.hstatus & HSTATUS_GVA) && l2.htval == 0,
	   "stval is the address, GVA is 1, htval is 0");
	csr_write(hedeleg, BIT(EXC_STORE_PAGE_FAULT));
	csr_write(vstvec, (unsigned long)l2_trapped);
	run(l2_store, va + 4096, 1);
	ok(l2.scause == EXC_ECALL_VS && l2.regs[10] == L2_TRAPPED && l2.regs[13] == va + 4096,
	   "the guest handles a page fault that is delegated");

	cells[0] = 0x8899aabbccddeeff;
	csr_write(hstatus, VXL | HSTATUS_SPVP);
	ok_eq(do_hlv_b(va), ~0UL, "hlv.b reads the guest's memory");
	ok_eq(do_hlv_bu(va), 0xff, "hlv.bu");
	ok_eq(do_hlv_h(va), 0xffffffffffffeeff, "hlv.h");
	ok_eq(do_hlv_hu(va), 0xeeff, "hlv.hu");
	ok_eq(do_hlv_w(va), 0xffffffffccddeeff, "hlv.w");
	ok_eq(do_hlv_wu(va), 0xccddeeff, "hlv.wu");
	ok_eq(do_hlv_d(va), 0x8899aabbccddeeff, "hlv.d");
	ok_eq(do_hlvx_wu(va + 12288), 0xccddeeff, "hlvx.wu reads a page that can only be executed");
	ok_eq(do_hlvx_hu(va + 12288), 0xeeff, "hlvx.hu");
	do_hsv_b(va + 16, 0x11);
	do_hsv_h(va + 18, 0x2222);
	do_hsv_w(va + 20, 0x33333333);
	do_hsv_d(va + 24, 0x4444444444444444);
	ok(cells[2] == 0x3333333322220011 && cells[3] == 0x4444444444444444,
	   "hsv.b, hsv.h, hsv.w and hsv.d write it");
	ok_hlv_trap(hlv_fault, va + 16384, EXC_LOAD_PAGE_FAULT,
		    "hlv.d of a page without a leaf traps");
	ok_hlv_trap(hsv_fault, va + 4096, EXC_STORE_PAGE_FAULT, "hsv.d to a read-only page traps");
	ok_hlv_trap(hlv_fault, va + 8192, EXC_LOAD_PAGE_FAULT,
		    "hlv.d of a user page with SPVP = 1 traps");
	if (!quirk("hlvx.wu of a page without X"))
		ok_hlv_trap(hlvx_fault, va, EXC_LOAD_PAGE_FAULT, "hlvx.wu of a page without X");
	csr_write(vsstatus, SSTATUS_SUM);
	ok_eq(do_hlv_d(va + 8192), cells[0], "vsstatus.SUM permits it");
	csr_write(vsstatus, 0);
	csr_clear(hstatus, HSTATUS_SPVP);
	ok_eq(do_hlv_d(va + 8192), cells[0], "and so does SPVP = 0");
	csr_set(hstatus, HSTATUS_SPVP);
	csr_write(vsatp, 0);
	fence();
	ok_eq(do_hlv_d((unsigned long)&untouched[UNTOUCHED_SIZE / 4]), 0,
	      "hlv.d of memory that nobody has used");
	csr_write(hstatus, VXL);
}

/* Checks H §3.1. */
void test_device(void)
{
	struct fdt_reg uart;

	clear_vs();
	if (!fdt_find("ns16550a", 0, &uart)) {
		skip("the guest reads a device", "no UART");
		return;
	}
	ok_eq(run(l2_load_byte, uart.base + 5, 0), EXC_ECALL_VS, "the guest reads a device of HS");
	ok_eq(l2.regs[10] & 0x60, 0x60, "the UART's transmitter is empty");
}
