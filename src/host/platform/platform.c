// SPDX-License-Identifier: MIT
/*
 * platform.c - check at boot for the SBI and ISA extensions that the host requires.
 *
 * The check runs once, before anything depends on these extensions: otherwise, the first sign of a
 * missing one would be a program that dies, or a timer interrupt that never arrives. The boot
 * argument "need-h" also requires the H extension: a host without it runs ordinary programs, but
 * cannot run guests.
 */
#include "bootargs.h"
#include "fdt.h"
#include "hv/host.h"
#include "hv/sbi.h"
#include "platform.h"
#include "run_desc.h"
#include "sbi.h"
#include "lib/printk.h"
#include "sched/smp.h"

/* Section .run_desc is linked directly after the Image header, in a page that is mapped as data. */
struct hs_run_desc run_desc __attribute__((section(".run_desc"), used)) = {
	.magic = HS_RUN_DESC_MAGIC,
	.version = HS_RUN_DESC_VERSION,
};

hpa_t kernel_image_pa;

static void require_sbi(unsigned long ext, const char *name, const char *what_for)
{
	if (!firmware_has_sbi(ext))
		panic("the firmware lacks the SBI %s extension, which the host needs for %s", name,
		      what_for);
}

void platform_check(void)
{
	if (!hv_isa_has("sstc"))
		require_sbi(SBI_EXT_TIME, "TIME", "its timer, because the harts lack Sstc");
	if (nr_possible_harts > 1) {
		require_sbi(SBI_EXT_HSM, "HSM", "more than one hart");
		require_sbi(SBI_EXT_IPI, "IPI", "waking other harts");
		require_sbi(SBI_EXT_RFENCE, "RFENCE", "fences on other harts");
	}
	if (bootarg_get("need-h") && !hv_isa_has("h"))
		panic("not every hart has the H extension: no guest can run");
}
