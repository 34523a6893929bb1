// SPDX-License-Identifier: MIT
/*
 * hst_save.c - takes the trace out of a machine's RAM file, running, ended or killed.
 *
 * The way in: the run descriptor at the start of the kernel image (hv/run_desc.h)
 * holds the physical address of trace memory. A hart may overwrite records while
 * they are read, so its head is read again afterwards and what was overtaken is
 * dropped; likewise the one slot that a killed machine may have left half written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "hst.h"
#include "hv/bits.h"
#include "hv/run_desc.h"

#define RAM_BASE    0x80000000ULL /* of QEMU's virt machine; the RAM file starts here */
#define IMAGE_START 0x200000ULL   /* where -kernel puts the image in it */
#define CHUNK       1024          /* records read at once */

struct saver {
	int ram;
	const char *ram_path;
	FILE *out;
	u64 sum;
	u64 base; /* offset of trace memory in the RAM file */
	struct trace_mem mem;
};

static int ram_read(const struct saver *s, void *buf, size_t size, u64 offset)
{
	ssize_t n = pread(s->ram, buf, size, (off_t)offset);

	if (n == (ssize_t)size)
		return 0;
	hst_error(s->ram_path, n < 0 ? "%s" : "the file ends inside the trace (%s)",
		  n < 0 ? strerror(errno) : "is it this machine's RAM?");
	return -1;
}

/* ---- writing sections; fwrite's errors are seen at the end ---- */

static void put(struct saver *s, const void *data, size_t size)
{
	s->sum = hst_sum(s->sum, data, size);
	fwrite(data, 1, size, s->out);
}

static void put_section(struct saver *s, enum hst_type type, unsigned int hart, u64 size)
{
	struct hst_section section = { .type = type, .hart = hart, .size = size };

	put(s, &section, sizeof(section));
}

/* A whole section; padded, so that the sum always runs over full words. */
static int put_text(struct saver *s, enum hst_type type, const char *text, size_t size)
{
	char *padded = calloc(1, size + 8);

	if (!padded) {
		hst_error(s->ram_path, "out of memory");
		return -1;
	}
	memcpy(padded, text, size);
	put_section(s, type, 0, size);
	put(s, padded, ALIGN_UP(size, 8));
	free(padded);
	return 0;
}

/* ---- what is in RAM ---- */

static int no_trace(const struct saver *s, const char *why)
{
	hst_error(s->ram_path, "%s", why);
	return -1;
}

static int find_trace(struct saver *s)
{
	struct trace_mem *mem = &s->mem;
	struct hs_run_desc desc;
	u64 areas;

	if (pread(s->ram, &desc, sizeof(desc), IMAGE_START + HS_RUN_DESC_OFFSET) != sizeof(desc) ||
	    desc.magic != HS_RUN_DESC_MAGIC)
		return no_trace(s, "this is not the RAM of a machine that booted hyperscope");
	if (desc.version != HS_RUN_DESC_VERSION)
		return no_trace(s,
				"the run descriptor has a version that this hstrace does not read");
	if (desc.trace_hpa < RAM_BASE || !desc.trace_size)
		return no_trace(s, "the host did not get as far as setting up its trace");
	s->base = desc.trace_hpa - RAM_BASE;
	if (ram_read(s, mem, sizeof(*mem), s->base))
		return -1;
	if (mem->magic != TRACE_MEM_MAGIC || mem->version != TRACE_MEM_VERSION)
		return no_trace(s,
				"there is no trace memory where the run descriptor points, or of "
				"another version");
	areas = mem->harts_offset + mem->nr_harts * mem->hart_stride;
	if (!mem->nr_harts || mem->nr_harts > HST_MAX_HARTS || mem->nr_slots > HST_MAX_SLOTS ||
	    mem->record_size != sizeof(struct trace_record) ||
	    mem->stat_size != sizeof(struct exit_stat) || mem->hart_stride > desc.trace_size ||
	    areas > desc.trace_size || mem->formats_size > mem->harts_offset ||
	    mem->formats_offset > mem->harts_offset - mem->formats_size ||
	    mem->stats_offset > mem->ring_offset || mem->ring_offset > mem->hart_stride ||
	    mem->nr_slots * mem->stat_size > mem->ring_offset - mem->stats_offset ||
	    !mem->ring_records || (mem->ring_records & (mem->ring_records - 1)) ||
	    mem->ring_records > (mem->hart_stride - mem->ring_offset) / mem->record_size)
		return no_trace(s, "the trace memory's header makes no sense");
	return 0;
}

static int save_formats(struct saver *s)
{
	char *text = malloc(s->mem.formats_size + 1);
	int err = -1;

	if (!text)
		return no_trace(s, "out of memory");
	if (!ram_read(s, text, s->mem.formats_size, s->base + s->mem.formats_offset))
		err = put_text(s, HST_FORMATS, text, s->mem.formats_size);
	free(text);
	return err;
}

static u64 hart_area(const struct saver *s, unsigned int hart)
{
	return s->base + s->mem.harts_offset + hart * s->mem.hart_stride;
}

