// SPDX-License-Identifier: MIT
/*
 * diff.c - `hstrace diff`: compare two runs, or two sets of runs.
 *
 * Runs under icount repeat exactly, so with one such run per side every difference is real and is
 * shown. Other runs vary. With several runs per side, significant differences are marked (ttest.c).
 * With one run per side, chance cannot be excluded, and the output says so.
 *
 * The exit status is as for diff(1): 0 if there are no differences, 1 if there are some, 2 for
 * trouble.
 */
#include <stdlib.h>
#include <string.h>
#include "diff.h"
#include "file/symbols.h"

enum mode {
	MODE_EXACT,  /* one run per side; both repeat exactly */
	MODE_SINGLE, /* one run per side; at least one of them varies */
	MODE_TEST,   /* several runs per side */
};

enum {
	A,
	B
};

struct side {
	size_t n;
	char **paths;
	struct hst_table table[HST_MAX_RUNS];
	char *meta; /* of the first run */
};

/* One row of the result. */
struct change {
	const char *title;
	double count[2], mean[2];
	double p_count, p_mean; /* MODE_TEST: corrected p-values */
	bool differs;           /* MODE_EXACT, MODE_SINGLE: the runs' rows are not the same() */
	bool priced[2];
};

struct diff {
	struct hst_stat_options stat;
	struct hst_select select;
	double level;
	bool all, icount; /* icount: every run repeats exactly */
	struct side side[2];
	struct hst_table sum; /* over all runs: has every row that occurs in any run */
	char differ[512];     /* how the costs of the first such run differ from the exit table's */
	struct change *changes;
	size_t n;
};

/* ---- reading ---- */

/*
 * Match rows of different traces by title, because classes may have other numbers in another trace.
 */
static void key_by_title(struct hst_table *table)
{
	for (size_t i = 0; i < table->n; i++) {
		struct hst_row *row = &table->rows[i];

		row->key[0] = hst_sum(HST_SUM_START, row->title, strlen(row->title));
		row->key[1] = row->key[2] = 0;
	}
	free(table->slots);
	table->slots = NULL;
}

static int read_run(struct diff *d, const char *path, struct hst_table *table, char **meta)
{
	static struct hst_file file;
	struct hst_table own;
	int err;

	if (hst_open(&file, path))
		return -1;
	if (file.damaged) { /* the missing part would appear as a difference */
		hst_close(&file);
		return -1;
	}
	d->icount &= hst_meta(&file, "icount", 0) != 0;
	if (!*meta)
		*meta = strdup(file.meta ? file.meta : "");
	hst_table_init(&own, d->stat.by, &file);
	hst_table_init(table, d->stat.by, &file);
	own.guest = d->stat.guest;
	if (d->stat.by == HST_BY_CAUSE && !d->stat.select)
		err = hst_table_from_stats(&own, &file);
	else
		err = hst_table_from_events(&own, &file, d->stat.select);
	key_by_title(&own);
	if (!err)
		err = hst_table_add(table, &own);
	if (own.events)
		hst_print_lost(&file, "compared");
	if (own.events && !d->differ[0])
		hst_costs_differ(&file, own.unit, d->differ, sizeof(d->differ));
	hst_table_free(&own);
	hst_close(&file);
	return err;
}

static int read_runs(struct diff *d)
{
	bool units = true;

	d->icount = true;
	for (int side = A; side <= B; side++)
		for (size_t i = 0; i < d->side[side].n; i++) {
			struct hst_table *table = &d->side[side].table[i];

			if (read_run(d, d->side[side].paths[i], table, &d->side[side].meta) ||
			    hst_table_add(&d->sum, table))
				return -1;
			units &= table->unit == d->side[A].table[0].unit &&
				 table->timebase_hz == d->side[A].table[0].timebase_hz;
		}
	d->sum.unit = units ? d->side[A].table[0].unit : HST_UNIT_NONE;
	d->sum.timebase_hz = d->side[A].table[0].timebase_hz;
	return 0;
}

/* ---- comparing ---- */

