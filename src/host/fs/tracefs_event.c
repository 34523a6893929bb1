// SPDX-License-Identifier: MIT
/*
 * tracefs_event.c - /sys/kernel/tracing/events/hs/NAME: enable, filter, format, id, trigger.
 *
 * The directory of an event and its files are made on lookup; their id is the event's number.
 */
#include <linux/errno.h>
#include <linux/stat.h>
#include <stdlib.h>
#include <string.h>
#include "lib/printk.h"
#include "mm/page.h"
#include "pseudo.h"
#include "trace/trace_control.h"
#include "tracefs.h"

static unsigned int event_of(const struct inode *inode)
{
	return (unsigned int)inode->id;
}

/* ---- enable, id ----------------------------------------------------------------------------- */

static int show_enable(struct inode *inode, struct text *t)
{
	text_add(t, "%d\n", trace_event_is_on(event_of(inode)));
	return 0;
}

static int set_enable(struct inode *inode, const char *line)
{
	bool chosen[TRACE_NR_EVENTS], on;
	int err = trace_parse_bool(line, &on);

	if (err)
		return err;
	trace_lock();
	for (unsigned int i = 0; i < TRACE_NR_EVENTS; i++)
		chosen[i] = i == event_of(inode) ? on : trace_event_is_on(i);
	trace_set_events(chosen);
	trace_unlock();
	return 0;
}

static int show_id(struct inode *inode, struct text *t)
{
	text_add(t, "%u\n", event_of(inode));
	return 0;
}

/* ---- format: a record's layout in the ring --------------------------------------------------- */

static void text_field(struct text *t, const char *type, const char *name, size_t offset,
		       size_t size, bool is_signed)
{
	text_add(t, "\tfield:%s %s;\toffset:%zu;\tsize:%zu;\tsigned:%d;\n", type, name, offset,
		 size, is_signed);
}

static const char *print_of(const struct trace_field *f)
{
	if (f->is_signed)
		return "%lld";
	return !strcmp(f->kind, "hex") ? "0x%llx" : "%llu";
}

static int show_format(struct inode *inode, struct text *t)
{
	unsigned int event = event_of(inode), i;
	struct trace_field f;

	text_add(t, "name: %s\nID: %u\nformat:\n", trace_event_name(event), event);
	text_field(t, "u64", "common_time", offsetof(struct trace_record, time), 8, false);
	text_field(t, "u64", "common_instret", offsetof(struct trace_record, instret), 8, false);
	text_field(t, "u32", "common_seq_event", offsetof(struct trace_record, seq_event), 4,
		   false);
	text_field(t, "u16", "common_vm", offsetof(struct trace_record, who), 2, false);
	text_field(t, "u16", "common_vcpu", offsetof(struct trace_record, who) + 2, 2, false);
	text_add(t, "\n");
	for (i = 0; trace_event_field(event, i, &f); i++)
		text_field(t, f.is_signed ? "s64" : "u64", f.name,
			   offsetof(struct trace_record, arg) + 8 * i, 8, f.is_signed);
	text_add(t, "\nprint fmt: \"");
	for (i = 0; trace_event_field(event, i, &f); i++)
		text_add(t, "%s%s=%s", i ? " " : "", f.name, print_of(&f));
	text_add(t, "\"");
	for (i = 0; trace_event_field(event, i, &f); i++)
		text_add(t, ", REC->%s", f.name);
	text_add(t, "\n");
	return 0;
}

/* ---- filter ---------------------------------------------------------------------------------- */

/* The error of the filter written last (to any event), if that filter was invalid. */
static struct {
	bool set;
	unsigned int event, at;
	const char *message;
	char text[TRACE_FILTER_TEXT];
} last_error;

static int show_filter(struct inode *inode, struct text *t)
{
	unsigned int event = event_of(inode);
	const char *text;

	trace_lock();
	text = trace_filter_text(event);
	if (last_error.set && last_error.event == event)
		text_add(t, "%s\n%*s\nparse_error: %s\n", last_error.text, (int)last_error.at + 1,
			 "^", last_error.message);
	else
		text_add(t, "%s\n", text ? text : "none");
	trace_unlock();
	return 0;
}

static int set_filter(struct inode *inode, const char *line)
{
	unsigned int event = event_of(inode);
	struct trace_filter_error error = { 0 };
	int err;

	while (*line == ' ' || *line == '\t')
		line++;
	trace_lock();
	err = trace_set_filter(event, strcmp(line, "0") != 0 ? line : NULL, &error);
	last_error.set = err == -EINVAL;
	if (last_error.set) {
		last_error.event = event;
		last_error.at = error.at;
		last_error.message = error.message;
		strlcpy(last_error.text, line, sizeof(last_error.text));
	}
	trace_unlock();
	return err;
}