static int save_stats(struct saver *s, unsigned int hart)
{
	size_t size = s->mem.nr_slots * sizeof(struct exit_stat);
	struct exit_stat *stats = malloc(size);
	u64 used = 0;

	if (!stats)
		return no_trace(s, "out of memory");
	if (ram_read(s, stats, size, hart_area(s, hart) + s->mem.stats_offset)) {
		free(stats);
		return -1;
	}
	for (u64 i = 0; i < s->mem.nr_slots; i++)
		used += stats[i].count != 0;
	put_section(s, HST_STATS, hart, used * sizeof(struct hst_slot));
	for (u64 i = 0; i < s->mem.nr_slots; i++)
		if (stats[i].count) {
			put(s, &i, sizeof(i));
			put(s, &stats[i], sizeof(stats[i]));
		}
	free(stats);
	return 0;
}

/* The hart's records that are whole, oldest first, in memory; NULL if that failed. */
static struct trace_record *read_ring(struct saver *s, unsigned int hart, u64 *total, u64 *count)
{
	u64 area = hart_area(s, hart), nr = s->mem.ring_records, head, first, later;
	struct trace_record *records;

	*count = 0;
	if (ram_read(s, &head, sizeof(head), area))
		return NULL;
	first = head >= nr ? head - nr + 1 : 0;
	records = malloc((head - first + 1) * sizeof(*records));
	if (!records) {
		no_trace(s, "out of memory");
		return NULL;
	}
	for (u64 n = first, chunk; n < head; n += chunk) {
		u64 index = n & (nr - 1);

		chunk = MIN(MIN(head - n, nr - index), (u64)CHUNK);
		if (ram_read(s, &records[n - first], chunk * sizeof(*records),
			     area + s->mem.ring_offset + index * sizeof(*records)))
			goto fail;
	}
	if (ram_read(s, &later, sizeof(later), area))
		goto fail;
	for (u64 n = first; n < head; n++) {
		const struct trace_record *r = &records[n - first];

		if (n + nr > later && TRACE_SEQ_OF(r->seq_event) == (n & TRACE_SEQ_MASK))
			records[(*count)++] = *r;
	}
	*total = head;
	return records;
fail:
	free(records);
	return NULL;
}

static int save_ring(struct saver *s, unsigned int hart)
{
	struct hst_ring_header header;
	struct trace_record *records;
	u64 count;

	records = read_ring(s, hart, &header.total, &count);
	if (!records)
		return -1;
	header.lost = header.total - count;
	put_section(s, HST_RING, hart, sizeof(header) + count * sizeof(*records));
	put(s, &header, sizeof(header));
	put(s, records, count * sizeof(*records));
	free(records);
	return 0;
}

static int save_all(struct saver *s, const char *meta)
{
	struct hst_header header = { .magic = HST_MAGIC, .version = HST_VERSION };
	struct hst_end end;

	put(s, &header, sizeof(header));
	if (put_text(s, HST_META, meta, strlen(meta)))
		return -1;
	put_section(s, HST_MEM, 0, sizeof(s->mem));
	put(s, &s->mem, sizeof(s->mem));
	if (save_formats(s))
		return -1;
	for (unsigned int hart = 0; hart < s->mem.nr_harts; hart++)
		if (save_stats(s, hart) || save_ring(s, hart))
			return -1;
	end.sum = s->sum;
	put_section(s, HST_END, 0, sizeof(end));
	put(s, &end, sizeof(end));
	return 0;
}

/* A device or a pipe that was given as OUT is not ours to remove. */
static void remove_file(const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && S_ISREG(st.st_mode))
		unlink(path);
}

int hst_save(const char *ram, const char *out, const char *meta)
{
	struct saver s = { .ram_path = ram, .sum = HST_SUM_START };
	int err = -1;

	s.ram = open(ram, O_RDONLY | O_CLOEXEC);
	if (s.ram < 0) {
		hst_error(ram, "%s", strerror(errno));
		return -1;
	}
	if (find_trace(&s))
		goto close_ram;
	s.out = fopen(out, "wb");
	if (!s.out) {
		hst_error(out, "%s", strerror(errno));
		goto close_ram;
	}
	err = save_all(&s, meta);
	if (ferror(s.out) | fclose(s.out)) {
		hst_error(out, "cannot be written: %s", strerror(errno));
		err = -1;
	}
	if (err)
		remove_file(out);
close_ram:
	close(s.ram);
	return err;
}

int hst_cmd_save(int argc, char **argv)
{
	static char meta[1 << 16];
	size_t len = 0;

	for (; argc > 0 && !strncmp(argv[0], "--", 2); argc -= 2, argv += 2) {
		if (strcmp(argv[0], "--meta"))
			return hst_wrong_use("save has no option", argv[0]);
		if (argc < 2)
			return hst_wrong_use("--meta needs a text", NULL);
		if (strlen(argv[1]) + 2 > sizeof(meta) - len)
			return hst_wrong_use("--meta texts are longer than 64 KiB", NULL);
		len += (size_t)snprintf(meta + len, sizeof(meta) - len, "%s\n", argv[1]);
	}
	if (argc != 2)
		return hst_wrong_use("save takes RAM and OUT", NULL);
	return hst_save(argv[0], argv[1], meta) ? 1 : 0;
}