static enum mode mode_of(const struct diff *d)
{
	if (d->side[A].n > 1)
		return MODE_TEST;
	return d->icount ? MODE_EXACT : MODE_SINGLE;
}

static bool same(const struct hst_row *a, const struct hst_row *b)
{
	return a->count == b->count && a->priced == b->priced && a->sum == b->sum &&
	       a->max == b->max &&
	       (!a->hist || !b->hist || !memcmp(a->hist, b->hist, HIST_BUCKETS * sizeof(*a->hist)));
}

/*
 * Collect a row's count and mean cost from every run of a side. Sets *priced to the number of
 * means.
 */
static void gather(struct side *side, const u64 key[3], double *count, double *mean, size_t *priced)
{
	*priced = 0;
	for (size_t i = 0; i < side->n; i++) {
		const struct hst_row *row = hst_table_row(&side->table[i], key);

		count[i] = row ? (double)row->count : 0;
		if (row && row->priced)
			mean[(*priced)++] = (double)row->sum / (double)row->priced;
	}
}

static void compare_row(struct diff *d, const struct hst_row *row, struct change *c)
{
	double count[2][HST_MAX_RUNS], mean[2][HST_MAX_RUNS];
	const struct hst_row *a, *b;
	size_t priced[2];

	c->title = row->title;
	for (int side = A; side <= B; side++) {
		gather(&d->side[side], row->key, count[side], mean[side], &priced[side]);
		c->count[side] = hst_mean(count[side], d->side[side].n);
		c->mean[side] = hst_mean(mean[side], priced[side]);
		c->priced[side] = priced[side] && d->sum.unit != HST_UNIT_NONE;
	}
	c->p_count = hst_welch(count[A], d->side[A].n, count[B], d->side[B].n);
	c->p_mean = c->priced[A] && c->priced[B] ? hst_welch(mean[A], priced[A], mean[B], priced[B])
						 : 1;
	a = hst_table_row(&d->side[A].table[0], row->key);
	b = hst_table_row(&d->side[B].table[0], row->key);
	c->differs = !a || !b || !same(a, b);
}

/* Compare the sides row by row, and fill in d->changes. Returns -1 if out of memory. */
static int compare(struct diff *d)
{
	double **p = calloc(2 * d->sum.n + 1, sizeof(*p));
	size_t n = 0;

	d->changes = calloc(d->sum.n + 1, sizeof(*d->changes));
	if (!p || !d->changes) {
		free(p);
		return -1;
	}
	hst_table_sort(&d->sum, d->stat.order);
	for (d->n = 0; d->n < d->sum.n; d->n++) {
		struct change *c = &d->changes[d->n];

		compare_row(d, &d->sum.rows[d->n], c);
		p[n++] = &c->p_count;
		if (c->priced[A] && c->priced[B])
			p[n++] = &c->p_mean;
	}
	hst_holm(p, n);
	free(p);
	return 0;
}

static bool is_different(const struct diff *d, const struct change *c)
{
	if (mode_of(d) != MODE_TEST)
		return c->differs;
	return c->p_count < d->level || c->p_mean < d->level;
}

/* ---- showing ---- */

/* Print the words of a that are not in b. */
static void print_words(const char *a, size_t n, const char *b, size_t m)
{
	for (size_t at = 0, len; at < n; at += len + 1) {
		bool found = false;

		len = strcspn(a + at, " \n");
		for (size_t in = 0, other; in < m && !found; in += other + 1) {
			other = strcspn(b + in, " \n");
			found = other == len && !memcmp(a + at, b + in, len);
		}
		if (!found)
			printf(" %.*s", (int)len, a + at);
	}
}

/* For each NAME that both runs' metadata have, print how the words after NAME= differ. */
static void print_meta(const char *a, const char *b)
{
	struct hst_file other = { .meta = (char *)b };

	for (size_t len; *a; a += len + (a[len] == '\n')) {
		size_t name = strcspn(a, "=\n"), m = 0;
		char key[32];
		const char *value;

		len = strcspn(a, "\n");
		if (a[name] != '=' || name >= sizeof(key))
			continue;
		memcpy(key, a, name);
		key[name] = '\0';
		value = hst_meta_text(&other, key, &m);
		if (!value || (m == len - name - 1 && !memcmp(value, a + name + 1, m)))
			continue;
		printf("# %s:", key);
		print_words(a + name + 1, len - name - 1, value, m);
		printf(" ->");
		print_words(value, m, a + name + 1, len - name - 1);
		putchar('\n');
	}
}

