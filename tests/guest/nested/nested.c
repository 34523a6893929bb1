// SPDX-License-Identifier: MIT
/*
 * nested.c - a guest hypervisor: the H extension, as HS mode sees it.
 *
 * The payload runs guests of its own, a few instructions long, in VS and VU mode. It needs no
 * hypervisor: in HS mode directly under OpenSBI, all claims are about the machine, and the same ones
 * have to hold in a VM (vmm --nested). "The guest" below is the payload's own guest.
 *
 * spoiled-redirects=1: an illegal instruction of the guest does not arrive correctly (QEMU 10.0.13).
 */
#include "nested.h"
#include "rt.h"

_Static_assert(offsetof(struct l2, pc) == L2_PC, "switch.S");
_Static_assert(offsetof(struct l2, host_hstatus) == L2_HOST_HSTATUS, "switch.S");
_Static_assert(offsetof(struct l2, nacl) == L2_NACL, "switch.S");

struct l2 l2;
static bool nacl; /* the guest is entered by SBI NACL */

bool quirk(const char *claim)
{
	if (impl_id() != IMPL_OPENSBI)
		return false;
	skip(claim, "not so in QEMU");
	return true;
}

/* ---- running the guest ---------------------------------------------------------------------- */

void l2_run(struct l2 *guest)
{
	if (guest->nacl)
		nacl_run(guest);
	else
		l2_switch(guest);
}

void prepare(const char *code, bool user)
{
	l2 = l2_at(code, user);
	l2.nacl = nacl;
}

unsigned long run(const char *code, unsigned long a0, unsigned long a1)
{
	prepare(code, false);
	l2.regs[REG_A0] = a0;
	l2.regs[REG_A0 + 1] = a1;
	l2_run(&l2);
	return l2.scause;
}

void ok_illegal(const char *code, unsigned long a0, const char *what)
{
	if (boot_arg("spoiled-redirects", NULL, 0))
		skip(what, "QEMU 10.0.13 spoils redirected traps");
	else
		ok_eq(run(code, a0, 0), EXC_ILLEGAL_INST, what);
}

void clear_vs(void)
{
	if (nacl && nacl_clear_vs())
		return;
	csr_write(vsstatus, 0);
	csr_write(vsatp, 0);
	csr_write(hvip, 0);
	csr_write(hie, 0);
	csr_write(hideleg, VS_LINES);
	csr_write(vsie, 0);
	csr_write(vstvec, 0);
	csr_write(hedeleg, 0);
	csr_write(hcounteren, 7);
}

/* ---- CSRs --------------------------------------------------------------------------------------- */

