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
 *   RING     per hart: struct hst_ring_header, then records, oldest first
 *   END      the checksum of everything before it
 *
 * Little-endian. A file without END was cut off; one whose sum differs is damaged.
 */
#ifndef HST_H
#define HST_H

#include <stdio.h>
#include "hv/trace_mem.h"

#define HST_MAGIC   0x31454c4946545348ULL /* "HSTFILE1" */
#define HST_VERSION 1

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
	u64 total; /* records that the hart wrote */
	u64 lost;  /* of them: overwritten, or half written; the others follow */
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

/* ---- a file, opened (hst_file.c) ---- */

struct hst_event {
	const char *name;
	const char *meaning;
	unsigned int nr_fields;
	struct {
		const char *kind;
		const char *name;
	} field[TRACE_ARGS];
};

struct hst_ring {
	u64 total, lost;
	u64 count;    /* records in the file */
	off_t offset; /* of the first */
};

struct hst_file {
	int fd;
	const char *path;
	struct trace_mem mem;
	char *meta;    /* NUL-terminated; "" if none */
	char *formats; /* cut into words that events and classes point to */
	unsigned int nr_events, nr_classes;
	struct hst_event events[HST_MAX_EVENTS];
	const char *class_title[HST_MAX_SLOTS];
	struct hst_ring ring[HST_MAX_HARTS];
	struct exit_stat *stat[HST_MAX_SLOTS]; /* all harts together; NULL: no exit */
	u64 hist_sum[HST_MAX_SLOTS];           /* of its buckets, without their 32-bit limit */
	u64 *hist[HST_MAX_SLOTS];
};

/* Opens and checks all of it; on failure says why on standard error. -1 or 0. */
int hst_open(struct hst_file *file, const char *path);
void hst_close(struct hst_file *file);
/* Records from..from+n-1 of a hart; -1 (and says why) if they cannot be read. */
int hst_read(const struct hst_file *file, unsigned int hart, u64 from, struct trace_record *records,
	     size_t n);
/* The number after NAME= in the meta text, or `fallback`. */
u64 hst_meta(const struct hst_file *file, const char *name, u64 fallback);

/* ---- the rest ---- */

/* hst_names.c: names of numbers; the buffer may serve. Never NULL. */
#define HST_NAME_SIZE 48
const char *hst_name_cause(u64 scause, char *buf);
const char *hst_name_sbi(u64 ext, char *buf);
const char *hst_name_sbierr(u64 error, char *buf);
const char *hst_name_reason(u64 reason, char *buf);
const char *hst_name_csr(u64 csr, char *buf);
const char *hst_name_sys(u64 number, char *buf);
const char *hst_name_err(u64 error, char *buf);

/* hst_save.c */
int hst_save(const char *ram, const char *out, const char *meta);
/* hst_report.c; events: a list or NULL for all; last: only so many at the end, 0 for all */
int hst_report(struct hst_file *file, const char *events, u64 last, FILE *out);
/* hst_stat.c */
int hst_stat(struct hst_file *file, FILE *out);
u64 hst_bucket_value(unsigned int bucket); /* the middle of a histogram's bucket */
/* hst_glob.c: does the comma list of globs choose this name? As trace= does. */
bool hst_list_has(const char *list, const char *name);

void hst_error(const char *path, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
