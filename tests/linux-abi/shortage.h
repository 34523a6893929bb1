// SPDX-License-Identifier: MIT
/*
 * shortage.h - make a system call once for each page that it allocates, with that page missing.
 *
 * On the host, /sys/kernel/debug/free_pages makes the page missing until the call would wait for
 * memory; the host then repeats the call, whose result must be that of a call with enough memory.
 * On Linux, the calls are made without a shortage, which shows that the expected results are right.
 */
#ifndef ABI_SHORTAGE_H
#define ABI_SHORTAGE_H

#include <fcntl.h>
#include "tap.h"

static int control; /* descriptor of free_pages; -1: this is not the host */

static void shortage_begin(unsigned int left)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", left);

	if (control >= 0 && write(control, text, (size_t)n) != n)
		printf("# the shortage did not begin: errno %d\n", errno);
}

/*
 * End the shortage. Returns true if a system call had already ended it by waiting for a missing
 * page.
 */
static bool shortage_was_met(void)
{
	return control >= 0 && write(control, "-1", 2) < 0;
}

struct attempt {
	const char *claim;
	void (*prepare)(void);
	long (*call)(void);
	bool (*is_right)(long ret); /* checks the result and undoes the call */
};

#define ATTEMPTS_MAX 500

/*
 * Make the call repeatedly: first with enough memory, which also maps the program's own pages, then
 * with 0, 1, 2 and more free pages, until the call finds as many as it needs.
 */
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
	}
	if (!ok(good && !met && (control < 0 || missing), a->claim))
		printf("# with %d free pages (-1: all): %ld, errno %d; %u pages were missed\n",
		       (int)left - 2, ret, error, missing);
	else
		printf("# %u of its pages were missing in turn\n", missing);
}

static void try_all(const struct attempt *attempts, size_t n)
{
	control = open("/sys/kernel/debug/free_pages", O_WRONLY);
	for (size_t i = 0; i < n; i++)
		try(&attempts[i]);
}

#define CLAIM(name) name " has the result of a call with enough memory, whichever page is missing"

#endif
