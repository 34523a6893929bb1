// SPDX-License-Identifier: MIT
/*
 * irqchip.c - let the interrupt controller interrupt this hart, and claim and complete interrupts.
 *
 * Spec: PLIC §3; AIA, "Incoming MSI Controller" and "Advanced Platform-Level Interrupt Controller".
 */
#include "irqchip.h"

/* A PLIC's registers. A hart has two contexts, of M mode and of S mode. */
#define PRIORITY(irq)    (4 * (irq))
#define ENABLE(context)  (0x2000 + 0x80 * (context))
#define CONTEXT(context) (0x200000 + 0x1000 * (context)) /* its threshold and claim registers */
#define CLAIM            4

/* An APLIC's registers. Sources 1 to 31 are in the first word of the arrays of bits. */
#define DOMAINCFG         0
#define DOMAINCFG_IE      BIT(8)
#define DOMAINCFG_DM      BIT(2) /* MSI delivery */
#define SOURCECFG(source) (4 * (source))
#define LEVEL_HIGH        6
#define SETIP             0x1c00
#define SETIE             0x1e00
#define CLRIE             0x1f00
#define TARGET(source)    (0x3000 + 4 * (source))
#define TARGET_HART       GENMASK(31, 18)
#define TARGET_EIID       GENMASK(10, 0)

/* Indirectly accessed registers of an IMSIC's interrupt file. */
#define EIDELIVERY  0x70
#define EITHRESHOLD 0x72
#define EIE0        0xc0
#define STOPEI_ID   GENMASK(26, 16)

static struct irqchip chip;

bool irqchip_find(struct irqchip *found)
{
	struct fdt_reg reg;

	found->imsics = 0;
	if (fdt_find("riscv,imsics", 0, &reg))
		found->imsics = reg.base;
	if (!fdt_find(found->imsics ? "riscv,aplic" : "riscv,plic0", 0, &reg))
		return false;
	found->base = reg.base;
	return true;
}

static void set(unsigned long offset, unsigned long value)
{
	*(volatile u32 *)(chip.base + offset) = (u32)value;
}

/* ---- PLIC ---- */

unsigned long plic_claim(void)
{
	return chip.base + CONTEXT(2 * this_hart()->id + 1) + CLAIM;
}

static void plic_open(u32 sources)
{
	unsigned long mine = 2 * this_hart()->id + 1;
	unsigned long source;

	for (source = 1; source < 32; source++)
		if (sources & BIT(source))
			set(PRIORITY(source), 1);
	set(ENABLE(mine), sources);
	set(CONTEXT(mine), 0);
}

/* ---- AIA ---- */

static void imsic_set(unsigned long select, unsigned long value)
{
	csr_write(siselect, select);
	csr_write(sireg, value);
}

void imsic_open(unsigned long ids)
{
	imsic_set(EITHRESHOLD, 0);
	imsic_set(EIE0, ids);
	imsic_set(EIDELIVERY, 1);
}

/*
 * SETIP comes last: whether a line that was already high makes its source pending when sourcecfg is
 * written is up to the implementation (AIA, "Precise effects on interrupt-pending bits").
 */
static void aplic_open(u32 sources)
{
	unsigned long source;

	set(CLRIE, ~0U);
	for (source = 1; source < 32; source++) {
		if (!(sources & BIT(source)))
			continue;
		set(SOURCECFG(source), LEVEL_HIGH);
		set(TARGET(source),
		    FIELD_PREP(TARGET_HART, this_hart()->id) | FIELD_PREP(TARGET_EIID, source));
	}
	set(SETIE, sources);
	set(DOMAINCFG, DOMAINCFG_IE | DOMAINCFG_DM);
	set(SETIP, sources);
}

/* ---- both ---- */

void irqchip_open(u32 sources)
{
	if (!irqchip_find(&chip))
		bail("no interrupt controller in the device tree");
	if (!chip.imsics) {
		plic_open(sources);
		return;
	}
	imsic_open(sources);
	aplic_open(sources);
}

u32 irq_claim(void)
{
	if (!chip.imsics)
		return *(volatile u32 *)plic_claim();
	return (u32)FIELD_GET(STOPEI_ID, csr_swap(stopei, 0));
}

/*
 * An APLIC that sends MSIs sends no second one while the line stays high, unless it is told to
 * (AIA, "Special consideration for level-sensitive interrupt sources").
 */
void irq_complete(u32 source)
{
	if (!chip.imsics)
		*(volatile u32 *)plic_claim() = source;
	else
		set(APLIC_SETIPNUM, source);
}
