// SPDX-License-Identifier: MIT
/*
 * observation.c - state how a run was observed: the events and the accounting that were on, what
 * they cost, and whether the exit costs include it.
 *
 * Shown below each exit table and in the HTML report. The costs of a record and of the accounting
 * are those that the host measured at boot (src/host/trace/trace_cost.c).
 */
#include <stdarg.h>
#include <string.h>
#include "hv/bits.h"
#include "table.h"

/* Events for which no exit takes the fast path. ORDER: group_members (trace_event.c) */
static const char *const slow_events[] = { "kvm_request", "kvm_exit_handled", "kvm_irq_take" };

static unsigned int events_on(const struct hst_file *file)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < file->nr_events; i++)
		n += hst_was_on(file, i);
	return n;
}

/* Return the first event that was on and that disables the fast path, or NULL. */
static const char *slow_event(const struct hst_file *file)
{
	for (unsigned int i = 0; i < file->nr_events; i++)
		for (size_t k = 0; k < ARRAY_SIZE(slow_events); k++)
			if (hst_was_on(file, i) && !strcmp(file->events[i].name, slow_events[k]))
				return slow_events[k];
	return NULL;
}

/*
 * Put the events' names into `text`. If they are many, put the list of the boot argument trace=,
 * unless it selects none: then they were switched on later.
 */
static void name_events(const struct hst_file *file, char *text, size_t size)
{
	size_t len, at = 0, list;
	const char *boot = hst_meta_text(file, "boot", &len), *trace;

	text[0] = '\0';
	trace = boot ? strstr(boot, "trace=") : NULL;
	if (events_on(file) <= 6) {
		for (unsigned int i = 0; i < file->nr_events && at < size; i++)
			if (hst_was_on(file, i))
				at += (size_t)snprintf(text + at, size - at, "%s%s",
						       at ? ", " : " (", file->events[i].name);
		if (at < size)
			snprintf(text + at, size - at, ")");
	} else if (trace && trace < boot + len && (trace == boot || trace[-1] == ' ') &&
		   strncmp(trace, "trace=none", strlen("trace=none"))) {
		list = strcspn(trace, " \n");
		snprintf(text, size, " (%.*s)", (int)(list < 200 ? list : 200), trace);
	}
}

static u64 exits_of(const struct hst_file *file)
{
	u64 exits = 0;

	for (unsigned int slot = 0; slot < HST_MAX_SLOTS; slot++)
		exits += file->stat[slot] ? file->stat[slot]->count : 0;
	return exits;
}

static void append(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void append(char *text, size_t size, const char *format, ...)
{
	size_t len = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + len, size - len, format, args);
	va_end(args);
}

static void describe_events(const struct hst_file *file, char *text, size_t size)
{
	unsigned int on = events_on(file);
	u64 lost, records = hst_total(file, &lost), exits = exits_of(file);
	const char *slow = slow_event(file);
	char names[256];

	name_events(file, names, sizeof(names));
	append(text, size, "%u event%s on%s", on, on == 1 ? "" : "s", names);
	if (exits && records && file->mem.record_cost)
		append(text, size,
		       ": on average %.1f records per exit (including those outside exits), "
		       "about %.0f instructions",
		       (double)records / (double)exits,
		       (double)records * file->mem.record_cost / (double)exits);
	append(text, size, ". ");
	if (file->mem.selective && file->mem.record_cost)
		append(text, size,
		       "A filter, a trigger, a ring that keeps its oldest records or stopped "
		       "recording has cost more than this. ");
	if (slow)
		append(text, size,
		       "No exit took the fast path, because %s was on, so short exits cost more. ",
		       slow);
}

void hst_observation(const struct hst_file *file, enum hst_unit unit, char *text, size_t size)
{
	bool accounted = file->mem.exit_unit != EXIT_UNIT_NONE;

	text[0] = '\0';
	if (!file->mem.record_cost && !events_on(file) && unit == HST_UNIT_INSTRUCTIONS) {
		append(text, size, "the trace does not tell which events were on.");
		return;
	}
	if (events_on(file))
		describe_events(file, text, size);
	else
		append(text, size, "no events. ");
	if (!accounted)
		append(text, size, "No accounting for exits. ");
	else if (file->mem.account_cost)
		append(text, size, "Accounting: about %u instructions per exit. ",
		       file->mem.account_cost);
	else
		append(text, size, "Accounting for exits was on. ");
	if (unit == HST_UNIT_INSTRUCTIONS)
		append(text, size,
		       "The costs leave out both, with an error below 10 %%; the guest's "
		       "own clock includes them. ");
	else if (unit == HST_UNIT_TIME && events_on(file))
		append(text, size, "The costs include the recording of events. ");
	append(text, size,
	       "To repeat the run without both, add --without-observation to its command.");
}

void hst_costs_differ(const struct hst_file *file, enum hst_unit unit, char *text, size_t size)
{
	const char *unselected = "a filter or trigger was set, a ring kept its oldest records, or "
				 "events were off for some time.";

	text[0] = '\0';
	if (unit == HST_UNIT_NONE)
		return;
	if (file->exits.has_cost) {
		if (file->mem.selective)
			append(text, size,
			       "those of exits whose kvm_exit_cost was recorded. Others may be "
			       "missing, because %s",
			       unselected);
		return;
	}
	append(text, size,
	       "measured from kvm_exit to kvm_entry, because kvm_exit_cost was not "
	       "recorded. ");
	if (unit == HST_UNIT_INSTRUCTIONS)
		append(text, size,
		       "On the fast path, they are up to 75 instructions lower than "
		       "in the exit table. ");
	if (file->mem.selective)
		append(text, size, "Some are too high, because %s ", unselected);
	text[strlen(text) - 1] = '\0';
}

void hst_print_wrapped(const char *head, const char *text, FILE *out)
{
	int column = fprintf(out, "%s", head);

	for (const char *space = " "; *text; space = text[-1] == ' ' ? " " : "") {
		int len = (int)strcspn(text, " ,");

		len += text[len] == ','; /* a list may be broken after a comma */
		if (column + (int)strlen(space) + len > 80) {
			column = fprintf(out, "\n ") - 1;
			space = " ";
		}
		column += fprintf(out, "%s%.*s", space, len, text);
		text += len + (text[len] == ' ');
	}
	fputc('\n', out);
}
