// SPDX-License-Identifier: MIT
/*
 * hst.h - the trace file (.hst), and what hstrace's parts share.
 *
 * A file is a header and sections, each padded to 8 bytes, readable front to back:
 *
 *   META     text: what `hstrace save --meta` was told, one line each
 *   MEM      struct trace_mem, as it stood in RAM
 *   FORMATS  text: the events and classes of the host that wrote it
 *   STATS    per hart: struct hst_slot for every slot in use
 *   RING     of a hart: struct hst_ring_header, then records, oldest first; a trace that was
 *            streamed out has many, in the order of writing
 *   END      the checksum of everything before it
 *
 * Little-endian. A file without END was cut off; one whose sum differs is damaged.
 */
#ifndef HST_H
#define HST_H

#include <stdio.h>
#include "hv/trace_mem.h"

#define HST_MAGIC   0x31454c4946545348ULL /* "HSTFILE1" */
#define HST_VERSION 2                     /* 1 had one RING a hart */

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
	u32 type; /* enum hst_type; a reader skips those that it does not know */
	u32 hart; /* STATS, RING */
	u64 size; /* bytes that follow, without padding */
};

struct hst_slot {
	u64 slot;
	struct exit_stat stat;
};

struct hst_ring_header {
	u64 total; /* records that the hart has written so far */
	u64 lost;  /* of them: overwritten, or half written; the others are in this file */
};

struct hst_end {
	u64 sum; /* hst_sum() over the file up to this section's header */
};

#define HST_MAX_HARTS  64
#define HST_MAX_EVENTS (1U << TRACE_EVENT_BITS)
#define HST_MAX_SLOTS  256

/* A running sum over 8-byte words; size is a multiple of 8 except in the last call. */
u64 hst_sum(u64 sum, const void *data, size_t size);
#define HST_SUM_START 0xcbf29ce484222325ULL

/* ---- a file, opened (file.c) ---- */

/* ORDER: kinds (events.def). What a field is; a kind of a later version is read as hex. */
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

#define HST_WORD_SIZE 64 /* of an event's or field's name, with its NUL: letters, digits, _ */

struct hst_event {
	const char *name;
	const char *meaning;
	unsigned int nr_fields;
	struct {
		const char *kind; /* the trace's own word */
		const char *name;
		enum hst_kind type; /* what this hstrace makes of it */
	} field[TRACE_ARGS];
};

struct hst_extent {
	u64 first;    /* the hart's record, as hst_read() counts them */
	off_t offset; /* in the file */
};

struct hst_ring {
	u64 total, lost;
	u64 count; /* records in the file */
	size_t nr_extents;
	struct hst_extent *extent; /* 16 bytes for each RING section */
};

/* What events say of an exit's class (exit_class.c). */
struct hst_exit_events {
	u8 clue[HST_MAX_EVENTS];  /* by the file's number */
	u8 field[HST_MAX_EVENTS]; /* that the clue is in */
	u8 slot[HST_MAX_SLOTS];   /* the trace's slot of such a class; 0: it has none */
};

struct hst_file {
	int fd;
	const char *path;
	bool damaged;  /* cut off, or changed: only what can be read is in here */
	char why[128]; /* what is wrong with it */
	struct trace_mem mem;
	char *meta;    /* NUL-terminated; "" if none */
	char *formats; /* cut into words that events and classes point to */
	char *unnamed; /* names of the events that the table lacks */
	unsigned int nr_events, nr_classes;
	struct hst_event events[HST_MAX_EVENTS]; /* beyond nr_events: event_N, five hex fields */
	const char *class_title[HST_MAX_SLOTS];
	struct hst_exit_events exits;
	struct hst_ring ring[HST_MAX_HARTS];
	struct exit_stat *stat[HST_MAX_SLOTS]; /* all harts together; NULL: no exit */
	u64 hist_sum[HST_MAX_SLOTS];           /* of its buckets, without their 32-bit limit */
	u64 *hist[HST_MAX_SLOTS];
	bool told_none; /* that a selection chooses none of its events: said once */
};

/*
 * Opens and checks all of it; on failure says why on standard error: -1. Of a damaged trace it
 * says what is wrong, too, but what can be read is there and the answer is 0; hst_finish() then
 * makes the command's exit status 1.
 */
int hst_open(struct hst_file *file, const char *path);
/* The same of a descriptor that is open, and is the file's from now on; path is for messages. */
int hst_open_fd(struct hst_file *file, int fd, const char *path);
void hst_close(struct hst_file *file);
/* Records from..from+n-1 of a hart; -1 (and says why) if they cannot be read. */
int hst_read(struct hst_file *file, unsigned int hart, u64 from, struct trace_record *records,
	     size_t n);
