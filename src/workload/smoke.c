// SPDX-License-Identifier: MIT
/*
 * smoke.c - the payload of the profile "smoke": each cause of an exit once, with the effects that the
 * guest can see.
 *
 * A claim's name begins with the paragraph of the specification that it checks (docs/spec.md). Compared
 * with the payloads in tests/guest, which go through all forms and combinations, this one is short: a
 * core in a logic simulator executes some thousand instructions per second. It needs no more than
 * rv64imafdch_zicsr_zifencei, and uses the clock only for timers and to check that time advances.
 */
#include "access.h"
#include "irqchip.h"

#define UART_IER      1
#define UART_IER_THRI 2
#define UART_SCRATCH  7 /* of the VMM's ns16550: a byte that can be written and read */

unsigned long load64(unsigned long at);

static unsigned long uart, fresh;

/* ---- helpers ---- */

/* Return the address of a page that has not been accessed. */
static unsigned long fresh_page(void)
{
	return fresh += PAGE_SIZE;
}

/* Load from an address. scripts/hs/workload/plant.py plants faults where it returns. */
__attribute__((noinline)) unsigned long load64(unsigned long at)
{
	unsigned long value;

	__asm__ volatile("ld %0, 0(%1)" : "=r"(value) : "r"(at) : "memory");
	return value;
}

static void nothing(unsigned long arg)
{
	(void)arg;
}

/* Claim that the instruction is illegal in S mode, or in U mode. */
static void ok_illegal(bool user, unsigned long word, const char *what)
{
	const struct trap *trap = user ? catch_user(execute, word) : catch_trap(execute, word);

	ok(trap->cause == EXC_ILLEGAL_INST && trap->epc == (unsigned long)code &&
		   !(trap->status & SSTATUS_SPP) == user && (trap->tval == word || !trap->tval),
	   "%s", what);
}

/* ---- SBI calls and interrupts ---- */

static void test_sbi(void)
{
	struct sbiret ret = sbi_call(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION, 0, 0, 0);

	ok(!ret.error && ret.value >= 2 << 24,
	   "H §6.1: ecall from VS mode is an exit with cause 10");
	ret = sbi_call(SBI_EXT_VENDOR_START, 0, 1, 2, 3);
	ok_eq((unsigned long)ret.error, (unsigned long)SBI_ERR_NOT_SUPPORTED,
	      "H §6.4: sret returns behind an ecall that user space has answered");
	ok_trap(catch_user(nothing, 0), EXC_ECALL_U, 0,
		"H §2.2: ecall from VU mode is delegated to VS mode");
}

static void test_interrupts(void)
{
	struct hart *hart = this_hart();

	sbi_send_ipi(1, hart->id);
	ok(csr_read(sip) & BIT(IRQ_S_SOFT), "H §2.3: VSSIP of hvip shows in sip as SSIP");
	csr_write(sie, BIT(IRQ_S_SOFT));
	csr_set(sstatus, SSTATUS_SIE);
	ok_eq(hart->irqs[IRQ_S_SOFT], 1, "H §2.12: the interrupt is taken in VS mode, as number 1");
	ok(hart->trap.status & SSTATUS_SPIE && hart->trap.status & SSTATUS_SPP &&
		   csr_read(sstatus) & SSTATUS_SIE,
	   "H §2.11: the trap moves SIE to SPIE, and sret moves it back");
	timer_at(now() + 1);
	csr_write(sie, BIT(IRQ_S_TIMER));
	while (!hart->irqs[IRQ_S_TIMER])
		now();
	ok_eq(hart->irqs[IRQ_S_TIMER], 1, "H §2.3: VSTIP interrupts VS mode, as number 5");
	csr_clear(sstatus, SSTATUS_SIE);
	csr_write(sie, 0);
	timer_off();
	ok(!(csr_read(sip) & BIT(IRQ_S_TIMER)), "H §2.3: VSTIP ends when the timer is set again");
	ok(!wait_irq(0, 2000),
	   "H §2.1: hstatus.VTW: wfi exits, and the guest sleeps until its timer");
	sbi_send_ipi(1, hart->id);
	csr_write(sie, BIT(IRQ_S_SOFT));
	wfi();
	csr_write(sie, 0);
	ok(csr_read(sip) & BIT(IRQ_S_SOFT), "M §3.3: a pending interrupt ends wfi at once");
	ipi_clear();
}

/* The UART's interrupt "transmitter empty" is pending as soon as it is enabled. */
static void test_external(void)
{
	struct irqchip chip;
	struct hart *hart = this_hart();

	if (!irqchip_find(&chip))
		bail("the VM has no interrupt controller");
	irqchip_open(~1U);
	((volatile u8 *)uart)[UART_IER] = UART_IER_THRI;
	csr_write(sie, BIT(IRQ_S_EXT));
	csr_set(sstatus, SSTATUS_SIE);
	csr_clear(sstatus, SSTATUS_SIE);
	ok_eq(hart->irqs[IRQ_S_EXT], 1, "H §2.3: VSEIP interrupts VS mode, as number 9");
	((volatile u8 *)uart)[UART_IER] = 0;
	irq_complete(irq_claim());
	ok(!(csr_read(sip) & BIT(IRQ_S_EXT)),
	   "H §2.12: SEIP ends when the device's interrupt does");
}

