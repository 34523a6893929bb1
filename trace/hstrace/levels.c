// SPDX-License-Identifier: MIT
/*
 * levels.c - `hstrace levels`: the exits of a guest's own guest (L2), and who handles them.
 *
 * An exit of L2 (trace/file/nesting.c) without a kvm_nested_vmexit is handled by this hypervisor
 * (L0) alone. With one, it is given to L1, and causes further exits from L1 to L0, until L1 enters
 * L2 again. These are the steps of the exit; their number is the exit multiplication.
 *
 * The cost of a step is the difference between its kvm_exit and the next kvm_entry, without the
 * recording of events. What lies between steps is L1's, plus L0's world switch and accounting.
 */
#include <stdlib.h>
#include <string.h>
#include "hv/bits.h"
#include "levels.h"

#define MAX_VCPUS 1024 /* further vCPUs are ignored */

struct vcpu {
	u32 who;
	/* The last exit to L0: */
	struct hst_exit exit;
	bool of_l2;
	bool chosen;             /* by the selection */
	char name[LEVELS_TITLE]; /* of the instruction that caused it; "": no special name */
	/* The last exit of L2 that L1 handles: */
	bool handling, handling_chosen, priced;
	bool entering; /* L1 has executed the sret with which it enters L2 */
	unsigned int hart;
	u64 cause, l2_pc, since; /* since: the clock at the end of the last step */
	size_t nr_steps;
	struct levels_step *steps;
};

struct levels {
	struct hst_file *file;
	struct levels_table *table;
	FILE *each; /* or NULL */
	/* Numbers of events and indices of their fields in this trace. */
	int exit, csr, insn, vmenter, vmexit;
	int exit_cause, csr_csr, csr_write, insn_insn, vmexit_cause, vmexit_pc;
	size_t nr_vcpus;
	struct vcpu *vcpus;
};

static bool in_instructions(const struct levels *l)
{
	return l->table->unit.unit == HST_UNIT_INSTRUCTIONS;
}

static u64 clock_of(const struct levels *l, const struct hst_seen *seen)
{
	return in_instructions(l) ? seen->work : seen->record->time;
}

static u64 exit_clock(const struct levels *l, const struct vcpu *vcpu)
{
	return in_instructions(l) ? vcpu->exit.work : vcpu->exit.time;
}

static u64 difference(u64 from, u64 to)
{
	return to > from ? to - from : 0;
}

/* ---- names of steps -------------------------------------------------------------------------- */

/* Instructions of a hypervisor, except those that access a CSR (H §3.1, §3.2; S §4.1). */
static const struct {
	u32 mask, match;
	const char *name;
} insns[] = {
	{ 0xffffffff, 0x10200073, "sret" },        { 0xfe007fff, 0x22000073, "hfence.vvma" },
	{ 0xfe007fff, 0x62000073, "hfence.gvma" }, { 0xf200707f, 0x60004073, "hlv" },
	{ 0xf200707f, 0x62004073, "hsv" },
};

static void name_insn(struct vcpu *vcpu, u64 insn)
{
	for (size_t i = 0; i < ARRAY_SIZE(insns); i++)
		if ((insn & insns[i].mask) == insns[i].match)
			snprintf(vcpu->name, sizeof(vcpu->name), "%s", insns[i].name);
}

static void name_csr(struct vcpu *vcpu, u64 csr, bool write)
{
	char name[HST_NAME_SIZE];

	snprintf(vcpu->name, sizeof(vcpu->name), "%s %.20s", write ? "write" : "read",
		 hst_name_csr(csr, name));
}

/* `replaced`: an interrupt has replaced the entry into L2, so the exit's class is not known. */
static void title_of(const struct levels *l, const struct vcpu *vcpu, bool replaced, char *title)
{
	unsigned int slot = hst_exit_slot(l->file, &vcpu->exit);
	char full[HST_TITLE_SIZE];

	hst_slot_title(l->file, slot, full);
	if (vcpu->name[0] && (replaced || slot == l->file->exits.slot[EXIT_H_INSN]))
		snprintf(title, LEVELS_TITLE, "%s", vcpu->name);
	else
		snprintf(title, LEVELS_TITLE, "%.*s", LEVELS_TITLE - 1, full);
}

