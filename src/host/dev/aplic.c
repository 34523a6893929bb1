// SPDX-License-Identifier: MIT
/*
 * aplic.c - the supervisor-level domains of the APLICs as the host's interrupt controller.
 *
 * A machine may have an APLIC for each group of harts. If the harts have IMSICs, a domain sends
 * each source's interrupt as an MSI to one hart's interrupt file. Otherwise, in direct delivery
 * mode, it interrupts a hart of its own group, through the hart's interrupt delivery control
 * structure (IDC). The firmware has delegated the sources to the domains and has set the addresses
 * of the MSIs. Source: AIA, "Advanced PLIC (APLIC)"; the binding riscv,aplic of the Devicetree
 * schemas.
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

#define MAX_DOMAINS 8

static struct domain {
	int node;
	unsigned long base;
	u64 reg_size;
	u32 last_number;
	unsigned long idc[HV_MAX_HARTS]; /* direct delivery; 0: the hart has no IDC */
} domains[MAX_DOMAINS];

static unsigned int nr_domains;

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

static struct domain *domain_of(const struct irq_source *s)
{
	struct domain *d;

	for (d = domains; d < domains + nr_domains; d++)
		if (d->node == s->controller)
			return d;
	return NULL;
}

/*
 * Activate the source. `hart` is the target's number at the APLIC, and `low` the target's other
 * field. Fails if the source has not been delegated to the domain.
 */
static bool set_target(const struct domain *d, const struct irq_source *s, unsigned int hart,
		       unsigned long low)
{
	u32 mode = source_mode(s->sense);

	if (s->number > d->last_number || hart > MAX_HART || !mode)
		return false;
	mmio_write32(d->base, CLRIENUM, s->number);
	mmio_write32(d->base, SOURCECFG + 4 * s->number, mode);
	if (mmio_read32(d->base, SOURCECFG + 4 * s->number) != mode)
		return false;
	mmio_write32(d->base, TARGET + 4 * s->number, (u32)(FIELD_PREP(TARGET_HART, hart) | low));
	mmio_write32(d->base, SETIENUM, s->number);
	return true;
}

/* Disable all sources and start the domain. Returns false if it lacks this delivery mode. */
static bool start(const struct domain *d, unsigned long mode)
{
	u32 i;

	for (i = 0; i <= d->last_number / 32; i++)
		mmio_write32(d->base, CLRIE + 4 * i, ~0U);
	mmio_write32(d->base, DOMAINCFG, (u32)(DOMAINCFG_IE | mode));
	if ((mmio_read32(d->base, DOMAINCFG) & (DOMAINCFG_IE | DOMAINCFG_DM)) ==
	    (DOMAINCFG_IE | mode))
		return true;
	printk("host: an APLIC is not used: it does not accept %s delivery\n",
	       mode ? "MSI" : "direct");
	return false;
}

/* True if the domain sends MSIs to the node `imsic` or, if that is -1, interrupts harts itself. */
static bool is_ours(int node, int imsic)
{
	const fdt32_t *pair;
	int len;

	if (imsic >= 0)
		return fdt_node_offset_by_phandle(host_fdt, fdt_u32(node, "msi-parent", 0)) ==
		       imsic;
	pair = fdt_getprop(host_fdt, node, "interrupts-extended", &len);
	return pair && len >= 8 && fdt32_to_cpu(pair[1]) == IRQ_S_EXT;
}

/* Find and start the supervisor-level domains; returns false if there is none. */
static bool find_domains(int imsic)
{
	struct domain *d;
	int node = -1;

	while ((node = fdt_next_compatible(node, "riscv,aplic")) >= 0 && nr_domains < MAX_DOMAINS) {
		if (!is_ours(node, imsic))
			continue;
		d = &domains[nr_domains];
		d->node = node;
		d->base = fdt_map(node, 0, IDC, &d->reg_size);
		d->last_number = fdt_u32(node, "riscv,num-sources", 0);
		if (!d->base || !d->last_number || d->last_number > MAX_NUMBER)
			printk("host: an APLIC is not used: %s is missing or wrong\n",
			       d->base ? "riscv,num-sources" : "reg");
		else if (start(d, imsic >= 0 ? DOMAINCFG_DM : 0))
			nr_domains++;
	}
	return nr_domains;
}

