// SPDX-License-Identifier: MIT
/*
 * file.c - guest interrupt files: hgeie, hgeip, hstatus.VGEIN, and the guest's accesses to its file.
 * Spec: H §2.4; AIA, "Interrupts for virtual machines (VS level)".
 */
#include "nested.h"
#include "rt.h"

#define SPINS 200000000UL
#define LOOPS 20000UL
#define ID    5

/* Numbers of siselect. */
#define EIDELIVERY  0x70
#define EITHRESHOLD 0x72
#define EIP0        0x80
#define EIE0        0xc0

#define VGEIN(file) (VXL | FIELD_PREP(HSTATUS_VGEIN, (unsigned long)(file)))
#define GEXT        BIT(IRQ_S_GEXT)

static unsigned long files; /* GEILEN */
static unsigned long pages; /* this hart's own file; those of guests follow it */

/* On a bare machine, M mode has IMSICs, too, at a lower address. */
static bool find_pages(void)
{
	unsigned long ids[64], size;
	struct fdt_reg reg, last = { 0, 0 };
	int n, count = fdt_cpus(ids, 64);

	for (n = 0; fdt_find("riscv,imsics", n, &reg); n++) {
		if (reg.base > last.base)
			last = reg;
	}
	size = count ? last.size / (unsigned long)count : 0;
	pages = last.base + this_hart()->id * size;
	return size > PAGE_SIZE;
}

static void send(unsigned long file, u32 id)
{
	*(volatile u32 *)(pages + file * PAGE_SIZE) = id;
	__asm__ volatile("fence iorw, iorw" ::: "memory");
}

static unsigned long get(unsigned long select)
{
	csr_write(vsiselect, select);
	return csr_read(vsireg);
}

static void set(unsigned long select, unsigned long value)
{
	csr_write(vsiselect, select);
	csr_write(vsireg, value);
}

/* Select a file, and let it deliver the identities in `ids`. */
static void open(unsigned long file, unsigned long ids)
{
	csr_write(hstatus, VGEIN(file));
	set(EITHRESHOLD, 0);
	set(EIP0, 0);
	set(EIE0, ids);
	set(EIDELIVERY, 1);
}

static void read_vsireg(unsigned long arg)
{
	(void)arg;
	(void)csr_read(vsireg);
}

/* Checks H §2.4. */
static void test_registers(void)
{
	csr_write(hstatus, VGEIN(files));
	ok_eq(csr_read(hstatus), VGEIN(files), "VGEIN can select the last file");
	open(1, 0);
	set(EIE0, BIT(ID) | 1);
	ok_eq(get(EIE0), BIT(ID), "eie of file 1 can be written, except for bit 0");
	csr_write(vsiselect, EIE0 + 1);
	ok_trap(catch_trap(read_vsireg, 0), EXC_ILLEGAL_INST, ANY,
		"an access to an odd-numbered register is illegal");
	open(2, 0);
	ok_eq(get(EIE0), 0, "file 2 has registers of its own");
	csr_write(hstatus, VGEIN(1));
	ok_eq(get(EIE0), BIT(ID), "VGEIN selects those of file 1 again");
	ok_eq(get(EIDELIVERY), 1, "delivery is enabled there");
}

