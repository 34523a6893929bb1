// SPDX-License-Identifier: MIT
/*
 * trace_dump.c - print the last events of each hart to the log, for a panic.
 *
 * The dump runs when something is broken, so it takes no lock, allocates nothing and calls no
 * function that may panic. The number of records requested bounds its steps, whatever the rings
 * contain. A ring's address and size come from trace_ring_of(), not from trace memory. A record is
 * valid only if it has the number that belongs in its slot and a known event. Other harts may go on
 * writing meanwhile; records that they overwrite are reported as damaged.
 *
 * Also compiled for the build machine (tests/trace). Documentation: docs/trace.md
 */
#include "trace_dump.h"
#include <string.h>
#include "hv/host.h"
#include "hv/trace.h"
#include "trace_hart.h"

struct line {
	char text[240];
	size_t len;
};

static void add(struct line *line, const char *text)
{
	for (; *text && line->len + 1 < sizeof(line->text); text++)
		line->text[line->len++] = *text;
	line->text[line->len] = '\0';
}

static void add_number(struct line *line, u64 value, unsigned int base, unsigned int width)
{
	char digits[24] = { 0 };
	size_t n = sizeof(digits) - 1;

	do {
		digits[--n] = "0123456789abcdef"[value % base];
		value /= base;
	} while (n && (value || sizeof(digits) - 1 - n < width));
	add(line, digits + n);
}

static void add_signed(struct line *line, u64 value)
{
	if ((s64)value < 0)
		add(line, "-");
	add_number(line, (s64)value < 0 ? 0 - value : value, 10, 0);
}

/*
 * Append the characters in `value`. A program wrote them: replace those that are not printable
 * ASCII.
 */
static void add_text(struct line *line, u64 value)
{
	char c[2] = { 0 };

	for (; value & 0xff; value >>= 8) {
		c[0] = (char)((value & 0xff) >= ' ' && (value & 0xff) <= '~' ? value & 0xff : '?');
		add(line, c);
	}
}

static void add_field(struct line *line, const struct trace_field *field, u64 value)
{
	static const char *const in_hex[] = { "hex", "cause", "sbi", "csr" };
	bool hex = false;

	add(line, " ");
	add(line, field->name);
	add(line, "=");
	for (unsigned int i = 0; i < ARRAY_SIZE(in_hex); i++)
		hex |= !strcmp(field->kind, in_hex[i]);
	if (hex) {
		add(line, "0x");
		add_number(line, value, 16, 0);
	} else if (!strcmp(field->kind, "text")) {
		add_text(line, value);
	} else if (field->is_signed) {
		add_signed(line, value);
	} else {
		add_number(line, value, 10, 0);
	}
}

/* Add the seconds since tracing was set up, or raw ticks if the timebase is damaged. */
static void add_time(struct line *line, u64 time)
{
	u64 hz = trace_mem->timebase_hz, since = time - trace_mem->start_time;

	if (!hz || hz > 1000000000000ULL) {
		add_number(line, time, 10, 0);
		return;
	}
	add_number(line, since / hz, 10, 0);
	add(line, ".");
	add_number(line, since % hz * 10000000 / hz, 10, 7);
}

static void add_record(struct line *line, unsigned int hart, const struct trace_record *r)
{
	unsigned int event = TRACE_EVENT_OF(r->seq_event);
	struct trace_field field;

	add(line, "trace: ");
	add_time(line, r->time);
	add(line, " ");
	add_number(line, hart, 10, 0);
	add(line, " ");
	if (TRACE_VM_OF(r->who)) {
		add_number(line, TRACE_VM_OF(r->who), 10, 0);
		add(line, ".");
		add_number(line, TRACE_VCPU_OF(r->who), 10, 0);
	} else {
		add(line, "-");
	}
	add(line, " ");
	add(line, trace_event_name(event));
	add(line, ":");
	for (unsigned int i = 0; trace_event_field(event, i, &field); i++)
		add_field(line, &field, r->arg[i]);
}

static void put_counts(unsigned int hart, const char *before, u64 n, const char *between, u64 of,
		       const char *after, void (*put)(const char *line))
{
	struct line line = { .len = 0 };

	add(&line, "trace: hart ");
	add_number(&line, hart, 10, 0);
	add(&line, before);
	add_number(&line, n, 10, 0);
	add(&line, between);
	add_number(&line, of, 10, 0);
	add(&line, after);
	put(line.text);
}

static void dump_hart(unsigned int hart, unsigned int count, void (*put)(const char *line))
{
	u64 head = READ_ONCE(trace_harts[hart]->head), records, n, damaged = 0;
	const struct trace_record *ring = trace_ring_of(hart, &records);

	/* Like a reader of RAM, leave out the slot at head: it may be half written. */
	n = MIN(MIN((u64)count, head), records - 1);
	put_counts(hart, ": the last ", n, " of ", head, " events", put);
	for (u64 i = head - n; i != head; i++) {
		struct trace_record r = ring[i & (records - 1)];
		struct line line = { .len = 0 };

		if (TRACE_SEQ_OF(r.seq_event) != (i & TRACE_SEQ_MASK) ||
		    !trace_event_name(TRACE_EVENT_OF(r.seq_event))) {
			damaged++;
			continue;
		}
		add_record(&line, hart, &r);
		put(line.text);
	}
	if (damaged)
		put_counts(hart, ": ", damaged, " of these ", n, " are damaged", put);
}

void trace_dump(unsigned int count, void (*put)(const char *line))
{
	for (unsigned int i = 0; trace_mem && count && i < HV_MAX_HARTS; i++)
		if (trace_harts[i] && READ_ONCE(trace_harts[i]->head))
			dump_hart(i, count, put);
}
