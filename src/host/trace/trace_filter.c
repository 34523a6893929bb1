// SPDX-License-Identifier: MIT
/*
 * trace_filter.c - parse and evaluate conditions on an event's fields (syntax: trace_filter.h).
 *
 * A recursive-descent parser turns the text into a program for a stack of truth values. Such a
 * program has no pointers, needs no memory of its own, and takes a bounded number of steps for each
 * event. The text comes from user space and is not trusted: depth and length are bounded.
 */
#include "trace_filter.h"
#include <asm-generic/errno-base.h>
#include <string.h>
#include "hv/bits.h"

#define MAX_DEPTH 16

enum {
	OP_EQ,
	OP_NE,
	OP_LT,
	OP_LE,
	OP_GT,
	OP_GE,
	OP_BITS,
	OP_AND,
	OP_OR,
	OP_NOT,
};

enum {
	FIELD_VM = TRACE_ARGS,
	FIELD_VCPU,
	FIELD_HART,
};

struct parser {
	struct trace_filter *filter;
	enum trace_event_nr event;
	const char *start, *p;
	struct trace_filter_error *error;
};

static int fail(struct parser *ps, const char *message)
{
	ps->error->message = message;
	ps->error->at = (unsigned int)(ps->p - ps->start);
	return -EINVAL;
}

static void skip_blanks(struct parser *ps)
{
	while (*ps->p == ' ' || *ps->p == '\t')
		ps->p++;
}

static bool take(struct parser *ps, const char *word)
{
	size_t len = strlen(word);

	skip_blanks(ps);
	if (strncmp(ps->p, word, len))
		return false;
	ps->p += len;
	return true;
}

