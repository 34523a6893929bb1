// SPDX-License-Identifier: MIT
/*
 * file.c - open a trace file: check all of it, and load everything but the records.
 *
 * Records are read on demand, so a file may be larger than memory. Everything in the file is
 * untrusted until it has been checked here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "hst.h"

#define MAX_TEXT (4U << 20)

u64 hst_sum(u64 sum, const void *data, size_t size)
{
	const char *p = data;

	for (; size; size -= size < 8 ? size : 8, p += 8) {
		u64 word = 0;

		memcpy(&word, p, size < 8 ? size : 8);
		sum = (sum ^ word) * 0x9e3779b97f4a7c15ULL;
		sum ^= sum >> 29;
	}
	return sum;
}

static int read_at(struct hst_file *file, void *buf, size_t size, off_t offset)
{
	while (size) {
		ssize_t n = pread(file->fd, buf, size, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			snprintf(file->why, sizeof(file->why),
				 n ? "byte %lld: %s" : "the file ends at byte %lld%s",
				 (long long)offset, n ? strerror(errno) : "");
			return -1;
		}
		buf = (char *)buf + n;
		size -= (size_t)n;
		offset += n;
	}
	return 0;
}

/* Return the extent that holds record `from`. */
static const struct hst_extent *extent_of(const struct hst_ring *ring, u64 from)
{
	size_t low = 0, high = ring->nr_extents;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (ring->extent[middle].first <= from)
			low = middle;
		else
			high = middle;
	}
	return &ring->extent[low];
}

int hst_read(struct hst_file *file, unsigned int hart, u64 from, struct trace_record *records,
	     size_t n)
{
	const struct hst_ring *ring = &file->ring[hart];

	while (n) {
		const struct hst_extent *extent = extent_of(ring, from);
		u64 end = extent + 1 < ring->extent + ring->nr_extents ? extent[1].first
								       : ring->count;
		size_t some = n < end - from ? n : (size_t)(end - from);

		if (read_at(file, records, some * sizeof(*records),
			    extent->offset + (off_t)((from - extent->first) * sizeof(*records)))) {
			hst_error(file->path, "cannot be read: %s", file->why);
			return -1;
		}
		records += some;
		from += some;
		n -= some;
	}
	return 0;
}

/*
 * Text is printed on terminals: replace control characters, except NUL, \n and \t, with dots. Those
 * from 0x80 to 0x9f are controls as bytes of their own and, after 0xc2, in UTF-8. Other UTF-8
 * sequences contain such bytes, but not as their second byte after 0xe0.
 */
static void replace_controls(char *text, u64 size)
{
	unsigned int more = 0; /* bytes that complete the UTF-8 sequence */
	unsigned char last = 0;

	for (; size; size--, text++) {
		unsigned char c = (unsigned char)*text;
		bool high = c >= 0x80 && c < 0xa0;

		if (high && last == 0xc2)
			text[-1] = '.';
		if (c >= 0xc0) {
			more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		} else if (c >= 0x80 && more && !(high && (last == 0xc2 || last == 0xe0))) {
			more--;
		} else {
			more = 0;
			if ((c < ' ' && c && c != '\n' && c != '\t') || c == 0x7f || high)
				*text = '.';
		}
		last = c;
	}
}

static char *read_text(struct hst_file *file, u64 size, off_t offset)
{
	char *text;

	if (size > MAX_TEXT) {
		hst_damaged(file, "a text section is too long");
		return NULL;
	}
	text = calloc(1, size + 1);
	if (!text) {
		hst_damaged(file, "out of memory for a text section");
		return NULL;
	}
	if (read_at(file, text, size, offset)) {
		free(text);
		return NULL;
	}
	replace_controls(text, size);
	return text;
}

/* ---- sections ---- */

static int take_mem(struct hst_file *file, u64 size, off_t offset)
{
	struct trace_mem mem = { 0 };

	if (size < offsetof(struct trace_mem, record_cost))
		return hst_damaged(file, "the header is too short");
	if (read_at(file, &mem, size < sizeof(mem) ? size : sizeof(mem), offset))
		return -1;
	if (mem.magic != TRACE_MEM_MAGIC)
		return hst_damaged(file, "invalid header");
	/* Versions 1 and 2 differ only in memory: in files, both have struct exit_stat. */
	if (!mem.version || mem.version > TRACE_MEM_VERSION)
		return hst_damaged(file, "this hstrace does not support the header's version");
	if (!mem.nr_harts || mem.nr_harts > HST_MAX_HARTS || mem.nr_slots > HST_MAX_SLOTS ||
	    !mem.timebase_hz || mem.record_size != sizeof(struct trace_record) ||
	    mem.stat_size != sizeof(struct exit_stat))
		return hst_damaged(file, "invalid header");
	file->mem = mem;
	return 0;
}