/* ---- an exit that L1 handles ----------------------------------------------------------------- */

/* Return a new step or, if the exit has very many, the one that adds up those with this title. */
static struct levels_step *step_of(struct vcpu *vcpu, const char *title)
{
	const size_t most = LEVELS_MAX_STEPS + LEVELS_MAX_PARTS;
	struct levels_step *steps = vcpu->steps;

	for (size_t i = LEVELS_MAX_STEPS; i < vcpu->nr_steps; i++)
		if (i == most || !strcmp(steps[i].title, title))
			return &steps[i];
	steps = levels_grow(steps, vcpu->nr_steps, sizeof(*steps));
	if (!steps)
		return NULL;
	vcpu->steps = steps;
	steps += vcpu->nr_steps;
	*steps = (struct levels_step){ 0 };
	strcpy(steps->title, vcpu->nr_steps++ < most ? title : "others");
	return steps;
}

static int add_step(const struct levels *l, const struct hst_seen *seen, struct vcpu *vcpu,
		    bool replaced)
{
	u64 from = exit_clock(l, vcpu), now = clock_of(l, seen);
	struct levels_step *step;
	char title[LEVELS_TITLE];

	title_of(l, vcpu, replaced, title);
	step = step_of(vcpu, title);
	if (!step)
		return -1;
	step->count++;
	step->before += difference(vcpu->since, from);
	step->cost += difference(from, now);
	vcpu->since = now;
	/* Each hart has an instret of its own. */
	if (in_instructions(l) && (seen->hart != vcpu->hart || vcpu->exit.hart != vcpu->hart))
		vcpu->priced = false;
	return 0;
}

/* L1 has entered L2 again. */
static int end_handling(struct levels *l, struct vcpu *vcpu)
{
	char cause[HST_NAME_SIZE];
	struct levels_exit exit = { true, vcpu->priced, hst_name_cause(vcpu->cause, cause),
				    vcpu->nr_steps, vcpu->steps };

	vcpu->handling = false;
	if (!vcpu->handling_chosen)
		return 0;
	if (l->each) {
		fprintf(l->each, "%u.%u  L2           %s, pc 0x%llx\n", TRACE_VM_OF(vcpu->who),
			TRACE_VCPU_OF(vcpu->who), exit.title, vcpu->l2_pc);
		levels_print_steps(l->table, &exit, l->each);
	}
	return levels_add(l->table, &exit);
}

/*
 * An exit of L2 is given to L1. If L1 was about to enter L2, it takes an interrupt instead, as if
 * L2 had been interrupted at once: the exit that L1 was handling has ended, and the rest of this
 * exit to L0 is the first step of another one.
 */
static int begin_handling(struct levels *l, const struct hst_seen *seen, struct vcpu *vcpu)
{
	bool open = vcpu->exit.open; /* the kvm_exit is in the trace */

	if (open && vcpu->entering) {
		if (vcpu->handling && (add_step(l, seen, vcpu, true) || end_handling(l, vcpu)))
			return -1;
		vcpu->exit.time = seen->record->time;
		vcpu->exit.work = seen->work;
		vcpu->exit.hart = seen->hart;
		vcpu->name[0] = '\0';
	}
	vcpu->handling_chosen = seen->chosen || (open && vcpu->of_l2 && vcpu->chosen);
	vcpu->handling = true;
	vcpu->entering = false;
	vcpu->nr_steps = 0;
	vcpu->cause = seen->record->arg[l->vmexit_cause];
	vcpu->l2_pc = seen->record->arg[l->vmexit_pc];
	vcpu->hart = seen->hart;
	vcpu->priced = l->table->unit.unit != HST_UNIT_NONE;
	vcpu->since = open ? exit_clock(l, vcpu) : clock_of(l, seen);
	return 0;
}

/* ---- events ---------------------------------------------------------------------------------- */

static int add_l0_exit(struct levels *l, const struct hst_seen *seen, const struct vcpu *vcpu)
{
	u64 cost = difference(exit_clock(l, vcpu), clock_of(l, seen));
	struct levels_step step = { 0, cost, 1, "" };
	struct levels_exit exit = { .title = step.title, .nr_steps = 1, .steps = &step };

	title_of(l, vcpu, false, step.title);
	exit.priced = in_instructions(l) ? seen->hart == vcpu->exit.hart
					 : l->table->unit.unit != HST_UNIT_NONE;
	return levels_add(l->table, &exit);
}

