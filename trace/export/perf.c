// SPDX-License-Identifier: MIT
/*
 * perf.c - export to perf.data in file mode: tracepoints of arch riscv64.
 *
 * The layout is that of tools/perf/Documentation/perf.data-file-format.txt in Linux's source, with
 * the records of perf_event_open(2). The order in the file is: header, records, features,
 * attributes. perf expects the features directly after the records, and finds the attributes
 * through the header. Because the attributes come last, one pass over the events suffices to list
 * only those that occur.
 *
 * Every event in the file's list is an attribute with one id. The event `sample` is exported a
 * second time, as cpu-clock (perf_sample.c). A tracepoint's sample consists of id, pid, tid, time,
 * hart, period and the record that tracefs.c describes; kvm_exit's also has an address, sepc, for
 * which perf finds the guest's symbols.
 */
#include <stdlib.h>
#include <string.h>
#include "perf.h"

#define FINISHED_ROUND 68   /* record type: lets perf sort and process earlier rounds */
#define ROUND          4096 /* samples */

/* Features, by their bit in the header. */
enum {
	FEATURE_TRACING_DATA = 1,
	FEATURE_HOSTNAME = 3,
	FEATURE_OSRELEASE = 4,
	FEATURE_VERSION = 5,
	FEATURE_ARCH = 6,
	FEATURE_NRCPUS = 7,
	FEATURE_CPUDESC = 8,
	FEATURE_CPUID = 9,
	FEATURE_CMDLINE = 11,
	FEATURE_SAMPLE_TIME = 21,
	FEATURE_END,
};

struct section {
	u64 offset, size;
};

struct file_header {
	char magic[8];
	u64 size;
	u64 attr_size;
	struct section attrs, data, event_types;
	u64 features[4];
};

struct attr {
	struct perf_event_attr attr;
	struct section ids;
};

struct sample_start {
	struct perf_event_header header;
	u64 id;
	u64 ip; /* only in samples of kvm_exit */
};

struct sample {
	u32 pid, tid;
	u64 time;
	u32 cpu, reserved;
	u64 period;
	u32 size;                                      /* of the record */
	char record[sizeof(struct export_record) + 4]; /* length depends on the event's fields */
};

struct perf {
	struct export_job *job;
	FILE *out;
	struct export_threads threads;
	bool occurs[HST_MAX_EVENTS];
	bool lost_announced[HST_MAX_HARTS];
	u64 first, last;
	unsigned int exit; /* number of kvm_exit; HST_MAX_EVENTS: the trace has no such event */
	unsigned int sepc; /* index of its field */
	struct perf_clock clock;
};

static struct perf_sample_id id_of(const struct perf *perf, const struct hst_seen *seen,
				   const struct export_thread *thread)
{
	return (struct perf_sample_id){
		.pid = thread->pid,
		.tid = thread->tid,
		.time = export_ns(perf->job->file, seen->time),
		.cpu = seen->hart,
		.id = seen->event_nr + 1,
	};
}

/* ---- records ---- */

static void put_lost(const struct perf *perf, const struct perf_sample_id *id, u64 lost)
{
	struct {
		struct perf_event_header header;
		u64 id_of_event;
		u64 lost;
		struct perf_sample_id id;
	} record = { { PERF_RECORD_LOST, 0, sizeof(record) }, id->id, lost, *id };

	fwrite(&record, sizeof(record), 1, perf->out);
}

static void put_sample(const struct perf *perf, const struct hst_seen *seen,
		       const struct export_thread *thread, const struct perf_sample_id *id)
{
	bool is_exit = seen->event_nr == perf->exit;
	size_t start_size =
		is_exit ? sizeof(struct sample_start) : offsetof(struct sample_start, ip);
	struct sample_start start = {
		.header = { PERF_RECORD_SAMPLE,
			    is_exit ? PERF_RECORD_MISC_USER : PERF_RECORD_MISC_HYPERVISOR, 0 },
		.id = id->id,
		.ip = is_exit ? seen->record->arg[perf->sepc] : 0,
	};
	struct sample sample = {
		.pid = id->pid,
		.tid = id->tid,
		.time = id->time,
		.cpu = id->cpu,
		.period = 1,
	};
	struct export_record record;
	size_t size = export_record_fill(perf->job, &record, seen, thread);

	memcpy(sample.record, &record, size);
	/* size and record together have to fill 8-byte words: append 4 zero bytes. */
	sample.size = (u32)size + 4;
	size = offsetof(struct sample, record) + sample.size;
	start.header.size = (u16)(start_size + size);
	fwrite(&start, start_size, 1, perf->out);
	fwrite(&sample, size, 1, perf->out);
}

