// SPDX-License-Identifier: MIT
/*
 * trace_filter.h - conditions on an event's fields: "scause == 23 && vm == 1".
 *
 *   condition   and { "||" and }          field   of the event; vm, vcpu, hart (also CPU, cpu)
 *   and         not { "&&" not }          op      == != < <= > >= &
 *   not         "!" not                   number  12, -1, 0x17, 017
 *               "(" condition ")"
 *               field op number
 *
 * `&` is true if the field has any bit of the number set. Fields of the kinds dec, err and sbierr
 * are compared as signed numbers. Also compiled for the build machine (tests/trace).
 */
#ifndef TRACE_FILTER_H
#define TRACE_FILTER_H

#include "hv/trace.h"

#define TRACE_FILTER_TEXT 256 /* with its NUL */
#define TRACE_FILTER_OPS  32

struct trace_filter {
	u8 nr_ops;
	struct trace_filter_op {
		u8 code;  /* trace_filter.c */
		u8 field; /* an argument's index, or FIELD_* of trace_filter.c */
		bool is_signed;
		u64 value;
	} op[TRACE_FILTER_OPS]; /* in postfix order: operands first */
	char text[TRACE_FILTER_TEXT];
};

/*
 * The error in the text of a condition, in Linux's words, and the index of the character where it
 * was found.
 */
struct trace_filter_error {
	const char *message;
	unsigned int at;
};

/* Parse a condition on the event's fields. Returns 0, or -EINVAL with *error set. */
int trace_filter_parse(struct trace_filter *filter, enum trace_event_nr event, const char *text,
		       struct trace_filter_error *error);
bool trace_filter_match(const struct trace_filter *filter, const u64 *args, u32 who,
			unsigned int hart);

#endif
