// SPDX-License-Identifier: MIT
/*
 * perf.h - between perf.c (the file, tracepoints) and perf_sample.c (samples of a clock, symbols).
 */
#ifndef EXPORT_PERF_H
#define EXPORT_PERF_H

#include <linux/perf_event.h>
#include "export.h"
#include "file/symbols.h"

#define PERF_CLOCK_ID (HST_MAX_EVENTS + 1) /* the id of the clock's samples: events are below */

#define PERF_MAX_FILES 40

/* What a record that is no sample ends with; a sample begins with much the same. */
struct perf_sample_id {
	u32 pid, tid;
	u64 time;
	u32 cpu, reserved;
	u64 id;
};

/* The event `sample` once more, as perf's own kind: with an address that has a symbol. */
struct perf_clock {
	bool occurs;
	size_t nr_files;
	struct {
		const struct hst_symbols *symbols;
		char *path;
	} file[PERF_MAX_FILES];
	size_t n;
	struct perf_told {
		u32 tid;
		const struct hst_symbols *symbols;
		u64 moved;
		char name[HST_PROGRAM_NAME];
	} * told;        /* threads, and what they were said to run */
	void *told_tree; /* of them (tsearch(3)) */
};

void perf_put_comm(FILE *out, const struct perf_sample_id *id, const char *name);
/* If the event is `sample`, its record. 0, or -1: said why. */
int perf_clock_put(struct perf_clock *clock, struct export_job *job, FILE *out,
		   const struct hst_seen *seen, const struct export_thread *thread);
void perf_clock_free(struct perf_clock *clock);

/* symbol_file.c: an ELF file of symbols alone. 0, or -1: said why. */
int export_symbol_file(const char *path, const struct hst_symbols *symbols);

#endif