static void test_messages(void)
{
	open(2, 0);
	open(1, 0);
	csr_write(hgeie, 0);
	send(1, ID);
	ok_eq(get(EIP0), BIT(ID), "an MSI to the page of file 1 makes the identity pending there");
	ok_eq(csr_read(hgeip), 0, "hgeip does not show an identity that is not enabled");
	set(EIE0, BIT(ID));
	ok_eq(csr_read(hgeip), BIT(1), "it shows one that is");
	ok_eq(csr_read(hip), BIT(IRQ_VS_EXT), "so does hip.VSEIP, because VGEIN selects the file");
	csr_write(hideleg, 0);
	ok_eq(csr_read(vsip), 0, "vsip has no bit that is not delegated");
	csr_write(hideleg, VS_LINES);
	ok_eq(csr_read(vsip), BIT(IRQ_S_EXT), "and one that is");
	csr_write(hstatus, VGEIN(2));
	ok_eq(csr_read(hip), 0, "with another file in VGEIN, hip.VSEIP is 0");
	csr_write(hgeie, BIT(2));
	ok_eq(csr_read(hip), 0, "hip.SGEIP is 0 if hgeie does not have the file");
	csr_write(hgeie, BIT(1));
	ok_eq(csr_read(hip), GEXT, "and 1 if it does");
	csr_write(hstatus, VGEIN(1));
	set(EITHRESHOLD, ID);
	ok_eq(csr_read(hgeip), 0, "the threshold holds the identity back");
	set(EITHRESHOLD, 0);
	set(EIDELIVERY, 0);
	ok_eq(csr_read(hgeip), 0, "so does eidelivery = 0");
	set(EIDELIVERY, 1);
	ok_eq(csr_read(vstopei), ID << 16 | ID, "vstopei has the identity");
	ok_eq(csr_swap(vstopei, 0), ID << 16 | ID, "a write of vstopei claims it");
	ok_eq(csr_read(vstopei), 0, "it is then no longer pending");
	ok_eq(csr_read(hgeip) | csr_read(hip), 0, "nor are the interrupts");
	csr_write(hgeie, 0);
}

/* As run(), with file 1 selected. */
static unsigned long run_with_file(const char *code, unsigned long a0, unsigned long a1)
{
	prepare(code, false);
	l2.hstatus |= FIELD_PREP(HSTATUS_VGEIN, 1UL);
	l2.regs[10] = a0;
	l2.regs[11] = a1;
	l2_run(&l2);
	return l2.scause;
}

static void test_guest(void)
{
	clear_vs();
	open(1, BIT(ID));
	ok_eq(run_with_file(l2_interrupts, 1000, BIT(IRQ_S_EXT)), EXC_ECALL_VS,
	      "a run whose file has no interrupt ends with its ecall");
	ok_eq(l2.regs[10], 0, "the guest has taken no external interrupt");
	send(1, ID);
	run_with_file(l2_interrupts, SPINS, BIT(IRQ_S_EXT));
	ok(l2.regs[10] == L2_TRAPPED && l2.regs[11] == (CAUSE_IRQ_FLAG | IRQ_S_EXT),
	   "it takes one that its file has");
	csr_write(vsie, BIT(IRQ_S_EXT));
	csr_write(vsstatus, 0);
	run_with_file(l2_stopi, 0, 0);
	ok_eq(l2.regs[10] >> 16, IRQ_S_EXT, "the guest's stopi shows it");
	run_with_file(l2_siselect, EIE0, 0);
	ok_eq(run_with_file(l2_sireg, 0, 0), EXC_ECALL_VS, "its sireg is a register of the file");
	ok_eq(l2.regs[10], BIT(ID), "with the value that HS has written");
	ok_eq(run_with_file(l2_claim, 0, 0), EXC_ECALL_VS, "it can claim from stopei");
	ok_eq(l2.regs[10], ID << 16 | ID, "the claim returns the identity");
	ok_eq(l2.regs[11], 0, "its sip then shows no external interrupt");
	ok_eq(csr_read(hgeip), 0, "nor does hgeip show one");
	csr_write(vsie, 0);
	send(2, ID);
	ok_eq(run_with_file(l2_interrupts, 1000, BIT(IRQ_S_EXT)), EXC_ECALL_VS,
	      "with an MSI to another file, the run ends with its ecall");
	ok_eq(l2.regs[10], 0, "that MSI does not interrupt this guest");
	if (isa_has("_smstateen")) {
		csr_clear(hstateen0, HSTATEEN0_IMSIC);
		ok_eq(run_with_file(l2_stopei, 0, 0), EXC_VIRTUAL_INST,
		      "without hstateen0.IMSIC, stopei is a virtual instruction");
		csr_set(hstateen0, HSTATEEN0_IMSIC);
	}
	csr_write(hstatus, VXL);
}

/* ---- the supervisor guest external interrupt (SGEI) ------------------------------------------ */

static volatile unsigned long taken, top;

