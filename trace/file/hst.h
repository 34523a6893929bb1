// SPDX-License-Identifier: MIT
/*
 * hst.h - the format of a trace file (.hst), and the interfaces between the parts of hstrace.
 *
 * A file is a header and sections, each padded to 8 bytes. It can be read from front to back:
 *
 *   META     text: the arguments of `hstrace save --meta`, one per line
 *   MEM      struct trace_mem, a copy of the one in RAM; a streamed trace has another one at the
 *            end, because events may be switched on during the run
 *   FORMATS  text: the events and classes of the host that wrote the trace
 *   STATS    one per hart: a struct hst_slot for every slot in use
 *   RING     records of a hart, oldest first, after a struct hst_ring_header; a streamed trace has
 *            many of these sections per hart, in the order of writing
 *   END      the checksum of everything before it
 *
 * All fields are little-endian. A file without END was cut off. A wrong checksum means damage.
 */
#ifndef HST_H
#define HST_H

#include <stdio.h>
#include <time.h>
#include "hv/trace_mem.h"

#define HST_MAGIC   0x31454c4946545348ULL /* "HSTFILE1" */
#define HST_VERSION 2                     /* version 1 had one RING section per hart */

struct hst_header {
	u64 magic;
	u32 version;
	u32 reserved;
};

enum hst_type {
	HST_META = 1,
	HST_MEM,
	HST_FORMATS,
	HST_STATS,
	HST_RING,
	HST_END,
};

struct hst_section {
	u32 type; /* enum hst_type; readers skip sections of unknown types */
	u32 hart; /* in STATS and RING */
	u64 size; /* of the data that follows, in bytes, without padding */
};

struct hst_slot {
	u64 slot;
	struct exit_stat stat;
};

struct hst_ring_header {
	u64 total; /* events of the hart so far, including dropped ones */
	u64 lost;  /* those not in the file: overwritten, half written or dropped */
};

struct hst_end {
	u64 sum; /* hst_sum() over the file up to this section's header */
};

#define HST_MAX_HARTS  512
#define HST_MAX_EVENTS (1U << TRACE_EVENT_BITS)
#define HST_MAX_SLOTS  256

/* Continue checksum `sum` over `data`. size is a multiple of 8 bytes except in the last call. */
u64 hst_sum(u64 sum, const void *data, size_t size);
#define HST_SUM_START 0xcbf29ce484222325ULL

/* ---- an open file (file.c) ---- */

/* ORDER: kinds (events.def). The kind of a field; HST_HEX if this version does not know it. */
enum hst_kind {
	HST_HEX,
	HST_NUM,
	HST_DEC,
	HST_FLAG,
	HST_ERR,
	HST_CAUSE,
	HST_SBI,
	HST_SBIERR,
	HST_REASON,
	HST_CSR,
	HST_SYS,
	HST_MMIO,
	HST_TEXT,
	HST_MODE,
	HST_CLASS,
	HST_NR_KINDS,
};

#define HST_WORD_SIZE 64 /* for the name of an event or field and its NUL */

struct hst_event {
	const char *name;
	const char *meaning;
	unsigned int nr_fields;
	struct {
		const char *kind; /* as spelled in the FORMATS section */
		const char *name;
		enum hst_kind type; /* hst_kind_of(kind) */
	} field[TRACE_ARGS];
};

struct hst_extent {
	u64 first;    /* index of the extent's first record among the hart's records in the file */
	off_t offset; /* offset of that record in the file, in bytes */
};

struct hst_ring {
	u64 total, lost;
	u64 count; /* records in the file */
	size_t nr_extents;
	struct hst_extent *extent; /* one for each RING section that has records */
};

/* How an exit's class and cost are determined from this trace's events (exit.c). */
struct hst_exit_events {
	u8 clue[HST_MAX_EVENTS];  /* enum clue, indexed by the file's event number */
	u8 field[HST_MAX_EVENTS]; /* index of the field that has the clue, or 0 if none is needed */
	u8 slot[HST_MAX_SLOTS];   /* slot in this trace, indexed by class; 0: no such slot */
	bool has_cost;            /* kvm_exit_cost was on: costs are those of the exit table */
	int entry;                /* number of kvm_entry; -1: none */
	int end;                  /* number of the event that ends an exit; -1: none */
	int cost, start;          /* indices of these fields of kvm_exit_cost, if has_cost */
};