/*
 * Print the change from a to b. If `sure`, a '*' follows; otherwise a blank follows, unless this is
 * the line's `last` change.
 */
static void print_change(double a, double b, bool sure, bool last)
{
	char text[24] = "=";

	if (a == 0 && b != 0)
		strcpy(text, "new");
	else if (a != 0 && b == 0)
		strcpy(text, "gone");
	else if (a != b)
		snprintf(text, sizeof(text),
			 b > 0.9995 * a && b < 1.0005 * a ? "%+.1g%%" : "%+.1f%%",
			 100 * (b - a) / a);
	printf(" %8.8s%s", text, sure ? "*" : last ? "" : " ");
}

static void print_row(const struct diff *d, const struct change *c)
{
	bool test = mode_of(d) == MODE_TEST, priced = c->priced[A] && c->priced[B];

	printf("%-23.*s %7.0f %8.0f", hst_title_width(d->stat.by), c->title, c->count[A],
	       c->count[B]);
	print_change(c->count[A], c->count[B], test && c->p_count < d->level, !priced);
	if (priced) {
		double unit = d->sum.unit == HST_UNIT_TIME ? 1e6 / (double)d->sum.timebase_hz : 1;

		printf(" %8.1f %8.1f", c->mean[A] * unit, c->mean[B] * unit);
		print_change(c->mean[A], c->mean[B], test && c->p_mean < d->level, true);
	}
	putchar('\n');
}

static void print_heading(const struct diff *d, size_t different)
{
	static const char *const units[] = { "counts only", "mean cost in instructions",
					     "mean cost in microseconds of host time" };

	printf("%zu of %zu rows differ; %s; ", different, d->n, units[d->sum.unit]);
	switch (mode_of(d)) {
	case MODE_EXACT:
		puts("exact");
		break;
	case MODE_SINGLE:
		puts("the runs vary,\nso differences may be chance; "
		     "compare several: hstrace diff A1 A2 A3 vs B1 B2 B3");
		break;
	case MODE_TEST:
		printf("%zu runs\nagainst %zu; *: significant at %g %% confidence "
		       "(Welch's t, Holm)\n",
		       d->side[A].n, d->side[B].n, 100 * (1 - d->level));
	}
	printf("%-23s %7s %8s %8s", hst_by_kinds[d->stat.by].title, "count A", "count B", "change");
	if (d->sum.unit != HST_UNIT_NONE && d->stat.by != HST_BY_EVENT)
		printf("  %8s %8s %8s", "cost A", "cost B", "change");
	putchar('\n');
}

static int show(const struct diff *d)
{
	size_t different = 0;

	for (size_t i = 0; i < d->n; i++)
		different += is_different(d, &d->changes[i]);
	if (!different && !d->all) {
		printf("no%s difference: %zu rows\n", mode_of(d) == MODE_TEST ? " significant" : "",
		       d->n);
		return 0;
	}
	print_heading(d, different);
	for (size_t i = 0; i < d->n; i++)
		if (d->all || is_different(d, &d->changes[i]))
			print_row(d, &d->changes[i]);
	if (d->differ[0] && d->stat.by != HST_BY_EVENT)
		hst_print_wrapped("costs of at least one run:", d->differ, stdout);
	return different != 0;
}

/* ---- the command ---- */

const char hst_diff_help[] =
	"A and B are traces. To compare several traces per side: A1 A2 A3 vs B1 B2 B3.\n"
	"Exit status: 0 no differences, 1 differences, 2 trouble.\n"
	"  --all           also print the rows that do not differ\n"
	"  --confidence P  with several traces per side: confidence level at which a\n"
	"                  difference is significant, in percent (default: 95)\n"
	"  --by WHAT       rows as in `stat --by`; --kallsyms and --elf name symbols\n"
	"  --sort KEY      sort as `stat --sort` does, by the totals of all traces\n";

