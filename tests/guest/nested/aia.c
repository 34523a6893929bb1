// SPDX-License-Identifier: MIT
/* aia.c - Ssaia at VS level, without guest interrupt files (AIA, "VS-level external interrupts ...") */
#include "nested.h"
#include "rt.h"

#define IID(n)     FIELD_PREP(HVICTL_IID, (unsigned long)(n))
#define NONE       IID(IRQ_S_EXT) /* no interrupt */
#define IPRIO0     0x30           /* a number of siselect for priorities */
#define EIDELIVERY 0x70           /* one for the interrupt file */

static void read_vsireg(unsigned long arg)
{
	(void)arg;
	(void)csr_read(vsireg);
}

static void read_vstopei(unsigned long arg)
{
	(void)arg;
	(void)csr_read(vstopei);
}

static void write_vstopi(unsigned long arg)
{
	__asm__ volatile("csrw 0xeb0, %0" ::"r"(arg));
}

static void test_registers(void)
{
	unsigned long select = csr_read(siselect);

	csr_write(hvictl, ~0UL);
	if (!quirk("hvictl has its fields and no others"))
		ok_eq(csr_read(hvictl) & ~IID(0xfc0),
		      HVICTL_VTI | IID(0x3f) | HVICTL_DPR | HVICTL_IPRIOM | HVICTL_IPRIO,
		      "hvictl has its fields and no others");
	csr_write(hvictl, NONE);
	csr_write(hviprio1, ~0UL);
	csr_write(hviprio2, ~0UL);
	ok_eq(csr_read(hviprio1) & 0xff00ff00ff, 0, "hviprio1 has no priority of 0, 4 and 8");
	ok_eq(csr_read(hviprio1) & 0xff00ff00, 0xff00ff00, "but those of 1 and 5");
	csr_write(hviprio1, 0);
	csr_write(hviprio2, 0);
	csr_write(hvien, ~0UL);
	ok_eq(csr_read(hvien) & 0x1fff, 0, "hvien has no bits below 13");
	csr_write(hvien, 0);

	csr_write(vsiselect, IPRIO0);
	ok_eq(csr_read(vsiselect), IPRIO0, "vsiselect can be written");
	ok_trap(catch_trap(read_vsireg, 0), EXC_ILLEGAL_INST, ANY,
		"vsireg cannot be read where vsiselect selects priorities");
	csr_write(vsiselect, EIDELIVERY);
	ok_trap(catch_trap(read_vsireg, 0), EXC_ILLEGAL_INST, ANY, "nor for an interrupt file");
	ok_trap(catch_trap(read_vstopei, 0), EXC_ILLEGAL_INST, ANY, "nor can vstopei");
	ok_trap(catch_trap(write_vstopi, 0), EXC_ILLEGAL_INST, ANY, "vstopi cannot be written");
	ok_eq(csr_read(siselect), select, "siselect of HS is unchanged");
}

static void test_guest_registers(void)
{
	csr_write(siselect, 0x71);
	csr_write(vsiselect, 0x72);
	ok_eq(run(l2_siselect, IPRIO0, 0), EXC_ECALL_VS, "the guest can write siselect");
	ok_eq(l2.regs[11], 0x72, "which had the value of vsiselect");
	ok(csr_read(vsiselect) == IPRIO0 && csr_read(siselect) == 0x71,
	   "it writes vsiselect, and not siselect of HS");
	ok_virtual(l2_sireg, 0, "sireg in VS, for priorities");
	csr_write(vsiselect, EIDELIVERY);
	ok_virtual(l2_sireg, 0, "sireg in VS, for an interrupt file");
	ok_virtual(l2_stopei, 0, "stopei in VS");
	csr_write(hvictl, HVICTL_VTI | NONE);
	ok_virtual(l2_sip, 0, "sip in VS with VTI");
	csr_write(hvictl, NONE);
	ok_eq(run(l2_sip, 0, 0), EXC_ECALL_VS, "without VTI, it can be read");
	if (isa_has("_smstateen")) {
		csr_clear(hstateen0, HSTATEEN0_CSRIND | HSTATEEN0_AIA);
		ok_virtual(l2_siselect, 0, "siselect in VS without hstateen0.CSRIND");
		ok_virtual(l2_stopi, 0, "stopi in VS without hstateen0.AIA");
		csr_set(hstateen0, HSTATEEN0_CSRIND | HSTATEEN0_AIA);
	}
}

/*
 * Claim what vstopi is, and that the guest reads the same in stopi. The cases are those that QEMU 10.0
 * implements: it orders interrupts without priorities wrongly, and never delivers one that is in hvictl.
 */
