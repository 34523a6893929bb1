// SPDX-License-Identifier: MIT
/*
 * trace_event.c - the table of events: its text for readers, and functions that switch events on
 * and off.
 *
 * Also compiled for the build machine (tests/trace). Documentation: docs/trace.md
 */
#include "hv/trace.h"
#include <asm-generic/errno.h>
#include <string.h>
#include "trace_hart.h"

struct static_key trace_keys[TRACE_NR_EVENTS];
struct static_key trace_group_keys[TRACE_NR_GROUPS];
struct static_key trace_any_key;

/* ---- the table of events, as text for readers ---------------------------------- */

struct event_info {
	const char *name;
	const char *meaning;
	struct trace_field field[TRACE_ARGS];
};

#define TRACE_FIELD(kind, field)     \
	{                            \
#field, #kind, false \
	}

static const struct event_info events[] = {
#define EVENT(name, meaning, behind, ...) \
	{ #name, meaning, { TRACE_MAP(TRACE_FIELD, __VA_ARGS__) } },
#include "events.def"
};

static const struct {
	const char *title;
	const char *when;
} classes[] = {
#define EXIT_CLASS(name, title, when) { title, when },
#include "hv/exit_class.def"
#undef EXIT_CLASS
};

const char *trace_event_name(unsigned int event)
{
	return event < TRACE_NR_EVENTS ? events[event].name : NULL;
}

unsigned int trace_event_find(const char *name, size_t len)
{
	unsigned int i;

	for (i = 0; i < TRACE_NR_EVENTS; i++)
		if (strlen(events[i].name) == len && !memcmp(events[i].name, name, len))
			break;
	return i;
}

bool trace_event_field(unsigned int event, unsigned int i, struct trace_field *field)
{
	static const char *const signed_kinds[] = { "dec", "err", "sbierr" };

	if (i >= TRACE_ARGS || !events[event].field[i].name)
		return false;
	*field = events[event].field[i];
	for (unsigned int k = 0; k < ARRAY_SIZE(signed_kinds); k++)
		field->is_signed |= !strcmp(field->kind, signed_kinds[k]);
	return true;
}

/* Append s at offset `at`, or only count if buf is NULL. Returns the new length. */
static size_t text_add(char *buf, size_t at, const char *s)
{
	for (; *s; s++, at++)
		if (buf)
			buf[at] = *s;
	return at;
}

size_t trace_formats_write(char *buf)
{
	size_t n = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(events); i++) {
		n = text_add(buf, n, "event ");
		n = text_add(buf, n, events[i].name);
		for (unsigned int f = 0; f < TRACE_ARGS && events[i].field[f].name; f++) {
			n = text_add(buf, n, " ");
			n = text_add(buf, n, events[i].field[f].kind);
			n = text_add(buf, n, ":");
			n = text_add(buf, n, events[i].field[f].name);
		}
		n = text_add(buf, n, " # ");
		n = text_add(buf, n, events[i].meaning);
		n = text_add(buf, n, "\n");
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(classes); i++) {
		n = text_add(buf, n, "class ");
		n = text_add(buf, n, classes[i].title);
		n = text_add(buf, n, " # ");
		n = text_add(buf, n, classes[i].when);
		n = text_add(buf, n, "\n");
	}
	return n;
}

/* ---- choosing events by name ---------------------------------------------------- */

/* Match a pattern with * and ?. On a mismatch, go back to the last *. */
bool trace_glob_match(const char *pattern, size_t len, const char *name)
{
	size_t p = 0, star = len; /* star == len: no * seen yet */
	const char *resume = name;

	while (*name) {
		if (p < len && (pattern[p] == '?' || (pattern[p] == *name && *name != '*'))) {
			p++;
			name++;
		} else if (p < len && pattern[p] == '*') {
			star = p++;
			resume = name;
		} else if (star < len) {
			p = star + 1;
			name = ++resume;
		} else {
			return false;
		}
	}
	while (p < len && pattern[p] == '*')
		p++;
	return p == len;
}

/*
 * Apply one word of trace_choose()'s list to `chosen`. Returns false if the word names no event;
 * `none` is valid, `!none` is not.
 */
