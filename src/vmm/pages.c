// SPDX-License-Identifier: MIT
/*
 * pages.c - guest memory in the file of a saved VM.
 *
 * A page gets its place in the file when it is first saved. If it changes later, it is written to
 * the same place. So the file contains each page only once, whatever the number of rounds. While
 * the guest runs, a page may change while it is being written to the file. Such a page is then
 * dirty, and a later round writes it again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "state.h"

#define RUN_MAX 256 /* pages in one write or read: 1 MiB */

int pages_begin(struct pages *pages, struct machine *m, int fd)
{
	*pages = (struct pages){
		.fd = fd,
		.ram = m->ram,
		.nr_ram = m->ram_size / SZ_4K,
	};
	pages->place = calloc(pages->nr_ram, sizeof(*pages->place));
	return pages->place ? 0 : -ENOMEM;
}

void pages_end(struct pages *pages)
{
	free(pages->place);
	free(pages->entries);
}

static bool is_zero(const u8 *page)
{
	const u64 *word = (const u64 *)page;

	for (size_t i = 0; i < SZ_4K / sizeof(*word); i += 8) {
		if (word[i] | word[i + 1] | word[i + 2] | word[i + 3] | word[i + 4] | word[i + 5] |
		    word[i + 6] | word[i + 7])
			return false;
	}
	return true;
}

/* Assign a place at the end of the file to a page that does not have one. Returns 0 or -ENOMEM. */
static int give_place(struct pages *pages, u64 number)
{
	if (pages->nr == pages->room) {
		u64 room = pages->room ? 2 * pages->room : 1024;
		struct page_entry *entries =
			realloc(pages->entries, room * sizeof(*pages->entries));

		if (!entries)
			return -ENOMEM;
		pages->entries = entries;
		pages->room = room;
	}
	pages->entries[pages->nr].number = number;
	pages->place[number] = (u32)++pages->nr;
	return 0;
}

int file_write(int fd, const void *from, size_t len, u64 offset)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(fd, (const u8 *)from + done, len - done, offset + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENOSPC;
		done += n;
	}
	return 0;
}

int file_read(int fd, void *to, size_t len, u64 offset)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, (u8 *)to + done, len - done, offset + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENODATA;
		done += n;
	}
	return 0;
}

/* Pages that are adjacent in memory and in the file, to be written or read at once. */
struct run {
	u64 number, place, count;
};

static int write_run(struct pages *pages, struct run *run)
{
	int err = file_write(pages->fd, pages->ram + run->number * SZ_4K, run->count * SZ_4K,
			     SAVE_PAGES + run->place * SZ_4K);

	run->count = 0;
	return err;
}

/*
 * Add page `number` to the run. Write the run first if it is full or the page does not continue it.
 * Returns 1 if the page will be written, 0 if the page contains only zeroes and is not in the file,
 * or -errno.
 */
static int add_page(struct pages *pages, struct run *run, u64 number)
{
	const u8 *page = pages->ram + number * SZ_4K;
	u64 place;
	int err = 0;

	if (!pages->place[number]) {
		if (is_zero(page))
			return 0;
		err = give_place(pages, number);
		if (err)
			return err;
	}
	place = pages->place[number] - 1;
	pages->entries[place].sum = state_sum(0, page, SZ_4K);
	if (run->count && (run->number + run->count != number || run->place + run->count != place ||
			   run->count == RUN_MAX))
		err = write_run(pages, run);
	if (!run->count)
		*run = (struct run){ number, place, 0 };
	run->count++;
	return err ? err : 1;
}

long pages_write(struct pages *pages, const u64 *bitmap)
{
	struct run run = { 0 };
	long written = 0;
	int ret;

	for (u64 number = 0; number < pages->nr_ram; number++) {
		if (bitmap && number % 64 == 0 && !bitmap[number / 64]) {
			number += 63;
			continue;
		}
		if (bitmap && !(bitmap[number / 64] >> number % 64 & 1))
			continue;
		ret = add_page(pages, &run, number);
		if (ret < 0)
			return ret;
		written += ret;
		/* Ask between runs, and often enough while there are only zeroes. */
		if (pages->live && (run.count == 1 || number % RUN_MAX == 0) &&
		    machine_ends(pages->live))
			return written;
	}
	ret = run.count ? write_run(pages, &run) : 0;
	return ret ? ret : written;
}

/* ---- loading ----------------------------------------------------------------------------- */

static void read_run(struct pages *pages, const struct page_entry *entries, const struct run *run)
{
	u8 *to = pages->ram + run->number * SZ_4K;
	int err = file_read(pages->fd, to, run->count * SZ_4K, SAVE_PAGES + run->place * SZ_4K);

	if (err)
		die(STATUS_SETUP, "--restore: cannot read pages of memory: %s",
		    err == -ENODATA ? "the file is truncated" : strerror(-err));
	/* lab 10: write the check of each page's sum, and the refusal of a page that has changed */
	for (u64 i = 0; i < run->count; i++) {
		if (state_sum(0, to + i * SZ_4K, SZ_4K) != entries[run->place + i].sum)
			die(STATUS_SETUP, "--restore: the page at 0x%llx is damaged",
			    (unsigned long long)(RAM_BASE + (run->number + i) * SZ_4K));
	}
	/* lab 10 end */
}

static void pages_read(struct pages *pages, const struct page_entry *entries, struct state *s)
{
	struct run run = { 0 };

	for (u64 place = 0; place < pages->nr; place++) {
		u64 number = entries[place].number;

		/* lab 10: write the refusal of a page number outside RAM */
		if (number >= pages->nr_ram) {
			state_refuse(s, "the number of a page is beyond the end of RAM");
			return;
		}
		/* lab 10 end */
		if (run.count == RUN_MAX || run.number + run.count != number) {
			read_run(pages, entries, &run);
			run = (struct run){ number, place, 0 };
		}
		run.count++;
	}
	read_run(pages, entries, &run);
	/* Harts may have executed other contents of these pages before. */
	__builtin___clear_cache((char *)pages->ram, (char *)pages->ram + pages->nr_ram * SZ_4K);
}

void pages_state(void *of, struct state *s)
{
	struct pages *pages = of;

	if (!s->loading)
		state_bytes(s, pages->entries, pages->nr * sizeof(*pages->entries));
	else if (s->len / sizeof(*pages->entries) != pages->nr || s->len % sizeof(*pages->entries))
		state_refuse(s, "its length does not match the number of pages");
	else
		pages_read(pages, (const void *)s->data, s);
	s->at = s->len;
}