static void ok_top(unsigned long top, const char *what)
{
	unsigned long vstopi = csr_read(vstopi);

	run(l2_stopi, 0, 0);
	if (!ok(vstopi == top && l2.regs[10] == top, "%s", what))
		note("vstopi is %lx, stopi %lx, not %lx", vstopi, l2.regs[10], top);
}

static void test_top(void)
{
	clear_vs();
	csr_write(hvip, BIT(IRQ_VS_SOFT));
	ok_top(0, "vstopi is 0 if vsie enables nothing");
	csr_write(vsie, VS_LINES >> 1);
	ok_top(IID(IRQ_S_SOFT) | 1, "the only pending interrupt is in vstopi");
	csr_write(hvip, BIT(IRQ_VS_SOFT) | BIT(IRQ_VS_TIMER));
	csr_write(hviprio1, 7UL << 24 | 9UL << 8);
	csr_write(hvictl, NONE | HVICTL_IPRIOM);
	ok_top(IID(IRQ_S_TIMER) | 7,
	       "priorities in hviprio1 order two interrupts, and IPRIOM shows the number");
	csr_write(hvip, VS_LINES);
	csr_write(hvictl, NONE | 8);
	ok_top(IID(IRQ_S_TIMER) | 1, "hvictl has the priority of the external interrupt");
	csr_write(hvictl, NONE | 6);
	ok_top(IID(IRQ_S_EXT) | 1, "which comes first with a lower number");
	csr_write(hviprio1, 0);
	csr_write(hvip, 0);
	csr_write(vsie, 0);

	csr_write(hvictl, HVICTL_VTI | IID(IRQ_S_TIMER) | 3);
	ok_top(IID(IRQ_S_TIMER) | 1, "with VTI, hvictl has the interrupt itself");
	if (!quirk("which ends a wfi"))
		ok_eq(run(l2_wfi, 0, 0), EXC_ECALL_VS, "which ends a wfi");
	csr_write(hvictl, NONE);
}

#define LCOFI BIT(IRQ_PMU_OVF)
#define SPINS 200000000UL

/*
 * Interrupt 13, which HS gives to the guest by hvien: vsie has a bit for it that is not in hie. QEMU
 * ignores a write of hvip where hvien is 0, and looks for the interrupt when it enters the guest, but not
 * when the guest enables it.
 */
static void test_local(void)
{
	clear_vs();
	csr_write(hvien, ~0UL);
	if (!(csr_read(hvien) & LCOFI)) {
		skip("a counter's interrupt for the guest", "hvien has no bit 13");
		return;
	}
	csr_write(hvip, LCOFI);
	csr_write(hvien, 0);
	csr_write(vsie, ~0UL);
	ok_eq((csr_read(vsip) | csr_read(vsie)) & LCOFI, 0,
	      "without hvien, vsip and vsie lack bit 13");
	csr_write(hvien, LCOFI);
	csr_write(hvip, LCOFI);
	csr_write(vsie, LCOFI);
	ok_eq(csr_read(vsip) & LCOFI, LCOFI, "with hvien, vsip has that of hvip");
	ok_eq(csr_read(vsie), LCOFI, "and vsie can be written");
	ok_eq((csr_read(hip) | csr_read(hie)) & LCOFI, 0, "hip and hie have no such bits");
	ok_top(IID(IRQ_PMU_OVF) | 1, "vstopi shows the interrupt");
	run(l2_interrupts, SPINS, LCOFI);
	ok(l2.regs[10] == L2_TRAPPED && l2.regs[11] == (CAUSE_IRQ_FLAG | IRQ_PMU_OVF),
	   "the guest takes it");
	csr_write(vsstatus, 0);
	run(l2_clear_sip, LCOFI, 0);
	ok_eq((l2.regs[10] | csr_read(hvip)) & LCOFI, 0, "and clears it, also in hvip");
	csr_write(vsie, 0);
	run(l2_interrupts, 1000, LCOFI);
	ok_eq(csr_read(vsie), LCOFI, "vsie has what the guest writes to sie");
	csr_write(hvip, LCOFI);
	csr_clear(vsip, LCOFI);
	ok_eq(csr_read(hvip) & LCOFI, 0, "HS can clear it in vsip, too");
	csr_write(vsie, 0);
	csr_write(hvien, 0);
}

void test_aia(void)
{
	clear_vs();
	if (!isa_has("_ssaia")) {
		skip("interrupt priorities of the guest", "no Ssaia");
		return;
	}
	if (isa_has("_smstateen"))
		csr_set(hstateen0, HSTATEEN0_CSRIND | HSTATEEN0_AIA | HSTATEEN0_IMSIC);
	test_registers();
	test_guest_registers();
	test_top();
	test_local();
}
