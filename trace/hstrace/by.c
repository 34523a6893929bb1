// SPDX-License-Identifier: MIT
/*
 * by.c - make a table from events: by cause, SBI call, MMIO device or register, vCPU, level, the
 * guest's code, or event.
 *
 * The cost of a call or access is that of its exit (trace/file/exit.c), in the same unit as in the
 * host's own table. An exit whose end is not in the trace is counted without a cost.
 *
 * If a table distinguishes exit classes, an exit is counted at its end, because its class is not
 * known before.
 */
#include <stdlib.h>
#include <string.h>
#include "file/symbols.h"
#include "hv/sbi.h"
#include "table.h"

#define MAX_VCPUS 1024 /* further vCPUs get counts but no costs */

/* ORDER: enum hst_by */
const struct hst_by_kind hst_by_kinds[HST_NR_BY] = {
	[HST_BY_CAUSE] = { "cause", "exits", "cause", "kvm_exit" },
	[HST_BY_SBI] = { "sbi", "SBI calls", "call", "kvm_sbi_call" },
	[HST_BY_MMIO] = { "mmio", "MMIO accesses", "device", "kvm_mmio" },
	[HST_BY_REG] = { "reg", "MMIO accesses", "register", "kvm_mmio" },
	[HST_BY_VCPU] = { "vcpu", "exits", "VM.vCPU", "kvm_exit" },
	[HST_BY_NESTING] = { "nesting", "exits by level", "cause", "kvm_exit" },
	[HST_BY_PC] = { "pc", "exits", "pc", "kvm_exit", true },
	[HST_BY_FUNCTION] = { "function", "exits", "function", "kvm_exit", true },
	[HST_BY_EVENT] = { "event", "events", "event", "all" },
};

struct vcpu {
	u32 who;
	struct hst_exit exit;
	bool has_row;
	u64 key[3]; /* the row that will get the exit's cost */
	bool high;  /* an exit occurred at a negative address, so the MMU is on */
	/* if the table distinguishes classes: */
	bool pending; /* the exit is chosen, but not counted yet */
	unsigned int nesting;
	struct hst_code code;
};

/* Indices of the events used here and of their fields; -1: not in this trace. */
struct numbers {
	int exit, sbi, mmio;
	int scause, sepc, ext, fid, type, gpa;
};

struct tally {
	struct hst_file *file;
	struct hst_table *table;
	struct numbers nr;
	struct hst_code code;       /* of the current kvm_exit, for by pc and function */
	u32 on_hart[HST_MAX_HARTS]; /* vCPU of the hart's last event that has one */
	size_t nr_vcpus;
	struct vcpu vcpu[MAX_VCPUS];
};

static void find_numbers(const struct hst_file *file, enum hst_by by, struct numbers *nr)
{
	nr->exit = hst_event_index(file, "kvm_exit");
	nr->sbi = hst_event_index(file, "kvm_sbi_call");
	nr->mmio = hst_event_index(file, "kvm_mmio");
	nr->scause = hst_event_needs(file, &nr->exit, "scause");
	if (hst_by_kinds[by].is_code)
		nr->sepc = hst_event_needs(file, &nr->exit, "sepc");
	nr->ext = hst_event_needs(file, &nr->sbi, "ext");
	nr->fid = hst_event_needs(file, &nr->sbi, "fid");
	nr->type = hst_event_needs(file, &nr->mmio, "type");
	nr->gpa = hst_event_needs(file, &nr->mmio, "gpa");
}

/*
 * Return an event's vCPU, or NULL if the event is the host's own or the vCPU is beyond MAX_VCPUS.
 */
static struct vcpu *vcpu_of(struct tally *t, u32 who)
{
	size_t i = 0;

	if (!TRACE_VM_OF(who))
		return NULL;
	while (i < t->nr_vcpus && t->vcpu[i].who != who)
		i++;
	if (i == MAX_VCPUS)
		return NULL;
	if (i == t->nr_vcpus)
		t->vcpu[t->nr_vcpus++] = (struct vcpu){ .who = who };
	return &t->vcpu[i];
}

/* ---- rows ---- */

static void code_title(const struct tally *t, const struct hst_code *code, char *title)
{
	bool by_pc = t->table->by == HST_BY_PC, function = code->kind == HST_CODE_FUNCTION;
	const char *what = function                      ? code->symbol->name
			   : code->kind == HST_CODE_USER ? "user program"
							 : "unknown";

	if (by_pc && function)
		snprintf(title, HST_TITLE_SIZE, "0x%llx %s+0x%llx", code->pc, what, code->offset);
	else if (by_pc)
		snprintf(title, HST_TITLE_SIZE, "0x%llx %s", code->pc, what);
	else if (code->kind == HST_CODE_UNKNOWN)
		snprintf(title, HST_TITLE_SIZE, "%s 0x%llx", what, code->pc);
	else
		snprintf(title, HST_TITLE_SIZE, "%s", what);
}

