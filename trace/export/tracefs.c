// SPDX-License-Identifier: MIT
/*
 * tracefs.c - write event descriptions in tracefs's text format, which perf.data and trace.dat
 * contain. perf, trace-cmd and KernelShark read them with libtraceevent.
 *
 * An event's "print fmt" prints its fields as hstrace report does, except for numbers without a
 * name (0x1f, where report has exception_31) and errors (-2, not -ENOENT).
 */
#include <stdlib.h>
#include <string.h>
#include "export.h"

size_t export_record_fill(const struct export_job *job, struct export_record *record,
			  const struct hst_seen *seen, const struct export_thread *thread)
{
	unsigned int n = seen->event->nr_fields;

	*record = (struct export_record){
		.type = (u16)(seen->event_nr + EXPORT_FIRST_ID),
		.pid = (s32)thread->tid,
		.vm = seen->vm < 0 ? 0 : (u32)seen->vm,
		.vcpu = seen->vm < 0 ? 0 : (u32)seen->vcpu,
		.instret = job->file->mem.instret_exact ? seen->instret : 0,
	};
	memcpy(record->field, seen->record->arg, n * sizeof(record->field[0]));
	for (unsigned int i = 0; i < n; i++)
		if (seen->event->field[i].type == HST_TEXT) {
			char text[HST_NAME_SIZE] = "";

			hst_field_put(seen->event, i, seen->record->arg[i], text);
			memcpy(&record->field[i], text, sizeof(record->field[i]));
		}
	return offsetof(struct export_record, field) + n * sizeof(record->field[0]);
}

/* ---- one event's format ---- */

static void put_field(FILE *out, const char *type, const char *name, size_t offset, size_t size,
		      bool is_signed)
{
	fprintf(out, "\tfield:%s %s;\toffset:%zu;\tsize:%zu;\tsigned:%d;\n", type, name, offset,
		size, is_signed);
}

/*
 * Describe a field that all events have. Append '_' to its name until none of the event's own
 * fields has the same name.
 */
static void put_own_field(FILE *out, const struct hst_event *event, const char *type,
			  const char *name, size_t offset, size_t size)
{
	char own[32];

	snprintf(own, sizeof(own), "%s", name);
	for (size_t len = strlen(own); hst_field_index(event, own, len) >= 0; len++)
		memcpy(own + len, "_", 2);
	put_field(out, type, own, offset, size, false);
}

static const char *conversion(enum hst_kind kind)
{
	switch (kind) {
	case HST_HEX:
		return "0x%llx";
	case HST_NUM:
	case HST_FLAG:
		return "%llu";
	case HST_DEC:
	case HST_ERR:
		return "%lld";
	default:
		return "%s";
	}
}

static void put_argument(FILE *out, const char *name, enum hst_kind kind)
{
	const char *text;
	u64 value;

	if (strcmp(conversion(kind), "%s") || kind == HST_TEXT) {
		fprintf(out, ", REC->%s", name);
		return;
	}
	fprintf(out, ", __print_symbolic(REC->%s", name);
	for (size_t i = 0; (text = hst_name_at(kind, i, &value)); i++)
		fprintf(out, ", { 0x%llx, \"%s\" }", value, text);
	fputc(')', out);
}

static void put_format(const struct export_job *job, const struct hst_event *event, unsigned int nr,
		       FILE *out)
{
	fprintf(out, "name: %s\nID: %u\nformat:\n", event->name, nr + EXPORT_FIRST_ID);
	put_field(out, "unsigned short", "common_type", 0, 2, false);
	put_field(out, "unsigned char", "common_flags", 2, 1, false);
	put_field(out, "unsigned char", "common_preempt_count", 3, 1, false);
	put_field(out, "int", "common_pid", 4, 4, true);
	fputc('\n', out);
	put_own_field(out, event, "unsigned int", "vm", 8, 4);
	/* perf kvm stat expects the vCPU in a field named "id". */
	put_own_field(out, event, "unsigned int", strcmp(job->system, "kvm") ? "vcpu" : "id", 12,
		      4);
	put_own_field(out, event, "u64", "instret", 16, 8);
	for (unsigned int i = 0; i < event->nr_fields; i++) {
		bool is_signed = hst_field_signed(event, i);
		bool is_text = event->field[i].type == HST_TEXT;
		char name[HST_WORD_SIZE + 3];

		snprintf(name, sizeof(name), "%s%s", event->field[i].name, is_text ? "[8]" : "");
		put_field(out,
			  is_text     ? "char"
			  : is_signed ? "s64"
				      : "u64",
			  name, offsetof(struct export_record, field) + i * 8, 8, is_signed);
	}
	fputs("\nprint fmt: \"", out);
	for (unsigned int i = 0; i < event->nr_fields; i++)
		fprintf(out, "%s%s=%s", i ? " " : "", event->field[i].name,
			conversion(event->field[i].type));
	fputc('"', out);
	for (unsigned int i = 0; i < event->nr_fields; i++)
		put_argument(out, event->field[i].name, event->field[i].type);
	fputc('\n', out);
}

