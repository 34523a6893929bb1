// SPDX-License-Identifier: MIT
/*
 * profile.c - `hstrace profile`: show where time was spent, from the samples in a trace.
 *
 * --folded prints the input of flame graphs (scripts/hyperscope flamegraph), one line per row: the
 * mode, program and symbol (as far as --by distinguishes them), separated by semicolons, and then
 * the count.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include "file/symbols.h"

struct row {
	enum hst_mode mode;
	char *program, *symbol;
	u64 count;
};

enum by {
	BY_SYMBOL,
	BY_PROGRAM,
	BY_MODE,
	NR_BY
};

static const char *const by_names[NR_BY] = { "symbol", "program", "mode" };

struct profile {
	enum by by;
	bool folded, selects; /* selects: an option chooses events */
	void *tree;           /* of struct row */
	size_t n;
	u64 total, unseen; /* unseen: sampling points skipped because a sample was late */
	struct row **rows;
};

const char hst_profile_help[] =
	"  --by WHAT       one row per symbol (default), program or mode\n"
	"  --folded        print MODE;PROGRAM;SYMBOL COUNT, for hyperscope flamegraph\n";

static int by_place(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = (int)x->mode - (int)y->mode;

	if (!order)
		order = strcmp(x->program, y->program);
	return order ? order : strcmp(x->symbol, y->symbol);
}

static int by_count(const void *a, const void *b)
{
	const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return by_place(x, y);
}

static struct row *new_row(const struct row *key)
{
	struct row *row = malloc(sizeof(*row));

	if (!row)
		return NULL;
	*row = *key;
	row->program = strdup(key->program);
	row->symbol = strdup(key->symbol);
	return row;
}

static int count(struct profile *profile, const struct hst_place *place)
{
	struct row key = { .mode = place->mode,
			   .program = (char *)(profile->by == BY_MODE ? "" : place->program),
			   .symbol = (char *)(profile->by == BY_SYMBOL ? place->symbol : "") };
	struct row **found = tsearch(&key, &profile->tree, by_place);

	if (found && *found == &key) {
		*found = new_row(&key);
		profile->n++;
	}
	if (!found || !*found || !(*found)->program || !(*found)->symbol)
		return -1;
	(*found)->count++;
	profile->total++;
	return 0;
}

static int read_samples(struct profile *profile, struct hst_images *images, struct hst_file *file,
			const struct hst_select *select)
{
	struct hst_cursor cursor;
	struct hst_place place;
	struct hst_seen seen;
	int more, err = 0;

	if (hst_cursor_open(&cursor, file, select))
		return -1;
	while (!err && (more = hst_cursor_next(&cursor, &seen)) > 0) {
		int late = hst_field_index(seen.event, "late", 4);

		if (!hst_images_place(images, &seen, &place))
			continue;
		err = count(profile, &place);
		if (late >= 0 && place.period)
			profile->unseen += seen.record->arg[late] / place.period;
	}
	hst_cursor_close(&cursor);
	if (err)
		fputs("hstrace: out of memory\n", stderr);
	return err || more < 0 ? -1 : 0;
}

/* ---- output ---- */

static void collect(const void *node, VISIT visit, void *arg)
{
	struct row ***next = arg;

	if (visit == postorder || visit == leaf)
		*(*next)++ = *(struct row *const *)node;
}

static void print_folded(const struct row *row)
{
	char mode[HST_NAME_SIZE];

	printf("%s", hst_name_mode(row->mode, mode));
	if (*row->program)
		printf(";%s", row->program);
	if (*row->symbol)
		printf(";%s", row->symbol);
	printf(" %llu\n", row->count);
}

static void print_row(const struct profile *profile, const struct row *row)
{
	char mode[HST_NAME_SIZE];

	printf("%8llu %6.2f%% %-4s", row->count,
	       100.0 * (double)row->count / (double)profile->total, hst_name_mode(row->mode, mode));
	if (profile->by != BY_MODE)
		printf(" %-14s", row->program);
	if (profile->by == BY_SYMBOL)
		printf(" %s", row->symbol);
	putchar('\n');
}

static void print(const struct profile *profile)
{
	if (!profile->folded) {
		printf("samples: %llu\n", profile->total);
		printf("%8s %7s %-4s%s%s\n", "count", "share", "mode",
		       profile->by == BY_MODE ? "" : " program       ",
		       profile->by == BY_SYMBOL ? " symbol" : "");
	}
	for (size_t i = 0; i < profile->n; i++)
		if (profile->folded)
			print_folded(profile->rows[i]);
		else
			print_row(profile, profile->rows[i]);
	if (!profile->folded && profile->unseen)
		printf("%llu sampling points have no sample: the previous sample was taken late\n",
		       profile->unseen);
}

static int show(struct profile *profile, struct hst_images *images, struct hst_file *file,
		const struct hst_select *select)
{
	struct row **next;

	if (hst_images_load(images, file) || read_samples(profile, images, file, select))
		return -1;
	if (!profile->total && !file->damaged) { /* damaged: an error was already printed */
		hst_error(file->path,
			  profile->selects ? "no samples among the selected events"
					   : "the trace has no samples (--sample HZ records them)");
		return -1;
	}
	next = profile->rows = calloc(profile->n, sizeof(struct row *));
	if (!next) {
		fputs("hstrace: out of memory\n", stderr);
		return -1;
	}
	twalk_r(profile->tree, collect, &next);
	qsort(profile->rows, profile->n, sizeof(struct row *), by_count);
	print(profile);
	hst_print_lost(file, "counted");
	return 0;
}

static void free_row(void *node)
{
	struct row *row = node;

	if (row) {
		free(row->program);
		free(row->symbol);
	}
	free(row);
}

/* ---- the command ---- */

static int own_option(struct profile *profile, int argc, char **argv)
{
	if (!strcmp(argv[0], "--folded")) {
		profile->folded = true;
		return 1;
	}
	if (strcmp(argv[0], "--by"))
		return 0;
	for (int by = 0; argc > 1 && by < NR_BY; by++)
		if (!strcmp(by_names[by], argv[1])) {
			profile->by = (enum by)by;
			return 2;
		}
	hst_wrong_use("--by takes symbol, program or mode, not", argc > 1 ? argv[1] : "");
	return -1;
}

static int options(struct profile *profile, struct hst_images *images, struct hst_select *select,
		   int argc, char **argv)
{
	int at = 0;

	for (int used; at < argc && argv[at][0] == '-'; at += used) {
		used = own_option(profile, argc - at, argv + at);
		if (!used)
			used = hst_images_option(images, argc - at, argv + at);
		if (!used) {
			used = hst_select_option(select, argc - at, argv + at);
			profile->selects |= used > 0;
		}
		if (!used)
			hst_wrong_use("profile has no option", argv[at]);
		if (used <= 0)
			return -1;
	}
	if (argc - at == 1)
		return at;
	hst_wrong_use("profile takes one FILE", NULL);
	return -1;
}

int hst_cmd_profile(int argc, char **argv)
{
	static struct hst_file file;
	struct hst_images *images = hst_images_new();
	struct hst_select select = HST_SELECT_ALL;
	struct profile profile = { 0 };
	int at, status = 1;

	if (!images)
		return 1;
	at = options(&profile, images, &select, argc, argv);
	if (at < 0) {
		status = 2;
	} else if (!hst_open(&file, argv[at])) {
		status = hst_finish(show(&profile, images, &file, &select));
		hst_close(&file);
	}
	tdestroy(profile.tree, free_row);
	free(profile.rows);
	hst_images_free(images);
	hst_select_free(&select);
	return status;
}
