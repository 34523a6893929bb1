// SPDX-License-Identifier: MIT
/* error.c - error messages about files, and the flag for a damaged trace. */
#include <stdarg.h>
#include "hst.h"

bool hst_saw_damage;

void hst_error(const char *path, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "hstrace: %s: ", path);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int hst_damaged(struct hst_file *file, const char *what)
{
	snprintf(file->why, sizeof(file->why), "the trace is damaged: %s", what);
	return -1;
}
