// SPDX-License-Identifier: MIT
/*
 * text.c - export to CSV and JSON.
 *
 * CSV (RFC 4180, but with LF at line ends) has one event per line, and the columns time_ns,
 * instret, hart, vm, vcpu and event, then one for every field name that occurs. A field "event"
 * becomes the column "event_", so that no two columns have the same name. Columns of fields that an
 * event lacks are empty. JSON has one object per line, with the fields in a nested object. So
 * neither the writer nor a reader has to keep all of the output in memory, and if a file is cut
 * off, its complete lines can still be read. In both formats, a field has the same text as in
 * hstrace report, except that JSON has numbers for fields of the kinds num, dec, flag and err.
 */
#include <stdlib.h>
#include <string.h>
#include "export.h"

/*
 * A line has at most one comma per column, plus the names and values of one event. Names are
 * shorter than HST_WORD_SIZE and have no quotes or commas (trace/file/formats.c checks this).
 */
#define LINE_SIZE (HST_MAX_EVENTS * TRACE_ARGS + 2048)

/* ---- CSV ---- */

#define FIXED "time_ns,instret,hart,vm,vcpu,event"

struct columns {
	unsigned int n;
	const char *name[HST_MAX_EVENTS * TRACE_ARGS];
	unsigned short of[HST_MAX_EVENTS][TRACE_ARGS];   /* the column of an event's field */
	unsigned char order[HST_MAX_EVENTS][TRACE_ARGS]; /* an event's fields, sorted by column */
};

static unsigned int column(struct columns *columns, const char *name)
{
	for (unsigned int i = 0; i < columns->n; i++)
		if (!strcmp(columns->name[i], name))
			return i;
	columns->name[columns->n] = name;
	return columns->n++;
}

static void event_columns(struct columns *columns, const struct hst_event *event, unsigned int nr)
{
	unsigned short *of = columns->of[nr];

	for (unsigned int i = 0; i < event->nr_fields; i++) {
		unsigned int at = i;

		of[i] = (unsigned short)column(columns, event->field[i].name);
		for (; at && of[columns->order[nr][at - 1]] > of[i]; at--)
			columns->order[nr][at] = columns->order[nr][at - 1];
		columns->order[nr][at] = (unsigned char)i;
	}
}

static bool is_fixed(const char *name)
{
	size_t len = strlen(name);

	for (const char *word = FIXED; *word; word += *word == ',') {
		size_t n = strcspn(word, ",");

		if (n == len && !memcmp(word, name, n))
			return true;
		word += n;
	}
	return false;
}

static bool is_taken(const struct columns *columns, const char *name)
{
	for (unsigned int i = 0; i < columns->n; i++)
		if (!strcmp(columns->name[i], name))
			return true;
	return false;
}

/*
 * Write the name of a field's column at p. If a fixed column has the field's name, append '_' until
 * no other column has the resulting name. Returns a pointer to the NUL.
 */
static char *put_column(const struct columns *columns, const char *field, char *p)
{
	char *name = p;

	p = stpcpy(p, field);
	if (!is_fixed(field))
		return p;
	do {
		*p++ = '_';
		*p = '\0';
	} while (is_taken(columns, name));
	return p;
}

static char *csv_heading(const struct columns *columns, char *p)
{
	p = stpcpy(p, FIXED);
	for (unsigned int i = 0; i < columns->n; i++) {
		*p++ = ',';
		p = put_column(columns, columns->name[i], p);
	}
	return stpcpy(p, "\n");
}

static char *csv_line(const struct export_job *job, const struct columns *columns,
		      const struct hst_seen *seen, char *p)
{
	const unsigned short *of = columns->of[seen->event_nr];
	unsigned int at = 0;

	p = hst_put_num(p, export_ns(job->file, seen->time));
	*p++ = ',';
	if (job->file->mem.instret_exact)
		p = hst_put_num(p, seen->instret);
	*p++ = ',';
	p = hst_put_num(p, seen->hart);
	*p++ = ',';
	if (seen->vm >= 0)
		p = hst_put_num(p, (u64)seen->vm);
	*p++ = ',';
	if (seen->vm >= 0)
		p = hst_put_num(p, (u64)seen->vcpu);
	*p++ = ',';
	p = stpcpy(p, seen->event->name);
	for (unsigned int i = 0; i < seen->event->nr_fields; i++) {
		unsigned int field = columns->order[seen->event_nr][i];

		for (; at <= of[field]; at++)
			*p++ = ',';
		p = hst_field_put(seen->event, field, seen->record->arg[field], p);
	}
	for (; at < columns->n; at++)
		*p++ = ',';
	return stpcpy(p, "\n");
}

