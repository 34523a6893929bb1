// SPDX-License-Identifier: MIT
/*
 * hst_report.c - a trace as text: all harts merged by time, one line an event.
 *
 * Within a hart the order is that of writing. Between harts it is that of `time`;
 * under -icount, where instret is one counter for all harts, instret breaks ties.
 */
#include <stdlib.h>
#include <string.h>
#include "hst.h"

#define BATCH 512 /* records of a hart in memory */

struct cursor {
	u64 next; /* index in the file of the record behind the batch */
	size_t at, n;
	struct trace_record batch[BATCH];
};

static int refill(const struct hst_file *file, unsigned int hart, struct cursor *c)
{
	u64 left = file->ring[hart].count - c->next;

	c->at = 0;
	c->n = left < BATCH ? (size_t)left : BATCH;
	if (hst_read(file, hart, c->next, c->batch, c->n))
		return -1;
	c->next += c->n;
	return 0;
}

/* ---- one line ---- */

typedef const char *name_fn(u64 value, char *buf);

static const char *name_hex(u64 value, char *buf)
{
	snprintf(buf, HST_NAME_SIZE, "0x%llx", value);
	return buf;
}

static const char *name_num(u64 value, char *buf)
{
	snprintf(buf, HST_NAME_SIZE, "%llu", value);
	return buf;
}

static const char *name_dec(u64 value, char *buf)
{
	snprintf(buf, HST_NAME_SIZE, "%lld", (long long)value);
	return buf;
}

static const char *name_mmio(u64 value, char *buf)
{
	static const char *const names[] = { "unsatisfied-read", "read", "write" };

	return value < 3 ? names[value] : name_num(value, buf);
}

/* ORDER: kinds (events.def, hv/trace.h). A kind of a later version prints as hex. */
static const struct {
	const char *kind;
	name_fn *name;
} kinds[] = {
	{ "hex", name_hex },     { "num", name_num },           { "dec", name_dec },
	{ "flag", name_num },    { "err", hst_name_err },       { "cause", hst_name_cause },
	{ "sbi", hst_name_sbi }, { "sbierr", hst_name_sbierr }, { "reason", hst_name_reason },
	{ "csr", hst_name_csr }, { "sys", hst_name_sys },       { "mmio", name_mmio },
};

static name_fn *kind_name(const char *kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].kind, kind))
			return kinds[i].name;
	return name_hex;
}

static void print_fields(const struct hst_event *event, const struct trace_record *r, FILE *out)
{
	char buf[HST_NAME_SIZE];

	for (unsigned int i = 0; i < event->nr_fields; i++)
		fprintf(out, " %s=%s", event->field[i].name,
			kind_name(event->field[i].kind)(r->arg[i], buf));
}

static void print_record(const struct hst_file *file, unsigned int hart,
			 const struct trace_record *r, FILE *out)
{
	unsigned int number = TRACE_EVENT_OF(r->seq_event);
	u64 ticks = r->time - file->mem.start_time, hz = file->mem.timebase_hz;
	char vcpu[16] = "-";

	if (TRACE_VM_OF(r->who))
		snprintf(vcpu, sizeof(vcpu), "%u.%u", TRACE_VM_OF(r->who), TRACE_VCPU_OF(r->who));
	fprintf(out, "%4llu.%07llu ", ticks / hz, ticks % hz * 10000000 / hz);
	if (file->mem.instret_exact)
		fprintf(out, "%12llu ", r->instret - file->mem.start_instret);
	fprintf(out, "%2u %5s ", hart, vcpu);
	if (number < file->nr_events) {
		fprintf(out, "%s:", file->events[number].name);
		print_fields(&file->events[number], r, out);
	} else {
		fprintf(out, "event_%u:", number);
		for (unsigned int i = 0; i < TRACE_ARGS; i++)
			fprintf(out, " 0x%llx", r->arg[i]);
	}
	fputc('\n', out);
}

static void print_heading(const struct hst_file *file, FILE *out)
{
	u64 total = 0, lost = 0;

	for (const char *p = file->meta; p && *p;) {
		size_t len = strcspn(p, "\n");

		if (len)
			fprintf(out, "# %.*s\n", (int)len, p);
		p += len + (p[len] == '\n');
	}
	for (unsigned int i = 0; i < HST_MAX_HARTS; i++) {
		total += file->ring[i].total;
		lost += file->ring[i].lost;
	}
	fprintf(out, "# events written: %llu, lost (overwritten): %llu\n", total, lost);
	fprintf(out, "#   seconds %shart vm.vcpu event: fields\n",
		file->mem.instret_exact ? "     instret " : "");
}

/* ---- merging ---- */

static bool earlier(const struct trace_record *a, const struct trace_record *b, bool by_instret)
{
	if (a->time != b->time)
		return a->time < b->time;
	return by_instret && a->instret < b->instret;
}

/* Prints all chosen records but the first `skip`; *seen counts them. */
static int merge(const struct hst_file *file, struct cursor *cursors, const bool *chosen, u64 skip,
		 u64 *seen, FILE *out)
{
	bool by_instret = hst_meta(file, "icount", 0) != 0;

	memset(cursors, 0, HST_MAX_HARTS * sizeof(*cursors));

	for (;;) {
		const struct trace_record *best = NULL;
		unsigned int hart = 0;

		for (unsigned int i = 0; i < HST_MAX_HARTS; i++) {
			struct cursor *c = &cursors[i];

			if (c->at == c->n && c->next < file->ring[i].count && refill(file, i, c))
				return -1;
			if (c->at < c->n &&
			    (!best || earlier(&c->batch[c->at], best, by_instret))) {
				best = &c->batch[c->at];
				hart = i;
			}
		}
		if (!best)
			return 0;
		if (chosen[TRACE_EVENT_OF(best->seq_event)] && (*seen)++ >= skip)
			print_record(file, hart, best, out);
		cursors[hart].at++;
	}
}

int hst_report(struct hst_file *file, const char *events, u64 last, FILE *out)
{
	struct cursor *cursors = calloc(HST_MAX_HARTS, sizeof(*cursors));
	u64 total = 0, seen = 0;
	bool chosen[HST_MAX_EVENTS];
	int err = 0;

	if (!cursors) {
		hst_error(file->path, "out of memory");
		return -1;
	}
	for (unsigned int i = 0; i < HST_MAX_EVENTS; i++)
		chosen[i] = !events ||
			    (i < file->nr_events && hst_list_has(events, file->events[i].name));
	print_heading(file, out);
	if (last) /* how many are there? */
		err = merge(file, cursors, chosen, ~0ULL, &total, out);
	if (!err)
		err = merge(file, cursors, chosen, total > last ? total - last : 0, &seen, out);
	free(cursors);
	return err;
}