/* ---- trigger --------------------------------------------------------------------------------- */

static const char *const triggers[TRACE_NR_TRIGGERS] = { "traceoff", "traceon" };

static int show_trigger(struct inode *inode, struct text *t)
{
	bool any = false;

	trace_lock();
	for (unsigned int kind = 0; kind < TRACE_NR_TRIGGERS; kind++) {
		const struct trace_trigger *tr = trace_trigger_of(event_of(inode), kind);

		if (!tr)
			continue;
		any = true;
		text_add(t, "%s:", triggers[kind]);
		if (tr->left == ~0ULL)
			text_add(t, "unlimited");
		else
			text_add(t, "count=%llu", tr->left);
		if (tr->filter.nr_ops)
			text_add(t, " if %s", tr->filter.text);
		text_add(t, "\n");
	}
	trace_unlock();
	if (!any)
		text_add(t, "# Available triggers:\n# traceon traceoff\n");
	return 0;
}

/* The line is [!]NAME[:COUNT] [if FILTER], with a NAME from triggers[]; `!` removes the trigger. */
static int set_trigger(struct inode *inode, const char *line)
{
	bool clear = *line == '!';
	struct trace_filter_error error;
	const char *condition = NULL;
	u64 times = ~0ULL;
	unsigned int kind;
	int err = 0;
	char *end;

	line += clear;
	for (kind = 0; kind < TRACE_NR_TRIGGERS; kind++)
		if (!strncmp(line, triggers[kind], strlen(triggers[kind])))
			break;
	if (kind == TRACE_NR_TRIGGERS)
		return -EINVAL;
	line += strlen(triggers[kind]);
	if (*line == ':') {
		times = strtoul(line + 1, &end, 10);
		if (end == line + 1 || !times)
			return -EINVAL;
		line = end;
	}
	if (!strncmp(line, " if ", 4))
		condition = line + 4;
	else if (*line)
		return -EINVAL;
	trace_lock();
	if (clear)
		err = trace_clear_trigger(event_of(inode), kind);
	else
		err = trace_set_trigger(event_of(inode), kind, times, condition, &error);
	trace_unlock();
	return err;
}

/* ---- the directories ------------------------------------------------------------------------- */

static const struct {
	const char *name;
	struct pseudo_file file;
} entries[] = {
	{ "enable", { .show = show_enable, .store = set_enable } },
	{ "filter", { .show = show_filter, .store = set_filter } },
	{ "format", { .show = show_format } },
	{ "id", { .show = show_id } },
	{ "trigger", { .show = show_trigger, .store = set_trigger } },
};

static struct inode *event_lookup(struct inode *dir, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		if (!strcmp(name, entries[i].name))
			return pseudo_inode(&entries[i].file, dir->id);
	return NULL;
}

static bool event_readdir(struct inode *dir, u64 from, struct dir_item *item)
{
	if (from >= ARRAY_SIZE(entries))
		return false;
	*item = (struct dir_item){ .cookie = from, .ino = dir->ino + from + 1, .mode = S_IFREG };
	strlcpy(item->name, entries[from].name, sizeof(item->name));
	return true;
}

static const struct inode_ops event_dir_ops = { .lookup = event_lookup, .readdir = event_readdir };

static struct inode *events_lookup(struct inode *dir, const char *name)
{
	unsigned int event = trace_event_find(name, strlen(name));
	struct inode *inode;

	if (event == TRACE_NR_EVENTS)
		return NULL;
	inode = inode_alloc(S_IFDIR | 0755, &event_dir_ops);
	if (!inode)
		return NULL;
	inode->id = event;
	inode->nlink = 1;
	inode->parent = dir;
	inode_get(dir);
	return inode;
}

/* Offset of events' cookies and inode numbers; a smaller `from` means the first event. */
#define EVENT_COOKIES (1UL << 16)

static bool events_readdir(struct inode *dir, u64 from, struct dir_item *item)
{
	u64 event = from < EVENT_COOKIES ? 0 : from - EVENT_COOKIES;
	const char *name = trace_event_name((unsigned int)MIN(event, (u64)TRACE_NR_EVENTS));

	if (!name)
		return false;
	*item = (struct dir_item){ .cookie = EVENT_COOKIES + event,
				   .ino = dir->ino + EVENT_COOKIES + event,
				   .mode = S_IFDIR };
	strlcpy(item->name, name, sizeof(item->name));
	return true;
}

static const struct inode_ops events_ops = { .lookup = events_lookup, .readdir = events_readdir };

void tracefs_events_init(void)
{
	struct inode *dir = tree_make(TRACEFS "/events/hs", S_IFDIR | 0755, NULL);

	if (dir)
		dir->ops = &events_ops;
}
