// SPDX-License-Identifier: MIT
/*
 * perf.h - interface between perf.c (file, tracepoints) and perf_sample.c (cpu-clock, symbols).
 */
#ifndef EXPORT_PERF_H
#define EXPORT_PERF_H

#include <linux/perf_event.h>
#include "export.h"
#include "file/symbols.h"

#define PERF_CLOCK_ID (HST_MAX_EVENTS + 1) /* id of cpu-clock's samples, above those of events */

#define PERF_MAX_FILES 40

/* The end of LOST, COMM and MMAP records. A sample begins with nearly the same fields. */
struct perf_sample_id {
	u32 pid, tid;
	u64 time;
	u32 cpu, reserved;
	u64 id;
};

/*
 * State for exporting the event `sample` a second time, as perf's cpu-clock with an address, and
 * for symbols.
 */
struct perf_clock {
	bool occurs;
	bool guest_loaded;
	size_t nr_files;
	struct {
		const struct hst_symbols *symbols;
		char *path;
	} file[PERF_MAX_FILES];
	size_t n;
	struct perf_announced {
		u32 tid;
		const struct hst_symbols *symbols;
		u64 moved;
		char name[HST_PROGRAM_NAME];
	} * announced;        /* threads, each with the name and maps last written for it */
	void *announced_tree; /* index of `announced`, by tid (tsearch(3)) */
};

void perf_put_comm(FILE *out, const struct perf_sample_id *id, const char *name);
/* Write a cpu-clock record if the event is `sample`. Returns 0, or -1 after printing the reason. */
int perf_clock_put(struct perf_clock *clock, struct export_job *job, FILE *out,
		   const struct hst_seen *seen, const struct export_thread *thread);
/*
 * Write the records that perf needs to find the symbol of a pc of the guest. Returns 0, or -1 after
 * printing the reason.
 */
int perf_map_guest(struct perf_clock *clock, struct export_job *job, FILE *out, u64 pc,
		   const struct perf_sample_id *id, const struct export_thread *thread);
void perf_clock_free(struct perf_clock *clock);

/* symbol_file.c: write an ELF file with only symbols. Returns 0, or -1 after printing why. */
int export_symbol_file(const char *path, const struct hst_symbols *symbols);

#endif
