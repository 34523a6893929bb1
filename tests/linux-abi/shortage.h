// SPDX-License-Identifier: MIT
/*
 * shortage.h - make a system call again and again, each time with another of its pages missing at first.
 *
 * On the host each call is made once for every page that it allocates, with that page missing at the first
 * attempt (/sys/kernel/debug/free_pages); its result must be that of a call with enough memory. Elsewhere
 * each call is made once, which shows that the claims are right.
 */
#ifndef ABI_SHORTAGE_H
#define ABI_SHORTAGE_H

#include <fcntl.h>
#include "tap.h"

static int control; /* free_pages, or -1 */

static void shortage_begin(unsigned int left)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", left);

	if (control >= 0 && write(control, text, (size_t)n) != n)
		printf("# the shortage did not begin: errno %d\n", errno);
}

/* Had the call found a page missing, and had to wait? */
static bool shortage_was_met(void)
{
	return control >= 0 && write(control, "-1", 2) < 0;
}

struct attempt {
	const char *claim;
	void (*prepare)(void);
	long (*call)(void);
	bool (*is_right)(long ret); /* cleans up, too */
};

#define ATTEMPTS_MAX 500

/* The first attempt has enough memory: it brings the program's own pages in. */
static void try(const struct attempt *a)
{
	bool good = true, met = false;
	unsigned int left, missing = 0;
	int error = 0;
	long ret = 0;

	for (left = 0; left < ATTEMPTS_MAX && good; left++) {
		if (a->prepare)
			a->prepare();
		errno = 0;
		if (left)
			shortage_begin(left - 1);
		ret = a->call();
		error = errno;
		met = left && shortage_was_met();
		good = a->is_right(ret);
		missing += met;
		if (left && !met)
			break;
		if (left && control < 0)
			break;
	}
	if (!ok(good && !met && (control < 0 || missing), a->claim))
		printf("# with %d free pages: %ld, errno %d; %u pages were missed\n", (int)left - 2,
		       ret, error, missing);
	else
		printf("# %u of its pages were missing in turn\n", missing);
}

static void try_all(const struct attempt *attempts, size_t n)
{
	control = open("/sys/kernel/debug/free_pages", O_WRONLY);
	for (size_t i = 0; i < n; i++)
		try(&attempts[i]);
}

#define CLAIM(name) name " gives the result of a call that finds memory, whichever page is missing"

#endif
