// SPDX-License-Identifier: MIT
/*
 * trace_ram.c - bounded proof of trace/file/ram.c: reading the trace in a machine's RAM.
 *
 * Proved, for every content of RAM: hst_ram_find() reads only into its own buffers, and accepts only
 * a header whose numbers and sizes this program supports, and whose formats and statistics lie in
 * trace memory and in a hart's area. hst_ram_records() reads each record that it is asked for once,
 * from its slot of the ring, to its place in the buffer, and the hart's head after all of them. It
 * keeps, in order and unchanged, exactly the records that have the number of their slot and that
 * the hart cannot have begun to overwrite at this head.
 * Bounds: rings of up to 4 records, which are read in pieces of up to 2: CHUNK is 2 here. The ring
 * may be anywhere; it is that of hart 0.
 * Assumed: the records that are asked for fit into the ring, and there are less than 2^63.
 * Models: pread(), which may fail, or bring any bytes; hst_ram_head(), in the same way.
 *
 * Folder: trace
 * Calls: file/ram.c:hst_ram_head=any_head
 * Constants: file/ram.c:CHUNK=2
 * Options: --unwind 6
 */
#include <sys/types.h>
#include <unistd.h>

static ssize_t model_pread(int fd, void *buf, size_t size, off_t offset);
#define pread model_pread
#include "file/ram.h"
static int any_head(const struct hst_ram *r, unsigned int hart, u64 *head);
#include "file/ram.c"
#include "proof.h"

void hst_error(const char *path, const char *format, ...)
{
}

static struct hst_ram ram;
static u64 mem_size; /* as the run descriptor says, or the header of a file without one */
static bool desc_is_read;

#define RING 4 /* records of the largest ring */

static struct trace_record records[RING];
static u64 first_asked, nr_asked; /* the records that hst_ram_records() is asked for */
static u64 nr_read, head_read;
static bool head_is_read;
static bool header_is_known; /* prove_records() */

static ssize_t read_ring(void *buf, size_t size, u64 offset);

static ssize_t model_pread(int fd, void *buf, size_t size, off_t offset)
{
	bool fails;

	claim(writable(buf, size), "only a buffer is written");
	claim(offset >= 0, "the offset has not overflowed");
	if (fails)
		return -1;
	if (header_is_known)
		return read_ring(buf, size, (u64)offset);
	if (size == sizeof(u64)) {
		havoc((u64 *)buf); /* the file's first word */
	} else if (size == sizeof(struct hs_run_desc)) {
		havoc((struct hs_run_desc *)buf);
		mem_size = ((struct hs_run_desc *)buf)->trace_size;
		desc_is_read = true;
	} else {
		havoc((struct trace_mem *)buf);
		if (!desc_is_read)
			mem_size = ((struct trace_mem *)buf)->size;
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
	      "the sizes of a record and of statistics are the supported ones");
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

/* ---- records ---------------------------------------------------------------------- */

static int any_head(const struct hst_ram *r, unsigned int hart, u64 *head)
{
	bool fails;

	claim(r == &ram && hart == 0, "the hart's head is read");
	claim(nr_read == nr_asked && !head_is_read, "the head is read once, after all records");
	head_is_read = true;
	havoc(&head_read);
	*head = head_read;
	return fails ? -1 : 0;
}

/* Read the next records of the ring. The buffer contains them already, with any values. */
static ssize_t read_ring(void *buf, size_t size, u64 offset)
{
	u64 area = ram.base + ram.mem.harts_offset;
	u64 slot = (first_asked + nr_read) % ram.mem.ring_records;
	u64 count = size / sizeof(records[0]);

	claim(size == count * sizeof(records[0]) && count && count <= nr_asked - nr_read,
	      "only whole records that have not been read are read");
	claim(buf == &records[nr_read], "records are stored at their places in the buffer");
	claim(offset == area + ram.mem.ring_offset + slot * sizeof(records[0]),
	      "records are read from their slots");
	claim(count <= ram.mem.ring_records - slot, "no read goes beyond the end of the ring");
	nr_read += count;
	return (ssize_t)size;
}

static bool same(const struct trace_record *a, const struct trace_record *b)
{
	bool equal = a->time == b->time && a->instret == b->instret &&
		     a->seq_event == b->seq_event && a->who == b->who;
	unsigned int i;

	for (i = 0; i < TRACE_ARGS; i++)
		equal &= a->arg[i] == b->arg[i];
	return equal;
}

/* Does record i of those that were read have to be kept? */
static bool is_whole(u64 i, u32 seq_event)
{
	u64 number = first_asked + i;

	/* At head n, the hart may be writing record n, in the slot of record n - ring_records. */
	return i < nr_asked && number + ram.mem.ring_records > head_read &&
	       seq_event >> TRACE_EVENT_BITS == number % (1U << TRACE_SEQ_BITS);
}

void prove_records(void)
{
	u64 whole, kept = 0, kept_before = 0, any, i;
	struct trace_record any_record;
	u32 seq_event[RING];
	int err;

	header_is_known = true;
	havoc(&ram.base);
	havoc(&ram.mem.harts_offset);
	havoc(&ram.mem.ring_offset);
	havoc(&ram.mem.ring_records);
	havoc(&first_asked);
	havoc(&nr_asked);
	/* As hst_ram_find() accepts them, and as ram.h demands. */
	suppose(ram.base <= 1ULL << 50 && ram.mem.harts_offset <= 1ULL << 40 &&
		ram.mem.ring_offset <= 1ULL << 40);
	suppose(ram.mem.ring_records >= 1 && ram.mem.ring_records <= RING &&
		!(ram.mem.ring_records & (ram.mem.ring_records - 1)));
	suppose(nr_asked <= ram.mem.ring_records && first_asked < 1ULL << 63);
	havoc_array(records);
	for (i = 0; i < RING; i++)
		seq_event[i] = records[i].seq_event;
	suppose(any < RING);
	any_record = records[any];
	err = hst_ram_records(&ram, 0, first_asked, nr_asked, records, &whole);
	claim(err == 0 || err == -1, "hst_ram_records() returns 0 or -1");
	if (err) {
		claim(!whole, "without all records, none is kept");
		return;
	}
	claim(head_is_read, "the head is read again");
	for (i = 0; i < RING; i++) {
		if (!is_whole(i, seq_event[i]))
			continue;
		if (i < any)
			kept_before++;
		kept++;
	}
	claim(whole == kept, "as many records are kept as are whole");
	if (is_whole(any, any_record.seq_event))
		claim(same(&records[kept_before], &any_record), "a whole record is kept, in order");
	reached(nr_asked == RING && whole == RING / 2 && first_asked % RING == RING - 1);
	reached(whole == RING);
	reached(whole == 0 && nr_asked);
}
