// SPDX-License-Identifier: MIT
/*
 * report.c - `hstrace report`: print the events as text, one per line.
 *
 * For speed, each line is built in a buffer by hand: ten million lines are not unusual.
 */
#include <string.h>
#include "file/hst.h"

/* The longest column: the fields with their names. Any column can be named several times. */
#define COLUMN (HST_WORD_SIZE + TRACE_ARGS * (HST_WORD_SIZE + HST_NAME_SIZE) + 128)

static char *put_padded(char *p, char *end, unsigned int width)
{
	unsigned int n = (unsigned int)(end - p);

	if (n < width) {
		memmove(p + width - n, p, n);
		memset(p, ' ', width - n);
		return p + width;
	}
	return end;
}

static char *put_time(char *p, const struct hst_file *file, u64 ticks)
{
	u64 hz = file->mem.timebase_hz;
	u64 part = (u64)((unsigned __int128)(ticks % hz) * HST_TIME_UNITS / hz);

	p = put_padded(p, hst_put_num(p, ticks / hz), 4);
	*p = '.';
	for (unsigned int i = 7; i; i--, part /= 10)
		p[i] = (char)('0' + part % 10);
	return p + 8;
}

static char *put_who(char *p, const struct hst_seen *seen)
{
	char *end = p;

	if (seen->vm < 0) {
		*end++ = '-';
	} else {
		end = hst_put_num(end, (u64)seen->vm);
		*end++ = '.';
		end = hst_put_num(end, (u64)seen->vcpu);
	}
	return put_padded(p, end, 5);
}

/* ---- columns ---- */

struct line {
	const struct hst_file *file;
	const struct hst_seen *seen;
	u64 last_time, last_instret; /* of the previous line */
};

static char *put_seconds(char *p, const struct line *l)
{
	return put_time(p, l->file, l->seen->time);
}

static char *put_instret(char *p, const struct line *l)
{
	return put_padded(p, hst_put_num(p, l->seen->instret), 12);
}

/*
 * Put what has passed since the previous line: instructions if instret is exact, otherwise time in
 * units of 100 ns.
 */
static char *put_delta(char *p, const struct line *l)
{
	u64 hz = l->file->mem.timebase_hz;
	s64 delta = (s64)(l->seen->instret - l->last_instret);
	char *digits = p;

	if (!l->file->mem.instret_exact)
		delta = (s64)((s64)(l->seen->time - l->last_time) * (__int128)HST_TIME_UNITS / hz);
	if (delta < 0)
		*digits++ = '-';
	return put_padded(p, hst_put_num(digits, delta < 0 ? 0 - (u64)delta : (u64)delta), 9);
}

static char *put_hart(char *p, const struct line *l)
{
	return put_padded(p, hst_put_num(p, l->seen->hart), 2);
}

static char *put_vcpu(char *p, const struct line *l)
{
	return put_who(p, l->seen);
}

static char *put_nesting(char *p, const struct line *l)
{
	static const char *const names[] = { "-", "L1", "L2" };

	return put_padded(p, stpcpy(p, names[l->seen->nesting]), 2);
}

static char *put_event(char *p, const struct line *l)
{
	p = stpcpy(p, l->seen->event->name);
	*p++ = ':';
	return p;
}

static char *put_fields(char *p, const struct line *l)
{
	const struct hst_event *event = l->seen->event;

	for (unsigned int i = 0; i < event->nr_fields; i++) {
		if (i)
			*p++ = ' ';
		p = stpcpy(p, event->field[i].name);
		*p++ = '=';
		p = hst_field_put(event, i, l->seen->record->arg[i], p);
	}
	return p;
}

/* ORDER: columns (the help of --columns) */
static const struct column {
	const char *name;
	const char *title;
	char *(*put)(char *p, const struct line *l);
} columns[] = {
	{ "time", "   seconds", put_seconds }, { "instr", "    instret", put_instret },
	{ "delta", "    delta", put_delta },   { "hart", "hart", put_hart },
	{ "vcpu", "vm.vcpu", put_vcpu },       { "nesting", "nesting", put_nesting },
	{ "event", "event:", put_event },      { "fields", "fields", put_fields },
};

#define NR_COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct layout {
	size_t n;
	const struct column *column[NR_COLUMNS];
};

