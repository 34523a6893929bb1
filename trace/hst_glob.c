// SPDX-License-Identifier: MIT
/* hst_glob.c - choosing events by name: the same lists as the boot argument trace=. */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include "hst.h"

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
	return !fnmatch(pattern, name, 0);
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
