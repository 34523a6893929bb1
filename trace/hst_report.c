// SPDX-License-Identifier: MIT
/*
 * hst_report.c - `hstrace report`: the events as text, one line each.
 *
 * A line is put together in a buffer, because ten million of them are not unusual.
 */
#include <string.h>
#include "hst.h"

/* The longest line: a name, five fields with their names, and numbers in front. */
#define LINE (HST_WORD_SIZE + TRACE_ARGS * (HST_WORD_SIZE + HST_NAME_SIZE) + 128)

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

static void print_seen(const struct hst_file *file, const struct hst_seen *seen, FILE *out)
{
	const struct hst_event *event = seen->event;
	char line[LINE], *p = put_time(line, file, seen->time);

	*p++ = ' ';
	if (file->mem.instret_exact) {
		p = put_padded(p, hst_put_num(p, seen->instret), 12);
		*p++ = ' ';
	}
	p = put_padded(p, hst_put_num(p, seen->hart), 2);
	*p++ = ' ';
	p = put_who(p, seen);
	*p++ = ' ';
	p = stpcpy(p, event->name);
	*p++ = ':';
	for (unsigned int i = 0; i < event->nr_fields; i++) {
		*p++ = ' ';
		p = stpcpy(p, event->field[i].name);
		*p++ = '=';
		p = hst_field_put(event, i, seen->record->arg[i], p);
	}
	*p++ = '\n';
	fwrite(line, 1, (size_t)(p - line), out);
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

int hst_report(struct hst_file *file, const struct hst_select *select, FILE *out)
{
	struct hst_cursor cursor;
	struct hst_seen seen;
	int more;

	if (hst_cursor_open(&cursor, file, select))
		return -1;
	print_heading(file, out);
	while ((more = hst_cursor_next(&cursor, &seen)) > 0)
		print_seen(file, &seen, out);
	hst_cursor_close(&cursor);
	return more;
}

int hst_cmd_report(int argc, char **argv)
{
	static struct hst_file file;
	struct hst_select select = HST_SELECT_ALL;
	int err;

	for (int used; argc > 0 && argv[0][0] == '-'; argc -= used, argv += used) {
		used = hst_select_option(&select, argc, argv);
		if (!used)
			return hst_wrong_use("report has no option", argv[0]);
		if (used < 0)
			return 2;
	}
	if (argc != 1)
		return hst_wrong_use("report takes one FILE", NULL);
	if (hst_open(&file, argv[0]))
		return 1;
	err = hst_report(&file, &select, stdout);
	hst_close(&file);
	hst_select_free(&select);
	return hst_finish(err);
}