static int add_slot(struct hst_file *file, const struct hst_slot *slot)
{
	struct exit_stat *sum;
	u64 *hist;

	if (slot->slot >= HST_MAX_SLOTS)
		return hst_damaged(file, "invalid exit class");
	if (!file->stat[slot->slot]) {
		file->stat[slot->slot] = calloc(1, sizeof(*sum));
		file->hist[slot->slot] = calloc(HIST_BUCKETS, sizeof(*hist));
	}
	sum = file->stat[slot->slot];
	hist = file->hist[slot->slot];
	if (!sum || !hist)
		return hst_damaged(file, "out of memory for its exit counts");
	sum->count += slot->stat.count;
	sum->unpriced += slot->stat.unpriced;
	sum->sum += slot->stat.sum;
	if (slot->stat.max > sum->max)
		sum->max = slot->stat.max;
	for (unsigned int i = 0; i < HIST_BUCKETS; i++) {
		hist[i] += slot->stat.hist[i];
		file->hist_sum[slot->slot] += slot->stat.hist[i];
	}
	return 0;
}

static int take_stats(struct hst_file *file, u64 size, off_t offset)
{
	struct hst_slot slot;

	if (size % sizeof(slot))
		return hst_damaged(file, "invalid exit statistics");
	for (; size; size -= sizeof(slot), offset += (off_t)sizeof(slot))
		if (read_at(file, &slot, sizeof(slot), offset) || add_slot(file, &slot))
			return -1;
	return 0;
}

static int add_extent(struct hst_ring *ring, u64 count, off_t offset)
{
	struct hst_extent *more = ring->extent;

	if (!(ring->nr_extents & (ring->nr_extents - 1))) { /* 0 or a power of two: full */
		more = realloc(more, (ring->nr_extents ? ring->nr_extents * 2 : 1) * sizeof(*more));
		if (!more)
			return -1;
		ring->extent = more;
	}
	more[ring->nr_extents++] = (struct hst_extent){ ring->count, offset };
	ring->count += count;
	return 0;
}

/* Add a RING section. If it is cut off, use its complete records. */
static int take_ring(struct hst_file *file, unsigned int hart, u64 size, off_t offset, bool cut)
{
	struct hst_ring_header header;
	struct hst_ring *ring;
	u64 count;

	if (cut && size < sizeof(header))
		return 0;
	if (hart >= HST_MAX_HARTS || size < sizeof(header) ||
	    (!cut && (size - sizeof(header)) % sizeof(struct trace_record)))
		return hst_damaged(file, "invalid ring");
	if (read_at(file, &header, sizeof(header), offset))
		return -1;
	ring = &file->ring[hart];
	ring->total = header.total;
	ring->lost = header.lost;
	count = (size - sizeof(header)) / sizeof(struct trace_record);
	if (count && add_extent(ring, count, offset + (off_t)sizeof(header)))
		return hst_damaged(file, "out of memory for its rings");
	return 0;
}

static int take_section(struct hst_file *file, const struct hst_section *section, off_t offset)
{
	switch (section->type) {
	case HST_META:
		free(file->meta);
		file->meta = read_text(file, section->size, offset);
		return file->meta ? 0 : -1;
	case HST_MEM:
		return take_mem(file, section->size, offset);
	case HST_FORMATS:
		if (file->formats)
			return hst_damaged(file, "two tables of events");
		file->formats = read_text(file, section->size, offset);
		return file->formats ? hst_formats_parse(file) : -1;
	case HST_STATS:
		return take_stats(file, section->size, offset);
	case HST_RING:
		return take_ring(file, section->hart, section->size, offset, false);
	default:
		return 0; /* of a later version */
	}
}

/* Compare the checksum of the first `size` bytes with END's. */
static int check_sum(struct hst_file *file, off_t size, const struct hst_end *end)
{
	static char buf[1 << 18];
	u64 sum = HST_SUM_START;

	for (off_t at = 0; at < size;) {
		size_t n = size - at < (off_t)sizeof(buf) ? (size_t)(size - at) : sizeof(buf);

		if (read_at(file, buf, n, at))
			return -1;
		sum = hst_sum(sum, buf, n);
		at += (off_t)n;
	}
	return sum == end->sum ? 0 : hst_damaged(file, "wrong checksum");
}

