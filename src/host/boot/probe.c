// SPDX-License-Identifier: MIT
/*
 * probe.c - print the platform's properties, from the device tree, the firmware and CSRs.
 *
 * It prints only facts; scripts/hyperscope probe explains their consequences. A mode of
 * hgatp that the hart lacks does not read back as written (H §2.10), so a write followed
 * by a read finds the supported modes. No guest has run yet, so no fence is needed.
 */
#include "probe.h"
#include "sched/clock.h"
#include "dev/drivers.h"
#include "platform/fdt.h"
#include "hv/csr.h"
#include "hv/host.h"
#include "hv/pte.h"
#include "mm/page.h"
#include "lib/printk.h"
#include "platform/power.h"
#include "platform/sbi.h"
#include "sched/irq.h"
#include "sched/smp.h"

static const char *const extensions[] = {
	"h",       "f",       "d",      "v",      "sstc",  "svade",     "svadu",
	"svinval", "svnapot", "svpbmt", "smaia",  "ssaia", "smstateen", "sscofpmf",
	"zawrs",   "zicbom",  "zicboz", "zicntr", "zihpm", "zkr",
};

static void probe_isa(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(extensions); i++)
		printk("probe: isa.%s %s\n", extensions[i],
		       hv_isa_has(extensions[i]) ? "yes" : "no");
	if (hv_isa_has("zicboz"))
		printk("probe: zicboz.block %u\n", hv_cbo_block_size("zicboz"));
}

static void probe_hgatp(void)
{
	static const struct {
		unsigned long mode;
		const char *name;
	} modes[] = { { SATP_MODE_SV39, "sv39x4" },
		      { SATP_MODE_SV48, "sv48x4" },
		      { SATP_MODE_SV57, "sv57x4" } };
	unsigned long vmid, bits = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(modes); i++) {
		csr_write(hgatp, FIELD_PREP(HGATP_MODE, modes[i].mode));
		printk("probe: hgatp.%s %s\n", modes[i].name,
		       FIELD_GET(HGATP_MODE, csr_read(hgatp)) == modes[i].mode ? "yes" : "no");
	}
	csr_write(hgatp, FIELD_PREP(HGATP_MODE, SATP_MODE_SV39) | HGATP_VMID);
	vmid = FIELD_GET(HGATP_VMID, csr_read(hgatp));
	csr_write(hgatp, 0);
	for (; vmid & 1; vmid >>= 1)
		bits++;
	printk("probe: hgatp.vmidlen %lu\n", bits);
}

static void probe_sbi(void)
{
	static const struct {
		unsigned long ext;
		const char *name;
	} sbi[] = {
		{ SBI_EXT_TIME, "time" }, { SBI_EXT_IPI, "ipi" },   { SBI_EXT_RFENCE, "rfence" },
		{ SBI_EXT_HSM, "hsm" },   { SBI_EXT_SRST, "srst" }, { SBI_EXT_PMU, "pmu" },
		{ SBI_EXT_DBCN, "dbcn" }, { SBI_EXT_SUSP, "susp" }, { SBI_EXT_STA, "sta" },
		{ SBI_EXT_FWFT, "fwft" },
	};
	long version = sbi_call(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION, 0, 0, 0, 0, 0).value;

	printk("probe: sbi.version %ld.%ld\n", version >> 24 & 0x7f, version & 0xffffff);
	printk("probe: sbi.impl %ld\n",
	       sbi_call(SBI_EXT_BASE, SBI_BASE_GET_IMPL_ID, 0, 0, 0, 0, 0).value);
	printk("probe: sbi.impl_version 0x%lx\n",
	       (unsigned long)sbi_call(SBI_EXT_BASE, SBI_BASE_GET_IMPL_VERSION, 0, 0, 0, 0, 0)
		       .value);
	for (unsigned int i = 0; i < ARRAY_SIZE(sbi); i++)
		printk("probe: sbi.%s %s\n", sbi[i].name,
		       firmware_has_sbi(sbi[i].ext) ? "yes" : "no");
}

static unsigned int cpus;

static void count_cpu(int node, unsigned long hartid)
{
	(void)node;
	(void)hartid;
	cpus++;
}

void probe_print(void)
{
	fdt_each_cpu(count_cpu);
	printk("probe: harts %u\n", cpus);
	printk("probe: timebase %lu\n", timebase_hz);
	printk("probe: memory %zu\n", page_total_count() << PAGE_SHIFT);
	probe_isa();
	if (hv_isa_has("h"))
		probe_hgatp();
	probe_sbi();
	interrupts_init();
	printk("probe: irq.devices %s\n", irq_chip ? irq_chip->name : "polled");
	printk("probe: irq.ipis %s\n", ipi_method->name);
	printk("probe: guest_files %u\n", hv_guest_files());
	printk("probe: power_off %s\n", power_off_method());
	printk("probe: end\n");
}