struct hst_file {
	int fd;
	const char *path;
	bool damaged;  /* cut off, corrupt or partly unreadable: only the readable part is loaded */
	char why[128]; /* the damage or the read error, for a message */
	struct trace_mem mem;
	char *meta;    /* NUL-terminated; NULL if the file has none */
	char *formats; /* split in place into the strings of events and class_title */
	char *unnamed; /* names for the event numbers that FORMATS lacks */
	unsigned int nr_events, nr_classes;
	struct hst_event events[HST_MAX_EVENTS]; /* from nr_events on: event_N, five hex fields */
	const char *class_title[HST_MAX_SLOTS];
	struct hst_exit_events exits;
	struct hst_ring ring[HST_MAX_HARTS];
	struct exit_stat *stat[HST_MAX_SLOTS]; /* sum over all harts; NULL: no exits */
	u64 hist_sum[HST_MAX_SLOTS];           /* sum of the counts in hist[] */
	u64 *hist[HST_MAX_SLOTS]; /* sum over all harts; used instead of the 32-bit stat[]->hist */
	bool told_none;           /* hst_select_none() must not print its message (again) */
};

/*
 * Open a trace and check all of it. Returns 0, or -1 after printing the reason. If a damaged trace
 * is readable in part, hst_open() prints what is wrong, makes that part available and returns 0;
 * hst_finish() then makes the command's exit status 1.
 */
int hst_open(struct hst_file *file, const char *path);
/* Like hst_open(), but take ownership of fd, even if this fails. path is only for messages. */
int hst_open_fd(struct hst_file *file, int fd, const char *path);
void hst_close(struct hst_file *file);
/*
 * Read records from..from+n-1 of a hart, all of which must be in the file. Returns 0, or -1 after
 * printing the reason.
 */
int hst_read(struct hst_file *file, unsigned int hart, u64 from, struct trace_record *records,
	     size_t n);
/* Store what is wrong with the file in file->why (error.c). Returns -1. */
int hst_damaged(struct hst_file *file, const char *what);
/* exit.c: return the number of the event with this name, or -1 if the trace does not know it. */
int hst_event_index(const struct hst_file *file, const char *name);
/* exit.c: return the index of an event's field, or -1 if `event` is -1 or has no such field. */
int hst_event_field(const struct hst_file *file, int event, const char *name);
/* exit.c: the same, and set *event to -1 if it lacks the field, which the caller needs. */
int hst_event_needs(const struct hst_file *file, int *event, const char *name);
/* Return whether this event was on at any time. Always false for traces of older hosts. */
static inline bool hst_was_on(const struct hst_file *file, unsigned int event)
{
	return event < TRACE_MAX_EVENTS && file->mem.was_on[event / 64] >> event % 64 & 1;
}
/* formats.c: return whether text can be such a name: it has only letters, digits and _. */
bool hst_is_word(const char *text);
/* formats.c: parse file->formats into events and classes. Returns 0, or -1 with file->why set. */
int hst_formats_parse(struct hst_file *file);
/* Return the number after NAME= in the meta text, or `fallback` if no line starts with NAME=. */
u64 hst_meta(const struct hst_file *file, const char *name, u64 fallback);
/* Return the number of all harts' events; *lost receives the number of those not in the file. */
u64 hst_total(const struct hst_file *file, u64 *lost);
/* If events were lost, print their number on standard error and say that they are not `done`. */
void hst_print_lost(const struct hst_file *file, const char *done);
/* Return what follows NAME= on its line of the meta text (its length in *len), or NULL. */
const char *hst_meta_text(const struct hst_file *file, const char *name, size_t *len);

/* ---- fields as text (field.c) ---- */

#define HST_NAME_SIZE 48 /* room for any field's text and its NUL */

/* Format the value of an event's field i as report prints it. Returns buf (HST_NAME_SIZE bytes). */
const char *hst_field_text(const struct hst_event *event, unsigned int i, u64 value, char *buf);
/*
 * Like hst_field_text(), but return a pointer to the NUL, so that many fields can be joined without
 * strlen().
 */
