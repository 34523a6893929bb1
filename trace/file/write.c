// SPDX-License-Identifier: MIT
/* write.c - write a trace file's sections (see hst.h) from a machine's RAM. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ram.h"
#include "hv/bits.h"

static void hst_write(struct hst_writer *w, const void *data, size_t size)
{
	if (!size)
		return;
	w->sum = hst_sum(w->sum, data, size);
	fwrite(data, 1, size, w->out);
}

/* Write the header of a section. */
static void hst_write_section(struct hst_writer *w, enum hst_type type, unsigned int hart, u64 size)
{
	struct hst_section section = { .type = type, .hart = hart, .size = size };

	hst_write(w, &section, sizeof(section));
}

static int out_of_memory(const struct hst_ram *ram)
{
	hst_error(ram->path, "out of memory");
	return -1;
}

/* Write a text section, padded so that the checksum always covers full words. */
static int write_text(struct hst_writer *w, const struct hst_ram *ram, enum hst_type type,
		      const char *text, size_t size)
{
	char *padded = calloc(1, size + 8);

	if (!padded)
		return out_of_memory(ram);
	memcpy(padded, text, size);
	hst_write_section(w, type, 0, size);
	hst_write(w, padded, ALIGN_UP(size, 8));
	free(padded);
	return 0;
}

static int write_formats(struct hst_writer *w, const struct hst_ram *ram)
{
	char *text = malloc(ram->mem.formats_size + 1);
	int err = -1;

	if (!text)
		return out_of_memory(ram);
	if (!hst_ram_read(ram, text, ram->mem.formats_size, ram->base + ram->mem.formats_offset))
		err = write_text(w, ram, HST_FORMATS, text, ram->mem.formats_size);
	free(text);
	return err;
}

void hst_write_mem(struct hst_writer *w, const struct hst_ram *ram)
{
	hst_write_section(w, HST_MEM, 0, sizeof(ram->mem));
	hst_write(w, &ram->mem, sizeof(ram->mem));
}

int hst_write_start(struct hst_writer *w, const struct hst_ram *ram, const char *meta)
{
	struct hst_header header = { .magic = HST_MAGIC, .version = HST_VERSION };

	w->sum = HST_SUM_START;
	hst_write(w, &header, sizeof(header));
	if (write_text(w, ram, HST_META, meta, strlen(meta)))
		return -1;
	hst_write_mem(w, ram);
	return write_formats(w, ram);
}

int hst_write_stats(struct hst_writer *w, const struct hst_ram *ram, unsigned int hart)
{
	struct exit_stat *stats = malloc((ram->mem.nr_slots + 1) * sizeof(*stats));
	u64 used = 0;

	if (!stats)
		return out_of_memory(ram);
	if (hst_ram_stats(ram, hart, stats)) {
		free(stats);
		return -1;
	}
	for (u64 i = 0; i < ram->mem.nr_slots; i++)
		used += stats[i].count != 0;
	hst_write_section(w, HST_STATS, hart, used * sizeof(struct hst_slot));
	for (u64 i = 0; i < ram->mem.nr_slots; i++)
		if (stats[i].count) {
			hst_write(w, &i, sizeof(i));
			hst_write(w, &stats[i], sizeof(stats[i]));
		}
	free(stats);
	return 0;
}

void hst_write_ring(struct hst_writer *w, unsigned int hart, const struct hst_ring_header *header,
		    const struct trace_record *records, u64 count)
{
	hst_write_section(w, HST_RING, hart, sizeof(*header) + count * sizeof(*records));
	hst_write(w, header, sizeof(*header));
	hst_write(w, records, count * sizeof(*records));
}

void hst_write_end(struct hst_writer *w)
{
	struct hst_end end = { .sum = w->sum };

	hst_write_section(w, HST_END, 0, sizeof(end));
	hst_write(w, &end, sizeof(end));
}

int hst_write_close(FILE *file, const char *out)
{
	if (!(ferror(file) | fclose(file)))
		return 0;
	hst_error(out, "cannot be written: %s", strerror(errno));
	return -1;
}
