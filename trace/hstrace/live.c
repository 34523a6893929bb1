// SPDX-License-Identifier: MIT
/*
 * live.c - `hstrace stat --live`: show what a run is doing, from its RAM.
 *
 * A snapshot is a trace file in memory, written in the same way as by `hstrace save`. The table by
 * cause, if no options select events, is the difference between the host's own tables in two
 * snapshots; these snapshots have no rings. Any other table is made from the events that were
 * written to the rings since the last snapshot.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "file/ram.h"
#include "table.h"

#define ROWS_UNKNOWN 1000

struct live {
	const struct hst_stat_options *options;
	struct hst_ram ram;
	struct hst_table total, delta;
	u64 heads[HST_MAX_HARTS]; /* number of each hart's records in the last snapshot */
	u64 seen[HST_MAX_HARTS];  /* in the one before */
	u64 missed;               /* events that were overwritten before a snapshot read them */
	u64 dropped;              /* events that full rings did not take (trace.overwrite=0) */
	double seconds;           /* between the last two snapshots */
	char observation[1024];   /* as of the last snapshot */
	struct timespec last;
};

static volatile sig_atomic_t asked_to_end;

static void on_signal(int number)
{
	(void)number;
	asked_to_end = 1;
}

static bool from_events(const struct live *l)
{
	return l->options->by != HST_BY_CAUSE || l->options->select;
}

/* ---- snapshots ---- */

/*
 * Write a trace to an unnamed file and open it. Error messages name the run. Returns -1 after
 * printing the reason.
 */