static int emit(struct parser *ps, u8 code, u8 field, bool is_signed, u64 value)
{
	struct trace_filter *f = ps->filter;

	if (f->nr_ops == TRACE_FILTER_OPS)
		return fail(ps, "Too many terms in predicate expression");
	f->op[f->nr_ops++] = (struct trace_filter_op){ code, field, is_signed, value };
	return 0;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool field_of(const struct parser *ps, const char *word, size_t len, u8 *field,
		     bool *is_signed)
{
	static const struct {
		char name[8];
		u8 field;
	} common[] = { { "vm", FIELD_VM },
		       { "vcpu", FIELD_VCPU },
		       { "hart", FIELD_HART },
		       { "CPU", FIELD_HART },
		       { "cpu", FIELD_HART } };
	struct trace_field info;
	unsigned int i;

	for (i = 0; trace_event_field(ps->event, i, &info); i++) {
		if (strlen(info.name) != len || strncmp(info.name, word, len))
			continue;
		*field = (u8)i;
		*is_signed = info.is_signed;
		return true;
	}
	for (i = 0; i < ARRAY_SIZE(common); i++) {
		if (strlen(common[i].name) != len || strncmp(common[i].name, word, len))
			continue;
		*field = common[i].field;
		*is_signed = false;
		return true;
	}
	return false;
}

/*
 * Parse a number like strtoull() with base 0; the kernel lacks strtoull(). Returns false if there
 * is no number, if it does not fit, or if a letter, digit or _ follows it.
 */
static bool number(struct parser *ps, u64 *value)
{
	unsigned int base = 10;
	bool negative = *ps->p == '-', any = false;

	ps->p += negative;
	if (*ps->p == '0') {
		base = 8;
		any = true;
		ps->p++;
		if (*ps->p == 'x' || *ps->p == 'X') {
			base = 16;
			any = false;
			ps->p++;
		}
	}
	for (*value = 0;; ps->p++, any = true) {
		char c = *ps->p;
		unsigned int digit = c >= '0' && c <= '9'   ? (unsigned int)(c - '0')
				     : c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a' + 10)
				     : c >= 'A' && c <= 'F' ? (unsigned int)(c - 'A' + 10)
							    : 16;

		if (digit >= base)
			break;
		if (*value > (~0ULL - digit) / base)
			return false;
		*value = *value * base + digit;
	}
	if (negative)
		*value = 0 - *value;
	return any && !is_word(*ps->p);
}

static int predicate(struct parser *ps)
{
	static const struct {
		const char *text;
		u8 code;
	} operators[] = { { "==", OP_EQ }, { "!=", OP_NE }, { "<=", OP_LE }, { "<", OP_LT },
			  { ">=", OP_GE }, { ">", OP_GT },  { "&", OP_BITS } };
	const char *word = ps->p;
	bool is_signed;
	unsigned int i;
	u64 value;
	u8 field;

	while (is_word(*ps->p))
		ps->p++;
	if (ps->p == word || !field_of(ps, word, (size_t)(ps->p - word), &field, &is_signed)) {
		ps->p = word;
		return fail(ps, *word ? "Field not found" : "Missing field name and/or value");
	}
	for (i = 0; i < ARRAY_SIZE(operators) && !take(ps, operators[i].text); i++)
		;
	if (i == ARRAY_SIZE(operators))
		return fail(ps, "Invalid operator");
	skip_blanks(ps);
	word = ps->p;
	if (!number(ps, &value)) {
		ps->p = word;
		return fail(ps, "Invalid value (did you forget quotes)?");
	}
	return emit(ps, operators[i].code, field, is_signed, value);
}

static int condition(struct parser *ps, unsigned int depth);

static int negation(struct parser *ps, unsigned int depth)
{
	int err;

	skip_blanks(ps);
	if (depth == MAX_DEPTH)
		return fail(ps, "Too many levels of parentheses");
	if (take(ps, "!")) {
		err = negation(ps, depth + 1);
		return err ? err : emit(ps, OP_NOT, 0, false, 0);
	}
	if (!take(ps, "("))
		return predicate(ps);
	err = condition(ps, depth + 1);
	if (err)
		return err;
	return take(ps, ")") ? 0 : fail(ps, "Unbalanced parenthesis or missing close-parenthesis");
}

static int conjunction(struct parser *ps, unsigned int depth)
{
	int err = negation(ps, depth);

	while (!err && take(ps, "&&")) {
		err = negation(ps, depth);
		if (!err)
			err = emit(ps, OP_AND, 0, false, 0);
	}
	return err;
}

static int condition(struct parser *ps, unsigned int depth)
{
	int err = conjunction(ps, depth);

	while (!err && take(ps, "||")) {
		err = conjunction(ps, depth);
		if (!err)
			err = emit(ps, OP_OR, 0, false, 0);
	}
	return err;
}

int trace_filter_parse(struct trace_filter *filter, enum trace_event_nr event, const char *text,
		       struct trace_filter_error *error)
{
	struct parser ps = {
		.filter = filter, .event = event, .start = text, .p = text, .error = error
	};
	int err;

	if (strlen(text) >= sizeof(filter->text))
		return fail(&ps, "Text is too long");
	memset(filter, 0, sizeof(*filter));
	memcpy(filter->text, text, strlen(text));
	err = condition(&ps, 0);
	if (err)
		return err;
	skip_blanks(&ps);
	if (*ps.p == ')')
		return fail(&ps, "Too many closed parentheses");
	return *ps.p ? fail(&ps, "Invalid operator") : 0;
}

/* ---- evaluation, for each event ------------------------------------------------------- */

static bool compare(const struct trace_filter_op *op, u64 field)
{
	bool less = op->is_signed ? (s64)field < (s64)op->value : field < op->value;

	switch (op->code) {
	case OP_EQ:
		return field == op->value;
	case OP_NE:
		return field != op->value;
	case OP_LT:
		return less;
	case OP_LE:
		return less || field == op->value;
	case OP_GT:
		return !less && field != op->value;
	case OP_GE:
		return !less;
	default: /* OP_BITS */
		return field & op->value;
	}
}

static u64 value_of(unsigned int field, const u64 *args, u32 who, unsigned int hart)
{
	switch (field) {
	case FIELD_VM:
		return TRACE_VM_OF(who);
	case FIELD_VCPU:
		return TRACE_VCPU_OF(who);
	case FIELD_HART:
		return hart;
	default:
		return args[field];
	}
}

bool trace_filter_match(const struct trace_filter *filter, const u64 *args, u32 who,
			unsigned int hart)
{
	u32 stack = 0; /* truth values, with the top in bit 0; 32 operations cannot overflow it */

	for (unsigned int i = 0; i < filter->nr_ops; i++) {
		const struct trace_filter_op *op = &filter->op[i];

		switch (op->code) {
		case OP_AND:
			stack = (stack >> 1) & (stack | ~1U);
			break;
		case OP_OR:
			stack = (stack >> 1) | (stack & 1);
			break;
		case OP_NOT:
			stack ^= 1;
			break;
		default:
			stack = stack << 1 | compare(op, value_of(op->field, args, who, hart));
		}
	}
	return stack & 1;
}
