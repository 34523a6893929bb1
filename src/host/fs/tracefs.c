// SPDX-License-Identifier: MIT
/*
 * tracefs.c - /sys/kernel/tracing: which events are on, and under which conditions.
 *
 * Except for sample_hz, names, formats and errors are Linux's, so ftrace's documentation applies
 * here. The records themselves are not read through these files but from the machine's RAM
 * (docs/trace.md). trace_control.c and trace_sample.c implement what the files set; trace_mutex
 * admits one writer at a time.
 *
 * An inode's id below events/hs is the event's number.
 */
#include <linux/errno.h>
#include <linux/stat.h>
#include <stdlib.h>
#include <string.h>
#include "lib/printk.h"
#include "mm/page.h"
#include "proc/process.h"
#include "pseudo.h"
#include "trace/trace_control.h"
#include "trace/trace_hart.h"
#include "trace/trace_sample.h"
#include "tracefs.h"

static struct mutex trace_mutex;

static int locked(int (*fn)(const char *line), const char *line)
{
	int err;

	mutex_lock(&trace_mutex);
	err = fn(line);
	mutex_unlock(&trace_mutex);
	return err;
}

/* Parse "0" or "1"; anything else is -EINVAL. */
static int parse_bool(const char *line, bool *value)
{
	if ((line[0] != '0' && line[0] != '1') || line[1])
		return -EINVAL;
	*value = line[0] == '1';
	return 0;
}

/* ---- files that apply to all events ------------------------------------------------------- */

static int show_available(struct inode *inode, struct text *t)
{
	const char *name;

	(void)inode;
	for (unsigned int i = 0; (name = trace_event_name(i)); i++)
		text_add(t, "hs:%s\n", name);
	return 0;
}

static int show_set_event(struct inode *inode, struct text *t)
{
	(void)inode;
	for (unsigned int i = 0; i < TRACE_NR_EVENTS; i++)
		if (trace_event_is_on(i))
			text_add(t, "hs:%s\n", trace_event_name(i));
	return 0;
}

/*
 * Apply one word of set_event to chosen[]: [!][hs:]NAME, where `!` means off, and hs and NAME may
 * contain * and ?. If the part before or after the colon is empty, it matches anything; hs alone
 * means all events. Returns false if the word does not name any event.
 */
static bool choose(bool *chosen, const char *word, size_t len)
{
	bool on = *word != '!', known = false, all;
	size_t system = 0;

	word += !on;
	len -= !on;
	while (system < len && word[system] != ':')
		system++;
	all = len == 2 && !memcmp(word, "hs", 2);
	if (system < len) {
		if (system && !trace_glob_match(word, system, "hs"))
			return false;
		word += system + 1;
		len -= system + 1;
		all = len == 0;
	}
	for (unsigned int i = 0; i < TRACE_NR_EVENTS; i++)
		if (all || trace_glob_match(word, len, trace_event_name(i))) {
			chosen[i] = on;
			known = true;
		}
	return known;
}

static void chosen_now(bool *chosen)
{
	for (unsigned int i = 0; i < TRACE_NR_EVENTS; i++)
		chosen[i] = trace_event_is_on(i);
}

static int store_set_event(const char *line)
{
	bool chosen[TRACE_NR_EVENTS];
	int err = 0;

	chosen_now(chosen);
	while (!err) {
		size_t len;

		while (*line && strchr(" \t\n,", *line))
			line++;
		if (!*line)
			break;
		for (len = 0; line[len] && !strchr(" \t\n,", line[len]); len++)
			;
		if (!choose(chosen, line, len))
			err = -EINVAL;
		line += len;
	}
	/* Words before the wrong one take effect, as on Linux. */
	trace_set_events(chosen);
	return err;
}

static int set_event(struct inode *inode, const char *line)
{
	(void)inode;
	return locked(store_set_event, line);
}

/* The file was opened with O_TRUNC (by ">", not ">>"): switch all events off. */
static void cut_set_event(struct inode *inode)
{
	static const bool none[TRACE_NR_EVENTS];

	(void)inode;
	mutex_lock(&trace_mutex);
	trace_set_events(none);
	mutex_unlock(&trace_mutex);
}

static int show_all_enable(struct inode *inode, struct text *t)
{
	unsigned int on = 0;

	(void)inode;
	for (unsigned int i = 0; i < TRACE_NR_EVENTS; i++)
		on += trace_event_is_on(i);
	text_add(t, "%s\n", !on ? "0" : on == TRACE_NR_EVENTS ? "1" : "X");
	return 0;
}

static int store_all(const char *line)
{
	bool chosen[TRACE_NR_EVENTS], on;
	int err = parse_bool(line, &on);

	if (err)
		return err;
	for (unsigned int i = 0; i < TRACE_NR_EVENTS; i++)
		chosen[i] = on;
	trace_set_events(chosen);
	return 0;
}

static int set_all(struct inode *inode, const char *line)
{
	(void)inode;
	return locked(store_all, line);
}

