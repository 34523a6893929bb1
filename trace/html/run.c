// SPDX-License-Identifier: MIT
/*
 * run.c - read a trace for a page, in three passes over all events.
 *
 * The first pass finds the length of the run, the vCPUs and the slowest exits. The second one
 * counts everything into bins. The third one makes the same table as stat --by function. If L2 has
 * run, another one makes that of levels. Memory use depends neither on the file's size nor on the
 * run's length.
 */
#include <stdlib.h>
#include <string.h>
#include "html.h"

/* ORDER: enum html_kind. An event that lacks one of the fields listed here is only counted. */
static const struct {
	const char *name;
	const char *field[TRACE_ARGS];
} kinds[HTML_KINDS] = {
	[HTML_ENTRY] = { "kvm_entry" },
	[HTML_EXIT] = { "kvm_exit", { "scause" } },
	[HTML_USERSPACE_EXIT] = { "kvm_userspace_exit" },
	[HTML_IOCTL] = { "kvm_ioctl", { "cmd" } },
	[HTML_IOCTL_RETURN] = { "kvm_ioctl_return", { "cmd" } },
	[HTML_PAGE_FAULT] = { "kvm_page_fault", { "gpa", "scause" } },
	[HTML_MMIO] = { "kvm_mmio", { "type", "gpa", "val" } },
	[HTML_SBI_CALL] = { "kvm_sbi_call", { "ext", "fid" } },
	[HTML_SBI_RETURN] = { "kvm_sbi_return", { "ext", "fid", "error" } },
	[HTML_BLOCK] = { "kvm_vcpu_block" },
	[HTML_WAKEUP] = { "kvm_vcpu_wakeup" },
	[HTML_MAP] = { "gstage_map", { "gpa", "level" } },
	[HTML_CREATE_VM] = { "kvm_create_vm", { "vm_id" } },
	[HTML_DESTROY_VM] = { "kvm_destroy_vm", { "vm_id" } },
	[HTML_MEMSLOT] = { "kvm_memslot", { "slot", "gpa", "size" } },
	[HTML_LOAD] = { "kvm_vcpu_load" },
	[HTML_PUT] = { "kvm_vcpu_put" },
	[HTML_MSI] = { "kvm_msi", { "in_hart" } },
	[HTML_STOPEI] = { "kvm_imsic_top" },
	[HTML_CSR] = { "kvm_csr", { "csr" } },
	[HTML_INJECT] = { "kvm_inject_irq", { "hvip" } },
};

static bool has_fields(struct html_run *run, const struct hst_event *event, enum html_kind kind)
{
	for (unsigned int i = 0; i < TRACE_ARGS && kinds[kind].field[i]; i++) {
		const char *name = kinds[kind].field[i];
		int at = hst_field_index(event, name, strlen(name));

		if (at < 0)
			return false;
		run->field[kind][i] = (u8)at;
	}
	return true;
}

static void find_kinds(struct html_run *run)
{
	for (unsigned int i = 0; i < run->file->nr_events; i++)
		for (enum html_kind kind = HTML_OTHER + 1; kind < HTML_KINDS; kind++)
			if (!strcmp(run->file->events[i].name, kinds[kind].name) &&
			    has_fields(run, &run->file->events[i], kind))
				run->kind[i] = (u8)kind;
}

static u32 who_of(const struct hst_seen *seen)
{
	return seen->vm < 0 ? 0 : (u32)seen->vm | (u32)seen->vcpu << 16;
}

/* Prepare an event for all parts of `hstrace html`, and remember the last vCPU of each hart. */
static void prepare_event(struct html_run *run, const struct hst_seen *seen,
			  struct html_event *event)
{
	u32 who = who_of(seen);

	event->kind = run->kind[seen->event_nr];
	event->seen = seen;
	event->time = seen->time > run->first ? seen->time - run->first : 0;
	if (event->time > run->span) /* only if the file has changed since the first pass */
		event->time = run->span;
	for (unsigned int i = 0; i < TRACE_ARGS && kinds[event->kind].field[i]; i++)
		event->arg[i] = seen->record->arg[run->field[event->kind][i]];
	if (who)
		run->on_hart[seen->hart] = who;
	event->who = who ? who : run->on_hart[seen->hart];
}

static int out_of_memory(const struct html_run *run)
{
	hst_error(run->file->path, "out of memory");
	return -1;
}

/* ---- the passes ---- */

typedef int pass_fn(struct html_run *run, const struct html_event *event, u64 number);

static int first_pass(struct html_run *run, const struct html_event *event, u64 number)
{
	struct html_vcpu *vcpu = event->who ? html_vcpu_of(&run->vcpus, event->who) : NULL;

	run->events = number + 1;
	run->event_count[event->seen->event_nr]++;
	run->has_l2 |= event->seen->nesting == 2;
	run->vcpus.others += event->who && !vcpu;
	return vcpu ? html_vcpu_event(run, vcpu, event) : 0;
}

