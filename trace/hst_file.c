// SPDX-License-Identifier: MIT
/*
 * hst_file.c - opens a trace file: checks it as a whole, keeps what is small, and
 * reads records on demand, so that a file may be larger than memory.
 *
 * Everything in the file is hostile until checked here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "hst.h"

#define MAX_TEXT (4U << 20)

void hst_error(const char *path, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "hstrace: %s: ", path);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

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

static int read_at(const struct hst_file *file, void *buf, size_t size, off_t offset)
{
	while (size) {
		ssize_t n = pread(file->fd, buf, size, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			hst_error(file->path, "%s", strerror(errno));
			return -1;
		}
		if (!n) {
			hst_error(file->path, "the file is cut off at byte %lld",
				  (long long)offset);
			return -1;
		}
		buf = (char *)buf + n;
		size -= (size_t)n;
		offset += n;
	}
	return 0;
}

int hst_read(const struct hst_file *file, unsigned int hart, u64 from, struct trace_record *records,
	     size_t n)
{
	return read_at(file, records, n * sizeof(*records),
		       file->ring[hart].offset + (off_t)(from * sizeof(*records)));
}

static int damaged(const struct hst_file *file, const char *what)
{
	hst_error(file->path, "the trace is damaged: %s", what);
	return -1;
}

static char *read_text(const struct hst_file *file, u64 size, off_t offset)
{
	char *text;

	if (size > MAX_TEXT) {
		damaged(file, "a text is too long");
		return NULL;
	}
	text = calloc(1, size + 1);
	if (!text) {
		hst_error(file->path, "out of memory");
		return NULL;
	}
	if (read_at(file, text, size, offset)) {
		free(text);
		return NULL;
	}
	return text;
}

/* ---- the events' table ---- */

static bool is_word(const char *s)
{
	size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return len && len < HST_WORD_SIZE && !s[len];
}

/* "event NAME kind:field ... # meaning" or "class TITLE # when"; cut into strings in place. */
static int parse_event(struct hst_file *file, char *line, const char *meaning)
{
	struct hst_event *event = &file->events[file->nr_events];
	char *save = NULL;

	if (file->nr_events == HST_MAX_EVENTS)
		return damaged(file, "too many events");
	event->name = strtok_r(line, " ", &save);
	event->meaning = meaning;
	if (!event->name || !is_word(event->name))
		return damaged(file, "an event's name");
	for (char *word; (word = strtok_r(NULL, " ", &save));) {
		char *colon = strchr(word, ':');

		if (!colon || event->nr_fields == TRACE_ARGS || !is_word(colon + 1))
			return damaged(file, "an event's fields");
		*colon = '\0';
		event->field[event->nr_fields].kind = word;
		event->field[event->nr_fields].type = hst_kind_of(word);
		event->field[event->nr_fields++].name = colon + 1;
	}
	file->nr_events++;
	return 0;
}

static int parse_formats(struct hst_file *file)
{
	char *save = NULL;

	for (char *line = strtok_r(file->formats, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *hash = strstr(line, " # ");
		const char *meaning = hash ? hash + 3 : "";

		if (hash)
			*hash = '\0';
		if (!strncmp(line, "event ", 6)) {
			if (parse_event(file, line + 6, meaning))
				return -1;
		} else if (!strncmp(line, "class ", 6)) {
			if (EXIT_SLOT_CLASS + file->nr_classes == HST_MAX_SLOTS)
				return damaged(file, "too many classes");
			file->class_title[EXIT_SLOT_CLASS + file->nr_classes++] = line + 6;
		}
	}
	return 0;
}

/* Events that the table lacks: a damaged record's, or none. */
static int name_the_rest(struct hst_file *file)
{
	static const char *const fields[TRACE_ARGS] = { "arg0", "arg1", "arg2", "arg3", "arg4" };
	const size_t size = sizeof("event_1023");

	file->unnamed = malloc(HST_MAX_EVENTS * size);
	if (!file->unnamed) {
		hst_error(file->path, "out of memory");
		return -1;
	}
	for (unsigned int i = file->nr_events; i < HST_MAX_EVENTS; i++) {
		struct hst_event *event = &file->events[i];

		snprintf(file->unnamed + i * size, size, "event_%u", i);
		*event = (struct hst_event){ file->unnamed + i * size, "", TRACE_ARGS, { { 0 } } };
		for (unsigned int f = 0; f < TRACE_ARGS; f++) {
			event->field[f].kind = "hex";
			event->field[f].name = fields[f];
		}
	}
	return 0;
}

/* ---- sections ---- */

static int take_mem(struct hst_file *file, u64 size, off_t offset)
{
	struct trace_mem *mem = &file->mem;

	if (size < sizeof(*mem))
		return damaged(file, "its header is too short");
	if (read_at(file, mem, sizeof(*mem), offset))
		return -1;
	if (mem->magic != TRACE_MEM_MAGIC)
		return damaged(file, "its header");
	if (mem->version != TRACE_MEM_VERSION) {
		hst_error(file->path, "trace memory has version %u; this hstrace reads %u",
			  mem->version, TRACE_MEM_VERSION);
		return -1;
	}
	if (!mem->nr_harts || mem->nr_harts > HST_MAX_HARTS || mem->nr_slots > HST_MAX_SLOTS ||
	    !mem->timebase_hz || mem->record_size != sizeof(struct trace_record) ||
	    mem->stat_size != sizeof(struct exit_stat))
		return damaged(file, "its header");
	return 0;
}

static int add_slot(struct hst_file *file, const struct hst_slot *slot)
{
	struct exit_stat *sum;
	u64 *hist;

	if (slot->slot >= HST_MAX_SLOTS)
		return damaged(file, "an exit's class");
	if (!file->stat[slot->slot]) {
		file->stat[slot->slot] = calloc(1, sizeof(*sum));
		file->hist[slot->slot] = calloc(HIST_BUCKETS, sizeof(*hist));
	}
	sum = file->stat[slot->slot];
	hist = file->hist[slot->slot];
	if (!sum || !hist) {
		hst_error(file->path, "out of memory");
		return -1;
	}
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
		return damaged(file, "its exit statistics");
	for (; size; size -= sizeof(slot), offset += (off_t)sizeof(slot))
		if (read_at(file, &slot, sizeof(slot), offset) || add_slot(file, &slot))
			return -1;
	return 0;
}

static int take_ring(struct hst_file *file, unsigned int hart, u64 size, off_t offset)
{
	struct hst_ring_header header;
	struct hst_ring *ring;

	if (hart >= HST_MAX_HARTS || size < sizeof(header) ||
	    (size - sizeof(header)) % sizeof(struct trace_record))
		return damaged(file, "a ring");
	if (read_at(file, &header, sizeof(header), offset))
		return -1;
	ring = &file->ring[hart];
	ring->total = header.total;
	ring->lost = header.lost;
	ring->count = (size - sizeof(header)) / sizeof(struct trace_record);
	ring->offset = offset + (off_t)sizeof(header);
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
			return damaged(file, "two tables of events");
		file->formats = read_text(file, section->size, offset);
		return file->formats ? parse_formats(file) : -1;
	case HST_STATS:
		return take_stats(file, section->size, offset);
	case HST_RING:
		return take_ring(file, section->hart, section->size, offset);
	default:
		return 0; /* of a later version */
	}
}

