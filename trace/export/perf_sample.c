// SPDX-License-Identifier: MIT
/*
 * perf_sample.c - export the event `sample` as perf's cpu-clock, so that perf report can show
 * symbols.
 *
 * All samples are marked as user code, for which perf uses a process's memory maps: hyperscope's
 * kernel is mapped in the host's process, a guest's kernel in its VM's process, and a host program
 * in its own. For samples in a kernel, perf would use the kernel of the machine on which it runs,
 * and perf report has no option to use a guest's kernel instead.
 *
 * The ELF files that perf opens contain only symbols and are written to the folder OUT.symbols. The
 * original files would not do, because a kallsyms list is not an ELF file, and because perf 6.1
 * mistakes mapping symbols ($x) for functions.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include "perf.h"

#define MAX_ANNOUNCED 65536
#define HOST_TIDS     0x20000000U /* ORed into a vCPU's tid while its thread runs in the host */
#define IDLE_TID      0x2fffffffU
#define LARGE_PIDS    0x40000000U /* ORed into a pid that could be taken for a VM's or the host's */

void perf_put_comm(FILE *out, const struct perf_sample_id *id, const char *name)
{
	struct {
		struct perf_event_header header;
		u32 pid, tid;
		char name[(HST_PROGRAM_NAME + 7) / 8 * 8];
		struct perf_sample_id id;
	} comm = { { PERF_RECORD_COMM, 0, sizeof(comm) }, id->pid, id->tid, "", *id };

	snprintf(comm.name, sizeof(comm.name), "%s", name);
	fwrite(&comm, sizeof(comm), 1, out);
}

static void put_mmaps(FILE *out, const struct perf_sample_id *id, const struct hst_symbols *s,
		      u64 moved, const char *path)
{
	char name[4096 + 8] = "";
	size_t size = (size_t)snprintf(name, 4096, "%s", path) / 8 * 8 + 8;
	struct {
		struct perf_event_header header;
		u32 pid, tid;
		u64 address, size, offset;
	} mmap = { { PERF_RECORD_MMAP, PERF_RECORD_MISC_USER, 0 }, id->pid, id->pid, 0, 0, 0 };

	mmap.header.size = (u16)(sizeof(mmap) + size + sizeof(*id));
	for (unsigned int i = 0; i < s->nr_segments; i++) {
		/* Map whole pages, as mmap() does. */
		u64 before = s->segment[i].address % 4096;

		if (before > s->segment[i].offset)
			before = 0;
		mmap.address = s->segment[i].address - before + moved;
		mmap.size = (s->segment[i].size + before + 4095) / 4096 * 4096;
		mmap.offset = s->segment[i].offset - before;
		fwrite(&mmap, sizeof(mmap), 1, out);
		fwrite(name, size, 1, out);
		fwrite(id, sizeof(*id), 1, out);
	}
}

static bool is_used(const struct perf_clock *clock, const char *path)
{
	for (size_t i = 0; i < clock->nr_files; i++)
		if (!strcmp(clock->file[i].path, path))
			return true;
	return false;
}

/*
 * Write NAME into job->folder, from where it is moved to OUT.symbols if the export succeeds. Returns
 * its absolute path there, or NULL after printing the reason.
 */
static char *make_file(struct perf_clock *clock, struct export_job *job,
		       const struct hst_symbols *s, const char *name)
{
	char folder[4000], path[4096], temporary[4096];
	char *absolute;
	int len;

	snprintf(folder, sizeof(folder), "%s.symbols.XXXXXX", job->out);
	if (!job->folder && mkdtemp(folder))
		job->folder = strdup(folder);
	absolute = job->folder ? realpath(job->folder, NULL) : NULL;
	if (!absolute) {
		hst_error(folder, "cannot be created: %s", strerror(errno));
		return NULL;
	}
	len = (int)strlen(absolute) - (int)strlen(".XXXXXX");
	snprintf(path, sizeof(path), "%.*s/%.32s", len, absolute, name);
	if (is_used(clock, path)) /* for example, by a program named "hyperscope" */
		snprintf(path, sizeof(path), "%.*s/%.32s.%zu", len, absolute, name,
			 clock->nr_files);
	free(absolute);
	snprintf(temporary, sizeof(temporary), "%s%s", job->folder, strrchr(path, '/'));
	return export_symbol_file(temporary, s) ? NULL : strdup(path);
}

static const char *file_of(struct perf_clock *clock, struct export_job *job,
			   const struct hst_symbols *s, const char *name)
{
	char *path;

	for (size_t i = 0; i < clock->nr_files; i++)
		if (clock->file[i].symbols == s)
			return clock->file[i].path;
	path = clock->nr_files < PERF_MAX_FILES ? make_file(clock, job, s, name) : NULL;
	if (!path)
		return NULL;
	clock->file[clock->nr_files].symbols = s;
	clock->file[clock->nr_files].path = path;
	return clock->file[clock->nr_files++].path;
}

