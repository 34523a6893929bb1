// SPDX-License-Identifier: MIT
/*
 * follow.c - `hstrace save --follow`: save events from the rings while the run goes on.
 *
 * The machine is not involved: nothing is sent to it, no exit is caused, and producers never wait.
 * If a hart laps this reader, the hart's oldest events are lost and counted in the file. Each
 * hart's records are gathered in memory and written when they fill a mebibyte or when a second has
 * passed. So the file has few RING sections, and little is lost if this process is killed.
 *
 * Following ends with the run (according to the run descriptor or the launcher's lock), or on
 * SIGINT, SIGTERM or SIGHUP, unless they are ignored, once the events still in the rings have been
 * saved. A file with trace memory alone has no run descriptor, so only a signal or an error ends
 * following.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "file/ram.h"
#include "hv/bits.h"

#define GATHER   16384 /* records gathered per hart: 1 MiB */
#define LONG_NS  10000000L
#define SHORT_NS 500000L
#define SILENT   20 /* once the program has ended, stop after this many empty reads in a row */

struct stream {
	u64 head;    /* the next record to take */
	u64 taken;   /* how many of the records before `head` are in the file or gathered */
	u64 dropped; /* dropped by a ring that keeps its oldest records; read at the end */
	size_t n;
	struct trace_record *records;
};

struct follower {
	struct hst_ram ram;
	struct hst_writer w;
	struct stream stream[HST_MAX_HARTS];
};

static volatile sig_atomic_t asked_to_end;

static void on_signal(int number)
{
	(void)number;
	asked_to_end = 1;
}

static void sleep_ns(long ns)
{
	struct timespec time = { .tv_nsec = ns };

	nanosleep(&time, NULL); /* not resumed after a signal: the callers check asked_to_end */
}

static void write_out(struct follower *f, unsigned int hart)
{
	struct stream *s = &f->stream[hart];
	struct hst_ring_header header = { .total = s->head, .lost = s->head - s->taken };

	if (s->n)
		hst_write_ring(&f->w, hart, &header, s->records, s->n);
	s->n = 0;
}

/*
 * Take the records that a hart wrote since the last call. Sets *ahead to the number of these
 * records, including lost ones.
 */
static int take(struct follower *f, unsigned int hart, u64 *ahead)
{
	u64 nr = f->ram.mem.ring_records, head, whole, n;
	struct stream *s = &f->stream[hart];

	if (hst_ram_head(&f->ram, hart, &head))
		return -1;
	*ahead = head - s->head;
	if (head < s->head) { /* the RAM file now belongs to another run */
		hst_error(f->ram.path, "the machine was restarted");
		return -1;
	}
	if (*ahead >= nr)
		s->head = head - nr + 1;
	for (; s->head < head; s->head += n) {
		n = MIN(head - s->head, (u64)(GATHER - s->n));
		if (hst_ram_records(&f->ram, hart, s->head, n, s->records + s->n, &whole))
			return -1;
		s->n += whole;
		s->taken += whole;
		if (s->n == GATHER || whole < n) {
			s->head += n;
			write_out(f, hart);
			s->head -= n;
		}
	}
	return 0;
}

/*
 * Take all new records. Sets *news to their number, including lost ones, and *busy to how full the
 * fullest ring was, in 64ths.
 */
static int take_all(struct follower *f, u64 *busy, u64 *news)
{
	u64 ahead;

	*busy = *news = 0;
	for (unsigned int hart = 0; hart < f->ram.mem.nr_harts; hart++) {
		if (take(f, hart, &ahead))
			return -1;
		*news += ahead;
		*busy = MAX(*busy, ahead * 64 / f->ram.mem.ring_records);
	}
	return 0;
}

static void write_all_out(struct follower *f)
{
	for (unsigned int hart = 0; hart < f->ram.mem.nr_harts; hart++)
		write_out(f, hart);
	fflush(f->w.out);
}

