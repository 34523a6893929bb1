// SPDX-License-Identifier: MIT
/*
 * tracepoint.c - define a Linux tracepoint for each event of the core.
 */
#include "linux.h"
#include "trace.h"

/* Linux calls these when a tracepoint gets its first user, and when it has lost the last one. */
#define EVENTS_OF_CORE
#define EVENT(name, meaning, behind, ...)             \
	static int name##_reg(void)                   \
	{                                             \
		return event_use(TRACE_##name, true); \
	}                                             \
	static void name##_unreg(void)                \
	{                                             \
		event_use(TRACE_##name, false);       \
	}
#include "events.def"
#undef EVENTS_OF_CORE

#define CREATE_TRACE_POINTS
#include "tracepoint.h"

void tracepoint_emit(unsigned int event, u32 who, const u64 *args)
{
	switch (event) {
#define EVENTS_OF_CORE
#define EVENT(name, meaning, behind, ...) \
	case TRACE_##name:                \
		trace_##name(who, args);  \
		break;
#include "events.def"
#undef EVENTS_OF_CORE
	}
}
