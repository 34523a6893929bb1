// SPDX-License-Identifier: MIT
/*
 * write.c - write a run as JSON, for report.js to draw.
 *
 * Times are ticks since the run's first event; costs are in the run's unit. Arrays of bins are
 * compressed by json_runs().
 */
#include <stdlib.h>
#include <string.h>
#include "html.h"

static void write_meta(const struct hst_file *file, FILE *out)
{
	const char *p = file->meta ? file->meta : "";
	bool first = true;

	fputs("\"meta\":[", out);
	while (*p) {
		size_t len = strcspn(p, "\n");
		const char *equals = memchr(p, '=', len);
		size_t name = equals ? (size_t)(equals - p) : len;

		if (len) {
			fputs(first ? "[" : ",[", out);
			json_text(out, p, name);
			fputc(',', out);
			json_text(out, p + name + !!equals, len - name - !!equals);
			fputc(']', out);
			first = false;
		}
		p += len + (p[len] == '\n');
	}
	fputs("],\n", out);
}

static void write_head(const struct html_run *run, FILE *out)
{
	static const char *const units[] = {
		[HST_UNIT_NONE] = "none",
		[HST_UNIT_INSTRUCTIONS] = "instructions",
		[HST_UNIT_TIME] = "time",
	};
	const struct hst_file *file = run->file;
	bool accounted = file->mem.exit_unit != EXIT_UNIT_NONE;
	char text[1024];

	fputs("{\"path\":", out);
	json_string(out, file->path);
	fputs(",\"damage\":", out);
	json_string(out, file->damaged ? file->why : "");
	fprintf(out,
		",\"unit\":\"%s\",\"accounted\":%s,\"hz\":%llu,\"first\":%llu,\"span\":%llu,"
		"\"seen\":%llu,\"nrHarts\":%u,\n",
		units[run->unit], accounted ? "true" : "false", file->mem.timebase_hz, run->first,
		run->span, run->events, file->mem.nr_harts);
	write_meta(file, out);
	hst_observation(file, run->unit, text, sizeof(text));
	fputs("\"observation\":", out);
	json_string(out, text);
	hst_costs_differ(file, run->unit, text, sizeof(text));
	fputs(",\n\"differ\":", out);
	json_string(out, text);
	fputs(",\n\"rings\":[", out);
	for (unsigned int i = 0; i < file->mem.nr_harts; i++)
		fprintf(out, "%s[%llu,%llu,%llu]", i ? "," : "", file->ring[i].total,
			file->ring[i].lost, file->ring[i].count);
	fputs("],\n", out);
}

static void write_title(const struct html_run *run, unsigned int slot, FILE *out)
{
	char title[HST_TITLE_SIZE];

	hst_slot_title(run->file, slot, title);
	json_string(out, title);
}

static bool has_count(const struct hst_file *file, unsigned int slot)
{
	return file->stat[slot] && file->stat[slot]->count;
}

/*
 * Return whether the host counted exits. The host's counters include exits for which the trace has
 * no event.
 */
static bool has_counters(const struct hst_file *file)
{
	for (unsigned int slot = 0; slot < HST_MAX_SLOTS; slot++)
		if (has_count(file, slot))
			return true;
	return false;
}

static void write_counters(const struct hst_file *file, unsigned int slot, FILE *out)
{
	const struct exit_stat *stat = file->stat[slot];
	const char *comma = "";

	fprintf(out, ",\"count\":%llu,\"unpriced\":%llu,\"sum\":%llu,\"max\":%llu,\"hist\":[",
		stat->count, stat->unpriced, stat->sum, stat->max);
	for (unsigned int i = 0; i < HIST_BUCKETS; i++)
		if (file->hist[slot][i]) {
			fprintf(out, "%s%u,%llu", comma, i, file->hist[slot][i]);
			comma = ",";
		}
	fputc(']', out);
}