static int take_end(struct hst_file *file, const struct hst_section *section, off_t at)
{
	struct hst_end end;

	if (section->size != sizeof(end))
		return hst_damaged(file, "invalid end section");
	if (read_at(file, &end, sizeof(end), at + (off_t)sizeof(*section)))
		return -1;
	return check_sum(file, at, &end);
}

/* Read all sections up to END. Returns 0, or -1 with file->why set; what was read is kept. */
static int take_sections(struct hst_file *file, off_t size)
{
	struct hst_section section;
	off_t at = sizeof(struct hst_header), data;

	for (; size - at >= (off_t)sizeof(section);
	     at = data + (off_t)((section.size + 7) & ~7ULL)) {
		data = at + (off_t)sizeof(section);
		if (read_at(file, &section, sizeof(section), at))
			return -1;
		if (section.size > (u64)(size - data)) {
			if (section.type == HST_RING &&
			    take_ring(file, section.hart, (u64)(size - data), data, true))
				return -1;
			break;
		}
		if (section.type == HST_END)
			return take_end(file, &section, at);
		if (take_section(file, &section, data))
			return -1;
	}
	snprintf(file->why, sizeof(file->why), "the trace is truncated at byte %lld",
		 (long long)size);
	return -1;
}

static int load(struct hst_file *file)
{
	struct hst_header header;
	struct stat st;

	if (fstat(file->fd, &st)) {
		hst_error(file->path, "%s", strerror(errno));
		return -1;
	}
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(header) ||
	    pread(file->fd, &header, sizeof(header), 0) != sizeof(header) ||
	    header.magic != HST_MAGIC) {
		hst_wrong_file(file->path, "not a trace written by `hstrace save`");
		return -1;
	}
	if (!header.version || header.version > HST_VERSION) {
		hst_error(file->path,
			  "the trace has version %u; this hstrace reads versions 1 to %u",
			  header.version, HST_VERSION);
		return -1;
	}
	file->damaged = take_sections(file, st.st_size) != 0;
	hst_exit_find_events(file); /* here, because a later MEM may add events that were on */
	if (!file->damaged && (!file->mem.magic || !file->unnamed))
		file->damaged = hst_damaged(file, "no header or no table of events") != 0;
	if (!file->damaged)
		return 0;
	if (!file->mem.magic || !file->unnamed) {
		hst_error(file->path, "%s; no part of it can be read", file->why);
		return -1;
	}
	hst_error(file->path, "%s; using what can be read", file->why);
	hst_saw_damage = true;
	return 0;
}

int hst_open(struct hst_file *file, const char *path)
{
	/* O_NONBLOCK: opening a pipe without a writer must not block; load() then rejects it. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		return hst_open_fd(file, fd, path);
	hst_wrong_file(path, strerror(errno));
	return -1;
}

int hst_open_fd(struct hst_file *file, int fd, const char *path)
{
	memset(file, 0, sizeof(*file));
	file->path = path;
	file->fd = fd;
	if (!load(file))
		return 0;
	hst_close(file);
	return -1;
}

void hst_close(struct hst_file *file)
{
	for (unsigned int i = 0; i < HST_MAX_SLOTS; i++) {
		free(file->stat[i]);
		free(file->hist[i]);
	}
	free(file->meta);
	free(file->formats);
	free(file->unnamed);
	for (unsigned int i = 0; i < HST_MAX_HARTS; i++)
		free(file->ring[i].extent);
	close(file->fd);
}

const char *hst_meta_text(const struct hst_file *file, const char *name, size_t *len)
{
	size_t n = strlen(name);

	for (const char *line = file->meta; line && *line;) {
		*len = strcspn(line, "\n");
		if (!strncmp(line, name, n) && line[n] == '=') {
			*len -= n + 1;
			return line + n + 1;
		}
		line = line[*len] ? line + *len + 1 : NULL;
	}
	return NULL;
}

u64 hst_total(const struct hst_file *file, u64 *lost)
{
	u64 total = 0;

	*lost = 0;
	for (unsigned int i = 0; i < HST_MAX_HARTS; i++) {
		total += file->ring[i].total;
		*lost += file->ring[i].lost;
	}
	return total;
}

void hst_print_lost(const struct hst_file *file, const char *done)
{
	u64 lost;

	hst_total(file, &lost);
	if (lost)
		hst_error(file->path, "%llu events were lost and are not %s", lost, done);
}

u64 hst_meta(const struct hst_file *file, const char *name, u64 fallback)
{
	size_t len;
	const char *text = hst_meta_text(file, name, &len);

	return text ? strtoull(text, NULL, 0) : fallback;
}
