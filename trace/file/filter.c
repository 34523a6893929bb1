// SPDX-License-Identifier: MIT
/*
 * filter.c - choose events by the values of their fields: --filter RULE.
 *
 *   rule     [LIST ":"] any        the events of LIST (hst_list_has); without LIST, all
 *   any      all { "||" all }
 *   all      one { "&&" one }
 *   one      "!" one | "(" any ")" | FIELD OP VALUE
 *   OP       == != < <= > >= &     &: field and value have a bit in common
 *   VALUE    a number, or a name as report prints it in this field
 *
 * The filter files of Linux (which also has ~) and of the host have the same operators. A rule may
 * also be written as "LIST if any". Besides its own fields, every event has the fields vm (0 for
 * events of the host itself), vcpu, hart (also cpu, CPU), nesting (1 for L1, 2 for L2, 0 if
 * unknown) and instret. A comparison with a field that the event lacks is false. If there are
 * several rules, an event is chosen if any of them chooses it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "hst.h"
#include "hv/bits.h"

#define MAX_DEPTH 64

enum op {
	OP_EQ,
	OP_NE,
	OP_LE,
	OP_GE,
	OP_LT,
	OP_GT,
	OP_AND,
};

static const char *const op_text[] = {
	[OP_EQ] = "==", [OP_NE] = "!=", [OP_LE] = "<=", [OP_GE] = ">=",
	[OP_LT] = "<",  [OP_GT] = ">",  [OP_AND] = "&",
};

/*
 * Field numbers in struct bound: an index into arg[], the number of a field that all events have,
 * or LACKS.
 */
enum {
	LACKS = -1,
	COMMON_VM = TRACE_ARGS,
	COMMON_VCPU,
	COMMON_HART,
	COMMON_NESTING,
	COMMON_INSTRET
};

static const struct {
	const char *name;
	int field;
} commons[] = {
	{ "vm", COMMON_VM },           { "vcpu", COMMON_VCPU }, { "hart", COMMON_HART },
	{ "cpu", COMMON_HART },        { "CPU", COMMON_HART },  { "nesting", COMMON_NESTING },
	{ "instret", COMMON_INSTRET },
};

struct bound {
	signed char field;
	bool is_signed;
	u64 value;
};

struct node {
	enum {
		NODE_ANY,
		NODE_ALL,
		NODE_NOT,
		NODE_COMPARE
	} type;
	struct node *left, *right;
	enum op op;
	char field[HST_WORD_SIZE], value[HST_WORD_SIZE];
	struct bound *bound; /* by event; NULL until hst_filter_bind() */
};

struct hst_filter {
	struct hst_filter *next;
	char *list; /* NULL: all */
	struct node *root;
	bool for_event[HST_MAX_EVENTS];
};

/* ---- parsing ---- */

struct parser {
	const char *text, *at;
	unsigned int depth;
};

static struct node *wrong(const struct parser *p, const char *what)
{
	char message[160];

	snprintf(message, sizeof(message), "--filter: %s, at character %d of", what,
		 (int)(p->at - p->text) + 1);
	hst_wrong_use(message, p->text);
	return NULL;
}

static bool accept(struct parser *p, const char *token)
{
	size_t len = strlen(token);

	p->at += strspn(p->at, " \t");
	if (strncmp(p->at, token, len))
		return false;
	p->at += len;
	return true;
}

static bool word(struct parser *p, char *buf)
{
	size_t len;

	p->at += strspn(p->at, " \t");
	len = strspn(p->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
	if (!len || len >= HST_WORD_SIZE)
		return false;
	memcpy(buf, p->at, len);
	buf[len] = '\0';
	p->at += len;
	return true;
}

static void free_node(struct node *node)
{
	if (!node)
		return;
	free_node(node->left);
	free_node(node->right);
	free(node->bound);
	free(node);
}

/* Takes ownership of both children. Returns NULL, with both freed, if out of memory. */
static struct node *new_node(int type, struct node *left, struct node *right)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node) {
		fprintf(stderr, "hstrace: out of memory\n");
		free_node(left);
		free_node(right);
		return NULL;
	}
	node->type = type;
	node->left = left;
	node->right = right;
	return node;
}

