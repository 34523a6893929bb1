// SPDX-License-Identifier: MIT
/*
 * trace_fields.h - the numbers of the events, and macros that apply another macro to each field of
 * an event in trace/events.def.
 */
#ifndef HV_TRACE_FIELDS_H
#define HV_TRACE_FIELDS_H

#include "hv/types.h"

/* The C type of each kind of field. ORDER: kinds (events.def, trace/file/field.c) */
#define TRACE_TYPE_hex    u64
#define TRACE_TYPE_num    u64
#define TRACE_TYPE_dec    s64
#define TRACE_TYPE_flag   u64
#define TRACE_TYPE_err    s64
#define TRACE_TYPE_cause  u64
#define TRACE_TYPE_sbi    u64
#define TRACE_TYPE_sbierr s64
#define TRACE_TYPE_reason u64
#define TRACE_TYPE_csr    u64
#define TRACE_TYPE_sys    u64
#define TRACE_TYPE_mmio   u64
#define TRACE_TYPE_text   u64
#define TRACE_TYPE_mode   u64
#define TRACE_TYPE_class  u64

/* TRACE_MAP(m, (a, b), (c, d)) expands to m(a, b), m(c, d). It takes one to five pairs. */
#define TRACE_MAP1(m, p)                            m p
#define TRACE_MAP2(m, p, ...)                       m p, TRACE_MAP1(m, __VA_ARGS__)
#define TRACE_MAP3(m, p, ...)                       m p, TRACE_MAP2(m, __VA_ARGS__)
#define TRACE_MAP4(m, p, ...)                       m p, TRACE_MAP3(m, __VA_ARGS__)
#define TRACE_MAP5(m, p, ...)                       m p, TRACE_MAP4(m, __VA_ARGS__)
#define TRACE_PICK(p1, p2, p3, p4, p5, chosen, ...) chosen
#define TRACE_MAP(m, ...)                                                                     \
	TRACE_PICK(__VA_ARGS__, TRACE_MAP5, TRACE_MAP4, TRACE_MAP3, TRACE_MAP2, TRACE_MAP1, ) \
	(m, __VA_ARGS__)

/* The same without commas: m(a, b) m(c, d). */
#define TRACE_EACH1(m, p)      m p
#define TRACE_EACH2(m, p, ...) m p TRACE_EACH1(m, __VA_ARGS__)
#define TRACE_EACH3(m, p, ...) m p TRACE_EACH2(m, __VA_ARGS__)
#define TRACE_EACH4(m, p, ...) m p TRACE_EACH3(m, __VA_ARGS__)
#define TRACE_EACH5(m, p, ...) m p TRACE_EACH4(m, __VA_ARGS__)
#define TRACE_EACH(m, ...)                                                                         \
	TRACE_PICK(__VA_ARGS__, TRACE_EACH5, TRACE_EACH4, TRACE_EACH3, TRACE_EACH2, TRACE_EACH1, ) \
	(m, __VA_ARGS__)

enum trace_event_nr {
#define EVENT(name, meaning, behind, ...) TRACE_##name,
#include "events.def"
	TRACE_NR_EVENTS
};

#endif