static int follow(struct follower *f)
{
	time_t written = time(NULL);
	unsigned int silent = 0;
	bool last = false;
	u64 busy, news;

	for (;;) {
		/*
		 * Check for the end of the run before taking events, so that no event written
		 * before the end is missed.
		 */
		bool over = asked_to_end || hst_ram_is_over(&f->ram);

		if (take_all(f, &busy, &news) || ferror(f->w.out))
			return -1;
		if (last)
			return 0;
		silent = news || !hst_ram_has_ended(&f->ram) ? 0 : silent + 1;
		last = over || (f->ram.base && hst_ram_state(&f->ram) < 0) || silent == SILENT;
		if (time(NULL) != written) {
			write_all_out(f);
			written = time(NULL);
		}
		if (!last && busy < 16)
			sleep_ns(busy > 2 ? SHORT_NS : LONG_NS);
	}
}

/*
 * Wait until trace memory is set up: the machine may still be booting. After 2 s, print what is
 * missing, unless `quiet` is true.
 */
static int wait_for_trace(struct follower *f, bool quiet)
{
	const char *why = hst_ram_find(&f->ram);
	time_t start = time(NULL);

	/*
	 * After the run is over, look once more: it may have set up its trace just before it ended.
	 */
	for (bool over = false; why && !over && !asked_to_end; why = hst_ram_find(&f->ram)) {
		over = hst_ram_is_over(&f->ram) || !hst_ram_may_come(&f->ram);
		if (!over && !quiet && time(NULL) - start > 2) {
			hst_error(f->ram.path, "waiting, because %s", why);
			quiet = true;
		}
		sleep_ns(LONG_NS);
	}
	if (why)
		hst_error(f->ram.path, "%s", why);
	return why ? -1 : 0;
}

static int make_streams(struct follower *f)
{
	for (unsigned int hart = 0; hart < f->ram.mem.nr_harts; hart++) {
		f->stream[hart].records = malloc(GATHER * sizeof(struct trace_record));
		if (!f->stream[hart].records) {
			hst_error(f->ram.path, "out of memory");
			return -1;
		}
	}
	return 0;
}

/*
 * Write the rest: MEM as it is now; for each hart the gathered records, an empty RING whose header
 * has the final numbers, and STATS; then END.
 */
static int finish(struct follower *f)
{
	if (hst_ram_update(&f->ram))
		return -1;
	hst_write_mem(&f->w, &f->ram);
	for (unsigned int hart = 0; hart < f->ram.mem.nr_harts; hart++) {
		struct stream *s = &f->stream[hart];
		struct hst_ring_header header;

		write_out(f, hart);
		if (hst_ram_dropped(&f->ram, hart, &s->dropped))
			return -1;
		header.total = s->head + s->dropped;
		header.lost = header.total - s->taken;
		hst_write_ring(&f->w, hart, &header, NULL, 0);
		if (hst_write_stats(&f->w, &f->ram, hart))
			return -1;
	}
	hst_write_end(&f->w);
	return 0;
}

static void print_losses(const struct follower *f, const char *out)
{
	u64 total = 0, lost = 0;

	for (unsigned int hart = 0; hart < f->ram.mem.nr_harts; hart++) {
		total += f->stream[hart].head + f->stream[hart].dropped;
		lost += f->stream[hart].head + f->stream[hart].dropped - f->stream[hart].taken;
	}
	fprintf(stderr, "hstrace: %s: %llu events, %llu lost\n", out, total, lost);
}

int hst_follow(const char *ram, const char *out, const char *meta, bool quiet)
{
	struct follower *f = calloc(1, sizeof(*f));
	int err = -1;

	if (!f) {
		hst_error(ram, "out of memory");
		return -1;
	}
	hst_catch_signals(on_signal);
	if (hst_ram_open(&f->ram, ram))
		goto free_all;
	if (wait_for_trace(f, quiet) || make_streams(f))
		goto close_ram;
	f->w.out = fopen(out, "wb");
	if (!f->w.out) {
		hst_error(out, "%s", strerror(errno));
		goto close_ram;
	}
	err = hst_write_start(&f->w, &f->ram, meta) || follow(f) || finish(f) ? -1 : 0;
	if (err && !ferror(f->w.out))
		write_all_out(f);
	if (hst_write_close(f->w.out, out)) /* on error, keep the file: hstrace reads part of it */
		err = -1;
	if (!err && !quiet)
		print_losses(f, out);
close_ram:
	hst_ram_close(&f->ram);
	for (unsigned int hart = 0; hart < HST_MAX_HARTS; hart++)
		free(f->stream[hart].records);
free_all:
	free(f);
	return err;
}