static struct node *parse_any(struct parser *p);

static struct node *parse_compare(struct parser *p)
{
	struct node *node = new_node(NODE_COMPARE, NULL, NULL);
	const char *why = "expected a field";
	unsigned int op = 0;

	if (!node)
		return NULL;
	if (!word(p, node->field))
		goto wrong;
	while (op <= OP_AND && !(accept(p, op_text[op]) && (op != OP_AND || *p->at != '&')))
		op++;
	why = "expected ==, !=, <, <=, >, >= or &";
	if (op > OP_AND)
		goto wrong;
	node->op = (enum op)op;
	why = "expected a number or a name";
	if (word(p, node->value))
		return node;
wrong:
	free_node(node);
	return wrong(p, why);
}

static struct node *parse_one(struct parser *p)
{
	struct node *node;

	if (p->depth == MAX_DEPTH)
		return wrong(p, "too many nested expressions");
	p->depth++;
	if (accept(p, "!")) {
		node = parse_one(p);
		node = node ? new_node(NODE_NOT, node, NULL) : NULL;
	} else if (accept(p, "(")) {
		node = parse_any(p);
		if (node && !accept(p, ")")) {
			free_node(node);
			node = wrong(p, "missing closing parenthesis");
		}
	} else {
		node = parse_compare(p);
	}
	p->depth--;
	return node;
}

/* Parse operands separated by a token, left-associative. */
static struct node *parse_chain(struct parser *p, int type, const char *token,
				struct node *(*operand)(struct parser *))
{
	struct node *node = operand(p);

	while (node && accept(p, token)) {
		struct node *right = operand(p);

		if (!right) {
			free_node(node);
			return NULL;
		}
		node = new_node(type, node, right);
	}
	return node;
}

static struct node *parse_all(struct parser *p)
{
	return parse_chain(p, NODE_ALL, "&&", parse_one);
}

static struct node *parse_any(struct parser *p)
{
	return parse_chain(p, NODE_ANY, "||", parse_all);
}

/* For "LIST: ..." or "LIST if ...", return a copy of LIST and advance *text; else return NULL. */
static char *take_list(const char **text)
{
	const char *end = strchr(*text, ':'), *rest = end ? end + 1 : NULL, *start = *text;
	char *list;

	if (!end) {
		end = strstr(*text, " if ");
		rest = end ? end + 4 : NULL;
	}
	if (!end)
		return NULL;
	while (*start == ' ')
		start++;
	while (end > start && end[-1] == ' ')
		end--;
	list = strndup(start, (size_t)(end - start));
	*text = rest;
	return list;
}

int hst_filter_add(struct hst_filter **filter, const char *text)
{
	struct hst_filter *rule = calloc(1, sizeof(*rule));
	struct parser p;

	if (!rule) {
		fprintf(stderr, "hstrace: out of memory\n");
		return -1;
	}
	p = (struct parser){ .text = text, .at = text };
	rule->list = take_list(&p.at);
	rule->root = parse_any(&p);
	p.at += strspn(p.at, " \t");
	if (rule->root && *p.at) {
		wrong(&p, "expected && or ||");
		free_node(rule->root);
		rule->root = NULL;
	}
	rule->next = *filter;
	if (rule->root) {
		*filter = rule;
		return 0;
	}
	free(rule->list);
	free(rule);
	return -1;
}

void hst_filter_free(struct hst_filter *filter)
{
	while (filter) {
		struct hst_filter *next = filter->next;

		free_node(filter->root);
		free(filter->list);
		free(filter);
		filter = next;
	}
}

/* ---- binding: look up each comparison's field and value in every event ---- */

static bool value_of(enum hst_kind kind, const char *text, u64 *value)
{
	char *end;

	errno = 0;
	*value = *text == '-' ? (u64)strtoll(text, &end, 0) : strtoull(text, &end, 0);
	if (*end || end == text || errno)
		return hst_name_number(kind, text, value);
	return true;
}