/* ---- instructions ---- */

static void test_instructions(void)
{
	unsigned long then = now();

	ok_illegal(false, 0x00000000, "S §1.8: an illegal instruction traps to VS mode");
	ok_illegal(false, 0x30002573, "S §1.8: csrr mstatus in VS mode is illegal");
	ok_illegal(false, 0x60002573,
		   "H §6.1: csrr hstatus in VS mode: a virtual instruction, made illegal");
	ok_illegal(false, 0x20002573, "H §6.1: csrr vsstatus in VS mode: a virtual instruction");
	ok_illegal(false, 0x62000073, "H §3.2: hfence.gvma in VS mode: a virtual instruction");
	ok_illegal(false, 0x22000073, "H §3.2: hfence.vvma in VS mode: a virtual instruction");
	ok_illegal(false, 0x6c054573, "H §3.1: hlv.d in VS mode: a virtual instruction");
	ok_illegal(true, 0x12000073, "H §6.1: sfence.vma in VU mode: a virtual instruction");
	ok_illegal(true, 0x10500073, "H §6.1: wfi in VU mode: a virtual instruction");
	ok_trap(catch_trap(execute, 0x00100073), EXC_BREAKPOINT, ANY,
		"H §2.2: ebreak is delegated to VS mode");
	ok(now() > then, "H §2.7: time advances, and can be read in VS mode");
}

/* ---- devices ---- */

static void test_mmio(void)
{
	volatile u8 *scratch = (volatile u8 *)uart + UART_SCRATCH;
	unsigned long value;

	*scratch = 0xa5;
	ok_eq(*scratch, 0xa5, "H §6.3: sb and lbu of a device, decoded from htinst or memory");
	__asm__ volatile("lb %0, 0(%1)" : "=r"(value) : "r"(scratch));
	ok_eq(value, ~0UL - 0x5a, "RV32I §6: lb of a device is sign-extended");
	__asm__ volatile(".option push\n.option norvc\n"
			 "mv t6, %1\nlbu t5, -2048(t6)\n.option pop\nmv %0, t5"
			 : "=r"(value)
			 : "r"(scratch + 2048)
			 : "t5", "t6");
	ok_eq(value, 0xa5, "H §2.8: htval and stval give the address, whatever the base register");
}

/* ---- memory: both stages of translation ---- */

static void test_guest_faults(void)
{
	unsigned long at = fresh_page() + 0x128, word;

	ok_eq(load64(at), 0, "H §5.2: a load from a fresh page: load guest-page fault");
	at = fresh_page() + 0xff8;
	*(volatile u64 *)at = 0x0123456789abcdefUL;
	ok_eq(load64(at), 0x0123456789abcdefUL, "H §5.2: a store to a fresh page");
	at = fresh_page();
	__atomic_fetch_add((u64 *)at, 7, __ATOMIC_SEQ_CST);
	ok_eq(load64(at), 7, "H §5.2: an AMO on a fresh page");
	at = fresh_page() + 0xffc;
	word = 0x1122334455667788UL;
	memcpy((void *)at, &word, sizeof(word));
	ok_eq(*(volatile u32 *)(at + 4), 0x11223344, "H §5.2: stores across two fresh pages");
	at = fresh_page() + 0x40;
	*(volatile u32 *)at = 0x00008067;
	fence_i();
	ok_trap(catch_trap(jump, at), NO_TRAP, ANY,
		"H §5.1: a page of the G-stage can be executed");
}

