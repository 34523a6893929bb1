// SPDX-License-Identifier: MIT
/* use.c - usage errors, exit status, and a check that no input file is overwritten. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "file/hst.h"

void (*hst_print_usage)(FILE *out);

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
		hst_error("standard output", "cannot be written: %s", strerror(errno));
	return 1;
}

bool hst_is_same_file(const char *in, const char *out)
{
	char ram[4096];
	struct stat a, b;

	if (stat(out, &b) || stat(in, &a) || !S_ISREG(b.st_mode))
		return false;
	snprintf(ram, sizeof(ram), "%s/ram", in);
	if (S_ISDIR(a.st_mode) && stat(ram, &a))
		return false;
	if (a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return false;
	hst_wrong_file(out, "cannot be written: it is an input file; name another output file");
	return true;
}