/* Write the slots for which wanted[] is set, each with its counters if it has any. */
static void write_slots(const struct html_run *run, const char *name, const bool *wanted, FILE *out)
{
	bool first = true;

	fprintf(out, "\"%s\":[", name);
	for (unsigned int slot = 0; slot < HST_MAX_SLOTS; slot++) {
		if (!wanted[slot])
			continue;
		fprintf(out, "%s{\"slot\":%u,\"title\":", first ? "" : ",\n", slot);
		write_title(run, slot, out);
		fprintf(out, ",\"seen\":%llu", run->slot_exits[slot]);
		if (run->has_l2)
			fprintf(out, ",\"levels\":[%llu,%llu]", run->level_exits[slot][1],
				run->level_exits[slot][2]);
		first = false;
		if (has_count(run->file, slot))
			write_counters(run->file, slot, out);
		fputc('}', out);
	}
	fputs("],\n", out);
}

/*
 * Write the exit table from one source, so that no exit appears twice: from the host's counters or,
 * without them, from the events. The two sources may put an exit in different rows: counters have a
 * row per class, but events give only the cause if no recorded event tells the class
 * (trace/file/exit.c). Rows that only the events have are written as "causes", because the
 * graphs over time need their titles.
 */
static void write_exits(const struct html_run *run, FILE *out)
{
	bool exits[HST_MAX_SLOTS], causes[HST_MAX_SLOTS];
	bool counters = has_counters(run->file);

	for (unsigned int slot = 0; slot < HST_MAX_SLOTS; slot++) {
		bool seen = run->slot_exits[slot];

		exits[slot] = counters ? has_count(run->file, slot) : seen;
		causes[slot] = seen && !exits[slot];
	}
	write_slots(run, "exits", exits, out);
	write_slots(run, "causes", causes, out);
}

/*
 * Write the time in each state and bin, in parts of a bin. The sum over this state and those before
 * it is rounded, rather than each state, so that the states of a bin never exceed the bin.
 */
static void write_states(const struct html_run *run, const struct html_vcpu *vcpu, FILE *out)
{
	double part = (double)run->span / run->vcpus.nr_bins / HTML_BIN_PARTS;
	double sum[HTML_VCPU_BINS] = { 0 };
	u32 parts[HTML_VCPU_BINS];

	fputs(",\"time\":[", out);
	for (unsigned int state = 0; state < HTML_STATES; state++) {
		for (unsigned int i = 0; i < run->vcpus.nr_bins; i++) {
			u32 below = (u32)(sum[i] / part + 0.5);

			sum[i] += vcpu->time[state][i];
			parts[i] = (u32)(sum[i] / part + 0.5) - below;
		}
		fputs(state ? "," : "", out);
		json_runs(out, parts, run->vcpus.nr_bins);
	}
	fputs("],\"ticks\":[", out);
	for (unsigned int state = 0; state < HTML_STATES; state++)
		fprintf(out, "%s%llu", state ? "," : "", vcpu->ticks[state]);
	fprintf(out, "],\"before\":%llu,\"lost\":%llu,\"after\":%llu", vcpu->before, vcpu->lost,
		vcpu->after);
}

static void write_vcpu(const struct html_run *run, const struct html_vcpu *vcpu, FILE *out)
{
	bool first = true;

	fprintf(out, "{\"vm\":%u,\"vcpu\":%u,\"exits\":%llu", TRACE_VM_OF(vcpu->who),
		TRACE_VCPU_OF(vcpu->who), vcpu->exits);
	if (!vcpu->drawn) {
		fputc('}', out);
		return;
	}
	write_states(run, vcpu, out);
	fputs(",\"bySlot\":{", out);
	for (unsigned int slot = 0; slot < HTML_CAUSES; slot++)
		if (vcpu->exit_bins[slot]) {
			fprintf(out, "%s\"%u\":", first ? "" : ",", slot);
			json_runs(out, vcpu->exit_bins[slot], run->vcpus.nr_bins);
			first = false;
		}
	fputs("}}", out);
}

static void write_vcpus(const struct html_run *run, FILE *out)
{
	fprintf(out,
		"\"bins\":%u,\"binParts\":%u,\"hasStates\":%s,\"otherVcpuEvents\":%llu,\"vcpus\":[",
		run->vcpus.nr_bins, HTML_BIN_PARTS, run->has_states ? "true" : "false",
		run->vcpus.others);
	for (unsigned int i = 0; i < run->vcpus.nr; i++) {
		fputs(i ? ",\n" : "", out);
		write_vcpu(run, &run->vcpus.all[i], out);
	}
	fputs("],\n", out);
}