static int by_tid(const void *a, const void *b)
{
	const struct perf_announced *x = a, *y = b;

	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

/*
 * Return the entry of thread `tid`, and add the entry if the thread is new. Returns NULL if there
 * are too many threads or memory runs out.
 */
static struct perf_announced *announced_of(struct perf_clock *clock, u32 tid)
{
	struct perf_announced *announced, **found;

	if (!clock->announced) /* the extra entry is tfind()'s key when all others are used */
		clock->announced = calloc(MAX_ANNOUNCED + 1, sizeof(*clock->announced));
	if (!clock->announced)
		return NULL;
	announced = &clock->announced[clock->n];
	announced->tid = tid;
	found = clock->n < MAX_ANNOUNCED ? tsearch(announced, &clock->announced_tree, by_tid)
					 : tfind(announced, &clock->announced_tree, by_tid);
	if (found && *found == announced)
		clock->n++;
	return found ? *found : NULL;
}

/*
 * Set a sample's pid and tid; `guest` says whether its event has a vCPU. Returns the thread's name.
 */
static const char *set_ids(const struct hst_place *place, const struct export_thread *vcpu,
			   bool guest, struct perf_sample_id *id)
{
	id->pid = EXPORT_HOST_TID;
	switch (place->mode) {
	case HST_MODE_U:
		id->pid = id->tid =
			place->pid > 1 && place->pid < 10000 ? place->pid : LARGE_PIDS | place->pid;
		return place->program;
	case HST_MODE_VS:
	case HST_MODE_VU:
		id->pid = vcpu->pid;
		id->tid = vcpu->tid;
		return vcpu->name;
	case HST_MODE_IDLE:
		id->tid = IDLE_TID;
		return "idle";
	default:
		id->tid = guest ? HOST_TIDS | vcpu->tid : EXPORT_HOST_TID;
		return guest ? vcpu->name : "host";
	}
}

/*
 * Write the records that perf needs before a sample of a thread: the thread's name and its maps, if
 * they have changed since the thread's last sample. Returns 0, or -1 after printing the reason.
 */
static int announce(struct perf_clock *clock, struct export_job *job, FILE *out,
		    const struct hst_place *place, const struct perf_sample_id *id,
		    const char *name)
{
	struct perf_announced *announced = announced_of(clock, id->tid);
	bool renamed = announced && strcmp(announced->name, name);
	const char *path;

	if (!announced)
		return 0;
	if (renamed) {
		snprintf(announced->name, sizeof(announced->name), "%s", name);
		perf_put_comm(out, id, name);
		/*
		 * perf keeps old maps: cover them, because otherwise perf would use them to name
		 * the new program's code.
		 */
		if (announced->symbols)
			put_mmaps(out, id, announced->symbols, announced->moved, "//anon");
		announced->symbols = NULL;
	}
	if (!place->symbols || place->symbols == announced->symbols)
		return 0;
	path = file_of(clock, job, place->symbols, place->program);
	if (!path)
		return -1;
	announced->symbols = place->symbols;
	announced->moved = place->moved;
	put_mmaps(out, id, place->symbols, place->moved, path);
	return 0;
}

int perf_clock_put(struct perf_clock *clock, struct export_job *job, FILE *out,
		   const struct hst_seen *seen, const struct export_thread *thread)
{
	struct perf_sample_id id = { .time = export_ns(job->file, seen->time),
				     .cpu = seen->hart,
				     .id = PERF_CLOCK_ID };
	struct {
		struct perf_event_header header;
		u64 id, ip;
		u32 pid, tid;
		u64 time;
		u32 cpu, reserved;
		u64 period;
	} sample = { .header = { PERF_RECORD_SAMPLE, PERF_RECORD_MISC_USER, sizeof(sample) } };
	struct hst_place place;
	const char *name;

	if (strcmp(seen->event->name, "sample"))
		return 0;
	/*
	 * hst_images_load() reads the whole trace to find the programs of pids, so call it only if
	 * there is a sample.
	 */
	if (!clock->occurs && hst_images_load(job->images, job->file))
		return -1;
	clock->occurs = true;
	if (!hst_images_place(job->images, seen, &place))
		return 0;
	name = set_ids(&place, thread, seen->vm >= 0, &id);
	if (announce(clock, job, out, &place, &id, name))
		return -1;
	sample.id = id.id;
	sample.ip = place.pc;
	sample.pid = id.pid;
	sample.tid = id.tid;
	sample.time = id.time;
	sample.cpu = id.cpu;
	sample.period = export_ns(job->file, place.period);
	fwrite(&sample, sizeof(sample), 1, out);
	return 0;
}

int perf_map_guest(struct perf_clock *clock, struct export_job *job, FILE *out, u64 pc,
		   const struct perf_sample_id *id, const struct export_thread *thread)
{
	struct hst_place place = { .mode = HST_MODE_VS, .pc = pc, .program = "guest-kernel" };
	struct hst_guest *guest = hst_images_guest(job->images);
	struct hst_code code;

	if (!clock->guest_loaded && hst_guest_load(guest, job->file))
		return -1;
	clock->guest_loaded = true;
	hst_guest_find(guest, pc, false, &code);
	if (code.kind != HST_CODE_FUNCTION)
		return 0;
	place.symbols = code.symbols;
	return announce(clock, job, out, &place, id, thread->name);
}

void perf_clock_free(struct perf_clock *clock)
{
	for (size_t i = 0; i < clock->nr_files; i++)
		free(clock->file[i].path);
	tdestroy(clock->announced_tree, hst_keep_node);
	free(clock->announced);
}