/* Put a call's extension and function into `title`, or the function alone if both do not fit. */
static void sbi_title(const u64 key[3], char *title)
{
	char name[HST_NAME_SIZE], fid[HST_NAME_SIZE];
	const char *function = hst_name_sbi_function(key[0], key[1], fid);

	snprintf(title, HST_TITLE_SIZE, "%s%s%s", hst_name_sbi(key[0], name), *function ? " " : "",
		 function);
	if (strlen(title) > (size_t)hst_title_width(HST_BY_SBI) && *function)
		snprintf(title, HST_TITLE_SIZE, "%s", function);
}

static void code_key(const struct tally *t, const struct hst_code *code, u64 key[3])
{
	key[0] = code->kind;
	key[1] = code->pc;
	if (t->table->by == HST_BY_FUNCTION && code->kind == HST_CODE_FUNCTION)
		key[1] = code->symbol->start;
	else if (t->table->by == HST_BY_FUNCTION && code->kind == HST_CODE_USER)
		key[1] = 0;
}

static void title_of(const struct tally *t, const struct hst_seen *seen, const u64 key[3],
		     char *title)
{
	static const char *const ways[] = { "?", "read", "write" };
	const u64 *arg = seen->record->arg;
	char name[HST_NAME_SIZE];

	switch (t->table->by) {
	case HST_BY_CAUSE:
		snprintf(title, HST_TITLE_SIZE, "%s", hst_name_cause(key[0], name));
		break;
	case HST_BY_SBI:
		sbi_title(key, title);
		break;
	case HST_BY_MMIO:
		hst_device(t->file, arg[t->nr.gpa], name, sizeof(name));
		snprintf(title, HST_TITLE_SIZE, "%.20s %s", name, ways[key[1] < 3 ? key[1] : 0]);
		break;
	case HST_BY_REG:
		key = (u64[3]){ key[0] - hst_device(t->file, arg[t->nr.gpa], name, sizeof(name)),
				key[1] };
		snprintf(title, HST_TITLE_SIZE, "%.20s+0x%llx %s", name, key[0],
			 ways[key[1] < 3 ? key[1] : 0]);
		break;
	case HST_BY_VCPU:
		snprintf(title, HST_TITLE_SIZE, "%d.%d", seen->vm, seen->vcpu);
		break;
	case HST_BY_PC:
	case HST_BY_FUNCTION:
		code_title(t, &t->code, title);
		break;
	default:
		snprintf(title, HST_TITLE_SIZE, "%.*s", HST_TITLE_SIZE - 1, seen->event->name);
	}
}

/* Return whether this event belongs to a row of the table. If so, set key[] to the row's key. */
static bool key_of(const struct tally *t, const struct hst_seen *seen, u64 key[3])
{
	const u64 *arg = seen->record->arg;
	int number = (int)seen->event_nr;
	char name[HST_NAME_SIZE];

	key[0] = key[1] = key[2] = 0;
	switch (t->table->by) {
	case HST_BY_CAUSE:
		key[0] = number == t->nr.exit ? arg[t->nr.scause] : 0;
		return number == t->nr.exit;
	case HST_BY_SBI:
		if (number != t->nr.sbi)
			return false;
		key[0] = arg[t->nr.ext];
		key[1] = key[0] < SBI_EXT_BASE ? 0 : arg[t->nr.fid]; /* no fid in legacy calls */
		return true;
	case HST_BY_MMIO:
	case HST_BY_REG:
		if (number != t->nr.mmio)
			return false;
		key[0] = t->table->by == HST_BY_REG
				 ? arg[t->nr.gpa]
				 : hst_device(t->file, arg[t->nr.gpa], name, sizeof(name));
		key[1] = arg[t->nr.type];
		return true;
	case HST_BY_VCPU:
		key[0] = (u64)(u32)seen->vm;
		key[1] = (u64)(u32)seen->vcpu;
		return number == t->nr.exit && seen->vm >= 0;
	case HST_BY_PC:
	case HST_BY_FUNCTION:
		if (number == t->nr.exit)
			code_key(t, &t->code, key);
		return number == t->nr.exit;
	default:
		key[0] = seen->event_nr;
		return true;
	}
}

static int count(struct tally *t, const struct hst_seen *seen, struct vcpu *vcpu)
{
	struct hst_row *row;
	u64 key[3];

	if (!key_of(t, seen, key))
		return 0;
	row = hst_table_row(t->table, key);
	if (!row)
		return -1;
	if (!row->count++ && !row->title[0])
		title_of(t, seen, key, row->title);
	if (vcpu && vcpu->exit.open && t->table->by != HST_BY_EVENT) {
		vcpu->has_row = true;
		memcpy(vcpu->key, row->key, sizeof(vcpu->key));
	}
	return 0;
}

/* ---- rows by exit class ---- */

static void class_title(const struct tally *t, const struct vcpu *vcpu, char *title)
{
	static const char *const levels[] = { "L?", "L1", "L2" };
	char of_slot[HST_TITLE_SIZE];

	if (t->table->by != HST_BY_NESTING) {
		code_title(t, &vcpu->code, title);
		return;
	}
	hst_slot_title(t->file, (unsigned int)vcpu->key[2], of_slot);
	snprintf(title, HST_TITLE_SIZE, "%s %.*s", levels[vcpu->nesting], HST_TITLE_SIZE - 4,
		 of_slot);
}