static void write_events(const struct html_run *run, FILE *out)
{
	bool first = true;

	fputs("\"events\":[", out);
	for (unsigned int i = 0; i < HST_MAX_EVENTS; i++)
		if (run->event_count[i]) {
			fprintf(out, "%s{\"nr\":%u,\"name\":", first ? "" : ",\n", i);
			json_string(out, run->file->events[i].name);
			fputs(",\"meaning\":", out);
			json_string(out, run->file->events[i].meaning);
			fprintf(out, ",\"count\":%llu,\"bins\":", run->event_count[i]);
			json_runs(out, run->event_bins[i], HTML_EVENT_BINS);
			fputc('}', out);
			first = false;
		}
	fputs("],\n", out);
}

static void write_mmio(const struct html_run *run, FILE *out)
{
	char device[HST_NAME_SIZE], reg[HST_NAME_SIZE];

	fprintf(out, "\"otherAccesses\":%llu,\"mmio\":[", run->other_accesses);
	for (unsigned int i = 0; i < run->nr_registers; i++) {
		const struct html_register *r = &run->registers[i];

		html_device_name(run->file, r->gpa, device, reg);
		fprintf(out, "%s{\"gpa\":\"0x%llx\",\"device\":", i ? ",\n" : "", r->gpa);
		json_string(out, device);
		fputs(",\"register\":", out);
		json_string(out, reg);
		fprintf(out, ",\"reads\":%llu,\"writes\":%llu,\"bins\":", r->reads, r->writes);
		json_runs(out, r->bins, HTML_MMIO_BINS);
		fputc('}', out);
	}
	fputs("],\n", out);
}

static void write_irqchip(const struct html_run *run, FILE *out)
{
	const struct html_irqchip *chip = &run->irqchip;

	fprintf(out, "\"irqchip\":{\"plic\":%llu,\"msis\":[%llu,%llu],\"work\":[", chip->plic,
		chip->msis[0], chip->msis[1]);
	for (unsigned int i = HTML_IRQ_NONE + 1; i < HTML_IRQ_WORKS; i++)
		fprintf(out, "%s{\"exits\":%llu,\"priced\":%llu,\"sum\":%llu,\"max\":%llu}",
			i > HTML_IRQ_NONE + 1 ? "," : "", chip->work[i].exits, chip->work[i].priced,
			chip->work[i].sum, chip->work[i].max);
	fputs("]},\n", out);
}

static void write_calls(const struct html_run *run, FILE *out)
{
	char buf[HST_NAME_SIZE];

	fprintf(out, "\"otherCalls\":%llu,\"calls\":[", run->other_calls);
	for (unsigned int i = 0; i < run->nr_calls; i++) {
		const struct html_call *call = &run->calls[i];
		const char *comma = "";

		fprintf(out, "%s{\"ext\":", i ? ",\n" : "");
		json_string(out, hst_name_sbi(call->ext, buf));
		fputs(",\"name\":", out);
		json_string(out, hst_name_sbi_function(call->ext, call->fid, buf));
		fprintf(out, ",\"calls\":%llu,\"priced\":%llu,\"sum\":%llu,\"max\":%llu,",
			call->calls, call->priced, call->sum, call->max);
		fprintf(out, "\"otherErrors\":%llu,\"errors\":[", call->other_errors);
		for (unsigned int e = 0; e < HTML_ERRORS && call->errors[e]; e++) {
			fprintf(out, "%s[", comma);
			json_string(out, hst_name_sbierr(call->error[e], buf));
			fprintf(out, ",%llu]", call->errors[e]);
			comma = ",";
		}
		fputs("]}", out);
	}
	fputs("],\n", out);
}

/* Write which symbols are used, as hst_guest_print() tells it. */
static void write_symbols(const struct html_run *run, FILE *out)
{
	size_t size;
	char *text = NULL;
	FILE *note = open_memstream(&text, &size);

	if (note && run->guest)
		hst_guest_print(run->guest, note);
	if (note)
		fclose(note);
	fputs("\"symbols\":", out);
	json_string(out, text ? text : "");
	fputs(",\n", out);
	free(text);
}

