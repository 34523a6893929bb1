// SPDX-License-Identifier: MIT
/*
 * perfetto.c - export to Perfetto's trace format through protobuf-c, for ui.perfetto.dev.
 *
 * A trace is a sequence of packets, each written as soon as it is made. The tracks are: a process
 * per VM, with a thread per vCPU and a track per device (a page of MMIO), and a process for the
 * host with a thread per hart. A vCPU's track alternates between the slice "guest", from kvm_entry
 * to kvm_exit, and a slice with the name of the exit's cause, up to the next kvm_entry; "blocked"
 * and "user space" are nested in the latter. If a guest's guest has run, the track is a stack
 * instead: the slice "L1 guest" stays open at an exit, "L2 guest" is nested in it until L1 runs
 * again, and exits are nested in the slice of the level that they leave. A hart's track has a slice
 * while a guest runs on the hart. Every event is written as one packet, which is either the
 * beginning of a slice or an instant. The packet has the event's name as its category, and the
 * hart, instret (if exact) and the event's fields as annotations. All other packets lack a
 * category: descriptions of tracks and, only for the display, ends of slices, harts' slices,
 * devices' instants, and "L1 guest" where an entry begins "L2 guest" as well.
 *
 * A flow begins when an interrupt becomes pending, continues when the interrupt is shown to the
 * guest, and ends when the guest takes the interrupt.
 */
#include <stdlib.h>
#include <string.h>
#include "perfetto.h"

/* Name ids of annotations; the fields' ids follow. */
enum {
	NAME_HART = 1,
	NAME_INSTRET,
	NAME_FIELDS
};

static const struct {
	const char *event;
	enum meaning meaning;
	const char *field[2]; /* fields that the meaning needs; an event without them is PLAIN */
} meanings[] = {
	{ "kvm_entry", ENTRY, { NULL } },
	{ "kvm_exit", EXIT, { "scause" } },
	{ "kvm_vcpu_block", BLOCK, { NULL } },
	{ "kvm_vcpu_wakeup", WAKEUP, { NULL } },
	{ "kvm_userspace_exit", USER_EXIT, { "reason" } },
	{ "kvm_vcpu_load", LOAD, { NULL } },
	{ "kvm_mmio", MMIO, { "gpa", "val" } },
	{ "kvm_coalesced_mmio", MMIO, { "gpa", "val" } },
	{ "kvm_ioeventfd", MMIO, { "gpa", "val" } },
	{ "kvm_vcpu_irq", IRQ_PENDING, { "irq", "level" } },
	{ "kvm_inject_irq", IRQ_SHOWN, { "hvip" } },
	{ "kvm_irq_take", IRQ_TAKEN, { "scause" } },
};

/* ---- names ---- */

static void find_meaning(struct perfetto *p, unsigned int nr, const struct hst_event *event)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		bool all = !strcmp(meanings[i].event, event->name);

		for (unsigned int f = 0; f < 2 && all && meanings[i].field[f]; f++) {
			const char *field = meanings[i].field[f];

			p->field[nr][f] = (signed char)hst_field_index(event, field, strlen(field));
			all = p->field[nr][f] >= 0;
		}
		if (all)
			p->meaning[nr] = (unsigned char)meanings[i].meaning;
	}
}

/* The first packet that uses a name defines its number; later packets use the number. */
struct names {
	InternedData data;
	InternedName name[TRACE_ARGS + 3];
	InternedName *list[TRACE_ARGS + 3]; /* the event's name, then those of annotations */
};

static void add_name(struct names *names, unsigned int i, u64 iid, const char *text)
{
	interned_name__init(&names->name[i]);
	names->name[i].has_iid = true;
	names->name[i].iid = iid;
	names->name[i].name = (char *)text; /* protobuf-c has no const */
	names->list[i] = &names->name[i];
}

/* For an event that occurs for the first time, put its names into *names and find its meaning. */
static void name_event(struct perfetto *p, const struct hst_seen *seen, struct names *names)
{
	const struct hst_event *event = seen->event;
	unsigned int n = 1;

	add_name(names, 0, seen->event_nr + 1, event->name);
	if (!p->next_name) {
		p->next_name = NAME_FIELDS;
		add_name(names, n++, NAME_HART, "hart");
		add_name(names, n++, NAME_INSTRET, "instret");
	}
	p->first_name[seen->event_nr] = p->next_name;
	for (unsigned int i = 0; i < event->nr_fields; i++)
		add_name(names, n++, p->next_name++, event->field[i].name);
	interned_data__init(&names->data);
	names->data.n_event_categories = names->data.n_event_names = 1;
	names->data.event_categories = names->data.event_names = names->list;
	names->data.n_debug_annotation_names = n - 1;
	names->data.debug_annotation_names = names->list + 1;
	find_meaning(p, seen->event_nr, event);
}

