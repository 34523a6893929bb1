// SPDX-License-Identifier: MIT
/*
 * anatomy.c - parse the table of stages that scripts/hyperscope anatomy prints.
 *
 *   stage                 hyperscope              linux
 *   guest                          2   0.1%           2   0.1%
 *   ...
 *   sum                         1448               3267
 *
 * Only the first table of a file is read. The last non-empty line before it is its title.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "html.h"

#define NAME_COLUMNS 20 /* width of a stage's name in the table */
#define MAX_SYSTEMS  8
#define MAX_STAGES   64
#define MAX_LINE     1024

static size_t trimmed(const char *text, size_t len)
{
	while (len && text[len - 1] == ' ')
		len--;
	return len;
}

static void write_words(const char *p, FILE *out, unsigned int *n)
{
	for (*n = 0;; ++*n) {
		size_t len;

		p += strspn(p, " \n\r");
		len = strcspn(p, " \n\r");
		if (!len)
			return;
		fputs(*n ? "," : "", out);
		json_text(out, p, len);
		p += len;
	}
}

/*
 * Read the counts of a line into counts[]; a share may follow each count. Returns the number of
 * counts.
 */
static unsigned int read_counts(const char *p, u64 *counts)
{
	unsigned int n = 0;
	char *end;

	while (n < MAX_SYSTEMS) {
		u64 value = strtoull(p, &end, 10);

		if (end == p)
			break;
		if (*end == '.' || *end == '%') /* the share of the previous count */
			strtod(p, &end);
		else
			counts[n++] = value;
		p = end + (*end == '%');
	}
	return n;
}

/* Write a line of the table as JSON. Returns false if `line` is not a line of the table. */
static bool write_stage(const char *line, unsigned int systems, bool first, FILE *out)
{
	u64 counts[MAX_SYSTEMS];

	if (strlen(line) <= NAME_COLUMNS || read_counts(line + NAME_COLUMNS, counts) != systems)
		return false;
	fputs(first ? "[" : ",[", out);
	json_text(out, line, trimmed(line, NAME_COLUMNS));
	for (unsigned int i = 0; i < systems; i++)
		fprintf(out, ",%llu", counts[i]);
	fputc(']', out);
	return true;
}

static int write_table(const char *path, FILE *in, FILE *out)
{
	unsigned int systems = 0, stages = 0;
	char line[MAX_LINE] = "", title[MAX_LINE];

	snprintf(title, sizeof(title), "%s", path);
	while (fgets(line, sizeof(line), in) && strncmp(line, "stage ", 6))
		if (strcspn(line, "\r\n"))
			snprintf(title, sizeof(title), "%.*s", (int)strcspn(line, "\r\n"), line);
	if (strncmp(line, "stage ", 6)) {
		hst_wrong_file(path, "not a table that scripts/hyperscope anatomy prints");
		return -1;
	}
	fputs("{\"name\":", out);
	json_string(out, title);
	fputs(",\"systems\":[", out);
	write_words(line + 6, out, &systems);
	fputs("],\"stages\":[", out);
	while (fgets(line, sizeof(line), in) && stages < MAX_STAGES &&
	       write_stage(line, systems, !stages, out)) {
		stages++;
		if (!strncmp(line, "sum ", 4))
			break;
	}
	fputs("]}", out);
	if (systems > MAX_SYSTEMS) {
		hst_wrong_file(path, "the table has more than 8 systems");
		return -1;
	}
	if (systems && stages)
		return 0;
	hst_wrong_file(path, "the table of stages is empty");
	return -1;
}

int html_write_anatomy(const char *path, FILE *out)
{
	FILE *in = fopen(path, "r");
	int err;

	if (!in) {
		hst_wrong_file(path, strerror(errno));
		return -1;
	}
	err = write_table(path, in, out);
	fclose(in);
	return err;
}
