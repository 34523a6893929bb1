// SPDX-License-Identifier: MIT
/*
 * tracefs.h - interface between tracefs.c (all events), tracefs_event.c (each event) and
 * trace_marker.c.
 */
#ifndef HOST_TRACEFS_H
#define HOST_TRACEFS_H

#include "hv/types.h"

#define TRACEFS "/sys/kernel/tracing"

/*
 * Hold this lock around every call to a setter of trace_control.h, and while a pointer that a
 * getter returned is in use.
 */
void trace_lock(void);
void trace_unlock(void);
int trace_parse_bool(const char *line, bool *value); /* "0" or "1"; -EINVAL */

void tracefs_events_init(void); /* make the events' directory */
void trace_marker_init(void);

#endif
