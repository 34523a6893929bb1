// SPDX-License-Identifier: MIT
/*
 * exits.c - traps that make a guest leave VS or VU mode, what the guest sees of them, and traps
 * that must not cause an exit at all. MMIO has its own payload (mmio.c).
 *
 * When the payload runs directly under OpenSBI, the H extension's CSRs exist, so claims about
 * virtual instructions are skipped.
 */
#include "access.h"

#define NO_MEMORY   0x7f00000000UL /* an address without memory, within Sv39x4's range */
#define FRESH_PAGES 512
#define IRQ_LOOP_MS 40

static bool tval_is(const struct trap *trap, unsigned long want)
{
	return trap->tval == want || !trap->tval;
}

/*
 * Claim that an instruction is illegal in S mode. S §1.9: stval holds the instruction's bits, or 0.
 * Not for mret and sret, for which QEMU sets stval to the bits of an earlier instruction.
 */
static void ok_illegal(unsigned long word, const char *name)
{
	const struct trap *trap = catch_trap(execute, word);

	if (!ok(trap->cause == EXC_ILLEGAL_INST && tval_is(trap, word) &&
			trap->epc == (unsigned long)code && trap->status & SSTATUS_SPP,
		"%s: illegal instruction in S mode, stval has its bits or 0", name))
		note("cause %ld stval %lx sepc %lx sstatus %lx", (long)trap->cause, trap->tval,
		     trap->epc, trap->status);
}

/*
 * Claim that an instruction is illegal in U mode. Page tables are off (satp = 0), so U mode may
 * execute code[].
 */
static void ok_illegal_in_user(unsigned long word, const char *name)
{
	const struct trap *trap = catch_user(execute, word);

	if (!ok(trap->cause == EXC_ILLEGAL_INST && tval_is(trap, word) &&
			trap->epc == (unsigned long)code && !(trap->status & SSTATUS_SPP),
		"%s in U mode: illegal instruction, SPP is 0", name))
		note("cause %ld stval %lx sepc %lx sstatus %lx", (long)trap->cause, trap->tval,
		     trap->epc, trap->status);
}

#define CSRR_A0(csr)   (0x00002573UL | (unsigned long)(csr) << 20)
#define CSRW_ZERO(csr) (0x00001073UL | (unsigned long)(csr) << 20)

static void test_illegal(void)
{
	ok_illegal(0xffffffff, "all ones");
	ok_illegal(0x00000000, "all zeros");
	ok_illegal(CSRR_A0(0x300), "csrr mstatus");
	ok_illegal(CSRR_A0(0x8ff), "csrr of a CSR that does not exist");
	ok_illegal(CSRW_ZERO(0xc01), "csrw time");
	ok_trap(catch_trap(execute, 0x30200073), EXC_ILLEGAL_INST, ANY,
		"mret: illegal instruction");
	ok_illegal_in_user(0xffffffff, "all ones");
}

static void test_virtual(void)
{
	static const struct {
		u32 word;
		const char *name;
	} insns[] = {
		{ CSRR_A0(CSR_hstatus), "csrr hstatus" },
		{ CSRR_A0(CSR_hgatp), "csrr hgatp" },
		{ CSRW_ZERO(CSR_hgatp), "csrw hgatp" },
		{ CSRR_A0(CSR_vsstatus), "csrr vsstatus" },
		{ CSRW_ZERO(CSR_vsatp), "csrw vsatp" },
		{ CSRR_A0(CSR_htval), "csrr htval" },
		{ CSRW_ZERO(CSR_hvip), "csrw hvip" },
		{ CSRR_A0(CSR_htimedelta), "csrr htimedelta" },
		{ 0x22000073, "hfence.vvma" },
		{ 0x62000073, "hfence.gvma" },
		{ 0x6c054573, "hlv.d a0, (a0)" },
	};
	unsigned long i;

	if (impl_id() == IMPL_OPENSBI) {
		skip("virtual instructions", "under OpenSBI, the payload runs in HS mode");
		return;
	}
	for (i = 0; i < ARRAY_SIZE(insns); i++)
		ok_illegal(insns[i].word, insns[i].name);
}

static void test_virtual_user(void)
{
	ok_illegal_in_user(CSRR_A0(CSR_sstatus), "csrr sstatus");
	ok_illegal_in_user(CSRW_ZERO(CSR_satp), "csrw satp");
	ok_trap(catch_user(execute, 0x10200073), EXC_ILLEGAL_INST, ANY,
		"sret in U mode: illegal instruction");
	ok_illegal_in_user(0x12000073, "sfence.vma");
	ok_illegal_in_user(CSRR_A0(CSR_hstatus), "csrr hstatus");
}

static unsigned long ebreak_at;

