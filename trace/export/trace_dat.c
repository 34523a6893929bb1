// SPDX-License-Identifier: MIT
/*
 * trace_dat.c - export to trace.dat, version 6, for trace-cmd and KernelShark.
 *
 * The layout is described in trace-cmd.dat.v6(5). Each hart's events are stored as pages of a ring
 * buffer in Linux's format, one hart after the other. The pages are collected in one scratch file
 * per hart, because their description comes first in the file but is known last.
 *
 * A page:    timestamp (8 bytes), size of the data and flags (8 bytes), data
 * An entry:  type_len (5 bits) = the record's size in 4-byte words, time since the previous entry
 *            in ns (27 bits), the record. If the time needs more bits, these 27 bits are 0, and
 *            the entry is preceded by:  30 (5 bits), the time's low 27 bits, the rest (32 bits)
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "export.h"

#define TYPE_TIME_EXTEND   30
#define DELTA_BITS         27
#define PAGE_MISSED_EVENTS (1U << 31)
#define PAGE_MISSED_STORED (1U << 30) /* the number of missed events follows the data */
#define PAGE_ROOM          (EXPORT_PAGE - EXPORT_PAGE_HEADER)

#define OPTION_CPUSTAT    2
#define OPTION_TRACECLOCK 4

struct page {
	u64 time;
	u64 commit;
	char data[PAGE_ROOM];
};

struct hart {
	FILE *file;
	u64 pages;
	u64 last; /* time of the last record, in ns */
	struct page page;
};

struct dat {
	struct export_job *job;
	struct hart *hart[HST_MAX_HARTS];
	struct export_threads threads;
	bool occurs[HST_MAX_EVENTS];
};

static void end_page(struct hart *hart)
{
	if (!hart->page.commit)
		return;
	fwrite(&hart->page, sizeof(hart->page), 1, hart->file);
	memset(&hart->page, 0, sizeof(hart->page));
	hart->pages++;
}

/* Note in the hart's first page how many events its ring has lost. */
static void note_lost(struct hart *hart, u64 lost)
{
	u64 size = hart->page.commit;

	if (hart->pages || !lost || !size)
		return;
	memcpy(hart->page.data + size, &lost, sizeof(lost)); /* put_record() has left room */
	hart->page.commit |= PAGE_MISSED_EVENTS | PAGE_MISSED_STORED;
}

static void put_words(struct hart *hart, const void *data, size_t size)
{
	memcpy(hart->page.data + hart->page.commit, data, size);
	hart->page.commit += size;
}

static void put_record(struct hart *hart, u64 lost, u64 time, const struct export_record *record,
		       size_t size)
{
	u64 delta = time - hart->last, extend = delta >> DELTA_BITS ? 8 : 0;
	u64 room = PAGE_ROOM - (hart->pages || !lost ? 0 : sizeof(lost));
	u32 head;

	/* Also begin a page if the time does not fit in a delta: a page has its own timestamp. */
	if (!hart->page.commit || time < hart->last || delta >> (DELTA_BITS + 32) ||
	    hart->page.commit + extend + sizeof(head) + size > room) {
		note_lost(hart, lost);
		end_page(hart);
		hart->page.time = time;
		delta = extend = 0;
	}
	if (extend) {
		u32 words[2] = { (u32)delta << 5 | TYPE_TIME_EXTEND, (u32)(delta >> DELTA_BITS) };

		put_words(hart, words, sizeof(words));
		delta = 0;
	}
	head = (u32)delta << 5 | (u32)(size / 4);
	put_words(hart, &head, sizeof(head));
	put_words(hart, record, size);
	hart->last = time;
}