/* Checks H §2.1, §2.2, §2.3, §2.5, §2.6, §2.7, §2.10. */
static void test_csrs(void)
{
	unsigned long value;

	csr_write(hedeleg, ~0UL);
	value = csr_read(hedeleg);
	ok_eq(value & (BIT(9) | BIT(10) | BIT(11) | BIT(20) | BIT(21) | BIT(22) | BIT(23)), 0,
	      "hedeleg cannot delegate ecalls of privileged modes or the causes of H");
	ok_eq(~value & (BIT(0) | BIT(2) | BIT(3) | BIT(8) | BIT(12) | BIT(13) | BIT(15)), 0,
	      "hedeleg can delegate illegal instructions, breakpoints, ecalls and page faults");
	csr_write(hedeleg, 0);
	ok_eq(csr_read(hedeleg), 0, "hedeleg can be cleared");

	csr_write(hideleg, ~0UL);
	ok_eq(csr_read(hideleg) & VS_LINES, VS_LINES, "hideleg can delegate the interrupts of VS");
	ok_eq(csr_read(hideleg) & (BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER) | BIT(IRQ_S_EXT)), 0,
	      "hideleg cannot delegate the interrupts of HS");

	csr_write(hie, ~0UL);
	ok_eq(csr_read(hie) & 0xfff, VS_LINES, "hie has the interrupts of VS");
	csr_write(hideleg, BIT(IRQ_VS_TIMER));
	ok_eq(csr_read(vsie), BIT(IRQ_S_TIMER), "vsie shows the delegated bits of hie");
	csr_write(vsie, 0);
	ok_eq(csr_read(hie) & 0xfff, VS_LINES & ~BIT(IRQ_VS_TIMER),
	      "a write of vsie changes the delegated bits of hie, and no others");
	csr_write(hie, 0);

	csr_write(hideleg, VS_LINES);
	csr_write(hvip, ~0UL);
	ok_eq(csr_read(hvip) & 0xfff, VS_LINES, "hvip has the interrupts of VS");
	ok_eq(csr_read(hip) & VS_LINES, VS_LINES, "hip shows those of hvip");
	ok_eq(csr_read(vsip), VS_LINES >> 1, "vsip shows those of hip");
	csr_write(vsip, 0);
	ok_eq(csr_read(hvip) & 0xfff, VS_LINES & ~BIT(IRQ_VS_SOFT),
	      "vsip can clear SSIP, and nothing else");
	csr_write(hip, ~0UL);
	ok_eq(csr_read(hvip) & 0xfff, VS_LINES, "hip can set VSSIP");
	csr_write(hvip, 0);
	ok_eq(csr_read(hip), 0, "hip follows hvip");

	csr_write(hgeie, ~0UL);
	value = csr_read(hgeie);
	csr_write(hgeie, 0);
	ok_eq(value & 1, 0, "bit 0 of hgeie is 0");
	ok_eq(csr_read(hgeip), 0, "no guest external interrupt is pending");

	csr_write(hstatus, ~0UL & ~(HSTATUS_SPV | HSTATUS_VSBE | HSTATUS_VGEIN));
	value = csr_read(hstatus);
	csr_write(hstatus, VXL);
	ok_eq(value & (HSTATUS_GVA | HSTATUS_SPVP | HSTATUS_HU | HSTATUS_VTVM | HSTATUS_VTW |
		       HSTATUS_VTSR),
	      HSTATUS_GVA | HSTATUS_SPVP | HSTATUS_HU | HSTATUS_VTVM | HSTATUS_VTW | HSTATUS_VTSR,
	      "the fields of hstatus can be written");
	ok_eq(csr_read(hstatus), VXL, "and cleared; VSXL is 64");

	csr_write(htval, 0x123456789);
	csr_write(htinst, 0x42);
	ok_eq(csr_read(htval), 0x123456789, "htval holds an address");
	ok_eq(csr_read(htinst) & ~0x42UL, 0, "htinst holds an instruction, or 0");

	csr_write(hgatp, FIELD_PREP(HGATP_MODE, 15));
	ok(FIELD_GET(HGATP_MODE, csr_read(hgatp)) != 15, "hgatp refuses a reserved mode");
	csr_write(hgatp, 0);
	ok_eq(csr_read(hgatp), 0, "hgatp can be Bare");
}

/* Checks H §2.11, §2.12, §2.13, §2.14, §2.15, §2.16, §2.17, §2.18. */
static void test_vs_csrs(void)
{
	unsigned long stvec = csr_read(stvec), sscratch = csr_read(sscratch);

	csr_write(vstvec, 0x80300001);
	csr_write(vsscratch, 0x1111);
	csr_write(vsepc, 0x80300003);
	csr_write(vscause, 5);
	csr_write(vstval, 0x3333);
	csr_write(vsatp, 0);
	ok_eq(csr_read(vstvec), 0x80300001, "vstvec holds an address and the mode vectored");
	ok_eq(csr_read(vsscratch), 0x1111, "vsscratch holds a value");
	if (!quirk("bit 0 of vsepc is 0"))
		ok_eq(csr_read(vsepc), 0x80300002, "bit 0 of vsepc is 0");
	ok_eq(csr_read(vscause), 5, "vscause holds a cause");
	ok_eq(csr_read(vstval), 0x3333, "vstval holds a value");
	ok(csr_read(stvec) == stvec && csr_read(sscratch) == sscratch,
	   "the S CSRs of HS are not changed by writes of VS CSRs");
	csr_write(vsstatus, SSTATUS_FS);
	if (!quirk("vsstatus.SD follows FS"))
		ok_eq(csr_read(vsstatus) & (SSTATUS_FS | SSTATUS_SD), SSTATUS_FS | SSTATUS_SD,
		      "vsstatus.SD follows FS");
	csr_write(vsstatus, 0);
	ok_eq(csr_read(vsstatus) & (SSTATUS_FS | SSTATUS_SD | SSTATUS_SIE), 0,
	      "vsstatus can be cleared");
	csr_write(vsatp, satp_make((pte_t *)0x80400000, 5));
	ok_eq(csr_read(vsatp), satp_make((pte_t *)0x80400000, 5), "vsatp holds Sv39");
	csr_write(vsatp, 0);
}