char *hst_field_put(const struct hst_event *event, unsigned int i, u64 value, char *buf);
/* Return whether the field is an s64. */
bool hst_field_signed(const struct hst_event *event, unsigned int i);
/* Return the index of the field with this name (len characters, no NUL needed), or -1. */
int hst_field_index(const struct hst_event *event, const char *name, size_t len);
/* Return the kind that events.def spells `word`; HST_HEX if there is none. */
enum hst_kind hst_kind_of(const char *word);
/* Write value and a NUL at p, in decimal. Returns a pointer to the NUL. */
char *hst_put_num(char *p, u64 value);

/* ---- choosing events by options of report, export, ... (select.c) ---- */

struct hst_filter;
struct hst_seen;

struct hst_select {
	const char *events;        /* a list (hst_list_has()); NULL: all */
	struct hst_filter *filter; /* NULL: all */
	int vm, vcpu, hart;        /* -1: any */
	u64 from, to;              /* since tracing was set up, in 1/HST_TIME_UNITS s, inclusive */
	u64 last;                  /* only the last N of the chosen events; 0: all */
};

#define HST_TIME_UNITS 10000000ULL /* per second: the resolution of the times in report */

#define HST_SELECT_ALL                                        \
	(struct hst_select)                                   \
	{                                                     \
		.vm = -1, .vcpu = -1, .hart = -1, .to = ~0ULL \
	}

/* Help text for the options that hst_select_option() accepts. */
extern const char hst_select_help[];

/*
 * Parse argv[0] if it is an option that chooses events. Returns the number of words consumed, 0 if
 * it is not such an option, or -1 after printing an error (exit status 2).
 */
int hst_select_option(struct hst_select *select, int argc, char **argv);
void hst_select_free(struct hst_select *select);
/* If the file has events, print (once per file) that the selection chooses none of them. */
void hst_select_none(struct hst_file *file, const struct hst_select *select);

/* filter.c: add a --filter rule. Returns 0, or -1 after printing an error (exit status 2). */
int hst_filter_add(struct hst_filter **filter, const char *text);
void hst_filter_free(struct hst_filter *filter);
/*
 * Look up the rules' lists, fields and values in the file. Returns 0, or -1 after printing an
 * error.
 */
int hst_filter_bind(struct hst_filter *filter, const struct hst_file *file);
bool hst_filter_has(const struct hst_filter *filter, const struct hst_seen *seen);

/* ---- every event, in order (cursor.c) ---- */

struct hst_seen {
	unsigned int hart;
	const struct hst_event *event; /* never NULL */
	unsigned int event_nr;
	const struct trace_record *record; /* valid until the next hst_cursor_next() */
	u64 time;                          /* ticks (mem.timebase_hz) since tracing was set up */
	u64 instret;                       /* minus mem.start_instret; unit: mem.instret_exact */
	/*
	 * For differences between two records of a hart: instret without the instructions with
	 * which the hart has recorded events, whether or not the file still has these events.
	 */
	u64 work;
	int vm, vcpu; /* -1: none */
	/*
	 * The vCPU's level (nesting.c): 1, or 2 for a guest's guest. 0: none, or unknown. A kvm_exit
	 * has the level that exits, a kvm_entry the one that is entered.
	 */
	unsigned int nesting;
	/*
	 * Since the last event that hst_cursor_next() returned, a hart's records are missing: its
	 * first ones, or some between two others.
	 */
	bool gap;
	bool chosen; /* by the selection; false only if cursor->all */
};

struct hst_cursor_hart;
struct hst_nesting;

struct hst_cursor {
	struct hst_file *file;
	const struct hst_select *select;
	bool by_instret;
	bool all;    /* set by the caller after opening: return events that are not chosen, too */
	bool prints; /* set by the caller: it prints while it reads, so show no progress between */
	bool chosen[HST_MAX_EVENTS];
	bool shown;    /* the progress, on standard error */
	time_t start;  /* of this pass */
	u64 nr_read;   /* events in this pass */
	u64 from, to;  /* ticks */
	u64 skip;      /* chosen events still to be skipped, for select->last */
	u64 nr_chosen; /* events chosen so far, including the counting pass for select->last */
	unsigned int nr_harts;
	struct hst_cursor_hart *harts; /* harts with records left */
	struct hst_nesting *nesting;   /* of all vCPUs, as of the last event */
};

/*
 * Open a cursor over the events of all harts, merged by time; events of one hart come in the order
 * of writing. Memory use does not depend on the file's size. If select is NULL, every event is
 * chosen. select and file must outlive the cursor. Returns 0, or -1 after printing the reason;
 * close the cursor only if this returned 0.
 */