static int put_event(void *arg, const struct hst_seen *seen)
{
	struct perf *perf = arg;
	static const struct perf_event_header round = { FINISHED_ROUND, 0, sizeof(round) };
	const struct export_thread *thread;
	struct perf_sample_id id;
	bool isnew;

	thread = export_thread_of(&perf->threads, seen, &isnew);
	if (!thread)
		return -1;
	id = id_of(perf, seen, thread);
	if (isnew)
		perf_put_comm(perf->out, &id, thread->name);
	if (!perf->lost_announced[seen->hart] && perf->job->file->ring[seen->hart].lost)
		put_lost(perf, &id, perf->job->file->ring[seen->hart].lost);
	perf->lost_announced[seen->hart] = true;
	if (seen->event_nr == perf->exit &&
	    perf_map_guest(&perf->clock, perf->job, perf->out, seen->record->arg[perf->sepc], &id,
			   thread))
		return -1;
	put_sample(perf, seen, thread, &id);
	if (perf_clock_put(&perf->clock, perf->job, perf->out, seen, thread))
		return -1;
	perf->occurs[seen->event_nr] = true;
	if (perf->job->count == 1 || id.time < perf->first)
		perf->first = id.time;
	if (id.time > perf->last)
		perf->last = id.time;
	if (perf->job->count % ROUND == 0)
		fwrite(&round, sizeof(round), 1, perf->out);
	return 0;
}

/* ---- features ---- */

static void put_string(FILE *out, const char *text)
{
	u32 size = (u32)(strlen(text) + 64) / 64 * 64; /* including the NUL; padded as in perf */
	char padded[256] = "";

	snprintf(padded, sizeof(padded), "%s", text);
	fwrite(&size, sizeof(size), 1, out);
	fwrite(padded, 1, size, out);
}

/* perf requires some of these features: its conversion to JSON crashes without them. */
static const struct {
	unsigned char feature;
	const char *text; /* NULL: put_feature() */
} features[] = {
	{ FEATURE_TRACING_DATA, NULL },      { FEATURE_HOSTNAME, "hyperscope" },
	{ FEATURE_OSRELEASE, "hyperscope" }, { FEATURE_VERSION, "hstrace" },
	{ FEATURE_ARCH, "riscv64" },         { FEATURE_NRCPUS, NULL },
	{ FEATURE_CPUDESC, "riscv64" },      { FEATURE_CPUID, "riscv64" },
	{ FEATURE_CMDLINE, NULL },           { FEATURE_SAMPLE_TIME, NULL },
};

#define NR_FEATURES (sizeof(features) / sizeof(features[0]))

static void put_feature(const struct perf *perf, unsigned int feature)
{
	u32 words[2] = { perf->job->file->mem.nr_harts, perf->job->file->mem.nr_harts };
	u64 times[2] = { perf->first, perf->last };

	switch (feature) {
	case FEATURE_TRACING_DATA:
		export_tracing_data(perf->job, "0.6", perf->occurs, &perf->threads, perf->out);
		break;
	case FEATURE_NRCPUS:
		fwrite(words, sizeof(words), 1, perf->out);
		break;
	case FEATURE_CMDLINE:
		words[0] = 2; /* number of strings in the command line */
		fwrite(words, sizeof(words[0]), 1, perf->out);
		put_string(perf->out, "hstrace");
		put_string(perf->out, "export");
		break;
	case FEATURE_SAMPLE_TIME:
		fwrite(times, sizeof(times), 1, perf->out);
		break;
	}
}

/* Write the features: a table of their sections, in the order of their bits, then the contents. */
static void put_features(const struct perf *perf, struct file_header *header)
{
	struct section section[NR_FEATURES] = { 0 };
	long table = ftell(perf->out);

	fwrite(section, sizeof(section), 1, perf->out);
	for (size_t i = 0; i < NR_FEATURES; i++) {
		section[i].offset = (u64)ftell(perf->out);
		if (features[i].text)
			put_string(perf->out, features[i].text);
		else
			put_feature(perf, features[i].feature);
		section[i].size = (u64)ftell(perf->out) - section[i].offset;
		header->features[0] |= 1ULL << features[i].feature;
	}
	fseek(perf->out, table, SEEK_SET);
	fwrite(section, sizeof(section), 1, perf->out);
	fseek(perf->out, 0, SEEK_END);
}

