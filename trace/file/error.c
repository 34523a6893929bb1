// SPDX-License-Identifier: MIT
/* error.c - error messages about files, and the flags that decide the exit status. */
#include <stdarg.h>
#include "hst.h"

bool hst_saw_damage, hst_saw_wrong_use;

void hst_error(const char *path, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "hstrace: %s: ", path);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void hst_wrong_file(const char *path, const char *why)
{
	hst_error(path, "%s", why);
	hst_saw_wrong_use = true;
}

int hst_damaged(struct hst_file *file, const char *what)
{
	snprintf(file->why, sizeof(file->why), "the trace is damaged: %s", what);
	return -1;
}