static int snapshot(struct live *l, struct hst_file *file)
{
	int fd = memfd_create("hstrace-live", MFD_CLOEXEC), err;
	FILE *out = fd < 0 ? NULL : fdopen(dup(fd), "wb");
	const char *meta;

	if (!out) {
		hst_error(l->ram.path, "out of memory for a copy of the trace");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	/* A live run is QEMU's, where instret counts instructions only under icount. */
	meta = l->ram.mem.instret_exact ? "icount=1\n" : "";
	err = hst_ram_update(&l->ram) ||
			      hst_save_to(&l->ram, out, meta, from_events(l) ? l->heads : NULL)
		      ? -1
		      : 0;
	if (fclose(out) && !err) {
		hst_error(l->ram.path, "out of memory for a copy of the trace");
		err = -1;
	}
	if (!err)
		return hst_open_fd(file, fd, l->ram.path);
	close(fd);
	return err;
}

/* A counter is lower than in the last snapshot. */
static int restarted(const struct live *l)
{
	hst_error(l->ram.path, "the machine was restarted");
	return -1;
}

/* Reduce the file to the records written since the last snapshot. */
static int keep_new_records(struct live *l, struct hst_file *file)
{
	l->dropped = 0;
	for (unsigned int i = 0; i < l->ram.mem.nr_harts; i++) {
		struct hst_ring *ring = &file->ring[i];
		u64 news = l->heads[i] - l->seen[i];

		if (l->heads[i] < l->seen[i])
			return restarted(l);
		l->seen[i] = l->heads[i];
		l->dropped += ring->total - l->heads[i];
		if (news >= ring->count) {
			l->missed += news - ring->count;
			continue;
		}
		ring->extent[0].offset +=
			(off_t)((ring->count - news) * sizeof(struct trace_record));
		ring->count = news;
	}
	return 0;
}

static int subtract(struct live *l, struct hst_table *now)
{
	for (size_t i = 0; i < l->total.n; i++) {
		const struct hst_row *row = hst_table_row(now, l->total.rows[i].key);

		if (row && row->count < l->total.rows[i].count)
			return restarted(l);
	}
	return hst_table_subtract(&l->delta, now, &l->total);
}

static int update_tables(struct live *l, struct hst_file *file, bool first)
{
	struct hst_table now;
	int err;

	hst_table_free(&l->delta);
	hst_table_init(&l->delta, l->options->by, file);
	l->delta.guest = l->options->guest;
	if (from_events(l)) {
		if (keep_new_records(l, file))
			return -1;
		err = hst_table_from_events(&l->delta, file, l->options->select);
		if (!err && first)
			hst_table_init(&l->total, l->options->by, file);
		return err || hst_table_add(&l->total, &l->delta) ? -1 : 0;
	}
	hst_table_init(&now, l->options->by, file);
	err = hst_table_from_stats(&now, file);
	if (!err)
		err = first ? hst_table_add(&l->delta, &now) : subtract(l, &now);
	hst_table_free(&l->total);
	l->total = now;
	return err;
}

static int read_tables(struct live *l, bool first)
{
	static struct hst_file file;
	struct timespec now;
	int err;

	if (snapshot(l, &file))
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	l->seconds = (double)(now.tv_sec - l->last.tv_sec) +
		     (double)(now.tv_nsec - l->last.tv_nsec) / 1e9;
	l->last = now;
	hst_observation(&file, hst_unit_of(&file), l->observation, sizeof(l->observation));
	file.told_none = true; /* an empty table suffices; omit the "none matches" message */
	err = update_tables(l, &file, first);
	hst_close(&file);
	return err;
}

/* ---- the screen ---- */

static unsigned int screen_rows(bool terminal)
{
	struct winsize size;

	if (!terminal || ioctl(1, TIOCGWINSZ, &size) || size.ws_row < 8)
		return ROWS_UNKNOWN;
	return size.ws_row - 4U;
}

static void print_costs(const struct hst_table *table, const struct hst_row *row)
{
	if (table->unit == HST_UNIT_NONE || !row->priced || table->by == HST_BY_EVENT)
		return;
	hst_print_costs(table, row, stdout);
}

static void show(struct live *l, bool terminal)
{
	static const char *const units[] = { "", "; cost in instructions",
					     "; cost in microseconds of host time" };
	u64 total = 0, news = hst_table_shares(&l->delta);
	size_t rows = screen_rows(terminal);

	for (size_t i = 0; i < l->total.n; i++)
		total += l->total.rows[i].count;
	if (terminal)
		fputs("\033[H\033[J", stdout);
	printf("%llu in total, %.0f per second in the last %.1f s%s\n", total,
	       (double)news / l->seconds, l->seconds, units[l->delta.unit]);
	printf("%-23s %8s %9s %7s %9s %9s %9s\n", hst_by_kinds[l->options->by].title, "total",
	       "per s", "share", "mean", "p50", "p99");
	hst_table_sort(&l->delta, l->options->order);
	for (size_t i = 0; i < l->delta.n && i < rows; i++) {
		const struct hst_row *row = &l->delta.rows[i];
		const struct hst_row *all = hst_table_row(&l->total, row->key);

		printf("%-23.*s %8llu %9.0f %3u.%02u%%", hst_title_width(l->options->by),
		       row->title, all ? all->count : 0, (double)row->count / l->seconds,
		       row->share / 100, row->share % 100);
		print_costs(&l->delta, row);
		putchar('\n');
	}
	if (l->missed)
		printf("%llu events were overwritten before they were read (trace.size=)\n",
		       l->missed);
	if (l->dropped)
		printf("%llu events were dropped, because full rings keep their oldest records\n",
		       l->dropped);
	if (!terminal && l->options->by != HST_BY_EVENT)
		hst_print_wrapped("observation:", l->observation, stdout);
	fflush(stdout);
}

/* Wait until the interval is over or a signal arrives. Returns true after a signal. */
static bool wait_interval(const struct live *l)
{
	const struct timespec step = { .tv_nsec = 50000000 };
	struct timespec now;

	do {
		if (asked_to_end)
			return true;
		nanosleep(&step, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)(now.tv_sec - l->last.tv_sec) +
			 (double)(now.tv_nsec - l->last.tv_nsec) / 1e9 <
		 (double)(l->options->interval ? l->options->interval : 1));
	return asked_to_end;
}

static bool is_over(const struct live *l)
{
	return hst_ram_is_over(&l->ram) || hst_ram_has_ended(&l->ram);
}

static int refresh(struct live *l)
{
	bool terminal = isatty(1);
	u64 left = l->options->count ? l->options->count : terminal ? ~0ULL : 1;

	if (read_tables(l, true))
		return -1;
	while (left--) {
		bool over = is_over(l), end = wait_interval(l);

		if (end && terminal)
			break;
		if (read_tables(l, false))
			return -1;
		show(l, terminal);
		if (over || end)
			break;
	}
	return 0;
}

int hst_live(const struct hst_stat_options *options)
{
	static struct live l;
	const char *why;
	int err = -1;

	memset(&l, 0, sizeof(l));
	l.options = options;
	if (hst_ram_open(&l.ram, options->live))
		return -1;
	hst_catch_signals(on_signal);
	why = hst_ram_find(&l.ram);
	if (why)
		hst_error(options->live, "%s", why);
	else
		err = refresh(&l);
	hst_table_free(&l.total);
	hst_table_free(&l.delta);
	hst_ram_close(&l.ram);
	return err;
}
