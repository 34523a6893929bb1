// SPDX-License-Identifier: MIT
/*
 * trace_control.c - filters, triggers, tracing_on, and the handling of full rings.
 *
 * By default (no filter, no trigger, tracing_on is 1, full rings overwrite their oldest records),
 * an event that is on goes straight to the ring (trace_emit.S). Otherwise, trace_slow_key sends
 * every event here: its rules, tracing_on and the ring decide whether trace_write() records it.
 *
 * Rules are replaced while harts use them: the new set is published by a pointer, and the old one
 * is freed once no hart can be using it. A hart sets in_slow while it uses rules, for a bounded
 * number of instructions with interrupts off; it never waits.
 */
#include "trace_control.h"
#include <asm-generic/errno-base.h>
#include <string.h>
#include "hv/core.h"
#include "hv/host.h"
#include "trace_hart.h"
#include "trace_sample.h"

struct rules {
	bool has_filter;
	struct trace_filter filter;
	struct trace_trigger trigger[TRACE_NR_TRIGGERS];
};

static struct rules *rules[TRACE_NR_EVENTS]; /* read by harts */
static unsigned int nr_rules;
static bool on = true, overwrite = true; /* read by harts; triggers write `on` */

struct static_key trace_slow_key;
u64 trace_slow_frame;

/* ---- emitting, on each hart -------------------------------------------------------------- */

static bool ring_takes(struct trace_hart *th)
{
	/* Leave one slot free: a reader of RAM ignores the slot at head. */
	if (READ_ONCE(overwrite) || th->head < th->mask)
		return true;
	WRITE_ONCE(th->dropped, th->dropped + 1);
	return false;
}