static void begin_exit(const struct levels *l, const struct hst_seen *seen, struct vcpu *vcpu)
{
	hst_exit_begin(&vcpu->exit, seen, seen->record->arg[l->exit_cause]);
	vcpu->of_l2 = seen->nesting == 2;
	vcpu->chosen = seen->chosen;
	vcpu->name[0] = '\0';
}

static int end_exit(struct levels *l, const struct hst_seen *seen, struct vcpu *vcpu)
{
	bool open = vcpu->exit.open, ends = vcpu->handling && vcpu->entering;
	int err = 0;

	hst_exit_event(l->file, &vcpu->exit, seen);
	vcpu->exit.open = vcpu->entering = false;
	if (!open) { /* the kvm_exit is missing */
		vcpu->handling &= !ends;
		return 0;
	}
	if (vcpu->handling)
		err = add_step(l, seen, vcpu, false);
	else if (vcpu->of_l2 && seen->nesting == 2 && vcpu->chosen) /* else the vCPU was reset */
		err = add_l0_exit(l, seen, vcpu);
	return err || (ends && end_handling(l, vcpu)) ? -1 : 0;
}

/* Forget what the vCPUs were doing, but not the events counted so far. */
static void forget(struct levels *l)
{
	l->table->gaps = true;
	for (size_t i = 0; i < l->nr_vcpus; i++) {
		struct vcpu *vcpu = &l->vcpus[i];

		vcpu->handling = vcpu->entering = vcpu->exit.open = false;
	}
}

static int event(struct levels *l, const struct hst_seen *seen, struct vcpu *vcpu)
{
	const u64 *arg = seen->record->arg;
	int nr = (int)seen->event_nr;

	if (nr == l->exit) {
		begin_exit(l, seen, vcpu);
	} else if (nr == l->file->exits.entry) {
		return end_exit(l, seen, vcpu);
	} else if (nr == l->vmexit) {
		if (begin_handling(l, seen, vcpu))
			return -1;
	} else if (nr == l->vmenter) {
		vcpu->entering = true;
	} else if (nr == l->csr) {
		name_csr(vcpu, arg[l->csr_csr], arg[l->csr_write]);
	} else if (nr == l->insn) {
		name_insn(vcpu, arg[l->insn_insn]);
	}
	hst_exit_event(l->file, &vcpu->exit, seen);
	return 0;
}

static struct vcpu *vcpu_of(struct levels *l, u32 who)
{
	size_t i = 0;

	while (i < l->nr_vcpus && l->vcpus[i].who != who)
		i++;
	if (i == MAX_VCPUS || !TRACE_VM_OF(who))
		return NULL;
	if (i == l->nr_vcpus)
		l->vcpus[l->nr_vcpus++].who = who;
	return &l->vcpus[i];
}

/* ---- the command ----------------------------------------------------------------------------- */

bool levels_recorded(const struct hst_file *file)
{
	static const char *const needed[] = { "kvm_exit", "kvm_entry", "kvm_nested_vmenter",
					      "kvm_nested_vmexit" };
	bool all = true;

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		int event = hst_event_index(file, needed[i]);

		all &= event >= 0 && hst_was_on(file, (unsigned int)event);
	}
	return all;
}

static void find_events(struct levels *l)
{
	struct hst_file *file = l->file;

	l->exit = hst_event_index(file, "kvm_exit");
	l->csr = hst_event_index(file, "kvm_csr");
	l->insn = hst_event_index(file, "kvm_virtual_inst");
	l->vmenter = hst_event_index(file, "kvm_nested_vmenter");
	l->vmexit = hst_event_index(file, "kvm_nested_vmexit");
	l->exit_cause = hst_event_needs(file, &l->exit, "scause");
	l->csr_csr = hst_event_needs(file, &l->csr, "csr");
	l->csr_write = hst_event_needs(file, &l->csr, "write");
	l->insn_insn = hst_event_needs(file, &l->insn, "insn");
	l->vmexit_cause = hst_event_needs(file, &l->vmexit, "scause");
	l->vmexit_pc = hst_event_needs(file, &l->vmexit, "sepc");
}

