// SPDX-License-Identifier: MIT
/*
 * trace_ram.c - bounded proof of trace/file/ram.c: finding trace memory in a machine's RAM.
 *
 * Proved, for every content of RAM: hst_ram_find() reads only into its own buffers, and accepts only
 * a header whose numbers and sizes this program supports, and whose formats and statistics lie in
 * trace memory and in a hart's area.
 * Bounds: none. Assumed: nothing.
 * Models: pread(), which may fail, or bring any bytes.
 *
 * Folder: trace
 * Options: --unwind 4
 */
#include <sys/types.h>
#include <unistd.h>

static ssize_t model_pread(int fd, void *buf, size_t size, off_t offset);
#define pread model_pread
#include "file/ram.c"
#include "proof.h"

static struct hst_ram ram;
static u64 mem_size; /* as the run descriptor says */

static ssize_t model_pread(int fd, void *buf, size_t size, off_t offset)
{
	bool fails;

	claim(writable(buf, size), "only a buffer is written");
	claim(offset >= 0, "the offset has not overflowed");
	if (fails)
		return -1;
	if (size == sizeof(struct hs_run_desc)) {
		havoc((struct hs_run_desc *)buf);
		mem_size = ((struct hs_run_desc *)buf)->trace_size;
	} else {
		havoc((struct trace_mem *)buf);
	}
	return (ssize_t)size;
}

void prove_header(void)
{
	const char *why;

	why = hst_ram_find(&ram);
	if (why)
		return;
	claim(ram.mem.record_size == 64 && ram.mem.stat_size == sizeof(struct exit_stat),
	      "other sizes of a record or of statistics are refused");
	claim(ram.mem.nr_harts >= 1 && ram.mem.nr_harts <= HST_MAX_HARTS,
	      "the number of harts has limits");
	claim(ram.mem.nr_slots <= HST_MAX_SLOTS, "the number of slots has a limit");
	claim(ram.mem.timebase_hz, "the timebase is not 0");
	claim(ram.mem.formats_offset <= mem_size &&
		      ram.mem.formats_size <= mem_size - ram.mem.formats_offset,
	      "the formats lie in trace memory");
	claim(ram.mem.stats_offset + (u64)ram.mem.nr_slots * sizeof(struct exit_stat) <=
		      ram.mem.hart_stride,
	      "the statistics lie in the hart's area");
	reached(ram.mem.nr_harts == HST_MAX_HARTS && ram.mem.ring_records == 1ULL << 20);
}