static int set_columns(struct layout *layout, const char *text)
{
	layout->n = 0;
	for (const char *word = text; *word;) {
		size_t len = strcspn(word, ","), i = 0;

		while (i < NR_COLUMNS &&
		       (strncmp(columns[i].name, word, len) || columns[i].name[len]))
			i++;
		if (i == NR_COLUMNS)
			return hst_wrong_use("--columns takes time, instr, delta, hart, vcpu, "
					     "nesting, event and fields, not",
					     word);
		if (layout->n == NR_COLUMNS)
			return hst_wrong_use("--columns takes up to eight columns, not", text);
		layout->column[layout->n++] = &columns[i];
		word += len + (word[len] == ',');
	}
	return layout->n ? 0 : hst_wrong_use("--columns needs a column", NULL);
}

static void print_line(const struct layout *layout, const struct line *l, FILE *out)
{
	char text[NR_COLUMNS * COLUMN], *p = text;

	for (size_t i = 0; i < layout->n; i++) {
		p = layout->column[i]->put(p, l);
		*p++ = i + 1 < layout->n ? ' ' : '\n';
	}
	fwrite(text, 1, (size_t)(p - text), out);
}

static void print_heading(const struct hst_file *file, const struct layout *layout, FILE *out)
{
	u64 total, lost;

	for (const char *p = file->meta; p && *p;) {
		size_t len = strcspn(p, "\n");

		if (len)
			fprintf(out, "# %.*s\n", (int)len, p);
		p += len + (p[len] == '\n');
	}
	total = hst_total(file, &lost);
	fprintf(out, "# events: %llu, of which lost (overwritten or dropped): %llu\n", total, lost);
	fputc('#', out);
	for (size_t i = 0; i < layout->n; i++)
		fprintf(out, " %s",
			layout->column[i]->title + (!i && *layout->column[i]->title == ' '));
	fputc('\n', out);
}

int hst_report(struct hst_file *file, const struct hst_select *select, const char *wanted,
	       FILE *out)
{
	struct line line = { .file = file };
	struct layout layout;
	struct hst_cursor cursor;
	struct hst_seen seen;
	char usual[64];
	bool nested;
	int more;

	if (!wanted) {
		if (hst_find_l2(file, &nested))
			return -1;
		snprintf(usual, sizeof(usual), "time,%shart,vcpu,%sevent,fields",
			 file->mem.instret_exact ? "instr," : "", nested ? "nesting," : "");
		wanted = usual;
	}
	if (set_columns(&layout, wanted) || hst_cursor_open(&cursor, file, select))
		return -1;
	cursor.prints = true;
	print_heading(file, &layout, out);
	while ((more = hst_cursor_next(&cursor, &seen)) > 0) {
		if (!line.seen) {
			line.last_time = seen.time;
			line.last_instret = seen.instret;
		}
		line.seen = &seen;
		print_line(&layout, &line, out);
		line.last_time = seen.time;
		line.last_instret = seen.instret;
	}
	hst_cursor_close(&cursor);
	return more;
}

const char hst_report_help[] =
	"  --columns LIST  columns to print, separated by commas: time, instr, delta,\n"
	"                  hart, vcpu, nesting, event, fields; delta is the difference\n"
	"                  from the previous line, in instructions or else in units of\n"
	"                  100 ns; nesting is L1, or L2 for a guest's guest\n";

/* Parse the options. Returns how many arguments they occupy, or -1 after printing an error. */
static int options(int argc, char **argv, struct hst_select *select, const char **columns_text)
{
	struct layout layout;
	int at = 0;

	for (int used; at < argc && argv[at][0] == '-'; at += used) {
		used = hst_select_option(select, argc - at, argv + at);
		if (used < 0)
			return -1;
		if (used)
			continue;
		used = 2;
		*columns_text = at + 1 < argc ? argv[at + 1] : "";
		if (strcmp(argv[at], "--columns")) {
			hst_wrong_use("report has no option", argv[at]);
			return -1;
		}
		if (set_columns(&layout, *columns_text))
			return -1;
	}
	return at;
}

int hst_cmd_report(int argc, char **argv)
{
	static struct hst_file file;
	struct hst_select select = HST_SELECT_ALL;
	const char *columns_text = NULL;
	int used = options(argc, argv, &select, &columns_text), status = 2;

	if (used >= 0 && argc - used != 1)
		hst_wrong_use("report takes one FILE", NULL);
	if (used < 0 || argc - used != 1)
		goto free_select;
	status = 1;
	if (hst_open(&file, argv[used]))
		goto free_select;
	status = hst_finish(hst_report(&file, &select, columns_text, stdout));
	hst_close(&file);
free_select:
	hst_select_free(&select);
	return status;
}
