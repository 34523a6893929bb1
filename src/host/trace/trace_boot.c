// SPDX-License-Identifier: MIT
/*
 * trace_boot.c - reserve trace memory, and set up tracing from the boot arguments.
 *
 *   trace=EVENTS      names, globs, all, none; ! switches off ("all,!gstage_step")
 *   trace.size=SIZE   size of each hart's ring; rounded down to a power of two
 *   trace.filter=EVENT:CONDITION;...   record only what matches (trace_filter.h; no blanks)
 *   trace.stop=EVENT[:CONDITION]       stop tracing when this event occurs
 *   trace.overwrite=0                  a full ring keeps its oldest records
 *   trace.sample=HZ                    how often the event `sample` occurs (trace_sample.c)
 *   trace.on=0                         record nothing until tracing_on is set
 *   exitstat=CLOCK    unit of exit costs: instret, time, auto (default), 0 for off
 *
 * Documentation: docs/trace.md
 */
#include <string.h>
#include "hv/trace.h"
#include "platform/bootargs.h"
#include "platform/fdt.h"
#include "sched/clock.h"
#include "mm/page.h"
#include "lib/printk.h"
#include "platform/run_desc.h"
#include "sched/smp.h"
#include "trace_control.h"
#include "trace_hart.h"

#define DEFAULT_RING (8UL << 20)

/*
 * Run a loop of known length, and return whether instret counts its instructions: without -icount,
 * QEMU's instret counts host ticks.
 */
static bool trace_instret_is_exact(void)
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
		/* The count consists of the loop's 2000 instructions and one of the two reads. */
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
		printk("trace: exitstat=%s is not one of auto, instret, time, 0; using auto\n",
		       arg);
	return trace_instret_is_exact() ? EXIT_UNIT_INSTRET : EXIT_UNIT_TIME;
}

static void select_events(const char *list)
{
	const char *bad;

	if (trace_select(list, &bad))
		printk("trace: there is no event '%.*s'; nothing is traced\n",
		       (int)(strchr(bad, ',') ? strchr(bad, ',') - bad : (long)strlen(bad)), bad);
}

/*
 * Parse a rule EVENT[:CONDITION] of len bytes; `condition` has room for 256 bytes. Returns false if
 * there is no such event or the condition is too long.
 */
static bool parse_rule(const char *rule, size_t len, unsigned int *event, char *condition)
{
	size_t name = 0;

	while (name < len && rule[name] != ':')
		name++;
	*event = trace_event_find(rule, name);
	if (*event == TRACE_NR_EVENTS || len - name >= TRACE_FILTER_TEXT)
		return false;
	condition[0] = '\0';
	if (name < len) {
		memcpy(condition, rule + name + 1, len - name - 1);
		condition[len - name - 1] = '\0';
	}
	return true;
}

static void refused(const char *arg, const char *rule, size_t len, const char *why)
{
	printk("trace: %s=%.*s: %s; ignored\n", arg, (int)len, rule, why);
}

static void set_filters(const char *list)
{
	static char condition[TRACE_FILTER_TEXT];
	struct trace_filter_error error = { .message = "no memory" };
	unsigned int event;
	size_t len;

	for (; *list; list += len + (list[len] != '\0')) {
		for (len = 0; list[len] && list[len] != ';'; len++)
			;
		if (!parse_rule(list, len, &event, condition))
			refused("trace.filter", list, len, "no such event, or condition too long");
		else if (trace_set_filter(event, condition, &error))
			refused("trace.filter", list, len, error.message);
	}
}

static void set_stop(const char *rule)
{
	static char condition[TRACE_FILTER_TEXT];
	struct trace_filter_error error = { .message = "no memory" };
	size_t len = strlen(rule);
	unsigned int event;

	if (!parse_rule(rule, len, &event, condition))
		refused("trace.stop", rule, len, "no such event, or condition too long");
	else if (trace_set_trigger(event, TRACE_TRIGGER_OFF, ~0ULL, *condition ? condition : NULL,
				   &error))
		refused("trace.stop", rule, len, error.message);
}

static bool is_zero(const char *arg)
{
	const char *value = bootarg_get(arg);

	if (value && strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
		printk("trace: %s=%s is neither 0 nor 1; using 1\n", arg, value);
	return value && !strcmp(value, "0");
}

static void set_rules(void)
{
	const char *filters = bootarg_get("trace.filter"), *stop = bootarg_get("trace.stop");

	if (filters)
		set_filters(filters);
	if (stop)
		set_stop(stop);
	if (is_zero("trace.overwrite"))
		trace_set_overwrite(false);
	if (is_zero("trace.on"))
		trace_set_on(false);
}

void trace_init(void)
{
	unsigned long ring = bootarg_size("trace.size", DEFAULT_RING);
	hpa_t pa;
	size_t size;

	if (!ring)
		return; /* the boot argument trace.size=0: trace nothing */
	for (;; ring /= 2) {
		size = trace_mem_size(nr_possible_harts, ring);
		pa = page_boot_alloc(size, SZ_4K);
		if (pa || ring <= SZ_4K)
			break;
	}
	if (!pa) {
		printk("trace: no memory for its rings (%zu KiB); nothing is traced\n", size >> 10);
		return;
	}
	if (trace_mem_init(pa_to_va(pa), size, nr_possible_harts, timebase_hz,
			   trace_instret_is_exact()))
		panic("trace: %zu bytes are too few for %u harts", size, nr_possible_harts);
	trace_exit_account(exit_unit());
}

void trace_start(void)
{
	const char *list = bootarg_get("trace");

	if (!trace_mem)
		return;
	trace_measure_costs();
	set_rules();
	if (list)
		select_events(list);
	/* From here on, a reader of RAM finds costs and events that have been determined. */
	run_desc.trace_size = trace_mem->size;
	__atomic_store_n(&run_desc.trace_hpa, va_to_pa(trace_mem), __ATOMIC_RELEASE);
}