/* ---- attributes ---- */

static void put_clock_attr(const struct perf *perf, struct attr *tracepoint)
{
	struct attr clock = *tracepoint;

	clock.attr.type = PERF_TYPE_SOFTWARE;
	clock.attr.config = PERF_COUNT_SW_CPU_CLOCK;
	clock.attr.sample_type ^= PERF_SAMPLE_RAW | PERF_SAMPLE_IP;
	fwrite(&clock.attr, PERF_ATTR_SIZE_VER5, 1, perf->out);
	fwrite(&clock.ids, sizeof(clock.ids), 1, perf->out);
	tracepoint->ids.offset += sizeof(u64);
}

static void put_attrs(const struct perf *perf, struct file_header *header)
{
	struct attr attr = {
		.attr = {
			.type = PERF_TYPE_TRACEPOINT,
			.size = PERF_ATTR_SIZE_VER5,
			.sample_period = 1,
			.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |
				       PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD | PERF_SAMPLE_RAW,
			.sample_id_all = 1,
			.exclude_kernel = 1, /* else perf warns about missing kernel symbols */
		},
		.ids = { .size = sizeof(u64) },
	};
	u64 n = perf->clock.occurs, id = PERF_CLOCK_ID;

	for (unsigned int i = 0; i < HST_MAX_EVENTS; i++)
		n += perf->occurs[i];
	header->attr_size = PERF_ATTR_SIZE_VER5 + sizeof(attr.ids);
	header->attrs.offset = (u64)ftell(perf->out);
	header->attrs.size = n * header->attr_size;
	attr.ids.offset = header->attrs.offset + header->attrs.size;
	/* cpu-clock comes first, so that perf report begins with it. */
	if (perf->clock.occurs)
		put_clock_attr(perf, &attr);
	for (unsigned int i = 0; i < HST_MAX_EVENTS; i++)
		if (perf->occurs[i]) {
			attr.attr.config = i + EXPORT_FIRST_ID;
			attr.attr.sample_type |= i == perf->exit ? PERF_SAMPLE_IP : 0;
			fwrite(&attr.attr, PERF_ATTR_SIZE_VER5, 1, perf->out);
			fwrite(&attr.ids, sizeof(attr.ids), 1, perf->out);
			attr.attr.sample_type &= ~(u64)PERF_SAMPLE_IP;
			attr.ids.offset += sizeof(id);
		}
	if (perf->clock.occurs)
		fwrite(&id, sizeof(id), 1, perf->out);
	for (unsigned int i = 0; i < HST_MAX_EVENTS; i++)
		if (perf->occurs[i]) {
			id = i + 1;
			fwrite(&id, sizeof(id), 1, perf->out);
		}
}

static void find_exit(struct perf *perf)
{
	const struct hst_file *file = perf->job->file;
	int exit = hst_event_index(file, "kvm_exit");
	int sepc = hst_event_field(file, exit, "sepc");

	perf->exit = sepc < 0 ? HST_MAX_EVENTS : (unsigned int)exit;
	perf->sepc = sepc < 0 ? 0 : (unsigned int)sepc;
}

static int write_perf(struct export_job *job, FILE *out)
{
	struct file_header header = { .magic = "PERFILE2", .size = sizeof(header) };
	struct perf perf = { .job = job, .out = out };
	int err;

	fwrite(&header, sizeof(header), 1, out); /* a placeholder, rewritten below */
	header.data.offset = sizeof(header);
	find_exit(&perf);
	err = export_each(job, out, put_event, &perf);
	header.data.size = (u64)ftell(out) - header.data.offset;
	if (!err) {
		put_features(&perf, &header);
		put_attrs(&perf, &header);
		fseek(out, 0, SEEK_SET);
		fwrite(&header, sizeof(header), 1, out);
	}
	free(perf.threads.thread);
	perf_clock_free(&perf.clock);
	return err;
}

const struct export_format export_perf = {
	.write = write_perf,
};
