// SPDX-License-Identifier: MIT
/*
 * trace_control.h - conditions for recording an event that is on: filters, triggers, a full ring,
 * and tracing_on.
 *
 * Setters that can fail return 0 or -errno. All setters are called in thread context, by one caller
 * at a time (fs/tracefs.c holds a mutex; at boot there is no other caller).
 */
#ifndef TRACE_CONTROL_H
#define TRACE_CONTROL_H

#include "trace_filter.h"

/* Switch on exactly the chosen events. Notifies running vCPUs; starts or stops sampling. */
void trace_set_events(const bool *chosen);
bool trace_event_is_on(unsigned int event);

void trace_set_on(bool on); /* tracing_on */
bool trace_is_on(void);
/* Set what a full ring does: overwrite its oldest records (the default), or drop new ones. */
void trace_set_overwrite(bool overwrite);
bool trace_overwrites(void);

/*
 * Set the event's filter, or remove it if `text` is NULL. If `text` is not a valid condition, the
 * event is left without a filter, and *error says what is wrong.
 */
int trace_set_filter(unsigned int event, const char *text, struct trace_filter_error *error);
/* Return the text of the event's filter, or NULL. Valid until the event's rules change. */
const char *trace_filter_text(unsigned int event);

enum trace_trigger_kind {
	TRACE_TRIGGER_OFF, /* clears tracing_on: this event is the last one recorded */
	TRACE_TRIGGER_ON,
	TRACE_NR_TRIGGERS
};

struct trace_trigger {
	bool set;
	u64 left; /* how many more times it fires; ~0: no limit */
	struct trace_filter filter;
};

/*
 * Set the event's trigger of this kind; without a condition if `filter` is NULL. The trigger fires
 * at most `times` times: 1 or more, or without limit if `times` is ~0. Returns -EEXIST if the event
 * already has a trigger of this kind.
 */
int trace_set_trigger(unsigned int event, enum trace_trigger_kind kind, u64 times,
		      const char *filter, struct trace_filter_error *error);
int trace_clear_trigger(unsigned int event, enum trace_trigger_kind kind); /* -ENOENT */
/* The event's trigger, or NULL if it has none. Valid until the event's rules change. */
const struct trace_trigger *trace_trigger_of(unsigned int event, enum trace_trigger_kind kind);

#endif
