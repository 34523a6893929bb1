// SPDX-License-Identifier: MIT
/*
 * export.h - a trace in the formats of other tools: what the formats share.
 *
 * A format reads the chosen events from a cursor, once or more, and writes as it reads:
 * memory does not grow with the trace.
 */
#ifndef EXPORT_H
#define EXPORT_H

#include "file/hst.h"

struct hst_images;

struct export_job {
	struct hst_file *file;
	const struct hst_select *select;
	const char *system;        /* the events' group, where the format has one: "hs", "kvm" */
	struct hst_images *images; /* symbols, for those that have samples (file/symbols.h) */
	const char *out;           /* the final name, for messages; NULL: standard output */
	char *folder;              /* made beside it, and removed if the export fails; NULL: none */
	u64 count;                 /* events written */
	bool cut; /* the trace could not be read to its end; what was read is written */
};

/*
 * What writes one format. 0; -1 after saying why nothing could be made. An output error is left
 * in `out` for the caller.
 */
struct export_format {
	const char *name;
	const char *meaning;
	bool streams; /* front to back: may go to standard output */
	/* One of the two: a file (at its start, may be sought in unless it streams), or a folder, which is not there yet. */
	int (*write)(struct export_job *job, FILE *out);
	int (*write_folder)(struct export_job *job, const char *folder);
};

extern const struct export_format export_csv, export_json, export_trace_dat, export_perf;
/* These need a library; NULL addresses if hstrace was built without it (rules.mk). */
extern const struct export_format export_ctf __attribute__((weak));
extern const struct export_format export_perfetto __attribute__((weak));

/* hst_cursor_next() that counts and takes a reading error as the end: 1 or 0. */
int export_next(struct export_job *job, struct hst_cursor *cursor, struct hst_seen *seen);
/*
 * put() for each chosen event, until it fails or `out`, if one is given, has an error. 0; put()'s
 * failure; -1: said why none could be read.
 */
int export_each(struct export_job *job, FILE *out,
		int (*put)(void *arg, const struct hst_seen *seen), void *arg);
/* Which events occur among the chosen ones; needs a pass over the trace. 0, or -1: said why. */
int export_occurring(struct export_job *job, bool occurs[HST_MAX_EVENTS]);
/* Nanoseconds of a time in ticks; what would not fit becomes the highest number. */
u64 export_ns(const struct hst_file *file, u64 ticks);
/* An unnamed file in the folder of job->out (else where the system wants it); NULL: said why. */
FILE *export_scratch(const struct export_job *job);
/* All of `from`, from its start, behind what is in `to`. 0, or -1: said why. */
int export_append(const struct export_job *job, FILE *to, FILE *from);

/* ---- threads (thread.c): perf's and trace-cmd's word for vCPUs ---- */

#define EXPORT_HOST_TID    1
#define EXPORT_THREAD_NAME 16

struct export_threads {
	size_t n;
	struct export_thread {
		u32 tid;
		u32 pid;
		char name[EXPORT_THREAD_NAME]; /* "host", "vm1.0" */
	} * thread;
};

/* The thread of an event; *isnew: the first of it. NULL after saying why. */
const struct export_thread *export_thread_of(struct export_threads *threads,
					     const struct hst_seen *seen, bool *isnew);

/* ---- tracefs's texts (tracefs.c): perf.data and trace.dat hold them ---- */

/* A record as the format texts describe it: this header, then 8 bytes a field. */
struct export_record {
	u16 type; /* the event's number plus EXPORT_FIRST_ID */
	u8 flags, preempt_count;
	s32 pid; /* the thread's */
	u32 vm;  /* 0: none */
	u32 vcpu;
	u64 instret; /* since tracing was set up; 0 if it does not count instructions */
	u64 field[TRACE_ARGS];
};

#define EXPORT_FIRST_ID    1000
#define EXPORT_PAGE        4096
#define EXPORT_PAGE_HEADER 16

/* Bytes of it that the event's fields fill. */
size_t export_record_fill(const struct export_job *job, struct export_record *record,
			  const struct hst_seen *seen, const struct export_thread *thread);
/* The description of all that occurs, from the magic number to the threads' names. */
void export_tracing_data(const struct export_job *job, const char *version, const bool *occurs,
			 const struct export_threads *threads, FILE *out);

#endif