static int put_event(void *arg, const struct hst_seen *seen)
{
	struct dat *dat = arg;
	const struct export_job *job = dat->job;
	struct hart **hart = &dat->hart[seen->hart];
	const struct export_thread *thread;
	struct export_record record;
	bool isnew;
	size_t size;

	if (!*hart) {
		*hart = calloc(1, sizeof(**hart));
		if (!*hart) {
			hst_error(job->file->path, "out of memory");
			return -1;
		}
	}
	if (!(*hart)->file) {
		(*hart)->file = export_scratch(job);
		if (!(*hart)->file)
			return -1;
	}
	thread = export_thread_of(&dat->threads, seen, &isnew);
	if (!thread)
		return -1;
	dat->occurs[seen->event_nr] = true;
	size = export_record_fill(job, &record, seen, thread);
	put_record(*hart, job->file->ring[seen->hart].lost, export_ns(job->file, seen->time),
		   &record, size);
	if (!ferror((*hart)->file))
		return 0;
	hst_error(job->out, "its temporary file cannot be written: %s", strerror(errno));
	return -1;
}

static int put_events(struct dat *dat)
{
	int err = export_each(dat->job, NULL, put_event, dat);

	for (unsigned int i = 0; i < HST_MAX_HARTS; i++)
		if (dat->hart[i] && dat->hart[i]->file) {
			note_lost(dat->hart[i], dat->job->file->ring[i].lost);
			end_page(dat->hart[i]);
		}
	return err;
}

static unsigned int nr_harts(const struct dat *dat)
{
	unsigned int n = dat->job->file->mem.nr_harts;

	for (unsigned int i = n; i < HST_MAX_HARTS; i++)
		if (dat->hart[i])
			n = i + 1;
	return n;
}

static u64 next_page(u64 offset)
{
	return (offset + EXPORT_PAGE - 1) / EXPORT_PAGE * EXPORT_PAGE;
}

static void put_option(FILE *out, u16 option, const char *text)
{
	u32 size = (u32)strlen(text) + 1;

	fwrite(&option, sizeof(option), 1, out);
	fwrite(&size, sizeof(size), 1, out);
	fwrite(text, 1, size, out);
}

/* Write the clock, whose unit is ns, and each hart's losses, for trace-cmd report --stat. */
static void put_options(const struct dat *dat, u32 harts, FILE *out)
{
	static const u16 end;

	fwrite("options  ", 1, 10, out);
	put_option(out, OPTION_TRACECLOCK, "[local]");
	for (unsigned int i = 0; i < harts; i++) {
		const struct hst_ring *ring = &dat->job->file->ring[i];
		char text[160];

		snprintf(text, sizeof(text), "CPU: %u\nentries: 0\noverrun: %llu\n", i, ring->lost);
		put_option(out, OPTION_CPUSTAT, text);
	}
	fwrite(&end, sizeof(end), 1, out);
}

/*
 * Write what follows the tracing data: the number of harts, options, and the position and size of
 * each hart's pages.
 */
static void put_table(const struct dat *dat, FILE *out)
{
	u32 harts = nr_harts(dat);
	u64 offset;

	fwrite(&harts, sizeof(harts), 1, out);
	put_options(dat, harts, out);
	fwrite("flyrecord", 1, 10, out);
	offset = next_page((u64)ftell(out) + harts * 16UL);
	for (unsigned int i = 0; i < harts; i++) {
		u64 size = dat->hart[i] ? dat->hart[i]->pages * EXPORT_PAGE : 0;

		fwrite(&offset, sizeof(offset), 1, out);
		fwrite(&size, sizeof(size), 1, out);
		offset += size;
	}
	for (u64 at = (u64)ftell(out), end = next_page(at); at < end; at++)
		fputc(0, out);
}

static int write_trace_dat(struct export_job *job, FILE *out)
{
	struct dat dat = { .job = job };
	int err = put_events(&dat);

	if (!err) {
		export_tracing_data(job, "6", dat.occurs, &dat.threads, out);
		put_table(&dat, out);
	}
	for (unsigned int i = 0; i < HST_MAX_HARTS; i++) {
		if (!dat.hart[i])
			continue;
		if (!err && dat.hart[i]->file)
			err = export_append(job, out, dat.hart[i]->file);
		if (dat.hart[i]->file)
			fclose(dat.hart[i]->file);
		free(dat.hart[i]);
	}
	free(dat.threads.thread);
	return err;
}

const struct export_format export_trace_dat = {
	.write = write_trace_dat,
};