/* ---- the event itself ---- */

struct annotations {
	DebugAnnotation value[TRACE_ARGS + 2];
	DebugAnnotation *pointer[TRACE_ARGS + 2];
	char text[TRACE_ARGS][HST_NAME_SIZE];
	size_t n;
};

static DebugAnnotation *annotation(struct annotations *a, u64 name)
{
	DebugAnnotation *one = &a->value[a->n];

	debug_annotation__init(one);
	one->has_name_iid = true;
	one->name_iid = name;
	a->pointer[a->n++] = one;
	return one;
}

static void annotate_number(struct annotations *a, u64 name, u64 value)
{
	DebugAnnotation *one = annotation(a, name);

	one->has_uint_value = true;
	one->uint_value = value;
}

static void annotate(const struct perfetto *p, const struct hst_seen *seen, struct annotations *a)
{
	a->n = 0;
	annotate_number(a, NAME_HART, seen->hart);
	if (p->job->file->mem.instret_exact)
		annotate_number(a, NAME_INSTRET, seen->instret);
	for (unsigned int i = 0; i < seen->event->nr_fields; i++) {
		DebugAnnotation *one = annotation(a, p->first_name[seen->event_nr] + i);
		u64 value = seen->record->arg[i];

		switch (seen->event->field[i].type) {
		case HST_HEX:
			one->has_pointer_value = true;
			one->pointer_value = value;
			break;
		case HST_NUM:
		case HST_FLAG:
			one->has_uint_value = true;
			one->uint_value = value;
			break;
		case HST_DEC:
			one->has_int_value = true;
			one->int_value = (s64)value;
			break;
		default:
			hst_field_put(seen->event, i, value, a->text[i]);
			one->string_value = a->text[i];
		}
	}
}

static u64 field_arg(const struct perfetto *p, const struct hst_seen *seen, unsigned int i)
{
	return seen->record->arg[p->field[seen->event_nr][i]];
}

/* ---- flows ---- */

/* Bits of hvip that are guest interrupts: VSSIP, VSTIP, VSEIP, LCOFIP. */
#define VS_LINES (1U << 2 | 1U << 6 | 1U << 10 | 1U << 13)

/* Return the guest's number for interrupt `irq` (a bit of hvip): one less, except for LCOFI. */
static unsigned int guest_code(u64 irq)
{
	return irq == 2 || irq == 6 || irq == 10 ? (unsigned int)irq - 1
						 : (unsigned int)irq % IRQ_CODES;
}

static struct vcpu *target_vcpu(struct perfetto *p, const struct hst_seen *seen)
{
	int i = hst_field_index(seen->event, "target", 6);
	struct vcpu *vcpu = NULL;

	if (i >= 0 && seen->vm >= 0)
		vcpu = perfetto_find_vcpu(p, (u32)seen->vm | (u32)seen->record->arg[i] << 16);
	return vcpu && vcpu->known ? vcpu : NULL;
}

static void add_flow(uint64_t *ids, size_t *n, u64 flow)
{
	if (flow)
		ids[(*n)++] = flow;
}

/*
 * Add to *event the flows that begin, continue or end at *seen; ids has room for IRQ_CODES flow
 * ids.
 */