static bool select_word(bool *chosen, const char *word, size_t len)
{
	bool on = *word != '!', known = false;

	if (!on) {
		word++;
		len--;
	}
	if (len == 4 && !memcmp(word, "none", 4)) {
		memset(chosen, 0, TRACE_NR_EVENTS);
		return on;
	}
	if (len == 3 && !memcmp(word, "all", 3)) {
		word = "*";
		len = 1;
	}
	for (unsigned int i = 0; i < TRACE_NR_EVENTS; i++)
		if (trace_glob_match(word, len, events[i].name)) {
			chosen[i] = on;
			known = true;
		}
	return known;
}

/* ORDER: enum trace_group. Lists end with TRACE_NR_EVENTS, because 0 is also an event's number. */
static const u16 group_members[TRACE_NR_GROUPS][8] = {
	{ TRACE_kvm_request, TRACE_kvm_exit_handled, TRACE_kvm_irq_take, TRACE_NR_EVENTS },
	{ TRACE_kvm_entry, TRACE_kvm_userspace_exit, TRACE_kvm_irq_take, TRACE_sample,
	  TRACE_NR_EVENTS },
	{ TRACE_kvm_vcpu_wakeup, TRACE_kvm_wake_reason, TRACE_NR_EVENTS },
	{ TRACE_kvm_remote_fence, TRACE_kvm_fence_i, TRACE_NR_EVENTS },
	{ TRACE_kvm_host_irq, TRACE_sample, TRACE_NR_EVENTS },
	{ TRACE_kvm_irq_take, TRACE_sample, TRACE_NR_EVENTS },
	{ TRACE_sched_switch, TRACE_sample, TRACE_NR_EVENTS },
	{ TRACE_sys_exit, TRACE_sample, TRACE_NR_EVENTS },
	{ TRACE_kvm_vcpu_irq, TRACE_kvm_ipi_send, TRACE_NR_EVENTS },
	{ TRACE_kvm_inject_irq, TRACE_kvm_ipi_receive, TRACE_NR_EVENTS },
};

/* A group is on while one of its members is on, and trace_any_key while any event is on. */
static void set_groups(const bool *chosen, bool any)
{
	bool groups[TRACE_NR_GROUPS] = { false };

	for (unsigned int g = 0; g < TRACE_NR_GROUPS; g++) {
		const u16 *member = group_members[g];

		for (; *member != TRACE_NR_EVENTS; member++)
			groups[g] |= chosen[*member];
	}
	static_keys_set(trace_group_keys, TRACE_NR_GROUPS, groups);
	static_key_set(&trace_any_key, any);
	trace_set_exit_keys(any, chosen[TRACE_kvm_entry] || chosen[TRACE_kvm_userspace_exit]);
}

void trace_apply(const bool *chosen)
{
	bool any = false;

	/* While all events were off, nothing updated `who`: it may be stale. */
	for (unsigned int i = 0; !trace_any_key.enabled && i < trace_mem->nr_harts; i++)
		WRITE_ONCE(trace_harts[i]->who, 0);
	for (unsigned int i = 0; i < TRACE_NR_EVENTS; i++) {
		if (trace_keys[i].enabled && !chosen[i])
			WRITE_ONCE(trace_mem->selective, 1);
		trace_mem->was_on[i / 64] |= (u64)chosen[i] << i % 64;
		any |= chosen[i];
	}
	if (any) /* first, so that no exit ends with a cost that includes a record */
		static_key_set(&trace_exit_full_key, true);
	static_keys_set(trace_keys, TRACE_NR_EVENTS, chosen);
	set_groups(chosen, any);
}

int trace_choose(const char *list, bool *chosen, const char **bad)
{
	memset(chosen, 0, TRACE_NR_EVENTS * sizeof(*chosen));
	for (const char *word = list; *word;) {
		const char *end = strchr(word, ',');
		size_t len = end ? (size_t)(end - word) : strlen(word);

		if (!len || !select_word(chosen, word, len)) {
			*bad = word;
			return -EINVAL;
		}
		word += len + (end != NULL);
	}
	return 0;
}

int trace_select(const char *list, const char **bad)
{
	bool chosen[TRACE_NR_EVENTS];
	int err;

	if (!trace_mem)
		return -ENOMEM;
	err = trace_choose(list, chosen, bad);
	if (!err)
		trace_apply(chosen);
	return err;
}