static bool bind_event(const struct hst_event *event, const struct node *node, struct bound *bound,
		       bool *known)
{
	int i = hst_field_index(event, node->field, strlen(node->field));
	enum hst_kind kind = HST_NUM;

	bound->field = LACKS;
	if (i >= 0) {
		kind = event->field[i].type;
		bound->is_signed = hst_field_signed(event, (unsigned int)i);
	}
	for (size_t common = 0; i < 0 && common < ARRAY_SIZE(commons); common++)
		if (!strcmp(commons[common].name, node->field)) {
			i = commons[common].field;
			bound->is_signed = false;
		}
	if (i < 0)
		return false;
	*known = true;
	if (!value_of(kind, node->value, &bound->value))
		return false;
	bound->field = (signed char)i;
	return true;
}

static int bind_compare(struct node *node, const struct hst_filter *rule,
			const struct hst_file *file)
{
	bool any = false, known = false;

	if (!node->bound)
		node->bound = malloc(HST_MAX_EVENTS * sizeof(*node->bound));
	if (!node->bound) {
		hst_error(file->path, "out of memory");
		return -1;
	}
	for (unsigned int i = 0; i < HST_MAX_EVENTS; i++)
		if (rule->for_event[i])
			any |= bind_event(&file->events[i], node, &node->bound[i], &known);
	if (any)
		return 0;
	if (known)
		hst_error(file->path,
			  "--filter: '%s' is neither a number nor a named value of field '%s'",
			  node->value, node->field);
	else
		hst_error(file->path, "--filter: no event%s%s has a field '%s'",
			  rule->list ? " of " : "", rule->list ? rule->list : "", node->field);
	hst_saw_wrong_use = true;
	return -1;
}

static int bind_node(struct node *node, const struct hst_filter *rule, const struct hst_file *file)
{
	if (node->type == NODE_COMPARE)
		return bind_compare(node, rule, file);
	if (bind_node(node->left, rule, file))
		return -1;
	return node->right ? bind_node(node->right, rule, file) : 0;
}

int hst_filter_bind(struct hst_filter *filter, const struct hst_file *file)
{
	for (struct hst_filter *rule = filter; rule; rule = rule->next) {
		if (rule->list && hst_list_check(rule->list, file))
			return -1;
		for (unsigned int i = 0; i < HST_MAX_EVENTS; i++)
			rule->for_event[i] =
				i < file->nr_events &&
				(!rule->list || hst_list_has(rule->list, file->events[i].name));
		if (bind_node(rule->root, rule, file))
			return -1;
	}
	return 0;
}

/* ---- applying the rules to an event ---- */

static u64 field_of(const struct hst_seen *seen, int field)
{
	switch (field) {
	case COMMON_VM:
		return TRACE_VM_OF(seen->record->who);
	case COMMON_VCPU:
		return TRACE_VCPU_OF(seen->record->who);
	case COMMON_HART:
		return seen->hart;
	case COMMON_NESTING:
		return seen->nesting;
	case COMMON_INSTRET:
		return seen->instret;
	default:
		return seen->record->arg[field];
	}
}

static bool compare(enum op op, const struct bound *bound, u64 value)
{
	u64 flip = bound->is_signed ? 1ULL << 63 : 0; /* maps the order of s64 to that of u64 */
	u64 a = value ^ flip, b = bound->value ^ flip;

	switch (op) {
	case OP_EQ:
		return a == b;
	case OP_NE:
		return a != b;
	case OP_LE:
		return a <= b;
	case OP_GE:
		return a >= b;
	case OP_LT:
		return a < b;
	case OP_GT:
		return a > b;
	default:
		return (value & bound->value) != 0;
	}
}

static bool holds(const struct node *node, const struct hst_seen *seen)
{
	const struct bound *bound;

	switch (node->type) {
	case NODE_ANY:
		return holds(node->left, seen) || holds(node->right, seen);
	case NODE_ALL:
		return holds(node->left, seen) && holds(node->right, seen);
	case NODE_NOT:
		return !holds(node->left, seen);
	default:
		bound = &node->bound[seen->event_nr];
		return bound->field != LACKS &&
		       compare(node->op, bound, field_of(seen, bound->field));
	}
}

bool hst_filter_has(const struct hst_filter *filter, const struct hst_seen *seen)
{
	for (; filter; filter = filter->next)
		if (filter->for_event[seen->event_nr] && holds(filter->root, seen))
			return true;
	return false;
}
