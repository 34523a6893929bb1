// SPDX-License-Identifier: MIT
/*
 * aplic.c - the supervisor-level domain of an APLIC as the host's interrupt controller.
 *
 * If the harts have IMSICs, the domain sends each source's interrupt as an MSI to one hart's
 * interrupt file. Otherwise, in direct delivery mode, it interrupts the hart itself, through the
 * hart's interrupt delivery control structure (IDC). The firmware has delegated the sources to this
 * domain and has set the addresses of the MSIs. Source: AIA, "Advanced PLIC (APLIC)"; the binding
 * riscv,aplic of the Devicetree schemas.
 */
#include "drivers.h"
#include "hv/csr.h"
#include "imsic.h"
#include "lib/printk.h"
#include "platform/fdt.h"

#define DOMAINCFG    0x0
#define DOMAINCFG_IE BIT(8)
#define DOMAINCFG_DM BIT(2) /* deliver by MSI */
#define SOURCECFG    0x0    /* 4 bytes per source, from source 1 at 0x4 */
#define SETIENUM     0x1edc
#define CLRIE        0x1f00 /* one bit per source */
#define CLRIENUM     0x1fdc
#define SETIPNUM_LE  0x2000
#define TARGET       0x3000          /* 4 bytes per source, from source 1 at 0x3004 */
#define TARGET_HART  GENMASK(31, 18) /* the hart's number: MAX_HART at most */
#define TARGET_EIID  GENMASK(10, 0)  /* delivery by MSI: the identity */
#define TARGET_PRIO  GENMASK(7, 0)   /* direct delivery: the priority */
#define IDC          0x4000          /* IDC_SIZE bytes per hart */
#define IDC_SIZE     32
#define IDELIVERY    0x0
#define ITHRESHOLD   0x8
#define CLAIMI       0x1c
#define CLAIMI_ID    GENMASK(25, 16)

#define MAX_NUMBER 1023
#define MAX_HART   0x3fff

static int aplic_node;
static unsigned long base;
static u64 reg_size;
static u32 last_number;
static unsigned long idc_base[HV_MAX_HARTS]; /* direct delivery; 0: the hart has no IDC */

/* ---- both delivery modes ---- */

/* Return the value of sourcecfg.SM, or 0 (inactive) for an invalid sense. */
static u32 source_mode(enum irq_sense sense)
{
	switch (sense) {
	case IRQ_EDGE_RISING:
		return 4;
	case IRQ_EDGE_FALLING:
		return 5;
	case IRQ_LEVEL_HIGH:
		return 6;
	case IRQ_LEVEL_LOW:
		return 7;
	}
	return 0;
}

/*
 * Activate the source. `hart` is the target's number at the APLIC, and `low` the target's other
 * field. Fails if the source has not been delegated to the domain.
 */
static bool set_target(const struct irq_source *s, unsigned int hart, unsigned long low)
{
	u32 mode = source_mode(s->sense);

	if (s->number > last_number || hart > MAX_HART || !mode)
		return false;
	mmio_write32(base, CLRIENUM, s->number);
	mmio_write32(base, SOURCECFG + 4 * s->number, mode);
	if (mmio_read32(base, SOURCECFG + 4 * s->number) != mode)
		return false;
	mmio_write32(base, TARGET + 4 * s->number, (u32)(FIELD_PREP(TARGET_HART, hart) | low));
	mmio_write32(base, SETIENUM, s->number);
	return true;
}

/* Find a domain that reaches the first hart: by MSI to the node `imsic`, or directly if it is -1. */
static bool find_domain(int imsic)
{
	int node = -1, parent;

	while ((node = fdt_next_compatible(node, "riscv,aplic")) >= 0) {
		parent = fdt_node_offset_by_phandle(host_fdt, fdt_u32(node, "msi-parent", 0));
		if (imsic >= 0 ? parent == imsic
			       : fdt_hart_irq_index(node, harts[0].hartid, IRQ_S_EXT) >= 0)
			break;
	}
	if (node < 0)
		return false;
	aplic_node = node;
	base = fdt_map(node, 0, IDC, &reg_size);
	last_number = fdt_u32(node, "riscv,num-sources", 0);
	if (base && last_number && last_number <= MAX_NUMBER)
		return true;
	printk("host: the APLIC is not used: %s is missing or wrong\n",
	       base ? "riscv,num-sources" : "reg");
	return false;
}