/* Count a complete exit if it is chosen and not counted yet. */
static int count_class(struct tally *t, struct vcpu *vcpu)
{
	struct hst_row *row;

	if (!vcpu->pending)
		return 0;
	vcpu->pending = false;
	code_key(t, &vcpu->code, vcpu->key);
	if (t->table->by == HST_BY_NESTING)
		vcpu->key[0] = vcpu->nesting;
	vcpu->key[2] = hst_exit_slot(t->file, &vcpu->exit);
	row = hst_table_row(t->table, vcpu->key);
	if (!row)
		return -1;
	if (!row->count++ && !row->title[0])
		class_title(t, vcpu, row->title);
	memcpy(vcpu->key, row->key, sizeof(vcpu->key));
	vcpu->has_row = true;
	return 0;
}

/*
 * Count the exits that are open at the end of the trace, or where records are missing: the next
 * records of their vCPUs may belong to later exits.
 */
static int end_exits(struct tally *t)
{
	for (size_t i = 0; i < t->nr_vcpus; i++) {
		if (count_class(t, &t->vcpu[i]))
			return -1;
		t->vcpu[i].exit.open = false;
	}
	return 0;
}

/* ---- exits ---- */

/* Process a kvm_exit. The vCPU's previous exit is complete, even if its end is not in the trace. */
static int begin(struct tally *t, const struct hst_seen *seen, struct vcpu *vcpu)
{
	struct vcpu unknown = { 0 }; /* not followed, so the exit's class is its cause */
	int err;

	if (!vcpu)
		vcpu = &unknown;
	err = count_class(t, vcpu);
	hst_exit_begin(&vcpu->exit, seen, seen->record->arg[t->nr.scause]);
	vcpu->has_row = false;
	vcpu->pending = seen->chosen && t->table->classes;
	vcpu->code = t->code;
	vcpu->nesting = seen->nesting;
	return err || (vcpu == &unknown && count_class(t, vcpu)) ? -1 : 0;
}

/* Update an exit from a later event of its vCPU. If the event ends the exit, add its cost. */
static int follow(struct tally *t, const struct hst_seen *seen, struct vcpu *vcpu)
{
	struct hst_row *row;
	u64 cost;

	hst_exit_event(t->file, &vcpu->exit, seen);
	cost = hst_exit_end(t->file, &vcpu->exit, seen, t->table->unit);
	if (cost == HST_NOT_ENDED)
		return 0;
	if (count_class(t, vcpu))
		return -1;
	if (!vcpu->has_row || cost == HST_NO_COST)
		return 0;
	row = hst_table_row(t->table, vcpu->key);
	return row ? hst_row_price(row, cost) : -1;
}

static void find_code(struct tally *t, u64 pc, struct vcpu *vcpu)
{
	hst_guest_find(t->table->guest, pc, vcpu && !vcpu->high, &t->code);
	if (vcpu)
		vcpu->high |= pc >> 63;
}

static int tally(struct tally *t, const struct hst_seen *seen)
{
	struct vcpu *vcpu = vcpu_of(t, seen->record->who), *followed = vcpu;
	bool exits = (int)seen->event_nr == t->nr.exit;

	if (exits && hst_by_kinds[t->table->by].is_code)
		find_code(t, seen->record->arg[t->nr.sepc], vcpu);
	if (exits && begin(t, seen, vcpu))
		return -1;
	if (vcpu)
		t->on_hart[seen->hart] = seen->record->who;
	else /* an event of user space belongs to the hart's vCPU */
		followed = vcpu_of(t, t->on_hart[seen->hart]);
	if (!exits && followed && followed->exit.open && follow(t, seen, followed))
		return -1;
	return seen->chosen && !t->table->classes ? count(t, seen, vcpu) : 0;
}

int hst_table_from_events(struct hst_table *table, struct hst_file *file,
			  const struct hst_select *select)
{
	struct tally *t = calloc(1, sizeof(*t));
	struct hst_cursor cursor;
	struct hst_seen seen;
	int more = 0;

	if (!t ||
	    (table->guest && hst_by_kinds[table->by].is_code &&
	     hst_guest_load(table->guest, file)) ||
	    hst_cursor_open(&cursor, file, select)) {
		free(t);
		return -1;
	}
	table->classes |= table->by == HST_BY_NESTING;
	cursor.all = true; /* costs need the events of exits even if these are not chosen */
	t->file = file;
	t->table = table;
	find_numbers(file, table->by, &t->nr);
	while ((more = hst_cursor_next(&cursor, &seen)) > 0)
		if ((seen.gap && end_exits(t)) || tally(t, &seen)) {
			hst_error(file->path, "out of memory");
			more = -1;
			break;
		}
	hst_cursor_close(&cursor);
	if (more >= 0 && end_exits(t)) {
		hst_error(file->path, "out of memory");
		more = -1;
	}
	table->events = hst_total(file, &table->lost);
	for (size_t i = 0; i < table->n; i++)
		table->unpriced += table->rows[i].count - table->rows[i].priced;
	free(t);
	return more;
}