static void do_ebreak(unsigned long arg)
{
	(void)arg;
	__asm__ volatile(".option push\n.option norvc\n"
			 "la t0, 1f\nsd t0, (%0)\n1: ebreak\n.option pop" ::"r"(&ebreak_at)
			 : "t0", "memory");
}

/* In a guest, the semihosting sequence must be an ordinary breakpoint. */
static void do_semihosting(unsigned long arg)
{
	static const char path[] = "/tmp/payload-was-here";
	unsigned long block[3] = { (unsigned long)path, 4, sizeof(path) - 1 };

	(void)arg;
	__asm__ volatile(
		"li a0, 1\nmv a1, %0\n" /* SYS_OPEN for writing */
		".option push\n.option norvc\n.balign 16\n"
		"slli zero, zero, 0x1f\nebreak\nsrai zero, zero, 7\n.option pop" ::"r"(block)
		: "a0", "a1", "memory");
}

static void user_ecall(unsigned long arg)
{
	(void)arg;
}

static void test_delegated(void)
{
	const struct trap *trap = catch_trap(do_ebreak, 0);

	ok(trap->cause == EXC_BREAKPOINT && trap->epc == ebreak_at && tval_is(trap, ebreak_at),
	   "ebreak: breakpoint at its address");
	trap = catch_trap(do_semihosting, 0);
	ok(trap->cause == EXC_BREAKPOINT && trap->a0 == 1,
	   "the semihosting sequence is an ordinary breakpoint");
	trap = catch_user(user_ecall, 0);
	ok(trap->cause == EXC_ECALL_U && !(trap->status & SSTATUS_SPP),
	   "ecall from U mode traps into the guest's own handler");
}

/*
 * With SIE set, and sie 0 so that no interrupt is taken: the trap that the hypervisor (or OpenSBI)
 * injects must copy SIE to SPIE and clear SIE.
 */
static void test_sie_kept(void)
{
	const struct trap *trap;

	csr_write(sie, 0);
	csr_set(sstatus, SSTATUS_SIE);
	trap = catch_trap(execute, impl_id() == IMPL_OPENSBI ? 0 : CSRR_A0(CSR_hstatus));
	ok(trap->cause == EXC_ILLEGAL_INST && trap->status & SSTATUS_SPIE &&
		   !(trap->status & SSTATUS_SIE),
	   "a trap delivered to the guest moves SIE to SPIE");
	ok(csr_read(sstatus) & SSTATUS_SIE, "sret from the trap handler restores SIE from SPIE");
	csr_clear(sstatus, SSTATUS_SIE);
}

static void test_page_faults(pte_t *root)
{
	unsigned long page = (unsigned long)page_alloc();

	pt_on(root, 1);
	ok_trap(catch_trap(load8, TEST_VA + 5), EXC_LOAD_PAGE_FAULT, TEST_VA + 5,
		"load from an unmapped page: load page fault with its address");
	ok_trap(catch_trap(store8, TEST_VA + 6), EXC_STORE_PAGE_FAULT, TEST_VA + 6,
		"store to an unmapped page: store page fault");
	ok_trap(catch_trap(jump, TEST_VA + 8), EXC_INST_PAGE_FAULT, TEST_VA + 8,
		"jump to an unmapped page: instruction page fault");
	pt_map(root, TEST_VA, page, PTE_V | PTE_R | PTE_A | PTE_D);
	ok_trap(catch_trap(store8, TEST_VA), EXC_STORE_PAGE_FAULT, TEST_VA,
		"store to a read-only page: store page fault");
	ok_trap(catch_trap(jump, TEST_VA), EXC_INST_PAGE_FAULT, TEST_VA,
		"jump to a page without X: instruction page fault");
	ok_trap(catch_user(load8, TEST_VA), EXC_INST_PAGE_FAULT, ANY,
		"U-mode fetch from a page without U: instruction page fault");
	pt_map(root, TEST_VA, page, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D);
	ok_trap(catch_trap(load8, TEST_VA), EXC_LOAD_PAGE_FAULT, TEST_VA,
		"load from a U page without SUM: load page fault");
	csr_set(sstatus, SSTATUS_SUM);
	ok_trap(catch_trap(load8, TEST_VA), NO_TRAP, ANY, "load from a U page with SUM: no trap");
	csr_clear(sstatus, SSTATUS_SUM);
	pt_off();
}

