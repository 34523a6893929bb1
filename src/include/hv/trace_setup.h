// SPDX-License-Identifier: MIT
/*
 * trace_setup.h - functions with which a host sets up trace memory, selects events, and looks up
 * events and their fields.
 */
#ifndef HV_TRACE_SETUP_H
#define HV_TRACE_SETUP_H

#include "hv/trace_fields.h"
#include "hv/trace_mem.h"

/*
 * Lay out [mem, mem + size) for nr_harts. Returns 0, or -EINVAL if `size` is less than
 * trace_mem_size(nr_harts, PAGE_SIZE). Called once, while every event is off and before exits are
 * accounted for.
 */
int trace_mem_init(void *mem, size_t size, unsigned int nr_harts, unsigned long timebase_hz,
		   bool instret_exact);
/*
 * Return the size of trace memory for nr_harts rings of `ring` bytes each. trace_mem_init() needs
 * at least a page for each ring.
 */
size_t trace_mem_size(unsigned int nr_harts, size_t ring);
/*
 * Set the elements of `chosen`, which has TRACE_NR_EVENTS of them, by a list such as
 * "kvm_exit,gstage_*,!gstage_step", by "all" or by "none". The words of a list are applied from
 * left to right; a word that begins with ! switches events off. Returns 0, or -EINVAL with *bad
 * pointing to the first word that does not name any event.
 */
int trace_choose(const char *list, bool *chosen, const char **bad);
/*
 * Switch on exactly the events of a list. Returns 0, -ENOMEM if there is no trace memory, or an
 * error of trace_choose(); after an error, the selection is as it was.
 */
int trace_select(const char *list, const char **bad);
/*
 * Switch on the events for which `chosen` is true (it has TRACE_NR_EVENTS elements), and switch off
 * all others. Only one thread may call this at a time.
 */
void trace_apply(const bool *chosen);
void trace_exit_account(enum exit_unit unit);

/* The table of events at run time. */
struct trace_field {
	const char *name;
	const char *kind; /* as in events.def */
	bool is_signed;
};

const char *trace_event_name(unsigned int event); /* NULL beyond the last */
bool trace_event_field(unsigned int event, unsigned int i, struct trace_field *field);
/* Return the event of this name, or TRACE_NR_EVENTS if there is none. */
unsigned int trace_event_find(const char *name, size_t len);
/* Return true if the name matches the pattern of len characters, which may contain * and ?. */
bool trace_glob_match(const char *pattern, size_t len, const char *name);
/* Return the index of a value's histogram bucket; see trace_mem.h. For tests. */
unsigned long trace_hist_bucket(u64 value);

/*
 * Only on the bare-metal host, called at boot (trace_boot.c): trace_init() reserves trace memory
 * and sets up the accounting for exits; trace_start() applies the boot arguments for events and
 * filters, once memory can be allocated.
 */
void trace_init(void);
void trace_start(void);

#endif
