// SPDX-License-Identifier: MIT
/*
 * trace_dump.h - print the last events to the log (trace_dump.c).
 */
#ifndef TRACE_DUMP_H
#define TRACE_DUMP_H

/*
 * For each hart that has records, pass put() a heading and the last `count` records, oldest first,
 * one per line without a newline; damaged records are only counted. Takes no lock, allocates
 * nothing, and terminates whatever the rings contain. Any context.
 */
void trace_dump(unsigned int count, void (*put)(const char *line));

#endif
