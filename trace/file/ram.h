// SPDX-License-Identifier: MIT
/*
 * ram.h - read a trace from a machine's RAM, and write it to a trace file.
 */
#ifndef HST_RAM_H
#define HST_RAM_H

#include "hst.h"

struct hst_ram {
	int fd;
	int lock; /* the run folder's lock file, held by the launcher during the run; -1: none */
	const char *path;
	u64 base; /* offset of trace memory in the RAM file */
	struct trace_mem mem;
};

/* Functions that return int return 0, or -1 after printing the reason, unless noted. */

/* path: the RAM file, or the folder of a run, which contains the RAM file as `ram`. */
int hst_ram_open(struct hst_ram *ram, const char *path);
void hst_ram_close(struct hst_ram *ram);
/* Return whether the run is known to be over. If so, its last records are in RAM. */
bool hst_ram_is_over(const struct hst_ram *ram);
/* Find trace memory and check its header. Returns NULL, or why there is no valid one (yet). */
const char *hst_ram_find(struct hst_ram *ram);
/* Return whether hst_ram_find() can succeed later: what it did not find may still be written. */
bool hst_ram_may_come(const struct hst_ram *ram);
/* Read the fields of mem that change during a run again. */
int hst_ram_update(struct hst_ram *ram);
/* Read size bytes at an offset in the RAM file. */
int hst_ram_read(const struct hst_ram *ram, void *buf, size_t size, u64 offset);
/* Return the run descriptor's state (enum hs_run_state); -1 (no message) if it cannot be read. */
int hst_ram_state(const struct hst_ram *ram);
/* Return whether the program has exited or the host has panicked. The machine may still be on. */
bool hst_ram_has_ended(const struct hst_ram *ram);
/* Read how many records a hart has written in total. */
int hst_ram_head(const struct hst_ram *ram, unsigned int hart, u64 *head);
/* Read how many events a hart dropped because its ring was full (only with trace.overwrite=0). */
int hst_ram_dropped(const struct hst_ram *ram, unsigned int hart, u64 *dropped);
/*
 * Read records first..first+n-1 of a hart. They must precede the hart's head, by at most the size
 * of the ring. The hart may overwrite some of them meanwhile. The intact ones are moved to the
 * front of `records`, and *whole is set to their number.
 */
int hst_ram_records(const struct hst_ram *ram, unsigned int hart, u64 first, u64 n,
		    struct trace_record *records, u64 *whole);
/* Read a hart's exit statistics, all mem.nr_slots slots, into stats[]. */
int hst_ram_stats(const struct hst_ram *ram, unsigned int hart, struct exit_stat *stats);

/* write.c: write a trace file, section by section. hst_write_close() checks for write errors. */
struct hst_writer {
	FILE *out;
	u64 sum;
};

void hst_write_ring(struct hst_writer *w, unsigned int hart, const struct hst_ring_header *header,
		    const struct trace_record *records, u64 count);
/* Write the header and the sections META, MEM and FORMATS. */
int hst_write_start(struct hst_writer *w, const struct hst_ram *ram, const char *meta);
/* Write a section MEM. */
void hst_write_mem(struct hst_writer *w, const struct hst_ram *ram);
/* Write a hart's STATS. */
int hst_write_stats(struct hst_writer *w, const struct hst_ram *ram, unsigned int hart);
void hst_write_end(struct hst_writer *w);
/* Close the file. Returns -1, after printing an error, if any write has failed. */
int hst_write_close(FILE *file, const char *out);
/*
 * trace/hstrace/save.c: write a complete trace. heads: receives the number of records that each hart
 * has written; NULL: write no RING sections.
 */
int hst_save_to(const struct hst_ram *ram, FILE *out, const char *meta, u64 *heads);

#endif