int hst_cursor_open(struct hst_cursor *cursor, struct hst_file *file,
		    const struct hst_select *select);
/*
 * Returns 1 with the next event in *seen, 0 at the end (after hst_select_none() if the selection
 * chose no event), or -1 after printing the reason.
 */
int hst_cursor_next(struct hst_cursor *cursor, struct hst_seen *seen);
void hst_cursor_close(struct hst_cursor *cursor);

/* ---- levels of nested virtualization (nesting.c) ---- */

/* Returns NULL if out of memory. */
struct hst_nesting *hst_nesting_new(const struct hst_file *file);
/* Records are missing, or will be read from the beginning again. */
void hst_nesting_forget(struct hst_nesting *nesting);
/* Return the event's level (see hst_seen), and follow changes of the level. */
unsigned int hst_nesting_event(struct hst_nesting *nesting, const struct hst_seen *seen);
/* Set *found to whether a guest's guest has run. Returns 0, or -1 after printing the reason. */
int hst_find_l2(struct hst_file *file, bool *found);

/* ---- exits (exit.c) ---- */

enum hst_unit {
	HST_UNIT_NONE, /* counts only */
	HST_UNIT_INSTRUCTIONS,
	HST_UNIT_TIME, /* ticks */
};

/* One exit of a vCPU. */
struct hst_exit {
	bool open;    /* not ended yet */
	bool entered; /* its kvm_entry has been seen, so the class is known */
	unsigned int hart;
	u64 time, instret; /* of its kvm_exit's record */
	u64 work;          /* as in hst_seen, at its kvm_exit */
	u64 scause;
	unsigned int class; /* 0: none (the exit is counted by its cause), or not known yet */
	bool user;          /* user space had to answer the exit; set only to infer its class */
};

/* Begin to follow an exit, at its kvm_exit. */
void hst_exit_begin(struct hst_exit *exit, const struct hst_seen *seen, u64 scause);
/*
 * Update an exit's class from an event of its vCPU. Call this for each event after the kvm_exit, up
 * to and including the one for which hst_exit_end() does not return HST_NOT_ENDED.
 */
void hst_exit_event(const struct hst_file *file, struct hst_exit *exit,
		    const struct hst_seen *seen);
/* Return the slot (hv/trace_mem.h) in which the host's exit table counts this exit. */
unsigned int hst_exit_slot(const struct hst_file *file, const struct hst_exit *exit);
#define HST_NO_COST   (~0ULL)
#define HST_NOT_ENDED (~1ULL)
/*
 * Close an open exit if this event of its vCPU ends it. Returns the exit's cost in this unit
 * (instructions or ticks); HST_NO_COST if the cost is not known, because there is no unit, the vCPU
 * has changed harts, or records are missing; HST_NOT_ENDED if the exit continues.
 */
u64 hst_exit_end(const struct hst_file *file, struct hst_exit *exit, const struct hst_seen *seen,
		 enum hst_unit unit);
/* Fill in file->exits. Call this once the file's events and classes are parsed. */
void hst_exit_find_events(struct hst_file *file);

/* ---- other functions ---- */

/* names.c: return the name of a number, never NULL. The name may be in buf (HST_NAME_SIZE). */
const char *hst_name_cause(u64 scause, char *buf);
const char *hst_name_sbi(u64 ext, char *buf);
/*
 * Return the name of an SBI function, "function N" if it is unknown, or "" for a legacy call,
 * because legacy extensions have no functions.
 */
const char *hst_name_sbi_function(u64 ext, u64 fid, char *buf);
const char *hst_name_sbierr(u64 error, char *buf);
const char *hst_name_reason(u64 reason, char *buf);
const char *hst_name_csr(u64 csr, char *buf);
const char *hst_name_sys(u64 number, char *buf);
const char *hst_name_err(u64 error, char *buf);
const char *hst_name_mmio(u64 type, char *buf);
const char *hst_name_mode(u64 mode, char *buf);
const char *hst_name_class(u64 class, char *buf);

/*
 * Set *number to the number that has this name in fields of this kind. Returns false if there is
 * none.
 */
bool hst_name_number(enum hst_kind kind, const char *name, u64 *number);
/*
 * Return name i (from 0) of a kind and set *number to its number, or return NULL after the last
 * name. Names of HST_ERR lack the minus sign.
 */