/* The first access to an untouched page is a G-stage fault that the guest never sees. */
static void test_fresh_memory(void)
{
	struct fdt_reg mem;
	unsigned long base, i, bad = 0, dirty = 0;
	u64 *word, old;

	fdt_memory(&mem);
	base = ALIGN_UP((unsigned long)_end, SZ_2M) + 2 * SZ_2M;
	for (i = 0; i < FRESH_PAGES; i++) {
		word = (u64 *)(base + i * PAGE_SIZE);
		dirty += word[3] != 0;
		word[3] = i ^ 0x1234567890abcdefULL;
	}
	for (i = 0; i < FRESH_PAGES; i++)
		bad += *(u64 *)(base + i * PAGE_SIZE + 24) != (i ^ 0x1234567890abcdefULL);
	ok_eq(bad, 0, "%d pages touched for the first time keep what was stored", FRESH_PAGES);
	if (impl_id() != IMPL_OPENSBI)
		ok_eq(dirty, 0, "fresh pages are zero: no data of the host is visible");
	else
		skip("fresh pages are zero", "no hypervisor clears memory here");
	word = (u64 *)(base + FRESH_PAGES * PAGE_SIZE + 3 * PAGE_SIZE - 4);
	*(volatile u64 *)word = 0x1122334455667788ULL;
	ok(*(volatile u64 *)word == 0x1122334455667788ULL && *((u32 *)word + 1) == 0x11223344,
	   "a store across two fresh pages stores every byte");
	base += (FRESH_PAGES + 8) * PAGE_SIZE;
	old = __atomic_fetch_add((u64 *)base, 7, __ATOMIC_SEQ_CST);
	ok(*(volatile u64 *)base == old + 7 && (!old || impl_id() == IMPL_OPENSBI),
	   "the first access to a page may be an AMO");
	base += PAGE_SIZE;
	((u32 *)base)[0] = 0x00008067; /* ret */
	fence_i();
	ok_trap(catch_trap(jump, base), NO_TRAP, ANY,
		"code may be written to fresh memory and run");
}

unsigned long exits_regs_loop(unsigned long end);

/* Check that registers survive the host's interrupts: exits_regs_loop() compares them in a loop. */
static void test_preemption(void)
{
	ok_eq(exits_regs_loop(now() + us_to_ticks(IRQ_LOOP_MS * 1000)), 0,
	      "all registers keep their values for %d ms, whatever the host does", IRQ_LOOP_MS);
}

/* Make the walk itself fail: the table of a 2 MiB region is at an address without memory. */
static void test_table_nowhere(pte_t *root, unsigned long va)
{
	pte_t *middle = (pte_t *)(unsigned long)pte_to_hpa(root[va >> 30 & 511]);

	middle[va >> 21 & 511] = pte_make(NO_MEMORY, PTE_V);
	pt_on(root, 1);
	ok_trap(catch_trap(load8, va + 7), EXC_LOAD_ACCESS_FAULT, va + 7,
		"load through a page table outside memory: load access fault");
	ok_trap(catch_trap(store8, va + 7), EXC_STORE_ACCESS_FAULT, va + 7,
		"store through a page table outside memory: store access fault");
	ok_trap(catch_trap(jump, va + 8), EXC_INST_ACCESS_FAULT, va + 8,
		"fetch through a page table outside memory: instruction access fault");
	pt_off();
}

/* At an address without memory, a load faults, or the VMM's bus answers it (all ones, no trap). */
static void load_word(unsigned long pa)
{
	harts[0].arg = *(volatile u32 *)pa;
}

static void test_nothing_there(pte_t *root)
{
	const struct trap *trap = catch_trap(load_word, NO_MEMORY);

	ok(trap->cause == EXC_LOAD_ACCESS_FAULT ||
		   (trap->cause == NO_TRAP && (u32)harts[0].arg == ~0U),
	   "load from an unused address: access fault or all ones");
	trap = catch_trap(store8, NO_MEMORY);
	ok(trap->cause == EXC_STORE_ACCESS_FAULT || trap->cause == NO_TRAP,
	   "store to an unused address: access fault or no effect");
	if (on_linux()) {
		skip("a fetch from an unused address, and page tables at such an address",
		     "Linux 6.12 ends the VM, or mistakes the PTE for an MMIO register");
		return;
	}
	ok_trap(catch_trap(jump, NO_MEMORY), EXC_INST_ACCESS_FAULT, NO_MEMORY,
		"jump to an unused address: instruction access fault");
	pt_map(root, TEST_VA, NO_MEMORY, PTE_KERNEL);
	pt_on(root, 1);
	ok_trap(catch_trap(jump, TEST_VA), EXC_INST_ACCESS_FAULT, TEST_VA,
		"jump through a valid table to an unused address: stval is the virtual address");
	pt_off();
	if (impl_id() == IMPL_OPENSBI)
		skip("page tables at an unused address", "QEMU itself reports a page fault");
	else
		test_table_nowhere(root, TEST_VA + SZ_2M);
}

void payload_main(void)
{
	pte_t *root = pt_new();

	test_illegal();
	test_virtual();
	test_virtual_user();
	test_delegated();
	test_sie_kept();
	test_page_faults(root);
	test_fresh_memory();
	test_preemption();
	test_nothing_there(root);
	done();
}