/* Write a row for each function and exit class; rows of the same function have the same id. */
static void write_functions(const struct html_run *run, FILE *out)
{
	fputs("\"functions\":[", out);
	for (size_t i = 0; i < run->functions.n; i++) {
		const struct hst_row *row = &run->functions.rows[i];

		fprintf(out, "%s{\"id\":\"%llx-%llx\",\"function\":", i ? ",\n" : "", row->key[0],
			row->key[1]);
		json_string(out, row->title);
		fputs(",\"cause\":", out);
		if (row->key[2] < HST_MAX_SLOTS)
			write_title(run, (unsigned int)row->key[2], out);
		else
			json_string(out, "all causes"); /* the row "others" */
		fprintf(out, ",\"count\":%llu,\"priced\":%llu,\"sum\":%llu,\"max\":%llu}",
			row->count, row->priced, row->sum, row->max);
	}
	fputs("],\n", out);
}

static void write_memory(const struct html_run *run, FILE *out)
{
	fputs("\"memory\":[", out);
	for (unsigned int i = 0; i < run->nr_memory; i++) {
		const struct html_memory *m = &run->memory[i];
		size_t cells = (size_t)((m->size - 1) / m->cell) + 1;

		fprintf(out,
			"%s{\"vm\":%u,\"slot\":%lld,\"gpa\":\"0x%llx\",\"size\":%llu,\"cell\":%llu,"
			"\"faults\":[%llu,%llu,%llu],\"leaves\":[%llu,%llu,%llu,%llu],\"cells\":",
			i ? ",\n" : "", m->vm, (long long)m->slot, m->gpa, m->size, m->cell,
			m->faults[0], m->faults[1], m->faults[2], m->leaves[0], m->leaves[1],
			m->leaves[2], m->leaves[3]);
		json_runs(out, m->cell_faults, cells);
		fputs(",\"levels\":", out);
		json_runs(out, m->cell_levels, cells);
		fputc('}', out);
	}
	fputs("],\n", out);
}

static void write_window(const struct html_run *run, const struct html_window *window, u64 kept,
			 FILE *out)
{
	fprintf(out, "{\"title\":");
	if (window->cost)
		write_title(run, window->slot, out);
	else
		json_string(out, "the last events");
	fprintf(out, ",\"vm\":%u,\"vcpu\":%u,\"from\":%llu,\"to\":%llu,\"cost\":%llu,\"of\":%llu,",
		TRACE_VM_OF(window->who), TRACE_VCPU_OF(window->who), window->from, window->to,
		window->cost, window->nr_lines);
	fputs("\"lines\":[", out);
	for (u64 i = 0; i < kept; i++) {
		const struct html_line *line = &window->lines[i];

		/* time, hart, VM, vCPU, event, fields */
		fprintf(out, "%s[%llu,%u,%d,%d,%u,", i ? ",\n" : "", line->time, line->hart,
			line->vm, line->vcpu, line->event_nr);
		json_string(out, line->text);
		fputc(']', out);
	}
	fputs("]}", out);
}

static void write_windows(const struct html_run *run, FILE *out)
{
	fputs("\"slowest\":[", out);
	for (unsigned int i = 0; i < run->nr_chosen; i++) {
		u64 kept = run->chosen[i]->nr_lines;

		fputs(i ? ",\n" : "", out);
		write_window(run, run->chosen[i], kept < HTML_WINDOW ? kept : HTML_WINDOW, out);
	}
	fputs("],\n\"last\":", out);
	write_window(run, &run->last, run->last.nr_lines, out);
	fputs("}", out);
}

void html_write_run(const struct html_run *run, FILE *out)
{
	write_head(run, out);
	write_exits(run, out);
	html_levels_write(run, out);
	write_vcpus(run, out);
	write_events(run, out);
	write_mmio(run, out);
	write_irqchip(run, out);
	write_calls(run, out);
	write_symbols(run, out);
	write_functions(run, out);
	write_memory(run, out);
	write_windows(run, out);
}