static int show_on(struct inode *inode, struct text *t)
{
	(void)inode;
	text_add(t, "%d\n", trace_is_on());
	return 0;
}

static int store_on(const char *line)
{
	bool on;
	int err = parse_bool(line, &on);

	if (!err)
		trace_set_on(on);
	return err;
}

static int set_on(struct inode *inode, const char *line)
{
	(void)inode;
	return locked(store_on, line);
}

static int show_overwrite(struct inode *inode, struct text *t)
{
	(void)inode;
	text_add(t, "%d\n", trace_overwrites());
	return 0;
}

static int store_overwrite(const char *line)
{
	bool on;
	int err = parse_bool(line, &on);

	if (!err)
		trace_set_overwrite(on);
	return err;
}

static int set_overwrite(struct inode *inode, const char *line)
{
	(void)inode;
	return locked(store_overwrite, line);
}

static int show_sample_hz(struct inode *inode, struct text *t)
{
	(void)inode;
	text_add(t, "%lu\n", trace_sample_hz());
	return 0;
}

static int store_sample_hz(const char *line)
{
	char *end;
	unsigned long hz = strtoul(line, &end, 10);
	int err = end == line || *end ? -EINVAL : trace_sample_set_hz(hz);

	if (!err)
		trace_sample_changed();
	return err;
}

static int set_sample_hz(struct inode *inode, const char *line)
{
	(void)inode;
	return locked(store_sample_hz, line);
}

/* ---- rings; their size is fixed at boot ----------------------------------------------------- */

static u64 ring_kb(void)
{
	return trace_mem ? trace_mem->ring_records * sizeof(struct trace_record) >> 10 : 0;
}

static int show_size(struct inode *inode, struct text *t)
{
	(void)inode;
	text_add(t, "%llu\n", ring_kb());
	return 0;
}

static int show_total_size(struct inode *inode, struct text *t)
{
	(void)inode;
	text_add(t, "%llu\n", trace_mem ? ring_kb() * trace_mem->nr_harts : 0);
	return 0;
}

/* Only the current size can be written. The boot argument trace.size= sets another size. */
static int set_size(struct inode *inode, const char *line)
{
	char now[24];

	(void)inode;
	snprintf(now, sizeof(now), "%llu", ring_kb());
	return strcmp(line, now) ? -EINVAL : 0;
}

/* inode->id is the hart's index. */
static int show_stats(struct inode *inode, struct text *t)
{
	const struct trace_hart *th = trace_mem ? trace_harts[inode->id] : NULL;
	u64 head = th ? READ_ONCE(th->head) : 0, size = th ? th->mask + 1 : 0;
	u64 kept = MIN(head, size);

	text_add(t, "entries: %llu\noverrun: %llu\nbytes: %llu\n", kept, head - kept,
		 kept * sizeof(struct trace_record));
	text_add(t, "dropped events: %llu\n", th ? READ_ONCE(th->dropped) : 0);
	return 0;
}

static const struct pseudo_file files[] = {
	{ .path = TRACEFS "/available_events", .show = show_available },
	{ .path = TRACEFS "/set_event",
	  .show = show_set_event,
	  .store = set_event,
	  .cut = cut_set_event },
	{ .path = TRACEFS "/tracing_on", .show = show_on, .store = set_on },
	{ .path = TRACEFS "/sample_hz", .show = show_sample_hz, .store = set_sample_hz },
	{ .path = TRACEFS "/buffer_size_kb", .show = show_size, .store = set_size },
	{ .path = TRACEFS "/buffer_total_size_kb", .show = show_total_size },
	{ .path = TRACEFS "/options/overwrite", .show = show_overwrite, .store = set_overwrite },
	{ .path = TRACEFS "/events/enable", .show = show_all_enable, .store = set_all },
	{ .path = TRACEFS "/events/hs/enable", .show = show_all_enable, .store = set_all },
};

static const struct pseudo_file stats_file = { .show = show_stats };

/* Make per_cpu/cpuN/stats for each hart. */
static void make_stats(void)
{
	char path[80];

	for (unsigned int i = 0; trace_mem && i < trace_mem->nr_harts; i++) {
		struct pseudo_file *pf = kmalloc(sizeof(*pf));
		char *name = kmalloc(sizeof(path));
		struct inode *inode;

		if (!pf || !name)
			return;
		snprintf(name, sizeof(path), TRACEFS "/per_cpu/cpu%u/stats", i);
		*pf = stats_file;
		pf->path = name;
		inode = pseudo_make(pf);
		if (inode)
			inode->id = i;
	}
}

void trace_lock(void)
{
	mutex_lock(&trace_mutex);
}

void trace_unlock(void)
{
	mutex_unlock(&trace_mutex);
}

int trace_parse_bool(const char *line, bool *value)
{
	return parse_bool(line, value);
}

void tracefs_init(void)
{
	mutex_init(&trace_mutex);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		pseudo_make(&files[i]);
	make_stats();
	trace_marker_init();
	tracefs_events_init();
	tree_make_link("/sys/kernel/debug/tracing", TRACEFS);
}
