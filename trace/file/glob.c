// SPDX-License-Identifier: MIT
/* glob.c - choose events by name, with the same lists as the boot argument trace=. */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include "hst.h"

const char *hst_event_current(const char *name)
{
	static const struct {
		const char *old, *name;
	} aliases[] = {
#define EVENT_ALIAS(old, name) { old, name },
#include "events.def"
	};

	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (!strcmp(aliases[i].old, name))
			return aliases[i].name;
	return name;
}

static bool word_is(const char *word, size_t len, const char *what)
{
	return len == strlen(what) && !memcmp(word, what, len);
}

static bool word_matches(const char *word, size_t len, const char *name)
{
	char pattern[128];

	if (word_is(word, len, "all"))
		return true;
	if (len >= sizeof(pattern))
		return false;
	memcpy(pattern, word, len);
	pattern[len] = '\0';
	return !fnmatch(hst_event_current(pattern), name, 0);
}

bool hst_list_has(const char *list, const char *name)
{
	bool chosen = false;

	for (const char *word = list; *word;) {
		size_t len = strcspn(word, ","), skip = *word == '!';

		if (word_is(word, len, "none"))
			chosen = false;
		else if (word_matches(word + skip, len - skip, name))
			chosen = !skip;
		word += len + (word[len] == ',');
	}
	return chosen;
}

int hst_list_check(const char *list, const struct hst_file *file)
{
	for (const char *word = list; *word;) {
		size_t len = strcspn(word, ","), skip = *word == '!';
		bool found = word_is(word + skip, len - skip, "none");

		for (unsigned int i = 0; i < file->nr_events && !found; i++)
			found = word_matches(word + skip, len - skip, file->events[i].name);
		if (!found) {
			hst_error(file->path,
				  "there is no event '%.*s' in this trace's table; "
				  "'hstrace events' lists the events",
				  (int)(len - skip), word + skip);
			hst_saw_wrong_use = true;
			return -1;
		}
		word += len + (word[len] == ',');
	}
	return 0;
}
