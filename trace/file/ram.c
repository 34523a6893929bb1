// SPDX-License-Identifier: MIT
/*
 * ram.c - find and read the trace in a machine's RAM file; the machine may be running or gone.
 *
 * The run descriptor at the start of the kernel image (hv/run_desc.h) has the physical address of
 * trace memory. A file may also contain trace memory alone, as /sys/kernel/debug/hyperscope/trace
 * of the Linux module does. A hart may overwrite records while they are read. So its head is read
 * again afterwards, and records that may have been overwritten are dropped, including the one in
 * whose slot a killed machine may have left the next record half written.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ram.h"
#include "hv/bits.h"
#include "hv/run_desc.h"

#define RAM_BASE    0x80000000ULL /* of QEMU's virt machine: hpa of the RAM file's first byte */
#define IMAGE_START 0x200000ULL   /* offset in RAM to which -kernel loads the image */
#define CHUNK       1024          /* records read at once */

static const char cut_off[] = "the file ends inside trace memory: it is truncated or damaged";

int hst_ram_open(struct hst_ram *ram, const char *path)
{
	struct stat st;
	int run;

	ram->path = path;
	ram->lock = -1;
	ram->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* do not block on a pipe */
	if (ram->fd >= 0 && !fstat(ram->fd, &st) && S_ISDIR(st.st_mode)) {
		run = ram->fd;
		ram->fd = openat(run, "ram", O_RDONLY | O_CLOEXEC);
		ram->lock = openat(run, "lock", O_RDONLY | O_CLOEXEC);
		if (ram->fd < 0)
			hst_wrong_file(path, errno == ENOENT ? "no run in progress in this folder"
							     : strerror(errno));
		close(run);
	} else if (ram->fd < 0) {
		hst_wrong_file(path, strerror(errno));
	}
	if (ram->fd >= 0)
		return 0;
	if (ram->lock >= 0)
		close(ram->lock);
	return -1;
}

bool hst_ram_is_over(const struct hst_ram *ram)
{
	if (ram->lock < 0 || flock(ram->lock, LOCK_SH | LOCK_NB))
		return false;
	flock(ram->lock, LOCK_UN);
	return true;
}

void hst_ram_close(struct hst_ram *ram)
{
	close(ram->fd);
	if (ram->lock >= 0)
		close(ram->lock);
}

int hst_ram_read(const struct hst_ram *ram, void *buf, size_t size, u64 offset)
{
	ssize_t n = pread(ram->fd, buf, size, (off_t)offset);

	if (n == (ssize_t)size)
		return 0;
	hst_error(ram->path, "%s", n < 0 ? strerror(errno) : cut_off);
	return -1;
}

static bool read_desc(const struct hst_ram *ram, struct hs_run_desc *desc)
{
	return pread(ram->fd, desc, sizeof(*desc), IMAGE_START + HS_RUN_DESC_OFFSET) ==
		       sizeof(*desc) &&
	       desc->magic == HS_RUN_DESC_MAGIC;
}

int hst_ram_state(const struct hst_ram *ram)
{
	struct hs_run_desc desc;

	return read_desc(ram, &desc) ? (int)desc.state : -1;
}

bool hst_ram_has_ended(const struct hst_ram *ram)
{
	return hst_ram_state(ram) >= HS_RUN_EXITED;
}

/* Check the header, in particular that everything that is read later lies inside trace memory. */
static bool makes_sense(const struct trace_mem *mem, u64 size)
{
	u64 limit = 1ULL << 40; /* keeps the sums and products below from overflowing */

	if (size > limit || mem->harts_offset > limit || mem->hart_stride > limit ||
	    mem->stats_offset > limit || mem->ring_offset > limit || mem->formats_size > limit)
		return false;
	return mem->nr_harts && mem->nr_harts <= HST_MAX_HARTS && mem->nr_slots <= HST_MAX_SLOTS &&
	       mem->timebase_hz && mem->record_size == sizeof(struct trace_record) &&
	       mem->stat_size == sizeof(struct exit_stat) &&
	       mem->harts_offset + mem->nr_harts * mem->hart_stride <= size &&
	       mem->formats_size <= mem->harts_offset &&
	       mem->formats_offset <= mem->harts_offset - mem->formats_size &&
	       mem->stats_offset <= mem->ring_offset && mem->ring_offset <= mem->hart_stride &&
	       (u64)mem->nr_slots * mem->stat_size <= mem->ring_offset - mem->stats_offset &&
	       mem->ring_records && !(mem->ring_records & (mem->ring_records - 1)) &&
	       mem->ring_records <= (mem->hart_stride - mem->ring_offset) / mem->record_size;
}