/* Disable all sources and start the domain. Returns false if it lacks this delivery mode. */
static bool start_domain(unsigned long mode)
{
	u32 i;

	for (i = 0; i <= last_number / 32; i++)
		mmio_write32(base, CLRIE + 4 * i, ~0U);
	mmio_write32(base, DOMAINCFG, (u32)(DOMAINCFG_IE | mode));
	if ((mmio_read32(base, DOMAINCFG) & (DOMAINCFG_IE | DOMAINCFG_DM)) == (DOMAINCFG_IE | mode))
		return true;
	printk("host: the APLIC does not accept %s delivery\n", mode ? "MSI" : "direct");
	return false;
}

/* ---- delivery by MSI ---- */

static bool msi_route(const struct irq_source *s, unsigned int hart)
{
	int index = imsic_hart_index(hart);

	if (index < 0 ||
	    !set_target(s, (unsigned int)index, FIELD_PREP(TARGET_EIID, imsic_source_id(s))))
		return false;
	/* The change of sourcecfg need not have noticed a level that was already there. */
	mmio_write32(base, SETIPNUM_LE, s->number);
	return true;
}

/*
 * Sending the MSI cleared the source's pending bit. If a level is still there, no edge will set the
 * bit again, but this store does.
 */
static void msi_served(const struct irq_source *s)
{
	if (s->sense & (IRQ_LEVEL_HIGH | IRQ_LEVEL_LOW))
		mmio_write32(base, SETIPNUM_LE, s->number);
}

static void msi_take(void)
{
	imsic_take(msi_served);
}

/* If the IMSICs work, but no domain sends MSIs to them, they still take interrupts of other harts. */
static bool msi_init(void)
{
	static struct irq_chip chip = {
		.name = "APLIC-MSI",
		.node = -1,
		.hart_init = imsic_hart_init,
		.route = msi_route,
		.take = msi_take,
	};
	int imsic = imsic_init();

	if (imsic < 0)
		return false;
	if (find_domain(imsic) && start_domain(DOMAINCFG_DM))
		chip.node = aplic_node;
	irq_chip_set(&chip);
	ipi_method = &imsic_ipis;
	return true;
}

/* ---- direct delivery ---- */

static bool direct_route(const struct irq_source *s, unsigned int hart)
{
	unsigned long idc = idc_base[hart];

	return idc && set_target(s, (unsigned int)((idc - base - IDC) / IDC_SIZE),
				 FIELD_PREP(TARGET_PRIO, 1));
}

static void direct_take(void)
{
	unsigned long idc = idc_base[this_hart()];
	struct irq_source *s;
	u32 claimed;

	while ((claimed = mmio_read32(idc, CLAIMI))) {
		s = irq_source_numbered((u32)FIELD_GET(CLAIMI_ID, claimed));
		if (s)
			irq_serve(s);
	}
}

/* Return the IDC's number for the hart: its place in interrupts-extended, unless a list maps that. */
static int idc_index(unsigned long hartid)
{
	int place = fdt_hart_irq_index(aplic_node, hartid, IRQ_S_EXT), len;
	const fdt32_t *list = fdt_getprop(host_fdt, aplic_node, "riscv,hart-indexes", &len);

	if (place < 0 || !list)
		return place;
	return (place + 1) * 4 <= len ? (int)fdt32_to_cpu(list[place]) : -1;
}

static bool direct_hart_init(void)
{
	unsigned int hart = this_hart();
	int index = idc_index(harts[hart].hartid);

	if (index < 0 || IDC + IDC_SIZE * ((u64)index + 1) > reg_size) {
		printk("host: the APLIC has no IDC for hart %lu\n", harts[hart].hartid);
		return false;
	}
	idc_base[hart] = base + IDC + IDC_SIZE * (unsigned long)index;
	mmio_write32(idc_base[hart], ITHRESHOLD, 0); /* all priorities */
	mmio_write32(idc_base[hart], IDELIVERY, 1);
	return true;
}

static bool direct_init(void)
{
	static struct irq_chip chip = {
		.name = "APLIC",
		.hart_init = direct_hart_init,
		.route = direct_route,
		.take = direct_take,
	};

	if (!find_domain(-1) || !direct_hart_init() || !start_domain(0))
		return false;
	chip.node = aplic_node;
	irq_chip_set(&chip);
	return true;
}

bool aplic_init(void)
{
	return msi_init() || direct_init();
}