/* Store what is wrong with the file in file->why (error.c). Returns -1. */
int hst_damaged(struct hst_file *file, const char *what);
/* formats.c: file->formats into events and classes; 0, or -1 and file->why. */
int hst_formats_parse(struct hst_file *file);
/* The number after NAME= in the meta text, or `fallback`. */
u64 hst_meta(const struct hst_file *file, const char *name, u64 fallback);
/* The text after NAME= in the meta text (its length in *len), or NULL. */
const char *hst_meta_text(const struct hst_file *file, const char *name, size_t *len);

/* ---- fields as text (field.c) ---- */

#define HST_NAME_SIZE 48 /* room for any field's text, and its NUL */

/* Field i of an event as report prints it; the buffer may serve. Never NULL. */
const char *hst_field_text(const struct hst_event *event, unsigned int i, u64 value, char *buf);
/* The same into buf (HST_NAME_SIZE); returns where its NUL stands. For many events. */
char *hst_field_put(const struct hst_event *event, unsigned int i, u64 value, char *buf);
/* Is the field an s64? */
bool hst_field_signed(const struct hst_event *event, unsigned int i);
/* The index of an event's field, or -1. */
int hst_field_index(const struct hst_event *event, const char *name, size_t len);
/* What a kind's word in events.def means. */
enum hst_kind hst_kind_of(const char *word);
/* Decimal and hexadecimal (with 0x) digits and a NUL at p; returns where the NUL stands. */
char *hst_put_num(char *p, u64 value);
char *hst_put_hex(char *p, u64 value);

/* ---- which events: what the options of report, export, ... choose (select.c) ---- */

struct hst_filter;
struct hst_seen;

struct hst_select {
	const char *events;        /* a list (hst_list_has), NULL: all */
	struct hst_filter *filter; /* NULL: all */
	int vm, vcpu, hart;        /* -1: any */
	u64 from, to;              /* HST_TIME_UNITS a second since the start, both included */
	u64 last;                  /* only so many at the end; 0: all */
};

#define HST_TIME_UNITS 10000000ULL /* as fine as report shows times */

#define HST_SELECT_ALL                                        \
	(struct hst_select)                                   \
	{                                                     \
		.vm = -1, .vcpu = -1, .hart = -1, .to = ~0ULL \
	}

/* Lines for a subcommand's help: the options that hst_select_option() takes. */
extern const char hst_select_help[];

/*
 * If argv[0] is an option that chooses events, takes it: the number of words it had, 0 if it
 * is none, -1 after saying what is wrong with it (exit status 2).
 */
int hst_select_option(struct hst_select *select, int argc, char **argv);
void hst_select_free(struct hst_select *select);
/* Says on standard error that the selection chooses none of the file's events; once for a file. */
void hst_select_none(struct hst_file *file, const struct hst_select *select);

/* filter.c: one more --filter rule; -1 after saying what is wrong with it (exit status 2). */
int hst_filter_add(struct hst_filter **filter, const char *text);
void hst_filter_free(struct hst_filter *filter);
/* Finds the rules' fields in the file's events; -1 (and says which) if one is nowhere. */
int hst_filter_bind(struct hst_filter *filter, const struct hst_file *file);
bool hst_filter_has(const struct hst_filter *filter, const struct hst_seen *seen);

/* ---- every event, in order (cursor.c) ---- */

struct hst_seen {
	unsigned int hart;
	const struct hst_event *event; /* never NULL */
	unsigned int event_nr;
	const struct trace_record *record; /* until the next call */
	u64 time;                          /* ticks (mem.timebase_hz) since tracing was set up */
	u64 instret;                       /* since then; means something if mem.instret_exact */
	int vm, vcpu;                      /* -1: none */
	bool chosen;                       /* false only if cursor->all */
};

struct hst_cursor_hart;

struct hst_cursor {
	struct hst_file *file;
	const struct hst_select *select;
	bool by_instret;
	bool all; /* set it after opening: those that are not chosen come, too */
	bool chosen[HST_MAX_EVENTS];
	u64 from, to;  /* ticks */
	u64 skip;      /* of the chosen ones, for select->last */
	u64 nr_chosen; /* so far; in all passes */
	unsigned int nr_harts;
	struct hst_cursor_hart *harts; /* those that have records left */
};

/*
 * All harts merged by time, within a hart in the order of writing; memory is bounded whatever the
 * file's size. select NULL: every event; it and the file must outlive the cursor. 0, or -1 after
 * saying why; only after 0 is there something to close.
 */
int hst_cursor_open(struct hst_cursor *cursor, struct hst_file *file,
		    const struct hst_select *select);
/* 1: one more in *seen; 0: that was all, and if it was none, says so; -1: said why. */
int hst_cursor_next(struct hst_cursor *cursor, struct hst_seen *seen);
void hst_cursor_close(struct hst_cursor *cursor);

/* ---- exits (exit_class.c) ---- */

