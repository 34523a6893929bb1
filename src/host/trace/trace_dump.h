// SPDX-License-Identifier: MIT
/*
 * trace_dump.h - the last events for the log (trace_dump.c).
 */
#ifndef TRACE_DUMP_H
#define TRACE_DUMP_H

/*
 * The last `count` records of each hart that has any, oldest first, a line each without newline to
 * put(). Takes no lock and no memory, and ends, whatever the rings hold. Any context.
 */
void trace_dump(unsigned int count, void (*put)(const char *line));

#endif
