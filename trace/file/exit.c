// SPDX-License-Identifier: MIT
/*
 * exit.c - follow an exit of a vCPU, and find its cost and its row in the exit table.
 *
 * The row follows from the exit's class, which the records that end an exit have in their field
 * `class`. Earlier versions recorded classes only in the host's exit statistics. So if a trace's
 * kvm_entry lacks the field, the class is inferred from the handlers' events: an MMIO access has a
 * kvm_mmio_insn, an SBI call a kvm_sbi_call, and so on. An exit without a class is counted by its
 * cause.
 *
 * The cost is that of kvm_exit_cost, which is also the one in the exit table. If this event was
 * never on, the cost is the difference between kvm_exit and kvm_entry. On the fast path, this
 * difference is smaller, because both records lie inside the interval that the exit table measures.
 */
#include <string.h>
#include "hst.h"
#include "hv/cause.h"

enum clue {
	CLUE_NONE,
	CLUE_CLASS, /* the field is the class */
	/* for a trace whose records lack the class (the comments name the field used): */
	CLUE_FAULT, /* scause */
	CLUE_DIRTY,
	CLUE_SBI, /* ext */
	CLUE_UNIT,
	CLUE_USER,     /* reason */
	CLUE_OF_CLASS, /* and above: OF_CLASS(class), for an event that implies this class */
};

#define OF_CLASS(class) (CLUE_OF_CLASS + EXIT_##class)

struct source {
	const char *event;
	const char *field; /* NULL: the event alone is enough */
	unsigned int clue;
};

static const struct source recorded[] = {
	{ "kvm_entry", "class", CLUE_CLASS },
	{ "kvm_userspace_exit", "class", CLUE_CLASS },
	{ "kvm_exit_cost", "class", CLUE_CLASS },
};

static const struct source inferred[] = {
	{ "kvm_page_fault", "scause", CLUE_FAULT },
	{ "kvm_mmio_insn", NULL, OF_CLASS(MMIO_KERNEL) },
	{ "kvm_mmio", NULL, OF_CLASS(MMIO_KERNEL) },
	{ "kvm_coalesced_mmio", NULL, OF_CLASS(MMIO_KERNEL) },
	{ "kvm_ioeventfd", NULL, OF_CLASS(MMIO_KERNEL) },
	{ "kvm_dirty_log_mark", NULL, CLUE_DIRTY },
	{ "kvm_sbi_call", "ext", CLUE_SBI },
	{ "kvm_wfi", NULL, OF_CLASS(WFI) },
	{ "kvm_wrs", NULL, OF_CLASS(WRS) },
	{ "kvm_csr", NULL, OF_CLASS(CSR) },
	{ "kvm_debug", NULL, OF_CLASS(DEBUG) },
	{ "kvm_inject_trap", NULL, OF_CLASS(INJECTED) },
	{ "kvm_fpu", NULL, CLUE_UNIT },
	{ "kvm_vector", NULL, CLUE_UNIT },
	{ "kvm_userspace_exit", "reason", CLUE_USER },
};

/* KVM_EXIT_* reasons that user space has to answer before the guest can continue. */
#define REASON_MMIO 6
#define REASON_SBI  35
#define REASON_CSR  36

/* Look up the sources among the file's events. Returns false if the first one is missing. */
static bool find_sources(struct hst_file *file, const struct source *sources, size_t n)
{
	bool has_first = false;

	for (unsigned int i = 0; i < file->nr_events; i++)
		for (size_t s = 0; s < n; s++) {
			const char *field = sources[s].field;
			int at =
				field ? hst_field_index(&file->events[i], field, strlen(field)) : 0;

			if (at < 0 || strcmp(file->events[i].name, sources[s].event) != 0)
				continue;
			file->exits.clue[i] = (u8)sources[s].clue;
			file->exits.field[i] = (u8)at;
			has_first |= !s;
		}
	return has_first;
}

/*
 * Match the classes of the host that wrote the trace by title: their numbers may differ from those
 * of this version.
 */
static void find_slots(struct hst_file *file)
{
	static const char *const titles[EXIT_NR_SLOTS] = {
#define EXIT_CLASS(name, title, when) [EXIT_##name] = title,
#include "hv/exit_class.def"
#undef EXIT_CLASS
	};

	for (unsigned int class = EXIT_SLOT_CLASS; class < EXIT_NR_SLOTS; class ++)
		for (unsigned int i = 0; i < file->nr_classes; i++)
			if (!strcmp(file->class_title[EXIT_SLOT_CLASS + i], titles[class]))
				file->exits.slot[class] = (u8)(EXIT_SLOT_CLASS + i);
}

int hst_event_index(const struct hst_file *file, const char *name)
{
	for (unsigned int i = 0; i < file->nr_events; i++)
		if (!strcmp(file->events[i].name, name))
			return (int)i;
	return -1;
}

int hst_event_field(const struct hst_file *file, int event, const char *name)
{
	return event < 0 ? -1 : hst_field_index(&file->events[event], name, strlen(name));
}

int hst_event_needs(const struct hst_file *file, int *event, const char *name)
{
	int field = hst_event_field(file, *event, name);

	if (field < 0)
		*event = -1;
	return field;
}

/* Find the event that ends an exit: kvm_exit_cost if it was on, else kvm_entry. */
static void find_end(struct hst_file *file)
{
	int event = hst_event_index(file, "kvm_exit_cost");
	int cost = hst_event_field(file, event, "cost");
	int start = hst_event_field(file, event, "start");

	file->exits.has_cost = file->mem.exit_unit != EXIT_UNIT_NONE && cost >= 0 && start >= 0 &&
			       hst_was_on(file, (unsigned int)event);
	file->exits.entry = hst_event_index(file, "kvm_entry");
	file->exits.end = file->exits.has_cost ? event : file->exits.entry;
	file->exits.cost = cost;
	file->exits.start = start;
}

