// SPDX-License-Identifier: MIT
/*
 * formats.c - parse the table of events and classes, which every trace has as text.
 *
 * The name of an event or field must be a word (letters, digits, _). So names from a hostile file
 * cannot contain escape sequences for the terminal, and no output format has to quote them.
 */
#include <stdlib.h>
#include <string.h>
#include "hst.h"

bool hst_is_word(const char *s)
{
	size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return len && len < HST_WORD_SIZE && !s[len];
}

/* Parse "NAME kind:field ..." in place: an event's line between "event " and " # meaning". */
static int parse_event(struct hst_file *file, char *line, const char *meaning)
{
	struct hst_event *event = &file->events[file->nr_events];
	char *save = NULL;

	if (file->nr_events == HST_MAX_EVENTS)
		return hst_damaged(file, "too many events");
	event->name = strtok_r(line, " ", &save);
	event->meaning = meaning;
	if (!event->name || !hst_is_word(event->name))
		return hst_damaged(file, "invalid event name");
	event->name = hst_event_current(event->name);
	for (char *word; (word = strtok_r(NULL, " ", &save));) {
		char *colon = strchr(word, ':');

		if (!colon || event->nr_fields == TRACE_ARGS || !hst_is_word(colon + 1) ||
		    hst_field_index(event, colon + 1, strlen(colon + 1)) >= 0)
			return hst_damaged(file, "invalid event fields");
		*colon = '\0';
		event->field[event->nr_fields].kind = word;
		event->field[event->nr_fields].type = hst_kind_of(word);
		event->field[event->nr_fields++].name = colon + 1;
	}
	file->nr_events++;
	return 0;
}

/* Name the event numbers that the table lacks; only damaged records have them. */
static int name_unknown_events(struct hst_file *file)
{
	static const char *const fields[TRACE_ARGS] = { "arg0", "arg1", "arg2", "arg3", "arg4" };
	const size_t size = sizeof("event_1023");

	file->unnamed = malloc(HST_MAX_EVENTS * size);
	if (!file->unnamed)
		return hst_damaged(file, "out of memory for the table of events");
	for (unsigned int i = file->nr_events; i < HST_MAX_EVENTS; i++) {
		struct hst_event *event = &file->events[i];

		snprintf(file->unnamed + i * size, size, "event_%u", i);
		*event = (struct hst_event){ file->unnamed + i * size, "", TRACE_ARGS, { { 0 } } };
		for (unsigned int f = 0; f < TRACE_ARGS; f++) {
			event->field[f].kind = "hex";
			event->field[f].name = fields[f];
		}
	}
	return 0;
}

int hst_formats_parse(struct hst_file *file)
{
	char *save = NULL;

	for (char *line = strtok_r(file->formats, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *hash = strstr(line, " # ");
		const char *meaning = hash ? hash + 3 : "";

		if (hash)
			*hash = '\0';
		if (!strncmp(line, "event ", 6)) {
			if (parse_event(file, line + 6, meaning))
				return -1;
		} else if (!strncmp(line, "class ", 6)) {
			if (EXIT_SLOT_CLASS + file->nr_classes == HST_MAX_SLOTS)
				return hst_damaged(file, "too many classes");
			file->class_title[EXIT_SLOT_CLASS + file->nr_classes++] = line + 6;
		}
	}
	return name_unknown_events(file);
}
