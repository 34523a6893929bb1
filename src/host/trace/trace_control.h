// SPDX-License-Identifier: MIT
/*
 * trace_control.h - what stands between an event that is on and the ring: filters, triggers, a ring
 * that is full, and tracing switched off as a whole.
 *
 * Setters: one caller at a time (fs/tracefs.c has a mutex; at boot there is nobody else), a
 * thread's context. They return 0 or -errno.
 */
#ifndef TRACE_CONTROL_H
#define TRACE_CONTROL_H

#include "trace_filter.h"

/* Exactly these events are on; vCPUs that run learn of it. */
void trace_set_events(const bool *chosen);
bool trace_event_is_on(unsigned int event);

void trace_set_on(bool on); /* tracing_on */
bool trace_is_on(void);
/* A full ring overwrites its oldest records (the default), or drops what comes. */
void trace_set_overwrite(bool overwrite);
bool trace_overwrites(void);

/* NULL text: no filter any more. A failed one leaves the event without, as *error tells. */
int trace_set_filter(unsigned int event, const char *text, struct trace_filter_error *error);
/* The event's condition; NULL: none. Valid until it is set. */
const char *trace_filter_text(unsigned int event);

enum trace_trigger_kind {
	TRACE_TRIGGER_OFF, /* tracing_on becomes 0: this event is the last that is recorded */
	TRACE_TRIGGER_ON,
	TRACE_NR_TRIGGERS
};

struct trace_trigger {
	bool set;
	u64 left; /* how many times it still acts; ~0: always */
	struct trace_filter filter;
};

/* times: 1 or more, ~0 for always. -EEXIST: there is one. */
int trace_set_trigger(unsigned int event, enum trace_trigger_kind kind, u64 times,
		      const char *filter, struct trace_filter_error *error);
int trace_clear_trigger(unsigned int event, enum trace_trigger_kind kind); /* -ENOENT */
/* NULL: the event has none. Valid until it is set. */
const struct trace_trigger *trace_trigger_of(unsigned int event, enum trace_trigger_kind kind);

#endif
