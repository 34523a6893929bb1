/* SPDX-License-Identifier: MIT */
/*
 * trace.h - events in the module, within src/linux.
 */
#ifndef HS_LINUX_TRACE_H
#define HS_LINUX_TRACE_H

#include "hv/trace_fields.h"

struct static_key;
struct trace_mem;

/*
 * trace.c. The core's sources call these functions: the first two through core/hv/static_key.h,
 * which documents them, and the last one from core/trace_emit.S, with interrupts off.
 */
void static_key_set(struct static_key *key, bool enabled);
void static_keys_set(struct static_key *keys, unsigned int nr, const bool *enabled);
void events_emit(unsigned int event, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4);

/* trace.c. Set up exit statistics if the module's arguments ask for them. Sleeps. */
int events_init(void);
/* Free trace memory, which nothing uses any more. Tracepoints may still call event_use(). */
void events_exit(void);
/*
 * Called by Linux when a tracepoint gets its first user (use: true) or has lost its last one.
 * Returns 0 or -errno; never fails if `use` is false. Sleeps.
 */
int event_use(unsigned int event, bool use);
/*
 * Record in the rings the events of a list (trace_choose()), and no others. Returns 0, -EINVAL or
 * -ENOMEM. Sleeps.
 */
int events_record(const char *list);
/* Call put() with the name of each event of that list. */
void events_recorded(void (*put)(void *to, const char *name), void *to);
/* Return trace memory and its size in bytes, or NULL if it has not been allocated yet. */
const struct trace_mem *events_memory(size_t *size);

/* tracepoint.c: call the event's tracepoint. */
void tracepoint_emit(unsigned int event, u32 who, const u64 *args);

/* debugfs.c. The module works without these files. */
void debugfs_init(void);
void debugfs_exit(void);

#endif