static void set_flows(struct perfetto *p, const struct hst_seen *seen, struct vcpu *vcpu,
		      TrackEvent *event, uint64_t *ids)
{
	enum meaning meaning = p->meaning[seen->event_nr];

	event->flow_ids = event->terminating_flow_ids = ids;
	if (meaning == IRQ_PENDING && (vcpu = target_vcpu(p, seen))) {
		unsigned int irq = guest_code(field_arg(p, seen, 0));
		u64 *flow = &vcpu->flow[irq];

		if (!field_arg(p, seen, 1))
			*flow = 0;
		else if (!*flow || vcpu->shown >> irq & 1) /* the old flow's end is not recorded */
			*flow = ++p->next_flow;
		vcpu->shown &= ~(1ULL << irq);
		add_flow(ids, &event->n_flow_ids, *flow);
	} else if (meaning == IRQ_SHOWN && vcpu) {
		for (unsigned int line = 0; line < IRQ_CODES; line++) {
			unsigned int irq = guest_code(line);

			if (!((field_arg(p, seen, 0) & VS_LINES) >> line & 1) ||
			    vcpu->shown >> irq & 1)
				continue;
			vcpu->shown |= 1ULL << irq;
			add_flow(ids, &event->n_flow_ids, vcpu->flow[irq]);
		}
	} else if (meaning == IRQ_TAKEN && vcpu) {
		u64 *flow = &vcpu->flow[field_arg(p, seen, 0) % IRQ_CODES];

		add_flow(ids, &event->n_terminating_flow_ids, *flow);
		*flow = 0;
	}
}

/* ---- slices ---- */

static int close_slices(struct perfetto *p, u64 time, struct vcpu *vcpu, unsigned int depth)
{
	for (; vcpu->depth > depth; vcpu->depth--)
		if (perfetto_draw(p, time, TRACK(TRACK_VCPU, vcpu->who),
				  TRACK_EVENT__TYPE__TYPE_SLICE_END, NULL))
			return -1;
	return 0;
}

/* Return the level that an exit leaves or an entry enters; 0 if the track is not a stack there. */
static unsigned int level_of(const struct perfetto *p, const struct hst_seen *seen)
{
	return p->stacks ? seen->nesting : 0;
}

/*
 * At an exit or entry, end the slices that do not belong to the stack of the level that exits or is
 * entered. Begin the levels below one that is entered; the event itself begins that one.
 */
static int set_levels(struct perfetto *p, const struct hst_seen *seen, u64 time, struct vcpu *vcpu)
{
	unsigned int level = level_of(p, seen);
	char name[24];

	if (vcpu->levels > level)
		vcpu->levels = level;
	if (close_slices(p, time, vcpu, vcpu->levels))
		return -1;
	while (p->meaning[seen->event_nr] == ENTRY && vcpu->levels + 1 < level) {
		snprintf(name, sizeof(name), "L%u guest", ++vcpu->levels);
		vcpu->open[vcpu->depth++] = ENTRY;
		if (perfetto_draw(p, time, TRACK(TRACK_VCPU, vcpu->who),
				  TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN, name))
			return -1;
	}
	return 0;
}

/* End the slices that the event ends. Call this before writing the event. */
static int slices_before(struct perfetto *p, const struct hst_seen *seen, u64 time,
			 struct vcpu *vcpu)
{
	enum meaning meaning = p->meaning[seen->event_nr];
	bool *in_guest = &p->in_guest[seen->hart];

	if ((meaning == EXIT || meaning == ENTRY) && *in_guest) {
		*in_guest = false;
		if (perfetto_draw(p, time, TRACK(TRACK_HART, seen->hart),
				  TRACK_EVENT__TYPE__TYPE_SLICE_END, NULL))
			return -1;
	}
	if (meaning == EXIT || meaning == ENTRY)
		return set_levels(p, seen, time, vcpu);
	if (meaning == LOAD && vcpu->depth && vcpu->open[vcpu->depth - 1] == USER_EXIT)
		return close_slices(p, time, vcpu, vcpu->depth - 1);
	return 0;
}

/* Return the name of the slice that the event begins (may be in buf), or NULL if it begins none. */
static const char *slice_name(struct perfetto *p, const struct hst_seen *seen,
			      const struct vcpu *vcpu, char *buf)
{
	static const char *const exit_of[] = { "", "L1 exit: ", "L2 exit: " };
	unsigned int level = level_of(p, seen);
	char name[HST_NAME_SIZE];

	if (vcpu->depth == MAX_DEPTH)
		return NULL;
	switch (p->meaning[seen->event_nr]) {
	case ENTRY:
		if (!level)
			return "guest";
		snprintf(buf, HST_NAME_SIZE, "L%u guest", level);
		return vcpu->levels < level ? buf : NULL;
	case EXIT:
		hst_field_put(seen->event, (unsigned int)p->field[seen->event_nr][0],
			      field_arg(p, seen, 0), name);
		snprintf(buf, HST_NAME_SIZE, "%s%.30s", exit_of[level], name);
		return buf;
	case BLOCK:
		return "blocked";
	case USER_EXIT:
		hst_field_put(seen->event, (unsigned int)p->field[seen->event_nr][0],
			      field_arg(p, seen, 0), name);
		snprintf(buf, HST_NAME_SIZE, "user space: %.30s", name);
		return buf;
	default:
		return NULL;
	}
}

