/* SPDX-License-Identifier: MIT */
/*
 * command.h - what the programs with random sequences share: read numbers, and report progress.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline bool read_number(const char *text, unsigned long *number)
{
	char *end;

	*number = strtoul(text, &end, 0);
	return end != text && !*end && text[0] != '-';
}

/* Read SEED and COUNT. If one is invalid, print a message and return false. */
static inline bool read_seed_and_count(const char *program, char **words, unsigned long *seed,
				       unsigned long *count)
{
	if (read_number(words[0], seed) && read_number(words[1], count) && *count)
		return true;
	fprintf(stderr, "%s: SEED '%s', COUNT '%s': must be numbers, COUNT at least 1\n", program,
		words[0], words[1]);
	return false;
}

/* Print a line on standard error after two seconds, and then one every ten seconds. */
static inline void progress(const char *program, unsigned long done, unsigned long count,
			    const char *what)
{
	static time_t next;
	time_t now = time(NULL);

	if (!next)
		next = now + 2;
	if (now < next)
		return;
	next = now + 10;
	fprintf(stderr, "%s: %lu of %lu %s\n", program, done, count, what);
}

#endif