static void test_two_stages(void)
{
	pte_t *root = pt_new();
	unsigned long one = fresh_page(), two = fresh_page();

	*(volatile u64 *)one = 1;
	*(volatile u64 *)two = 2;
	pt_map(root, TEST_VA, one, PTE_KERNEL);
	pt_map(root, TEST_VA + PAGE_SIZE, fresh_page(), PTE_KERNEL);
	pt_map(root, TEST_VA + 2 * PAGE_SIZE, one, PTE_V | PTE_R | PTE_A | PTE_D);
	pt_map(root, TEST_VA + 3 * PAGE_SIZE, one, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D);
	pt_map(root, TEST_VA + 4 * PAGE_SIZE, one, PTE_V | PTE_X | PTE_A | PTE_D);
	pt_map(root, TEST_VA + 5 * PAGE_SIZE, uart, PTE_KERNEL);
	pt_on(root, 1);
	ok_eq(load64(TEST_VA), 1, "H §5: a load through vsatp and hgatp");
	ok_eq(load64(TEST_VA + PAGE_SIZE), 0, "H §5.2: a guest-page fault behind a VS-stage page");
	ok_eq(((volatile u8 *)(TEST_VA + 5 * PAGE_SIZE))[UART_SCRATCH], 0xa5,
	      "H §2.8: a device behind a VS-stage page");
	ok_trap(catch_trap(load8, TEST_VA + 6 * PAGE_SIZE + 5), EXC_LOAD_PAGE_FAULT,
		TEST_VA + 6 * PAGE_SIZE + 5,
		"H §2.17: a load page fault in VS mode, with its address");
	ok_trap(catch_trap(store8, TEST_VA + 2 * PAGE_SIZE), EXC_STORE_PAGE_FAULT,
		TEST_VA + 2 * PAGE_SIZE, "H §2.16: a store page fault in VS mode");
	*(volatile u32 *)(two + 8) = 0x00008067; /* ret */
	fence_i();
	pt_map(root, TEST_VA + 7 * PAGE_SIZE, two, PTE_KERNEL);
	ok_trap(catch_trap(jump, TEST_VA + 7 * PAGE_SIZE + 8), NO_TRAP, ANY,
		"S §4.1: code is executed through both stages");
	ok_trap(catch_trap(jump, TEST_VA + 6 * PAGE_SIZE), EXC_INST_PAGE_FAULT,
		TEST_VA + 6 * PAGE_SIZE, "H §2.15: an instruction page fault in VS mode");
	ok_trap(catch_trap(load8, TEST_VA + 3 * PAGE_SIZE), EXC_LOAD_PAGE_FAULT,
		TEST_VA + 3 * PAGE_SIZE,
		"H §2.11: vsstatus.SUM is 0: VS mode cannot load from a U page");
	csr_set(sstatus, SSTATUS_SUM);
	ok_trap(catch_trap(load8, TEST_VA + 3 * PAGE_SIZE), NO_TRAP, ANY,
		"H §2.11: with SUM, it can");
	csr_clear(sstatus, SSTATUS_SUM);
	ok_trap(catch_trap(load8, TEST_VA + 4 * PAGE_SIZE), EXC_LOAD_PAGE_FAULT,
		TEST_VA + 4 * PAGE_SIZE,
		"H §2.11: MXR is 0: VS mode cannot load from an execute-only page");
	csr_set(sstatus, SSTATUS_MXR);
	ok_trap(catch_trap(load8, TEST_VA + 4 * PAGE_SIZE), NO_TRAP, ANY,
		"H §2.11: with MXR, it can");
	csr_clear(sstatus, SSTATUS_MXR);
	pt_map(root, TEST_VA, two, PTE_KERNEL); /* and sfence.vma */
	ok_eq(load64(TEST_VA), 2, "S §2.1: sfence.vma in VS mode: the new page is used");
	*pt_find(root, TEST_VA) = pte_make(one, PTE_KERNEL);
	__asm__ volatile("sfence.vma %0" ::"r"(TEST_VA) : "memory");
	ok_eq(load64(TEST_VA), 1, "S §2.1: sfence.vma of an address");
	*pt_find(root, TEST_VA) = pte_make(two, PTE_KERNEL);
	__asm__ volatile("sfence.vma zero, %0" ::"r"(1UL) : "memory");
	ok_eq(load64(TEST_VA), 2, "S §2.1: sfence.vma of an ASID");
	pt_off();
	ok_eq(load64(one), 1, "H §2.18: with vsatp 0, addresses are guest physical ones");
}

/* ---- floating point ---- */

static unsigned long fp_sum(unsigned long a, unsigned long b)
{
	unsigned long sum;

	__asm__ volatile(".option push\n.option arch, +d\n"
			 "fmv.d.x f1, %1\nfmv.d.x f2, %2\nfadd.d f3, f1, f2\nmv a0, zero\n"
			 "li a7, 0x10\nli a6, 0\necall\n"
			 "fmv.x.d %0, f3\n.option pop"
			 : "=r"(sum)
			 : "r"(a), "r"(b)
			 : "a0", "a1", "a6", "a7", "memory");
	return sum;
}

/* At the exit's end, the hart gets vsstatus from the host, with FS Off. */
static void use_fp(unsigned long arg)
{
	sbi_call(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION, 0, 0, 0);
	fp_sum(arg, arg);
}

static void test_fp(void)
{
	csr_clear(sstatus, SSTATUS_FS);
	ok_trap(catch_trap(use_fp, 0), EXC_ILLEGAL_INST, ANY,
		"H §2.11: with vsstatus.FS Off, FP instructions are illegal");
	csr_set(sstatus, FIELD_PREP(SSTATUS_FS, FS_INITIAL));
	ok_eq(fp_sum(0x3ff0000000000000UL, 0x4000000000000000UL), 0x4008000000000000UL,
	      "H §2.11: FP registers keep their values across an exit");
	ok_eq(FIELD_GET(SSTATUS_FS, csr_read(sstatus)), FS_DIRTY,
	      "M §1.6: FS of the guest is Dirty afterwards");
}

void payload_main(void)
{
	struct fdt_reg reg;

	if (!fdt_find("ns16550a", 0, &reg))
		bail("the VM has no UART");
	uart = reg.base;
	fresh = ALIGN_UP((unsigned long)_end, PAGE_SIZE);
	test_sbi();
	test_interrupts();
	test_external();
	test_instructions();
	test_mmio();
	test_guest_faults();
	test_two_stages();
	test_fp();
	done();
}