static int slices_after(struct perfetto *p, const struct hst_seen *seen, u64 time,
			struct vcpu *vcpu)
{
	enum meaning meaning = p->meaning[seen->event_nr];
	char name[64];
	u64 track;

	if (meaning == WAKEUP && vcpu->depth && vcpu->open[vcpu->depth - 1] == BLOCK)
		return close_slices(p, time, vcpu, vcpu->depth - 1);
	if (meaning == ENTRY) {
		p->in_guest[seen->hart] = true;
		snprintf(name, sizeof(name), "vCPU %d.%d", seen->vm, seen->vcpu);
		return perfetto_know_hart(p, seen->hart) ||
				       perfetto_draw(p, time, TRACK(TRACK_HART, seen->hart),
						     TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN, name)
			       ? -1
			       : 0;
	}
	if (meaning != MMIO)
		return 0;
	if (perfetto_know_device(p, (u32)seen->vm, field_arg(p, seen, 0), &track))
		return -1;
	snprintf(name, sizeof(name), "%s 0x%llx: 0x%llx", seen->event->name, field_arg(p, seen, 0),
		 field_arg(p, seen, 1));
	return track ? perfetto_draw(p, time, track, TRACK_EVENT__TYPE__TYPE_INSTANT, name) : 0;
}

static int put_event(void *arg, const struct hst_seen *seen)
{
	struct perfetto *p = arg;
	u64 time = export_ns(p->job->file, seen->time);
	uint64_t category = seen->event_nr + 1, ids[IRQ_CODES];
	TrackEvent event = TRACK_EVENT__INIT;
	const char *name = NULL;
	struct vcpu *vcpu = NULL;
	struct annotations a;
	struct names names;
	bool first = !p->first_name[seen->event_nr];
	char buf[HST_NAME_SIZE];

	if (first)
		name_event(p, seen, &names);
	event.track_uuid = TRACK(TRACK_HART, seen->hart);
	if (seen->vm >= 0) {
		event.track_uuid = TRACK(TRACK_VCPU, (u32)seen->vm | (u32)seen->vcpu << 16);
		if (perfetto_know_vcpu(p, (u32)seen->vm, (u32)seen->vcpu, &vcpu))
			return -1;
		if (!vcpu) {
			event.track_uuid = TRACK(TRACK_VM, seen->vm);
			if (perfetto_know_vm(p, (u32)seen->vm))
				return -1;
		}
	} else if (perfetto_know_hart(p, seen->hart)) {
		return -1;
	}
	if (vcpu) {
		if (slices_before(p, seen, time, vcpu))
			return -1;
		name = slice_name(p, seen, vcpu, buf);
	}
	annotate(p, seen, &a);
	set_flows(p, seen, vcpu, &event, ids);
	event.n_category_iids = 1;
	event.category_iids = &category;
	event.n_debug_annotations = a.n;
	event.debug_annotations = a.pointer;
	event.type = name ? TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN : TRACK_EVENT__TYPE__TYPE_INSTANT;
	event.has_name_iid = !name;
	event.name_iid = category;
	event.name = (char *)name;
	if (name) {
		vcpu->open[vcpu->depth++] = p->meaning[seen->event_nr];
		if (p->meaning[seen->event_nr] == ENTRY)
			vcpu->levels = level_of(p, seen);
	}
	if (perfetto_put_event(p, time, &event, first ? &names.data : NULL))
		return -1;
	return vcpu ? slices_after(p, seen, time, vcpu) : 0;
}

static int write_perfetto(struct export_job *job, FILE *out)
{
	struct perfetto *p = calloc(1, sizeof(*p));
	int err;

	if (!p) {
		hst_error(job->file->path, "out of memory");
		return -1;
	}
	p->job = job;
	p->out = out;
	err = hst_find_l2(job->file, &p->stacks) ? -1 : export_each(job, out, put_event, p);
	free(p->buf);
	free(p);
	return err;
}

const struct export_format export_perfetto = {
	.streams = true,
	.write = write_perfetto,
};
