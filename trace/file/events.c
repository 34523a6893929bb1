// SPDX-License-Identifier: MIT
/* events.c - `hstrace events`: list all events, or those that a list chooses. */
#include <string.h>
#include "hst.h"

static const struct {
	const char *name;
	const char *meaning;
} known[] = {
#define EVENT(name, meaning, behind, ...) { #name, meaning },
#include "events.def"
};

/* Return the first word of the list that does not match any event, or NULL. */
static const char *unknown_word(const char *list)
{
	static char word[128];

	while (*list) {
		size_t len = strcspn(list, ","), skip = *list == '!';
		bool found = len == 4 && !memcmp(list, "none", 4);

		snprintf(word, sizeof(word), "%.*s", (int)(len - skip), list + skip);
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			found |= hst_list_has(word, known[i].name);
		if (!found)
			return word;
		list += len + (list[len] == ',');
	}
	return NULL;
}

int hst_cmd_events(int argc, char **argv)
{
	const char *list = argc > 0 ? argv[0] : "all", *word;

	if (argc > 1)
		return hst_wrong_use("events takes one LIST; unexpected argument", argv[1]);
	word = unknown_word(list);
	if (word) {
		fprintf(stderr, "hstrace: there is no event '%s'\n", word);
		return 2;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (hst_list_has(list, known[i].name))
			printf("%-19s %s\n", known[i].name, known[i].meaning);
	return hst_finish(0);
}
