// SPDX-License-Identifier: MIT
/*
 * trace_boot.c - trace memory and what is traced from boot on, by boot arguments.
 *
 *   trace=EVENTS      names, globs, all, none; ! switches off ("all,!gstage_step")
 *   trace.size=SIZE   ring of each hart; rounded down to a power of two
 *   exitstat=CLOCK    what exits cost: instret, time, auto (default), 0 for off
 *
 * Documentation: docs/trace.md
 */
#include <string.h>
#include "hv/trace.h"
#include "boot/bootargs.h"
#include "boot/fdt.h"
#include "sched/clock.h"
#include "mm/page.h"
#include "lib/printk.h"
#include "boot/run.h"
#include "sched/smp.h"

#define DEFAULT_RING (8UL << 20)

static unsigned int harts_of_fdt;

static void count_hart(int node, unsigned long hartid)
{
	(void)node;
	(void)hartid;
	harts_of_fdt++;
}

/* Without -icount QEMU gives host ticks for instret: a loop of known length tells. */
bool trace_instret_is_exact(void)
{
	for (int i = 0; i < 3; i++) {
		unsigned long before, after, n = 1000;

		__asm__ volatile("csrr	%0, instret\n"
				 "1:	addi	%2, %2, -1\n"
				 "	bnez	%2, 1b\n"
				 "	csrr	%1, instret"
				 : "=r"(before), "=r"(after), "+r"(n)
				 :
				 : "memory");
		/* 2000 of the loop and one of the two reads. */
		if (after - before != 2001)
			return false;
	}
	return true;
}

static enum exit_unit exit_unit(void)
{
	const char *arg = bootarg_get("exitstat");

	if (arg && !strcmp(arg, "0"))
		return EXIT_UNIT_NONE;
	if (arg && !strcmp(arg, "instret"))
		return EXIT_UNIT_INSTRET;
	if (arg && !strcmp(arg, "time"))
		return EXIT_UNIT_TIME;
	if (arg && strcmp(arg, "auto") != 0 && strcmp(arg, "1") != 0)
		printk("trace: exitstat=%s is none of auto, instret, time, 0; using auto\n", arg);
	return trace_instret_is_exact() ? EXIT_UNIT_INSTRET : EXIT_UNIT_TIME;
}

static void select_events(const char *list)
{
	const char *bad;

	if (trace_select(list, &bad))
		printk("trace: no event is called '%.*s'; nothing is traced\n",
		       (int)(strchr(bad, ',') ? strchr(bad, ',') - bad : (long)strlen(bad)), bad);
}

void trace_init(void)
{
	unsigned long ring = bootarg_size("trace.size", DEFAULT_RING);
	const char *list = bootarg_get("trace");
	hpa_t pa;
	size_t size;

	fdt_each_cpu(count_hart);
	harts_of_fdt = MIN(harts_of_fdt, HV_MAX_HARTS);
	for (;; ring /= 2) {
		size = trace_mem_size(harts_of_fdt, ring);
		pa = page_boot_alloc(size, SZ_4K);
		if (pa || ring <= SZ_4K)
			break;
	}
	if (!pa) {
		printk("trace: no memory for it (%zu KiB); nothing is traced\n", size >> 10);
		return;
	}
	if (trace_mem_init(pa_to_va(pa), size, harts_of_fdt, timebase_hz, trace_instret_is_exact()))
		panic("trace: %zu bytes do not hold %u harts", size, harts_of_fdt);
	run_desc.trace_size = size;
	run_desc.trace_hpa = pa;
	trace_exit_account(exit_unit());
	if (list)
		select_events(list);
}
