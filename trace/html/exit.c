// SPDX-License-Identifier: MIT
/*
 * exit.c - to which row of the exit table does an exit among the events belong?
 *
 * The host's own table counts an exit where its handler says so (trace_exit_class()); its events
 * do not carry that word, but say the same: an access to no RAM has a kvm_mmio_insn, a call a
 * kvm_sbi_call, a store that the dirty log wants to know of a kvm_dirty_log_mark (but for a page
 * that is in the log already). If the trace lacks the events of the handlers, an exit is counted
 * under its cause; write.c leaves such rows out of a table that the counters fill.
 */
#include <string.h>
#include "html.h"
#include "hv/cause.h"

/* The rows' numbers as this version has them; a trace has its own, found by title. */
enum {
	CLASS_NONE,
#define EXIT_CLASS(name, title, when) CLASS_##name,
#include "classes.def"
#undef EXIT_CLASS
};

static const char *const class_titles[] = {
	"",
#define EXIT_CLASS(name, title, when) title,
#include "classes.def"
#undef EXIT_CLASS
};
#define HTML_CLASSES (sizeof(class_titles) / sizeof(class_titles[0]))
_Static_assert(HTML_CLASSES <= HTML_MAX_CLASSES, "class_slot[] is too short");

/* KVM_EXIT_*: user space has to answer before the guest goes on. */
#define REASON_MMIO 6
#define REASON_SBI  35
#define REASON_CSR  36

static unsigned int sbi_class(u64 ext)
{
	switch (ext) {
#define SBI_EXTENSION(ext, number, class, version) \
	case number:                               \
		return CLASS_##class;
#define SBI_LEGACY(call, number, class, name, version) \
	case number:                                   \
		return CLASS_##class;
#include "hv/sbi.def"
	default:
		return CLASS_SBI_OTHER;
	}
}

static unsigned int fault_class(u64 scause)
{
	return scause == EXC_INST_GUEST_PAGE_FAULT   ? CLASS_FAULT_FETCH
	       : scause == EXC_LOAD_GUEST_PAGE_FAULT ? CLASS_FAULT_LOAD
						     : CLASS_FAULT_STORE;
}

void html_exit_event(struct html_exit *exit, const struct html_event *event)
{
	switch (event->kind) {
	case HTML_PAGE_FAULT:
		exit->class = fault_class(event->arg[1]);
		break;
	case HTML_MMIO_INSN:
	case HTML_MMIO:
	case HTML_COALESCED_MMIO:
	case HTML_IOEVENTFD:
		exit->class = CLASS_MMIO_KERNEL;
		break;
	case HTML_DIRTY:
		if (exit->class == CLASS_FAULT_STORE)
			exit->class = CLASS_FAULT_DIRTY;
		break;
	case HTML_SBI_CALL:
		exit->class = sbi_class(event->arg[0]);
		break;
	case HTML_WFI:
		exit->class = CLASS_WFI;
		break;
	case HTML_WRS:
		exit->class = CLASS_WRS;
		break;
	case HTML_CSR:
		exit->class = CLASS_CSR;
		break;
	case HTML_DEBUG:
		exit->class = CLASS_DEBUG;
		break;
	case HTML_INJECT_TRAP:
		exit->class = CLASS_INJECTED;
		break;
	case HTML_FPU:
	case HTML_VECTOR:
		if (!exit->class && exit->scause == EXC_ILLEGAL_INST)
			exit->class = CLASS_FP;
		break;
	case HTML_USERSPACE_EXIT:
		exit->user |= event->arg[0] == REASON_MMIO || event->arg[0] == REASON_SBI ||
			      event->arg[0] == REASON_CSR;
		break;
	default:
		break;
	}
}

/* The class, now that all is known of the exit. */
static unsigned int final_class(const struct html_exit *exit)
{
	if (!exit->user)
		return exit->class;
	switch (exit->class) {
	case CLASS_MMIO_KERNEL:
		return exit->scause == EXC_STORE_GUEST_PAGE_FAULT ? CLASS_MMIO_WRITE_USER
								  : CLASS_MMIO_READ_USER;
	case CLASS_SBI_BASE ... CLASS_SBI_OTHER:
		return CLASS_SBI_USER;
	case CLASS_CSR:
		return CLASS_CSR_USER;
	default:
		return exit->class;
	}
}

void html_exit_start(struct html_run *run)
{
	for (unsigned int class = 1; class < HTML_CLASSES; class ++)
		for (unsigned int i = 0; i < run->file->nr_classes; i++)
			if (!strcmp(run->file->class_title[EXIT_SLOT_CLASS + i],
				    class_titles[class]))
				run->class_slot[class] = (u8)(EXIT_SLOT_CLASS + i);
}

unsigned int html_exit_slot(const struct html_run *run, const struct html_exit *exit)
{
	unsigned int class = final_class(exit), code = exit->scause & 31;
	bool irq = exit->scause >> 63;

	if (class && run->class_slot[class])
		return run->class_slot[class];
	if ((exit->scause & ~(1ULL << 63)) > 31)
		code = 31;
	return (irq ? EXIT_SLOT_IRQ : 0) + code;
}