/* ---- entering and leaving the guest ------------------------------------------------------------ */

/* Checks H §6.1, §6.2, §6.4. */
static void test_entry(void)
{
	unsigned long stvec = csr_read(stvec), i, wrong = 0;

	clear_vs();
	ok_eq(run(l2_ecall, 0, 0), EXC_ECALL_VS, "an ecall of VS leaves the guest");
	ok_eq(l2.pc, (unsigned long)l2_ecall, "sepc is its address");
	ok_eq(l2.hstatus & (HSTATUS_SPV | HSTATUS_SPVP | HSTATUS_GVA), HSTATUS_SPV | HSTATUS_SPVP,
	      "SPV and SPVP are 1, and GVA is 0");
	ok_eq(l2.sstatus & SSTATUS_SPP, SSTATUS_SPP, "SPP is 1");
	ok_eq(l2.stval, 0, "stval is 0");
	ok(!(csr_read(hstatus) & HSTATUS_SPV) && csr_read(stvec) == stvec,
	   "HS has its own CSRs again");

	prepare(l2_move, false);
	for (i = 1; i < 32; i++)
		l2.regs[i] = 0x5500000000000000 + i;
	l2_run(&l2);
	for (i = 1; i < 32; i++)
		if (l2.regs[i] != 0x5500000000000001 + i)
			wrong = i;
	ok_eq(wrong, 0, "the guest sees and changes all registers");

	prepare(l2_ecall, true);
	l2_run(&l2);
	ok_eq(l2.scause, EXC_ECALL_U, "an ecall of VU leaves the guest, too");
	ok_eq(l2.hstatus & (HSTATUS_SPV | HSTATUS_SPVP), HSTATUS_SPV, "SPV is 1, and SPVP is 0");
	ok_eq(l2.sstatus & SSTATUS_SPP, 0, "SPP is 0");
}

/* Checks H §2.11, §2.13, §2.14. */
static void test_guest_csrs(void)
{
	unsigned long stvec = csr_read(stvec), sscratch = csr_read(sscratch), sie = csr_read(sie);

	clear_vs();
	csr_write(vsstatus, SSTATUS_SUM);
	prepare(l2_write_csrs, false);
	l2.regs[10] = 0x80204000;
	l2.regs[11] = 0x222;
	l2.regs[12] = 0x80200100;
	l2.regs[13] = 9;
	l2.regs[14] = 0x555;
	l2.regs[15] = BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER);
	l2_run(&l2);
	ok(csr_read(vstvec) == 0x80204000 && csr_read(vsscratch) == 0x222 &&
		   csr_read(vsepc) == 0x80200100 && csr_read(vscause) == 9 &&
		   csr_read(vstval) == 0x555,
	   "what the guest writes into S CSRs is in the VS CSRs");
	ok_eq(csr_read(vsie), BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER), "its sie is vsie");
	ok_eq(l2.regs[16] & SSTATUS_SUM, SSTATUS_SUM, "its sstatus is vsstatus");
	ok(csr_read(stvec) == stvec && csr_read(sscratch) == sscratch && csr_read(sie) == sie,
	   "the S CSRs of HS are unchanged");
	csr_write(vsie, 0);
}

