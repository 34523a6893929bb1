// SPDX-License-Identifier: MIT
/*
 * export.h - interface between `hstrace export` and its output formats.
 *
 * A format reads the chosen events from a cursor, in one or more passes, and writes while it reads,
 * so memory use does not grow with the trace.
 */
#ifndef EXPORT_H
#define EXPORT_H

#include "file/hst.h"

struct hst_images;

struct export_job {
	struct hst_file *file;
	const struct hst_select *select;
	const char *system;        /* the events' group, such as "kvm"; in CTF, the trace's name */
	struct hst_images *images; /* symbols, for formats that use samples (file/symbols.h) */
	const char *out;           /* the output's final name; NULL: standard output */
	char *folder;              /* a temporary folder with the files of OUT.symbols, or NULL */
	u64 count;                 /* events written */
	bool cut; /* the trace could not be read to its end; what was read is written */
};

/*
 * An output format. write() and write_folder() return 0, or -1 after printing the reason. write()
 * need not check for errors when it writes to `out`: the caller checks ferror() and reports them.
 */
struct export_format {
	bool streams; /* output is written from front to back, so it may go to standard output */
	/*
	 * A format has one of these functions. write() gets an empty file in which it may seek or,
	 * if the format streams, any file, in which it must not seek. write_folder() gets the name
	 * of a folder to create.
	 */
	int (*write)(struct export_job *job, FILE *out);
	int (*write_folder)(struct export_job *job, const char *folder);
};

extern const struct export_format export_csv, export_json, export_trace_dat, export_perf;
/*
 * Each of these formats needs a library. Its address is NULL if hstrace was built without the
 * library (rules.mk).
 */
extern const struct export_format export_ctf __attribute__((weak));
extern const struct export_format export_perfetto __attribute__((weak));

/*
 * Like hst_cursor_next(), but count the event in *job. If reading fails, set job->cut and return 0.
 */
int export_next(struct export_job *job, struct hst_cursor *cursor, struct hst_seen *seen);
/*
 * Call put() for each chosen event, until put() fails, `out` (unless NULL) has an error, or reading
 * fails (see export_next()). Returns 0, put()'s error, or -1 after printing why the events cannot
 * be selected.
 */
int export_each(struct export_job *job, FILE *out,
		int (*put)(void *arg, const struct hst_seen *seen), void *arg);
/*
 * In one pass over the trace, set occurs[number] to whether an event with this number is among the
 * chosen ones. Returns 0, or -1 after printing the reason.
 */
int export_occurring(struct export_job *job, bool occurs[HST_MAX_EVENTS]);
/* Convert ticks to nanoseconds, saturating at the largest u64. */
u64 export_ns(const struct hst_file *file, u64 ticks);
/*
 * Open an unnamed file in job->out's folder (`.` if it has none). Returns NULL after printing the
 * reason.
 */
FILE *export_scratch(const struct export_job *job);
/*
 * Append all of `from` to `to`. Returns -1 after printing why `from` cannot be read; otherwise 0,
 * even if writing failed: the caller checks `to` for errors.
 */
int export_append(const struct export_job *job, FILE *to, FILE *from);

/* ---- threads (thread.c), which stand for vCPUs in perf and trace-cmd ---- */

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

/*
 * Return an event's thread, or NULL after printing the reason. Sets *isnew to whether the thread
 * was just added.
 */
const struct export_thread *export_thread_of(struct export_threads *threads,
					     const struct hst_seen *seen, bool *isnew);

/* ---- the text formats of tracefs, as used in perf.data and trace.dat (tracefs.c) ---- */

/* A record as the text formats describe it: a header, then 8 bytes per field. */
struct export_record {
	u16 type; /* the event's number plus EXPORT_FIRST_ID */
	u8 flags, preempt_count;
	s32 pid; /* the thread's tid */
	u32 vm;  /* 0: none */
	u32 vcpu;
	u64 instret; /* since tracing was set up; 0 if instret does not count instructions */
	u64 field[TRACE_ARGS];
};

#define EXPORT_FIRST_ID    1000
#define EXPORT_PAGE        4096
#define EXPORT_PAGE_HEADER 16

/* Fill in *record from *seen. Returns its size in bytes, which depends on the number of fields. */
size_t export_record_fill(const struct export_job *job, struct export_record *record,
			  const struct hst_seen *seen, const struct export_thread *thread);
/*
 * Write the tracing data (format `version`, such as "0.6") that describe the events in occurs[]:
 * from the magic number to the threads' names.
 */
void export_tracing_data(const struct export_job *job, const char *version, const bool *occurs,
			 const struct export_threads *threads, FILE *out);

#endif