/* Read the header at ram->base. `size`: of trace memory, if that is known, or 0. */
static const char *read_header(struct hst_ram *ram, u64 size)
{
	struct trace_mem *mem = &ram->mem;

	if (ram->base > 1ULL << 50 ||
	    pread(ram->fd, mem, sizeof(*mem), (off_t)ram->base) != sizeof(*mem))
		return cut_off;
	if (mem->magic != TRACE_MEM_MAGIC || mem->version != TRACE_MEM_VERSION)
		return "there is no trace memory of this hstrace's version";
	return makes_sense(mem, size ? size : mem->size) ? NULL
							 : "the trace memory's header is invalid";
}

const char *hst_ram_find(struct hst_ram *ram)
{
	struct hs_run_desc desc;
	u64 magic = 0;

	ram->base = 0;
	if (pread(ram->fd, &magic, sizeof(magic), 0) == sizeof(magic) && magic == TRACE_MEM_MAGIC)
		return read_header(ram, 0);
	if (!read_desc(ram, &desc))
		return "this is not the RAM of a machine that booted hyperscope";
	if (desc.version != HS_RUN_DESC_VERSION)
		return "this hstrace does not support the run descriptor's version";
	if (desc.trace_hpa < RAM_BASE || !desc.trace_size)
		return "the host has not set up tracing";
	ram->base = desc.trace_hpa - RAM_BASE;
	return read_header(ram, desc.trace_size);
}

bool hst_ram_may_come(const struct hst_ram *ram)
{
	u64 magic = 0;
	struct hs_run_desc desc;
	ssize_t n = pread(ram->fd, &magic, sizeof(magic), 0);

	/* QEMU creates the file empty; the Linux module's is empty until it has trace memory. */
	return ram->lock >= 0 || !n ||
	       (magic != HST_MAGIC && pread(ram->fd, &desc, sizeof(desc),
					    IMAGE_START + HS_RUN_DESC_OFFSET) == sizeof(desc));
}

int hst_ram_update(struct hst_ram *ram)
{
	struct trace_mem now;

	if (hst_ram_read(ram, &now, sizeof(now), ram->base))
		return -1;
	memcpy(ram->mem.was_on, now.was_on, sizeof(now.was_on));
	ram->mem.selective = now.selective;
	return 0;
}

static u64 hart_area(const struct hst_ram *ram, unsigned int hart)
{
	return ram->base + ram->mem.harts_offset + hart * ram->mem.hart_stride;
}

int hst_ram_head(const struct hst_ram *ram, unsigned int hart, u64 *head)
{
	return hst_ram_read(ram, head, sizeof(*head), hart_area(ram, hart));
}

int hst_ram_dropped(const struct hst_ram *ram, unsigned int hart, u64 *dropped)
{
	return hst_ram_read(ram, dropped, sizeof(*dropped),
			    hart_area(ram, hart) + offsetof(struct trace_hart_mem, dropped));
}

int hst_ram_records(const struct hst_ram *ram, unsigned int hart, u64 first, u64 n,
		    struct trace_record *records, u64 *whole)
{
	u64 nr = ram->mem.ring_records, ring = hart_area(ram, hart) + ram->mem.ring_offset, later;

	*whole = 0;
	for (u64 at = 0, chunk; at < n; at += chunk) {
		u64 index = (first + at) & (nr - 1);

		chunk = MIN(MIN(n - at, nr - index), (u64)CHUNK);
		if (hst_ram_read(ram, &records[at], chunk * sizeof(*records),
				 ring + index * sizeof(*records)))
			return -1;
	}
	if (hst_ram_head(ram, hart, &later))
		return -1;
	for (u64 at = 0; at < n; at++) {
		const struct trace_record *r = &records[at];

		if (first + at + nr > later &&
		    TRACE_SEQ_OF(r->seq_event) == ((first + at) & TRACE_SEQ_MASK))
			records[(*whole)++] = *r;
	}
	return 0;
}

int hst_ram_stats(const struct hst_ram *ram, unsigned int hart, struct exit_stat *stats)
{
	struct exit_tally *tallies = (struct exit_tally *)stats;

	if (hst_ram_read(ram, tallies, ram->mem.nr_slots * sizeof(*tallies),
			 hart_area(ram, hart) + ram->mem.stats_offset))
		return -1;
	/* The fields that follow the counter are at the same place in both structures. */
	for (u64 i = 0; i < ram->mem.nr_slots; i++)
		stats[i].count = exit_stat_count(&tallies[i]);
	return 0;
}