static int write_csv(struct export_job *job, FILE *out)
{
	struct columns *columns = calloc(1, sizeof(*columns));
	static char heading[HST_MAX_EVENTS * TRACE_ARGS * (HST_WORD_SIZE + 2) + 2048],
		line[LINE_SIZE];
	bool occurs[HST_MAX_EVENTS];
	struct hst_cursor cursor;
	struct hst_seen seen;

	if (!columns) {
		hst_error(job->file->path, "out of memory");
		return -1;
	}
	if (export_occurring(job, occurs))
		job->cut = true;
	for (unsigned int i = 0; i < HST_MAX_EVENTS; i++)
		if (occurs[i])
			event_columns(columns, &job->file->events[i], i);
	if (hst_cursor_open(&cursor, job->file, job->select)) {
		free(columns);
		return -1;
	}
	fwrite(heading, 1, (size_t)(csv_heading(columns, heading) - heading), out);
	while (export_next(job, &cursor, &seen) && !ferror(out))
		fwrite(line, 1, (size_t)(csv_line(job, columns, &seen, line) - line), out);
	hst_cursor_close(&cursor);
	free(columns);
	return 0;
}

const struct export_format export_csv = {
	.streams = true,
	.write = write_csv,
};

/* ---- JSON ---- */

static char *json_field(const struct hst_seen *seen, unsigned int i, char *p)
{
	enum hst_kind kind = seen->event->field[i].type;
	u64 value = seen->record->arg[i];

	*p++ = '"';
	p = stpcpy(p, seen->event->field[i].name);
	p = stpcpy(p, "\":");
	if (kind == HST_NUM || kind == HST_FLAG)
		return hst_put_num(p, value);
	if (kind == HST_DEC || kind == HST_ERR) {
		if ((s64)value < 0)
			*p++ = '-';
		return hst_put_num(p, (s64)value < 0 ? 0 - value : value);
	}
	*p++ = '"';
	p = hst_field_put(seen->event, i, value, p);
	*p++ = '"';
	return p;
}

static char *json_line(const struct export_job *job, const struct hst_seen *seen, char *p)
{
	p = hst_put_num(stpcpy(p, "{\"time_ns\":"), export_ns(job->file, seen->time));
	if (job->file->mem.instret_exact)
		p = hst_put_num(stpcpy(p, ",\"instret\":"), seen->instret);
	p = hst_put_num(stpcpy(p, ",\"hart\":"), seen->hart);
	if (seen->vm >= 0) {
		p = hst_put_num(stpcpy(p, ",\"vm\":"), (u64)seen->vm);
		p = hst_put_num(stpcpy(p, ",\"vcpu\":"), (u64)seen->vcpu);
	}
	p = stpcpy(stpcpy(p, ",\"event\":\""), seen->event->name);
	p = stpcpy(p, "\",\"fields\":{");
	for (unsigned int i = 0; i < seen->event->nr_fields; i++) {
		if (i)
			*p++ = ',';
		p = json_field(seen, i, p);
	}
	return stpcpy(p, "}}\n");
}

static int write_json(struct export_job *job, FILE *out)
{
	static char line[LINE_SIZE];
	struct hst_cursor cursor;
	struct hst_seen seen;

	if (hst_cursor_open(&cursor, job->file, job->select))
		return -1;
	while (export_next(job, &cursor, &seen) && !ferror(out))
		fwrite(line, 1, (size_t)(json_line(job, &seen, line) - line), out);
	hst_cursor_close(&cursor);
	return 0;
}

const struct export_format export_json = {
	.streams = true,
	.write = write_json,
};
