// SPDX-License-Identifier: MIT
/* hst_use.c - what every subcommand says of wrong use and of its own end. */
#include <errno.h>
#include <string.h>
#include "hst.h"

void (*hst_print_usage)(FILE *out);
bool hst_saw_damage;

int hst_wrong_use(const char *what, const char *arg)
{
	fprintf(stderr, "hstrace: %s%s%s%s\n", what, arg ? " '" : "", arg ? arg : "",
		arg ? "'" : "");
	if (hst_print_usage)
		hst_print_usage(stderr);
	return 2;
}

int hst_finish(int err)
{
	if (!fflush(stdout) && !ferror(stdout))
		return err || hst_saw_damage ? 1 : 0;
	if (errno != EPIPE)
		fprintf(stderr, "hstrace: cannot write: %s\n", strerror(errno));
	return 1;
}
