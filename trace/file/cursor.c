// SPDX-License-Identifier: MIT
/*
 * cursor.c - iterate over the events of all harts in one sequence.
 *
 * Events of one hart come in the order of writing. Harts are merged by `time`; under -icount, where
 * all harts share one instret counter, instret breaks ties. Memory holds one batch of records per
 * hart.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "hst.h"

#define BATCH           512 /* records per hart in memory */
#define PROGRESS_EVENTS (1U << 16)

struct hst_cursor_hart {
	unsigned int hart;
	u64 next; /* index, among the hart's records, of the first one after the batch */
	size_t at, n;
	struct trace_record *batch;
	u64 number; /* of the last record returned: its 22 bits (trace_mem.h), extended to 64 */
	bool began; /* a record has been returned */
};

static bool earlier(const struct trace_record *a, const struct trace_record *b, bool by_instret)
{
	if (a->time != b->time)
		return a->time < b->time;
	return by_instret && a->instret < b->instret;
}

/*
 * Read a batch if the last one is used up. Returns 1 if the batch has records, 0 if no records are
 * left, or -1 after an error.
 */
static int refill(struct hst_cursor *cursor, struct hst_cursor_hart *h)
{
	u64 left = cursor->file->ring[h->hart].count - h->next;

	if (h->at < h->n)
		return 1;
	if (!left)
		return 0;
	h->at = 0;
	h->n = left < BATCH ? (size_t)left : BATCH;
	if (hst_read(cursor->file, h->hart, h->next, h->batch, h->n))
		return -1;
	h->next += h->n;
	return 1;
}

/*
 * Set *best to the hart with the next event (NULL at the end), and drop harts that have no records
 * left. Returns 0, or -1 after printing the reason.
 */
static int next_hart(struct hst_cursor *cursor, struct hst_cursor_hart **best)
{
	*best = NULL;
	for (unsigned int i = 0; i < cursor->nr_harts;) {
		struct hst_cursor_hart *h = &cursor->harts[i];
		int more = refill(cursor, h);

		if (more < 0)
			return -1;
		if (!more) {
			free(h->batch);
			memmove(h, h + 1, (--cursor->nr_harts - i) * sizeof(*h));
			continue; /* *best is before h in the array, so it has not moved */
		}
		if (!*best ||
		    earlier(&h->batch[h->at], &(*best)->batch[(*best)->at], cursor->by_instret))
			*best = h;
		i++;
	}
	return 0;
}

static bool selects(const struct hst_cursor *cursor, const struct hst_seen *seen)
{
	const struct hst_select *s = cursor->select;

	if (!cursor->chosen[seen->event_nr])
		return false;
	if (!s)
		return true;
	return (s->vm < 0 || seen->vm == s->vm) && (s->vcpu < 0 || seen->vcpu == s->vcpu) &&
	       (s->hart < 0 || (int)seen->hart == s->hart) && seen->time >= cursor->from &&
	       seen->time <= cursor->to && (!s->filter || hst_filter_has(s->filter, seen));
}

static void fill_seen(const struct hst_cursor *cursor, struct hst_cursor_hart *h,
		      const struct trace_record *record, struct hst_seen *seen)
{
	const struct hst_file *file = cursor->file;
	bool guest = TRACE_VM_OF(record->who) != 0;
	u64 skipped = (TRACE_SEQ_OF(record->seq_event) - h->number) & TRACE_SEQ_MASK;

	h->number += skipped;
	seen->gap = skipped != h->began;
	if (seen->gap)
		hst_nesting_forget(cursor->nesting);
	h->began = true;
	seen->hart = h->hart;
	seen->event_nr = TRACE_EVENT_OF(record->seq_event);
	seen->event = &file->events[seen->event_nr];
	seen->record = record;
	seen->time = record->time - file->mem.start_time;
	seen->instret = record->instret - file->mem.start_instret;
	seen->work = seen->instret - h->number * file->mem.record_cost;
	seen->vm = guest ? (int)TRACE_VM_OF(record->who) : -1;
	seen->vcpu = guest ? (int)TRACE_VCPU_OF(record->who) : -1;
	seen->nesting = hst_nesting_event(cursor->nesting, seen);
}

/* After 2 s, show the progress on standard error, if that is a terminal. */
static void show_progress(struct hst_cursor *cursor)
{
	const struct hst_file *file = cursor->file;
	u64 all = 0;

	if (time(NULL) - cursor->start <= 2 || !isatty(2) || (cursor->prints && isatty(1)))
		return;
	for (unsigned int i = 0; i < HST_MAX_HARTS; i++)
		all += file->ring[i].count;
	fprintf(stderr, "\rhstrace: %s: %llu of %llu events", file->path, cursor->nr_read, all);
	cursor->shown = true;
}