static bool trigger_fires(struct trace_trigger *t, const u64 *args, u32 who, unsigned int hart)
{
	u64 left = READ_ONCE(t->left);

	if (!t->set || !left ||
	    (t->filter.nr_ops && !trace_filter_match(&t->filter, args, who, hart)))
		return false;
	while (left && left != ~0ULL)
		if (__atomic_compare_exchange_n(&t->left, &left, left - 1, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return true;
	return left;
}

static bool passes(struct rules *r, const u64 *args, u32 who, unsigned int hart)
{
	bool was_on = READ_ONCE(on);

	if (!r)
		return was_on;
	/* As on Linux, a trigger that would change nothing does not fire and is not counted. */
	if (!was_on && trigger_fires(&r->trigger[TRACE_TRIGGER_ON], args, who, hart)) {
		WRITE_ONCE(on, true);
		was_on = true;
	}
	if (was_on && trigger_fires(&r->trigger[TRACE_TRIGGER_OFF], args, who, hart))
		WRITE_ONCE(on, false);
	return was_on && (!r->has_filter || trace_filter_match(&r->filter, args, who, hart));
}

void trace_emit_slow(enum trace_event_nr event, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4)
{
	const u64 args[TRACE_ARGS] = { a0, a1, a2, a3, a4 };
	unsigned int hart = (unsigned int)TRACE_THIS_HART();
	struct trace_hart *th = trace_harts[hart];
	u64 start = csr_instret();
	struct rules *r;
	bool records;

	WRITE_ONCE(th->in_slow, 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* see wait_for_harts() */
	r = __atomic_load_n(&rules[event], __ATOMIC_ACQUIRE);
	records = passes(r, args, th->who, hart) && ring_takes(th);
	if (records)
		trace_write(th, event, args);
	__atomic_store_n(&th->in_slow, 0, __ATOMIC_RELEASE);
	/* A record is counted by its number (spent_on_tracing()), so don't count it here. */
	if (th->record_cost)
		th->other_cost +=
			csr_instret() - start + trace_slow_frame - (records ? th->record_cost : 0);
}

/* ---- setters ------------------------------------------------------------------------------ */

/*
 * Wait until no hart uses the old rules. Either a hart reads the new rules, or we see that its
 * in_slow is set.
 */
static void wait_for_harts(void)
{
	if (!trace_mem)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned int i = 0; i < trace_mem->nr_harts; i++)
		while (__atomic_load_n(&trace_harts[i]->in_slow, __ATOMIC_ACQUIRE))
			hv_cpu_relax();
}

static void set_slow(void)
{
	bool slow = nr_rules || !READ_ONCE(on) || !overwrite;

	if (slow && trace_mem)
		WRITE_ONCE(trace_mem->selective, 1);
	static_key_set(&trace_slow_key, slow);
}

static bool is_empty(const struct rules *r)
{
	return !r->has_filter && !r->trigger[TRACE_TRIGGER_OFF].set &&
	       !r->trigger[TRACE_TRIGGER_ON].set;
}

/* Return a copy of the event's rules for the caller to change, or NULL if there is no memory. */
static struct rules *begin_change(unsigned int event)
{
	struct rules *r = hv_alloc(sizeof(*r));

	if (r && rules[event])
		*r = *rules[event];
	return r;
}

static void end_change(unsigned int event, struct rules *r)
{
	struct rules *old = rules[event];

	if (is_empty(r)) {
		hv_free(r);
		r = NULL;
	}
	nr_rules += (r != NULL) - (old != NULL);
	__atomic_store_n(&rules[event], r, __ATOMIC_RELEASE);
	if (old)
		wait_for_harts();
	hv_free(old);
	set_slow(); /* after the old rules' last trigger, which may have changed `on` */
}

int trace_set_filter(unsigned int event, const char *text, struct trace_filter_error *error)
{
	struct rules *r = begin_change(event);
	int err = 0;

	if (!r)
		return -ENOMEM;
	r->has_filter = false;
	if (text)
		err = trace_filter_parse(&r->filter, event, text, error);
	r->has_filter = text && !err;
	end_change(event, r);
	return err;
}

const char *trace_filter_text(unsigned int event)
{
	return rules[event] && rules[event]->has_filter ? rules[event]->filter.text : NULL;
}

int trace_set_trigger(unsigned int event, enum trace_trigger_kind kind, u64 times,
		      const char *filter, struct trace_filter_error *error)
{
	struct trace_trigger *t;
	struct rules *r;
	int err = 0;

	if (trace_trigger_of(event, kind))
		return -EEXIST;
	r = begin_change(event);
	if (!r)
		return -ENOMEM;
	t = &r->trigger[kind];
	*t = (struct trace_trigger){ .set = true, .left = times };
	if (filter)
		err = trace_filter_parse(&t->filter, event, filter, error);
	if (err)
		hv_free(r);
	else
		end_change(event, r);
	return err;
}

int trace_clear_trigger(unsigned int event, enum trace_trigger_kind kind)
{
	struct rules *r;

	if (!trace_trigger_of(event, kind))
		return -ENOENT;
	r = begin_change(event);
	if (!r)
		return -ENOMEM;
	r->trigger[kind].set = false;
	end_change(event, r);
	return 0;
}

const struct trace_trigger *trace_trigger_of(unsigned int event, enum trace_trigger_kind kind)
{
	return rules[event] && rules[event]->trigger[kind].set ? &rules[event]->trigger[kind]
							       : NULL;
}

void trace_set_on(bool value)
{
	WRITE_ONCE(on, value);
	set_slow();
}

bool trace_is_on(void)
{
	return READ_ONCE(on);
}

void trace_set_overwrite(bool value)
{
	WRITE_ONCE(overwrite, value);
	set_slow();
}

bool trace_overwrites(void)
{
	return overwrite;
}

void trace_set_events(const bool *chosen)
{
	if (!trace_mem)
		return;
	trace_apply(chosen);
	kvm_trace_changed();
	trace_sample_changed();
}

bool trace_event_is_on(unsigned int event)
{
	return trace_keys[event].enabled;
}