static int own_option(struct diff *d, int argc, char **argv)
{
	char *end;

	if (!strcmp(argv[0], "--all")) {
		d->all = true;
		return 1;
	}
	if (strcmp(argv[0], "--confidence"))
		return 0;
	d->level = argc > 1 ? 1 - strtod(argv[1], &end) / 100 : 0;
	if (argc > 1 && end != argv[1] && !*end && d->level > 0 && d->level < 1)
		return 2;
	hst_wrong_use("--confidence takes a percentage between 0 and 100, not",
		      argc > 1 ? argv[1] : "nothing");
	return -1;
}

static int options(struct diff *d, int argc, char **argv)
{
	int at = 0;

	for (int used; at < argc && argv[at][0] == '-'; at += used) {
		used = own_option(d, argc - at, argv + at);
		if (!used)
			used = hst_table_option(&d->stat, argc - at, argv + at);
		if (!used) {
			used = hst_select_option(&d->select, argc - at, argv + at);
			if (used > 0)
				d->stat.select = &d->select;
		}
		if (!used)
			hst_wrong_use("diff has no option", argv[at]);
		if (used <= 0)
			return -1;
	}
	return at;
}

/* Parse "A B" or "A... vs B...". */
static int sides(struct diff *d, int argc, char **argv)
{
	int vs = 0;

	while (vs < argc && strcmp(argv[vs], "vs"))
		vs++;
	if (vs == argc && argc != 2)
		return hst_wrong_use("diff takes A and B, or A1 A2 ... vs B1 B2 ...", NULL);
	d->side[A] = (struct side){ .paths = argv, .n = vs == argc ? 1 : (size_t)vs };
	d->side[B].paths = vs == argc ? argv + 1 : argv + vs + 1;
	d->side[B].n = vs == argc ? 1 : (size_t)(argc - vs - 1);
	if (!d->side[A].n || !d->side[B].n)
		return hst_wrong_use("no trace on one side of", "vs");
	if ((d->side[A].n == 1) != (d->side[B].n == 1)) /* one run has no variance to test with */
		return hst_wrong_use("diff needs one trace, or at least two, on each side of",
				     "vs");
	if (d->side[A].n == 1 && d->level)
		return hst_wrong_use("--confidence needs at least two traces on each side", NULL);
	if (!d->level)
		d->level = 0.05;
	if (d->side[A].n > HST_MAX_RUNS || d->side[B].n > HST_MAX_RUNS)
		return hst_wrong_use("diff takes up to 64 traces per side", NULL);
	return 0;
}

static void free_all(struct diff *d)
{
	for (int side = A; side <= B; side++) {
		for (size_t i = 0; i < d->side[side].n; i++)
			hst_table_free(&d->side[side].table[i]);
		free(d->side[side].meta);
	}
	hst_table_free(&d->sum);
	hst_guest_free(d->stat.guest);
	hst_select_free(&d->select);
	free(d->changes);
}

int hst_cmd_diff(int argc, char **argv)
{
	static struct diff d;
	int used, status = 2;

	memset(&d, 0, sizeof(d));
	d.stat.order = "count";
	d.select = HST_SELECT_ALL;
	d.stat.guest = hst_guest_new();
	if (!d.stat.guest)
		return 2;
	used = options(&d, argc, argv);
	if (used < 0 || hst_table_check(&d.stat) || sides(&d, argc - used, argv + used)) {
		d.side[A].n = d.side[B].n = 0;
		goto free;
	}
	d.sum.by = d.stat.by;
	if (read_runs(&d))
		goto free;
	if (compare(&d)) {
		fputs("hstrace: out of memory\n", stderr);
		goto free;
	}
	if (d.side[A].meta && d.side[B].meta)
		print_meta(d.side[A].meta, d.side[B].meta);
	status = show(&d);
	if (hst_finish(0))
		status = 2;
free:
	free_all(&d);
	return status;
}