/* One exit of a vCPU. */
struct hst_exit {
	u64 scause;
	unsigned int class; /* 0: its cause's, or not known yet */
	bool user;          /* exit_class.c: user space had a part in it */
};

/* It begins, with kvm_exit. */
void hst_exit_begin(struct hst_exit *exit, u64 scause);
/* An event of its vCPU, up to and with the kvm_entry that ends it. */
void hst_exit_event(const struct hst_file *file, struct hst_exit *exit,
		    const struct hst_seen *seen);
/* Its row of the exit table: a slot of hv/trace_mem.h. */
unsigned int hst_exit_slot(const struct hst_file *file, const struct hst_exit *exit);
/* When the file's events are known: which of them say something of an exit's class. */
void hst_exit_find_events(struct hst_file *file);

/* ---- the rest ---- */

/* names.c: names of numbers; the buffer (HST_NAME_SIZE) may serve. Never NULL. */
const char *hst_name_cause(u64 scause, char *buf);
const char *hst_name_sbi(u64 ext, char *buf);
/* "remote_sfence_vma"; "function 7" of what has no name; "" of a legacy call, which has no functions. */
const char *hst_name_sbi_function(u64 ext, u64 fid, char *buf);
const char *hst_name_sbierr(u64 error, char *buf);
const char *hst_name_reason(u64 reason, char *buf);
const char *hst_name_csr(u64 csr, char *buf);
const char *hst_name_sys(u64 number, char *buf);
const char *hst_name_err(u64 error, char *buf);
const char *hst_name_mmio(u64 type, char *buf);
const char *hst_name_mode(u64 mode, char *buf);
const char *hst_name_class(u64 class, char *buf);

/* The number that has this name (NUL-terminated) in a field of this kind. */
bool hst_name_number(enum hst_kind kind, const char *name, u64 *number);
/* All names of a kind, i from 0 on, with their numbers; NULL: no more. Errors lack their minus. */
const char *hst_name_at(enum hst_kind kind, size_t i, u64 *number);

/* trace/hstrace/save.c */
int hst_save(const char *ram, const char *out, const char *meta);
extern const char hst_save_help[];
/* trace/hstrace/follow.c: the same while the run goes on, until its end or a signal */
int hst_follow(const char *ram, const char *out, const char *meta, bool quiet);
/* trace/hstrace/report.c: the chosen events as text; columns as --columns has them, or NULL */
int hst_report(struct hst_file *file, const struct hst_select *select, const char *columns,
	       FILE *out);
extern const char hst_report_help[];
/* trace/hstrace/stat.c, trace/hstrace/table.c */
extern const char hst_stat_help[];
extern const char hst_profile_help[];      /* trace/hstrace/profile.c */
extern const char hst_diff_help[];         /* trace/hstrace/diff.c */
u64 hst_bucket_value(unsigned int bucket); /* the middle of a histogram's bucket */
/* glob.c: does the comma list of globs choose this name? As trace= does. */
bool hst_list_has(const char *list, const char *name);
/* Each word must choose an event of the file: else says which does not, and -1. */
int hst_list_check(const char *list, const struct hst_file *file);

/* ---- a file that appears whole or not at all (out.c) ---- */

struct hst_out {
	FILE *file; /* to write to; an error is looked for when it is closed */
	const char *path;
	char beside[4096]; /* its name until then; "": path itself, a device or a pipe */
};

/* 0, or -1 after saying why; only after 0 is there something to close. The path must outlive it. */
int hst_out_open(struct hst_out *out, const char *path);
/*
 * Gives the file its name, or removes it: with err (not 0: its writer has said why), or if it could
 * not be written, which is said. Returns err, or -1.
 */
int hst_out_close(struct hst_out *out, int err);

void hst_error(const char *path, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- subcommands: argv holds what follows the name; exit status 0, 1, 2 (hstrace.c) ---- */

int hst_cmd_save(int argc, char **argv);
int hst_cmd_report(int argc, char **argv);
int hst_cmd_stat(int argc, char **argv);
int hst_cmd_profile(int argc, char **argv);
int hst_cmd_diff(int argc, char **argv);
int hst_cmd_events(int argc, char **argv);
int hst_cmd_export(int argc, char **argv); /* export.c */
extern const char hst_export_help[];

/* What hst_wrong_use() ends with: set by main() (trace/hstrace/use.c). */
extern void (*hst_print_usage)(FILE *out);
/* Says what is wrong with the command line, arg (or NULL) in quotes, and the usage; returns 2. */
int hst_wrong_use(const char *what, const char *arg);
/* OUT is IN, by whichever name: says so. A run's folder is no file, but its ram in it is. */
bool hst_is_same_file(const char *in, const char *out);
/* A trace was opened that is damaged (error.c). */
extern bool hst_saw_damage;
/* The exit status of a command that wrote to standard output: 1 if err, if that failed, if a
 * trace was damaged. */
int hst_finish(int err);

#endif