void hst_exit_find_events(struct hst_file *file)
{
	if (find_sources(file, recorded, sizeof(recorded) / sizeof(recorded[0]))) {
		for (unsigned int slot = EXIT_SLOT_CLASS; slot < HST_MAX_SLOTS; slot++)
			file->exits.slot[slot] = (u8)slot;
	} else {
		memset(&file->exits, 0, sizeof(file->exits));
		find_sources(file, inferred, sizeof(inferred) / sizeof(inferred[0]));
		find_slots(file);
	}
	find_end(file);
}

/* ---- an exit --------------------------------------------------------------------------------- */

void hst_exit_begin(struct hst_exit *exit, const struct hst_seen *seen, u64 scause)
{
	*exit = (struct hst_exit){ .open = true,
				   .scause = scause,
				   .hart = seen->hart,
				   .time = seen->record->time,
				   .instret = seen->record->instret,
				   .work = seen->work };
}

/*
 * Return whether this kvm_exit_cost is that of a later exit, because the records in between are
 * missing. If costs are instructions, an exit that has changed harts has no kvm_exit_cost.
 */
static bool is_of_later_exit(const struct hst_file *file, const struct hst_exit *exit,
			     const struct hst_seen *seen)
{
	u64 start = seen->record->arg[file->exits.start];

	if (file->mem.exit_unit == EXIT_UNIT_TIME)
		return start > exit->time;
	return exit->hart != seen->hart || start > exit->instret;
}

u64 hst_exit_end(const struct hst_file *file, struct hst_exit *exit, const struct hst_seen *seen,
		 enum hst_unit unit)
{
	bool instructions = unit == HST_UNIT_INSTRUCTIONS;
	u64 from = instructions ? exit->work : exit->time;
	u64 to = instructions ? seen->work : seen->record->time;

	if ((int)seen->event_nr != file->exits.end)
		return HST_NOT_ENDED;
	exit->open = false;
	if (unit == HST_UNIT_NONE)
		return HST_NO_COST;
	if (file->exits.has_cost) {
		u64 cost = seen->record->arg[file->exits.cost];

		return is_of_later_exit(file, exit, seen) || cost >= HST_NOT_ENDED ? HST_NO_COST
										   : cost;
	}
	if (instructions && exit->hart != seen->hart)
		return HST_NO_COST; /* each hart has its own instret */
	return to > from ? to - from : 0;
}

static unsigned int sbi_class(u64 ext)
{
	switch (ext) {
#define SBI_EXTENSION(ext, number, class, version) \
	case number:                               \
		return EXIT_##class;
#define SBI_LEGACY(call, number, class, name, version) \
	case number:                                   \
		return EXIT_##class;
#include "hv/sbi.def"
	default:
		return EXIT_SBI_OTHER;
	}
}

/* Return the exit's class (this version's number) after an event with this clue and field value. */
static unsigned int infer(const struct hst_exit *exit, unsigned int clue, u64 value)
{
	switch (clue) {
	case CLUE_FAULT:
		return value == EXC_INST_GUEST_PAGE_FAULT   ? EXIT_FAULT_FETCH
		       : value == EXC_LOAD_GUEST_PAGE_FAULT ? EXIT_FAULT_LOAD
							    : EXIT_FAULT_STORE;
	case CLUE_DIRTY:
		return exit->class == EXIT_FAULT_STORE ? EXIT_FAULT_DIRTY : exit->class;
	case CLUE_SBI:
		return sbi_class(value);
	case CLUE_UNIT:
		return !exit->class && exit->scause == EXC_ILLEGAL_INST ? EXIT_FP : exit->class;
	default:
		return clue - CLUE_OF_CLASS;
	}
}

void hst_exit_event(const struct hst_file *file, struct hst_exit *exit, const struct hst_seen *seen)
{
	unsigned int clue = file->exits.clue[seen->event_nr];
	u64 value = seen->record->arg[file->exits.field[seen->event_nr]];

	if (exit->entered || (file->exits.has_cost && (int)seen->event_nr == file->exits.end &&
			      is_of_later_exit(file, exit, seen)))
		return;
	exit->entered = (int)seen->event_nr == file->exits.entry;
	if (clue == CLUE_CLASS)
		exit->class = value >= EXIT_SLOT_CLASS && value < HST_MAX_SLOTS ? (u8)value : 0;
	else if (clue == CLUE_USER)
		exit->user |= value == REASON_MMIO || value == REASON_SBI || value == REASON_CSR;
	else if (clue != CLUE_NONE)
		exit->class = infer(exit, clue, value);
}

/* Return the inferred class of a complete exit that user space had to answer. */
static unsigned int of_user_space(const struct hst_exit *exit)
{
	switch (exit->class) {
	case EXIT_MMIO_KERNEL:
		return exit->scause == EXC_STORE_GUEST_PAGE_FAULT ? EXIT_MMIO_WRITE_USER
								  : EXIT_MMIO_READ_USER;
	case EXIT_SBI_BASE ... EXIT_SBI_OTHER:
		return EXIT_SBI_USER;
	case EXIT_CSR:
		return EXIT_CSR_USER;
	default:
		return exit->class;
	}
}

unsigned int hst_exit_slot(const struct hst_file *file, const struct hst_exit *exit)
{
	unsigned int class = exit->user ? of_user_space(exit) : exit->class;
	u64 code = exit->scause & ~(1ULL << 63);

	if (file->exits.slot[class])
		return file->exits.slot[class];
	return (exit->scause >> 63 ? EXIT_SLOT_IRQ : 0) + (code < EXIT_SLOT_IRQ ? (u8)code : 31);
}