static void hide_progress(struct hst_cursor *cursor)
{
	if (cursor->shown)
		fputs("\r\033[K", stderr);
	cursor->shown = false;
}

static int next_seen(struct hst_cursor *cursor, struct hst_seen *seen)
{
	struct hst_cursor_hart *h;

	if (next_hart(cursor, &h))
		return -1;
	if (!h)
		return 0;
	if (!(++cursor->nr_read % PROGRESS_EVENTS))
		show_progress(cursor);
	fill_seen(cursor, h, &h->batch[h->at++], seen);
	seen->chosen = selects(cursor, seen);
	cursor->nr_chosen += seen->chosen;
	return 1;
}

int hst_cursor_next(struct hst_cursor *cursor, struct hst_seen *seen)
{
	bool gap = false;
	int more;

	do {
		more = next_seen(cursor, seen);
		gap |= more > 0 && seen->gap;
		if (more > 0 && seen->chosen && cursor->skip) {
			cursor->skip--;
			seen->chosen = false;
		}
	} while (more > 0 && !seen->chosen && !cursor->all);
	seen->gap = gap;
	if (more <= 0)
		hide_progress(cursor);
	if (!more && !cursor->nr_chosen && cursor->select)
		hst_select_none(cursor->file, cursor->select);
	return more;
}

static int start(struct hst_cursor *cursor)
{
	cursor->nr_harts = 0;
	cursor->nr_read = 0;
	cursor->start = time(NULL);
	hst_nesting_forget(cursor->nesting);
	for (unsigned int i = 0; i < HST_MAX_HARTS; i++) {
		struct hst_cursor_hart *h = &cursor->harts[cursor->nr_harts];

		if (!cursor->file->ring[i].count)
			continue;
		*h = (struct hst_cursor_hart){ .hart = i };
		h->batch = malloc(BATCH * sizeof(*h->batch));
		if (!h->batch)
			return -1;
		cursor->nr_harts++;
	}
	return 0;
}

static void stop(struct hst_cursor *cursor)
{
	for (unsigned int i = 0; i < cursor->nr_harts; i++)
		free(cursor->harts[i].batch);
	cursor->nr_harts = 0;
}

/* Return the first tick at or after `time` (1/HST_TIME_UNITS s), limited to the largest u64. */
static u64 first_tick(const struct hst_file *file, u64 time)
{
	u64 hz = file->mem.timebase_hz, part = time % HST_TIME_UNITS;
	unsigned __int128 ticks = (unsigned __int128)(time / HST_TIME_UNITS) * hz;

	ticks += ((unsigned __int128)part * hz + HST_TIME_UNITS - 1) / HST_TIME_UNITS;
	return ticks > ~0ULL ? ~0ULL : (u64)ticks;
}

/* For select->last: run through all events to compute how many chosen ones to skip. */
static int count(struct hst_cursor *cursor)
{
	struct hst_seen seen;
	u64 n = 0;
	int more;

	while ((more = hst_cursor_next(cursor, &seen)) > 0)
		n++;
	stop(cursor);
	cursor->skip = n > cursor->select->last ? n - cursor->select->last : 0;
	return more;
}

int hst_cursor_open(struct hst_cursor *cursor, struct hst_file *file,
		    const struct hst_select *select)
{
	if (select && ((select->events && hst_list_check(select->events, file)) ||
		       hst_filter_bind(select->filter, file)))
		return -1;
	memset(cursor, 0, sizeof(*cursor));
	cursor->file = file;
	cursor->select = select;
	cursor->by_instret = hst_meta(file, "icount", 0) != 0;
	cursor->from = select ? first_tick(file, select->from) : 0;
	cursor->to = select && select->to != ~0ULL ? first_tick(file, select->to + 1) - 1 : ~0ULL;
	for (unsigned int i = 0; i < HST_MAX_EVENTS; i++)
		cursor->chosen[i] = !select || !select->events ||
				    hst_list_has(select->events, file->events[i].name);
	cursor->harts = calloc(HST_MAX_HARTS, sizeof(*cursor->harts));
	cursor->nesting = hst_nesting_new(file);
	if (!cursor->harts || !cursor->nesting || start(cursor))
		goto no_memory;
	if (!select || !select->last)
		return 0;
	if (count(cursor)) {
		hst_cursor_close(cursor);
		return -1;
	}
	if (!start(cursor))
		return 0;
no_memory:
	hst_error(file->path, "out of memory");
	hst_cursor_close(cursor);
	return -1;
}

void hst_cursor_close(struct hst_cursor *cursor)
{
	hide_progress(cursor);
	if (cursor->harts)
		stop(cursor);
	free(cursor->harts);
	free(cursor->nesting);
}