/* ---- the whole description ---- */

static void put_number(FILE *out, u64 value, size_t size)
{
	fwrite(&value, 1, size, out); /* little-endian, like the machine that hstrace runs on */
}

/* Write a string, preceded by its size. size is 0 if open_memstream() ran out of memory. */
static void put_sized(FILE *out, const char *text, size_t size)
{
	put_number(out, size, 8);
	fwrite(text, 1, size, out);
}

/* Describe a page of the ring buffer, and the header of a record in it. */
static void put_headers(FILE *out)
{
	static const char event_header[] = "# the first word of a record\n"
					   "\ttype_len    :    5 bits\n"
					   "\ttime_delta  :   27 bits\n"
					   "\tarray       :   32 bits\n";
	char *text = NULL;
	size_t size = 0;
	FILE *page = open_memstream(&text, &size);

	if (page) {
		put_field(page, "u64", "timestamp", 0, 8, false);
		put_field(page, "local_t", "commit", 8, 8, true);
		put_field(page, "int", "overwrite", 8, 1, true);
		put_field(page, "char", "data", EXPORT_PAGE_HEADER,
			  EXPORT_PAGE - EXPORT_PAGE_HEADER, true);
		fclose(page);
	}
	fwrite("header_page", 1, 12, out);
	put_sized(out, text ? text : "", size);
	fwrite("header_event", 1, 13, out);
	put_sized(out, event_header, sizeof(event_header) - 1);
	free(text);
}

static void put_formats(const struct export_job *job, const bool *occurs, FILE *out)
{
	u32 n = 0;

	for (unsigned int i = 0; i < HST_MAX_EVENTS; i++)
		n += occurs[i];
	put_number(out, 0, 4); /* number of ftrace's own formats */
	put_number(out, 1, 4); /* number of systems */
	fwrite(job->system, 1, strlen(job->system) + 1, out);
	put_number(out, n, 4);
	for (unsigned int i = 0; i < HST_MAX_EVENTS; i++) {
		char *text = NULL;
		size_t size = 0;
		FILE *format = occurs[i] ? open_memstream(&text, &size) : NULL;

		if (format) {
			put_format(job, &job->file->events[i], i, format);
			fclose(format);
		}
		if (occurs[i])
			put_sized(out, text ? text : "", size);
		free(text);
	}
}

static void put_threads(const struct export_threads *threads, FILE *out)
{
	char *text = NULL;
	size_t size = 0;
	FILE *names = open_memstream(&text, &size);

	if (names) {
		for (size_t i = 0; i < threads->n; i++)
			fprintf(names, "%u %s\n", threads->thread[i].tid, threads->thread[i].name);
		fclose(names);
	}
	put_sized(out, text ? text : "", size);
	free(text);
}

void export_tracing_data(const struct export_job *job, const char *version, const bool *occurs,
			 const struct export_threads *threads, FILE *out)
{
	fwrite("\027\010\104tracing", 1, 10, out);
	fwrite(version, 1, strlen(version) + 1, out);
	put_number(out, 0, 1); /* little-endian */
	put_number(out, 8, 1); /* size of a long, in bytes */
	put_number(out, EXPORT_PAGE, 4);
	put_headers(out);
	put_formats(job, occurs, out);
	put_number(out, 0, 4); /* size of kallsyms */
	put_number(out, 0, 4); /* size of the formats of trace_printk() */
	put_threads(threads, out);
}