static int count_event(struct html_run *run, const struct html_event *event)
{
	unsigned int nr = event->seen->event_nr;

	if (!run->event_bins[nr])
		run->event_bins[nr] = calloc(HTML_EVENT_BINS, sizeof(u32));
	if (!run->event_bins[nr])
		return -1;
	run->event_bins[nr][html_bin(run, event->time, HTML_EVENT_BINS)]++;
	return 0;
}

static int second_pass(struct html_run *run, const struct html_event *event, u64 number)
{
	struct html_vcpu *vcpu = event->who ? html_vcpu_of(&run->vcpus, event->who) : NULL;

	html_mmio_event(run, event);
	html_irqchip_event(run, event);
	html_sbi_event(run, event);
	html_memory_event(run, event);
	html_windows_event(run, event, number);
	html_vcpus_destroy(run, event);
	return count_event(run, event) || (vcpu && html_vcpu_event(run, vcpu, event)) ? -1 : 0;
}

static int pass(struct html_run *run, pass_fn *fn)
{
	struct html_event event;
	struct hst_cursor cursor;
	struct hst_seen seen;
	u64 number = 0;
	int got;

	memset(run->on_hart, 0, sizeof(run->on_hart));
	if (hst_cursor_open(&cursor, run->file, run->select))
		return -1;
	while ((got = hst_cursor_next(&cursor, &seen)) > 0) {
		if (!number)
			run->first = seen.time;
		if (fn == first_pass && seen.time > run->first &&
		    seen.time - run->first > run->span)
			run->span = seen.time - run->first;
		prepare_event(run, &seen, &event);
		if ((seen.gap && html_vcpus_forget(run)) || fn(run, &event, number++)) {
			got = out_of_memory(run);
			break;
		}
	}
	hst_cursor_close(&cursor);
	return got;
}

static int allocate(struct html_run *run)
{
	run->event_bins = calloc(HST_MAX_EVENTS, sizeof(*run->event_bins));
	run->slot_exits = calloc(HST_MAX_SLOTS, sizeof(*run->slot_exits));
	run->level_exits = calloc(HST_MAX_SLOTS, sizeof(*run->level_exits));
	run->registers = calloc(HTML_REGISTERS, sizeof(*run->registers));
	run->register_hash = calloc(2 * HTML_REGISTERS, sizeof(*run->register_hash));
	run->calls = calloc(HTML_CALLS, sizeof(*run->calls));
	run->memory = calloc(HTML_SLOTS, sizeof(*run->memory));
	return run->event_bins && run->slot_exits && run->level_exits && run->registers &&
			       run->register_hash && run->calls && run->memory &&
			       !html_windows_start(run) && !html_vcpus_alloc(&run->vcpus)
		       ? 0
		       : out_of_memory(run);
}

/* Find out whether a ring that lost records still has its hart's first one. */
static int find_first(struct html_run *run)
{
	struct trace_record record;

	for (unsigned int hart = 0; hart < HST_MAX_HARTS; hart++) {
		if (!run->file->ring[hart].lost || !run->file->ring[hart].count)
			continue;
		if (hst_read(run->file, hart, 0, &record, 1))
			return -1;
		run->keeps_first |= !TRACE_SEQ_OF(record.seq_event);
	}
	return 0;
}

static bool was_seen(const struct html_run *run, enum html_kind kind)
{
	for (unsigned int i = 0; i < HST_MAX_EVENTS; i++)
		if (run->kind[i] == kind && run->event_count[i])
			return true;
	return false;
}

static int read_functions(struct html_run *run)
{
	hst_table_init(&run->functions, HST_BY_FUNCTION, run->file);
	run->functions.guest = run->guest;
	run->functions.classes = true;
	return hst_table_from_events(&run->functions, run->file, run->select);
}

int html_read(struct html_run *run, struct hst_file *file, const struct hst_select *select,
	      struct hst_guest *guest)
{
	*run = (struct html_run){ .file = file, .select = select, .unit = hst_unit_of(file) };
	run->guest = guest;
	find_kinds(run);
	if (allocate(run) || find_first(run) || pass(run, first_pass))
		return -1;
	run->span += !run->span;
	run->has_states = was_seen(run, HTML_ENTRY) && was_seen(run, HTML_EXIT);
	if (html_vcpus_start(&run->vcpus) || html_windows_choose(run))
		return out_of_memory(run);
	if (pass(run, second_pass))
		return -1;
	if (html_vcpus_end(run))
		return out_of_memory(run);
	if (run->has_l2 && levels_recorded(file) && levels_read(&run->levels, file, select, NULL))
		return -1;
	return read_functions(run);
}

void html_free(struct html_run *run)
{
	for (unsigned int i = 0; run->event_bins && i < HST_MAX_EVENTS; i++)
		free(run->event_bins[i]);
	free(run->event_bins);
	free(run->slot_exits);
	free(run->level_exits);
	levels_free(&run->levels);
	free(run->registers);
	free(run->register_hash);
	free(run->calls);
	free(run->memory);
	hst_table_free(&run->functions);
	html_vcpus_free(&run->vcpus);
	html_windows_free(run);
}
