// SPDX-License-Identifier: MIT
/*
 * platform.c - does the firmware have what the host cannot do without?
 *
 * Checked once, before anything depends on it: a missing extension would show as a program that
 * dies or a timer that never comes. "need-h" among the boot arguments asks for the H extension, too:
 * a host without it still runs ordinary programs, but no guest.
 */
#include "bootargs.h"
#include "fdt.h"
#include "hv/host.h"
#include "hv/sbi.h"
#include "platform.h"
#include "run_desc.h"
#include "sbi.h"
#include "lib/printk.h"

/* In .run_desc: linked right behind the Image header, on a page of its own. */
struct hs_run_desc run_desc __attribute__((section(".run_desc"), used)) = {
	.magic = HS_RUN_DESC_MAGIC,
	.version = HS_RUN_DESC_VERSION,
};

hpa_t kernel_image_pa;

static void need(unsigned long ext, const char *name, const char *what_for)
{
	if (!firmware_has_sbi(ext))
		panic("the firmware has no SBI %s extension: the host needs it for %s", name,
		      what_for);
}

static unsigned int harts_there;

static void count_hart(int node, unsigned long hartid)
{
	(void)node;
	(void)hartid;
	harts_there++;
}

void platform_check(void)
{
	fdt_each_cpu(count_hart);
	if (!hv_isa_has("sstc"))
		need(SBI_EXT_TIME, "TIME", "its timer, as the harts have no Sstc");
	if (harts_there > 1) {
		need(SBI_EXT_HSM, "HSM", "more harts than one");
		need(SBI_EXT_IPI, "IPI", "harts that wake each other");
		need(SBI_EXT_RFENCE, "RFENCE", "fences on other harts");
	}
	if (bootarg_get("need-h") && !hv_isa_has("h"))
		panic("the harts have no H extension: no guest can run");
}