static int read_events(struct levels *l, const struct hst_select *select)
{
	struct hst_cursor cursor;
	struct hst_seen seen;
	int more;

	if (hst_cursor_open(&cursor, l->file, select))
		return -1;
	cursor.all = true;
	cursor.prints = l->each != NULL;
	while ((more = hst_cursor_next(&cursor, &seen)) > 0) {
		struct vcpu *vcpu = vcpu_of(l, seen.record->who);

		if (seen.gap)
			forget(l);
		if (vcpu && event(l, &seen, vcpu)) {
			hst_error(l->file->path, "out of memory");
			more = -1;
			break;
		}
	}
	hst_cursor_close(&cursor);
	return more;
}

int levels_read(struct levels_table *table, struct hst_file *file, const struct hst_select *select,
		FILE *each)
{
	struct levels l = { .file = file, .table = table, .each = each };
	int err = -1;

	*table = (struct levels_table){ .unit.unit = hst_unit_of(file),
					.unit.timebase_hz = file->mem.timebase_hz,
					.no_costs = hst_no_costs(file) };
	find_events(&l);
	l.vcpus = calloc(MAX_VCPUS, sizeof(*l.vcpus));
	if (!l.vcpus)
		hst_error(file->path, "out of memory");
	else
		err = read_events(&l, select);
	for (size_t i = 0; i < l.nr_vcpus; i++) {
		table->unfinished += l.vcpus[i].handling && l.vcpus[i].handling_chosen;
		free(l.vcpus[i].steps);
	}
	free(l.vcpus);
	levels_sort(table);
	return err;
}

static void print_notes(const struct hst_file *file, const struct levels_table *table, FILE *out)
{
	char observation[1024];
	u64 lost;

	if (table->unfinished)
		fprintf(out, "exits that L1 was still handling at the end, not counted: %llu\n",
			table->unfinished);
	hst_total(file, &lost);
	if (table->gaps || lost)
		fputs("records are missing (trace.size=), and so are exits near or before them\n",
		      out);
	if (!table->n)
		return;
	hst_observation(file, table->unit.unit, observation, sizeof(observation));
	hst_print_wrapped("observation:", observation, out);
}

int hst_levels(struct hst_file *file, const struct hst_select *select, bool each, FILE *out)
{
	struct levels_table table;
	int err;

	if (!levels_recorded(file)) {
		hst_error(file->path,
			  "levels needs the events kvm_exit, kvm_entry and kvm_nested_*, which "
			  "were not all on (--trace 'kvm_*' records them)");
		return -1;
	}
	err = levels_read(&table, file, select, each ? out : NULL);
	if (!err && each && table.n)
		fputc('\n', out);
	if (!err) {
		levels_print(&table, select != NULL, out);
		print_notes(file, &table, out);
	}
	levels_free(&table);
	return err;
}

const char hst_levels_help[] =
	"  --each          also print each exit of L2 that L1 handles, as its exits to L0\n"
	"                  (after 1024, their sums) and what lies between them\n"
	"FILE needs the events kvm_exit, kvm_entry and kvm_nested_*. kvm_virtual_inst and\n"
	"kvm_csr name the instructions that exit.\n";

int hst_cmd_levels(int argc, char **argv)
{
	static struct hst_file file;
	struct hst_select select = HST_SELECT_ALL;
	int at = 0, used = 1, status = 2;
	bool each = false, selects = false;

	for (; at < argc && argv[at][0] == '-'; at += used) {
		used = hst_select_option(&select, argc - at, argv + at);
		if (used < 0)
			goto free_select;
		selects |= used > 0;
		if (used)
			continue;
		if (strcmp(argv[at], "--each") != 0) {
			hst_wrong_use("levels has no option", argv[at]);
			goto free_select;
		}
		each = true;
		used = 1;
	}
	if (argc - at != 1) {
		hst_wrong_use("levels takes one FILE", NULL);
		goto free_select;
	}
	status = 1;
	if (hst_open(&file, argv[at]))
		goto free_select;
	status = hst_finish(hst_levels(&file, selects ? &select : NULL, each, stdout));
	hst_close(&file);
free_select:
	hst_select_free(&select);
	return status;
}