static void on_irq(unsigned long code)
{
	taken = code;
	top = csr_read(stopi);
	csr_clear(hie, GEXT);
}

static void wait_with_irqs(unsigned long spins)
{
	csr_set(sstatus, SSTATUS_SIE);
	while (!taken && spins--)
		;
	csr_clear(sstatus, SSTATUS_SIE);
}

/* Checks H §2.4. */
static void test_hs_interrupt(void)
{
	clear_vs();
	open(2, BIT(ID));
	csr_write(hstatus, VGEIN(1));
	csr_write(hgeie, BIT(2));
	csr_write(hie, GEXT);
	ok_eq(run_with_file(l2_ecall, 0, 0), EXC_ECALL_VS,
	      "without an MSI, the guest's run ends with its ecall");
	send(2, ID);
	ok_eq(run_with_file(l2_spin, SPINS, 0), CAUSE_IRQ_FLAG | IRQ_S_GEXT,
	      "SGEI of another file ends the guest's run");
	ok_eq(csr_read(stopi) >> 16, IRQ_S_GEXT, "stopi of HS shows it");
	taken = 0;
	this_hart()->on_irq = on_irq;
	wait_with_irqs(SPINS);
	this_hart()->on_irq = NULL;
	ok_eq(taken, IRQ_S_GEXT, "HS takes it when it enables its interrupts");
	ok_eq(top >> 16, IRQ_S_GEXT, "and finds it in stopi");
	ok_eq(csr_read(stopi), 0, "stopi is 0 once hie disables SGEI");
	csr_set(hie, GEXT);
	__asm__ volatile("wfi");
	ok_eq(csr_read(stopi) >> 16, IRQ_S_GEXT, "a pending one ends wfi");
	csr_set(sip, BIT(IRQ_S_SOFT));
	csr_set(sie, BIT(IRQ_S_SOFT));
	ok_eq(csr_read(stopi) >> 16, IRQ_S_SOFT, "a software interrupt comes before it in stopi");
	csr_clear(sie, BIT(IRQ_S_SOFT));
	csr_clear(sip, BIT(IRQ_S_SOFT));
	csr_write(hstatus, VGEIN(2));
	csr_swap(vstopei, 0);
	ok_eq(csr_read(stopi), 0, "stopi is 0 once the identity is claimed");
	csr_write(hie, 0);
	csr_write(hgeie, 0);
	csr_write(hstatus, VXL);
}

/*
 * HS enables its interrupts only for a moment between two runs of its guest, as Linux's KVM does. Each
 * run ends before its first instruction.
 */
static void test_moments(void)
{
	unsigned long loops = 0;

	clear_vs();
	open(2, BIT(ID));
	csr_write(hgeie, BIT(2));
	csr_write(hie, GEXT);
	taken = 0;
	send(2, ID);
	this_hart()->on_irq = on_irq;
	while (!taken && loops++ < LOOPS) {
		csr_set(sstatus, SSTATUS_SIE);
		for (volatile int i = 0; i < 50; i++)
			;
		csr_clear(sstatus, SSTATUS_SIE);
		if (!taken)
			run_with_file(l2_spin, SPINS, 0);
	}
	this_hart()->on_irq = NULL;
	ok(taken == IRQ_S_GEXT,
	   "HS takes SGEI although it enables its interrupts only for moments");
	note("after %lu runs of the guest", loops);
	csr_write(hstatus, VGEIN(2));
	csr_swap(vstopei, 0);
	csr_write(hie, 0);
	csr_write(hgeie, 0);
	csr_write(hstatus, VXL);
}

void test_file(void)
{
	unsigned long bits;

	csr_write(hgeie, ~0UL);
	bits = csr_swap(hgeie, 0);
	for (files = 0; bits >> (files + 1) & 1; files++)
		;
	if (!isa_has("_ssaia") || !find_pages() || files < 2) {
		skip("guest interrupt files", "fewer than two");
		return;
	}
	ok_eq(bits, (BIT(files) - 1) << 1, "hgeie has a bit for each file");
	test_registers();
	test_messages();
	test_guest();
	test_hs_interrupt();
	test_moments();
}