/* Checks H §2.2. */
static void test_delegation(void)
{
	clear_vs();
	csr_write(hedeleg, BIT(EXC_ECALL_U) | BIT(EXC_BREAKPOINT) | BIT(EXC_ILLEGAL_INST));
	run(l2_user, 0, (unsigned long)l2_ecall);
	ok(l2.scause == EXC_ECALL_VS && l2.regs[10] == L2_TRAPPED,
	   "a delegated ecall of VU goes to the guest's trap handler");
	ok_eq(l2.regs[11], EXC_ECALL_U, "which sees its cause");
	ok_eq(l2.regs[12], (unsigned long)l2_ecall, "and its address");
	ok_eq(l2.regs[14] & SSTATUS_SPP, 0, "SPP of the guest is 0");
	run(l2_user, 0, (unsigned long)l2_illegal);
	ok(l2.regs[10] == L2_TRAPPED && l2.regs[11] == EXC_ILLEGAL_INST,
	   "so does a delegated illegal instruction");
	csr_write(hedeleg, 0);
	ok_eq(run(l2_user, 0, (unsigned long)l2_ecall), EXC_ECALL_U,
	      "without delegation, the ecall of VU goes to HS");
	ok_illegal(l2_illegal, 0, "so does an illegal instruction");
	ok_eq(run(l2_ebreak, 0, 0), EXC_BREAKPOINT, "and a breakpoint");
}

void ok_virtual(const char *code, unsigned long hstatus, const char *what)
{
	prepare(code, false);
	l2.hstatus |= hstatus;
	l2_run(&l2);
	if (!ok(l2.scause == EXC_VIRTUAL_INST && l2.stval == *(u32 *)(unsigned long)code,
		"%s is a virtual instruction", what))
		note("cause %lx, stval %lx", l2.scause, l2.stval);
}

/* Checks H §6.1. */
static void test_virtual_instructions(void)
{
	clear_vs();
	csr_write(vstvec, (unsigned long)l2_trapped);
	ok_virtual(l2_hstatus, 0, "reading hstatus in VS");
	ok_virtual(l2_vsstatus, 0, "reading vsstatus in VS");
	ok_virtual(l2_hfence, 0, "hfence.gvma in VS");
	ok_virtual(l2_hlv, 0, "hlv.w in VS");
	ok_virtual(l2_sfence, HSTATUS_VTVM, "sfence.vma with VTVM");
	ok_virtual(l2_satp, HSTATUS_VTVM, "reading satp with VTVM");
	ok_virtual(l2_sret, HSTATUS_VTSR, "sret with VTSR");
	ok_virtual(l2_wfi, HSTATUS_VTW, "wfi with VTW");
	if (!has_sstc())
		ok_eq(run(l2_stimecmp, 0, 0), EXC_ILLEGAL_INST,
		      "without Sstc, reading stimecmp is illegal");
	csr_write(hcounteren, 0);
	ok_virtual(l2_time, 0, "rdtime with hcounteren.TM = 0");
	csr_write(hcounteren, 7);
	ok_eq(run(l2_sfence, 0, 0), EXC_ECALL_VS, "sfence.vma is allowed without VTVM");
	ok_eq(run(l2_satp, 1, 0), EXC_ECALL_VS, "and so is reading satp");
	ok_eq(l2.regs[10], 0, "satp of the guest reads vsatp");
}

static void test_all(void)
{
	test_csrs();
	test_vs_csrs();
	test_entry();
	test_guest_csrs();
	test_delegation();
	test_virtual_instructions();
	test_guest_interrupts();
	test_host_interrupts();
	test_time();
	test_aia();
	test_file();
	test_memory();
	test_device();
	test_gstage();
	test_tags();
	test_hs();
	test_fp();
	test_vector();
}

void payload_main(void)
{
	if (!isa_has("h"))
		bail("this machine has no H extension: use vmm --nested");
	test_all();
	nacl = boot_number("nacl", 1) && nacl_begin();
	if (nacl) {
		note("the same with SBI NACL");
		test_all();
		test_nacl();
	}
	done();
}