const char *hst_name_at(enum hst_kind kind, size_t i, u64 *number);

/* trace/hstrace/save.c */
int hst_save(const char *ram, const char *out, const char *meta);
extern const char hst_save_help[];
/* trace/hstrace/follow.c: save records while the run goes on, until its end or a signal */
int hst_follow(const char *ram, const char *out, const char *meta, bool quiet);
/* trace/hstrace/report.c: print the chosen events; columns: the argument of --columns or NULL */
int hst_report(struct hst_file *file, const struct hst_select *select, const char *columns,
	       FILE *out);
extern const char hst_report_help[];
/* trace/hstrace/levels.c: print the exits of guests' guests; each: also each exit that L1 handles */
int hst_levels(struct hst_file *file, const struct hst_select *select, bool each, FILE *out);
extern const char hst_levels_help[];
/* trace/hstrace/stat.c */
extern const char hst_stat_help[];
extern const char hst_profile_help[];      /* trace/hstrace/profile.c */
extern const char hst_diff_help[];         /* trace/hstrace/diff.c */
extern const char hst_divergence_help[];   /* trace/hstrace/divergence.c */
u64 hst_bucket_value(unsigned int bucket); /* trace/hstrace/table.c: the middle of a bucket */
/* glob.c: return the current name of an event; `name` may be a name from an earlier version. */
const char *hst_event_current(const char *name);
/* glob.c: return whether a list (comma-separated globs, as in trace=) chooses this event. */
bool hst_list_has(const char *list, const char *name);
/*
 * Return 0 if each word of a list is "none" or matches an event of the file. Otherwise, print the
 * first word that does not, and return -1.
 */
int hst_list_check(const char *list, const struct hst_file *file);

/* ---- output files that appear complete or not at all (out.c) ---- */

struct hst_out {
	FILE *file; /* write to this file; errors are checked on closing */
	const char *path;
	char beside[4096]; /* temporary name; "" if path is a device or pipe (written directly) */
};

/*
 * Open an output file for writing. Returns 0, or -1 after printing the reason; close *out only if
 * this returned 0. path and *out must exist until then: a signal removes the temporary file.
 */
int hst_out_open(struct hst_out *out, const char *path);
/*
 * Close the file and rename it to its path. Remove it instead if err is not 0 (the caller has
 * printed the reason) or if writing failed (printed here). Returns err, or -1 if writing failed.
 */
int hst_out_close(struct hst_out *out, int err);
/* Let SIGINT, SIGTERM and SIGHUP, unless they are ignored, call handler(). */
void hst_catch_signals(void (*handler)(int number));
/* End this process as the signal does by default; in its handler, when the handler returns. */
void hst_end_by_signal(int number);

void hst_error(const char *path, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As hst_error(), for a file that the user must not name here: the exit status is 2. */
void hst_wrong_file(const char *path, const char *why);

/* ---- subcommands: argv starts after the name; they return the exit status (hstrace.c) ---- */

int hst_cmd_save(int argc, char **argv);
int hst_cmd_report(int argc, char **argv);
int hst_cmd_stat(int argc, char **argv);
int hst_cmd_levels(int argc, char **argv);
int hst_cmd_profile(int argc, char **argv);
int hst_cmd_diff(int argc, char **argv);
int hst_cmd_divergence(int argc, char **argv);
int hst_cmd_events(int argc, char **argv);
int hst_cmd_export(int argc, char **argv); /* export.c */
extern const char hst_export_help[];

/* trace/hstrace/use.c: called by hst_wrong_use() to print the usage, unless NULL; set by main(). */
extern void (*hst_print_usage)(FILE *out);
/* Print a command-line error, with arg (unless NULL) in quotes, and the usage. Returns 2. */
int hst_wrong_use(const char *what, const char *arg);
/*
 * Return whether `out` is the same file as `in` or, if `in` is a run's folder, the same file as
 * `ram` in that folder. If so, print an error.
 */
bool hst_is_same_file(const char *in, const char *out);
/* A damaged trace was opened; a file or value that the user gave was refused (error.c). */
extern bool hst_saw_damage, hst_saw_wrong_use;
/*
 * Return the exit status of a command that wrote to standard output: 1 if err is not 0, if writing
 * failed, or if a trace was damaged; else 0.
 */
int hst_finish(int err);

#endif