/* The sum of the first `size` bytes is what END says? */
static int check_sum(const struct hst_file *file, off_t size, const struct hst_end *end)
{
	static char buf[1 << 16];
	u64 sum = HST_SUM_START;

	for (off_t at = 0; at < size;) {
		size_t n = size - at < (off_t)sizeof(buf) ? (size_t)(size - at) : sizeof(buf);

		if (read_at(file, buf, n, at))
			return -1;
		sum = hst_sum(sum, buf, n);
		at += (off_t)n;
	}
	return sum == end->sum ? 0 : damaged(file, "its checksum is wrong");
}

/* Where END stands; everything is inside the file. */
static int find_end(const struct hst_file *file, off_t size, off_t *end)
{
	struct hst_section section;
	off_t at = sizeof(struct hst_header);

	for (;;) {
		if (size - at < (off_t)sizeof(section))
			break;
		if (read_at(file, &section, sizeof(section), at))
			return -1;
		if (section.size > (u64)(size - at) - sizeof(section))
			break;
		if (section.type == HST_END) {
			*end = at;
			return section.size == sizeof(struct hst_end) ? 0
								      : damaged(file, "its end");
		}
		at += (off_t)(sizeof(section) + ((section.size + 7) & ~7ULL));
	}
	hst_error(file->path, "the trace is cut off at byte %lld", (long long)size);
	return -1;
}

static int load(struct hst_file *file)
{
	struct hst_section section;
	struct hst_header header;
	struct hst_end end;
	struct stat st;
	off_t last;

	if (fstat(file->fd, &st)) {
		hst_error(file->path, "%s", strerror(errno));
		return -1;
	}
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(header) ||
	    pread(file->fd, &header, sizeof(header), 0) != sizeof(header) ||
	    header.magic != HST_MAGIC) {
		hst_error(file->path, "this is no trace that `hstrace save` made");
		return -1;
	}
	if (header.version != HST_VERSION) {
		hst_error(file->path, "the trace has version %u; this hstrace reads %u",
			  header.version, HST_VERSION);
		return -1;
	}
	if (find_end(file, st.st_size, &last) ||
	    read_at(file, &end, sizeof(end), last + (off_t)sizeof(section)) ||
	    check_sum(file, last, &end))
		return -1;
	for (off_t at = sizeof(header); at < last;) {
		if (read_at(file, &section, sizeof(section), at) ||
		    take_section(file, &section, at + (off_t)sizeof(section)))
			return -1;
		at += (off_t)(sizeof(section) + ((section.size + 7) & ~7ULL));
	}
	if (!file->mem.magic || !file->formats)
		return damaged(file, "it has no header or no table of events");
	return name_the_rest(file);
}

int hst_open(struct hst_file *file, const char *path)
{
	memset(file, 0, sizeof(*file));
	file->path = path;
	file->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (file->fd < 0) {
		hst_error(path, "%s", strerror(errno));
		return -1;
	}
	if (load(file)) {
		hst_close(file);
		return -1;
	}
	return 0;
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

u64 hst_meta(const struct hst_file *file, const char *name, u64 fallback)
{
	size_t len;
	const char *text = hst_meta_text(file, name, &len);

	return text ? strtoull(text, NULL, 0) : fallback;
}
