// SPDX-License-Identifier: MIT
/*
 * ram.h - a machine's trace while it is still in the machine's RAM, and what is written of it.
 */
#ifndef HST_RAM_H
#define HST_RAM_H

#include "hst.h"

struct hst_ram {
	int fd;
	int lock; /* of the run's folder, which its launcher holds; -1: unknown */
	const char *path;
	u64 base; /* offset of trace memory in the RAM file */
	struct trace_mem mem;
};

/* path: the RAM file, or the folder of a run, which has it as `ram`. -1 after saying why. */
int hst_ram_open(struct hst_ram *ram, const char *path);
void hst_ram_close(struct hst_ram *ram);
/* Is the run known to be over? Its last records are in RAM then. */
bool hst_ram_is_over(const struct hst_ram *ram);
/* Finds and checks trace memory; NULL, or why there is none (yet). */
const char *hst_ram_find(struct hst_ram *ram);
/* -1 after saying why. */
int hst_ram_read(const struct hst_ram *ram, void *buf, size_t size, u64 offset);
/* The run descriptor's state, enum hs_run_state; -1: cannot be read. */
int hst_ram_state(const struct hst_ram *ram);
/* Has the program ended, or the host? The machine may still be on. */
bool hst_ram_has_ended(const struct hst_ram *ram);
/* Records that a hart has ever written; -1 after saying why. */
int hst_ram_head(const struct hst_ram *ram, unsigned int hart, u64 *head);
/* Events that found a ring full which keeps its oldest; -1 after saying why. */
int hst_ram_dropped(const struct hst_ram *ram, unsigned int hart, u64 *dropped);
/*
 * Records first..first+n-1 of a hart, whose head was behind them and not more than the ring in
 * front. A hart may overwrite them meanwhile: those that are whole are moved to the front of
 * `records`, and *whole counts them. -1 after saying why.
 */
int hst_ram_records(const struct hst_ram *ram, unsigned int hart, u64 first, u64 n,
		    struct trace_record *records, u64 *whole);
/* All mem.nr_slots of a hart; -1 after saying why. */
int hst_ram_stats(const struct hst_ram *ram, unsigned int hart, struct exit_stat *stats);

/* write.c: a trace file, section by section; fwrite's errors are seen at the end. */
struct hst_writer {
	FILE *out;
	u64 sum;
};

void hst_write(struct hst_writer *w, const void *data, size_t size);
void hst_write_section(struct hst_writer *w, enum hst_type type, unsigned int hart, u64 size);
void hst_write_ring(struct hst_writer *w, unsigned int hart, const struct hst_ring_header *header,
		    const struct trace_record *records, u64 count);
/* The header, and of META, MEM and FORMATS what there is; -1 after saying why. */
int hst_write_start(struct hst_writer *w, const struct hst_ram *ram, const char *meta);
/* STATS of a hart; -1 after saying why. */
int hst_write_stats(struct hst_writer *w, const struct hst_ram *ram, unsigned int hart);
void hst_write_end(struct hst_writer *w);
/* Closes; -1 after saying what went wrong since the start. */
int hst_write_close(FILE *file, const char *out);
/* trace/hstrace/save.c: a whole trace, with its rings or without; -1 after saying why */
int hst_save_to(const struct hst_ram *ram, FILE *out, const char *meta, bool rings);

#endif