/* ---- delivery by MSI ---- */

static bool msi_route(const struct irq_source *s, unsigned int hart)
{
	const struct domain *d = domain_of(s);
	int index = imsic_hart_index(hart);

	if (!d || index < 0 ||
	    !set_target(d, s, (unsigned int)index, FIELD_PREP(TARGET_EIID, imsic_source_id(s))))
		return false;
	/* The change of sourcecfg need not have noticed a level that was already there. */
	mmio_write32(d->base, SETIPNUM_LE, s->number);
	return true;
}

/*
 * Sending the MSI cleared the source's pending bit. If a level is still there, no edge will set the
 * bit again, but this store does.
 */
static void msi_served(const struct irq_source *s)
{
	if (s->sense & (IRQ_LEVEL_HIGH | IRQ_LEVEL_LOW))
		mmio_write32(domain_of(s)->base, SETIPNUM_LE, s->number);
}

static void msi_take(void)
{
	imsic_take(msi_served);
}

/*
 * If the IMSICs work, but no domain sends MSIs to them, they still take interrupts of other harts.
 */
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
	if (find_domains(imsic))
		chip.node = domains[0].node;
	irq_chip_set(&chip);
	ipi_method = &imsic_ipis;
	return true;
}

/* ---- direct delivery ---- */

static bool direct_route(const struct irq_source *s, unsigned int hart)
{
	const struct domain *d = domain_of(s);

	return d && d->idc[hart] &&
	       set_target(d, s, (unsigned int)((d->idc[hart] - d->base - IDC) / IDC_SIZE),
			  FIELD_PREP(TARGET_PRIO, 1));
}

static void direct_take(void)
{
	unsigned int hart = this_hart();
	struct irq_source *s;
	struct domain *d;
	u32 claimed;

	for (d = domains; d < domains + nr_domains; d++) {
		while (d->idc[hart] && (claimed = mmio_read32(d->idc[hart], CLAIMI))) {
			s = irq_source_numbered(d->node, (u32)FIELD_GET(CLAIMI_ID, claimed));
			if (s)
				irq_serve(s);
		}
	}
}

/*
 * Return the number of the hart's IDC, or -1. It is the place in interrupts-extended, unless a list
 * says otherwise.
 */
static int idc_number(const struct domain *d, unsigned long hartid)
{
	int place = fdt_hart_irq_index(d->node, hartid, IRQ_S_EXT), len;
	const fdt32_t *list = fdt_getprop(host_fdt, d->node, "riscv,hart-indexes", &len);

	if (place < 0 || !list)
		return place;
	return (place + 1) * 4 <= len ? (int)fdt32_to_cpu(list[place]) : -1;
}

static bool direct_hart_init(void)
{
	unsigned int hart = this_hart();
	bool found = false;
	struct domain *d;
	int number;

	for (d = domains; d < domains + nr_domains; d++) {
		number = idc_number(d, harts[hart].hartid);
		if (number < 0 || IDC + IDC_SIZE * ((u64)number + 1) > d->reg_size)
			continue;
		d->idc[hart] = d->base + IDC + IDC_SIZE * (unsigned long)number;
		mmio_write32(d->idc[hart], ITHRESHOLD, 0); /* all priorities */
		mmio_write32(d->idc[hart], IDELIVERY, 1);
		found = true;
	}
	if (!found)
		printk("host: no APLIC has an IDC for hart %lu\n", harts[hart].hartid);
	return found;
}

static bool direct_init(void)
{
	static struct irq_chip chip = {
		.name = "APLIC",
		.hart_init = direct_hart_init,
		.route = direct_route,
		.take = direct_take,
	};

	if (!find_domains(-1))
		return false;
	direct_hart_init(); /* the first hart may be in another group than the devices' */
	chip.node = domains[0].node;
	irq_chip_set(&chip);
	return true;
}

bool aplic_init(void)
{
	return msi_init() || direct_init();
}
