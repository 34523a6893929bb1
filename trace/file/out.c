// SPDX-License-Identifier: MIT
/*
 * out.c - write an output file under a temporary name, and rename it once it is complete. A signal
 * that ends the process removes the temporary file.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "hst.h"

static const char *volatile temporary; /* name of the temporary file, or NULL */

static void on_signal(int number)
{
	if (temporary)
		unlink(temporary);
	hst_end_by_signal(number);
}

void hst_catch_signals(void (*handler)(int number))
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = handler }, old;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
}

void hst_end_by_signal(int number)
{
	signal(number, SIG_DFL);
	raise(number);
}

static int failed(const struct hst_out *out)
{
	hst_error(out->path, "cannot be written: %s", strerror(errno ? errno : EIO));
	return -1;
}

/* No signal is delivered while the file exists and its name is not in `temporary`. */
static int make_temporary(char *name)
{
	sigset_t all, before;
	int fd;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	fd = mkstemp(name);
	if (fd >= 0) {
		temporary = name;
		hst_catch_signals(on_signal);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return fd;
}

static FILE *open_beside(struct hst_out *out)
{
	mode_t mask = umask(0);
	FILE *file = NULL;
	int fd;

	umask(mask);
	if (snprintf(out->beside, sizeof(out->beside), "%s.XXXXXX", out->path) >=
	    (int)sizeof(out->beside)) {
		errno = ENAMETOOLONG;
		out->beside[0] = '\0';
		return NULL;
	}
	fd = make_temporary(out->beside);
	if (fd >= 0 && !fchmod(fd, 0666 & ~mask))
		file = fdopen(fd, "w+b");
	if (fd >= 0 && !file) {
		close(fd);
		unlink(out->beside);
		temporary = NULL;
	}
	return file;
}

int hst_out_open(struct hst_out *out, const char *path)
{
	struct stat st;

	out->path = path;
	out->beside[0] = '\0';
	errno = 0;
	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		out->file = fopen(path, "wb");
	else
		out->file = open_beside(out);
	return out->file ? 0 : failed(out);
}

int hst_out_close(struct hst_out *out, int err)
{
	bool bad = ferror(out->file);

	bad |= fclose(out->file) != 0;
	if (!err && !bad && *out->beside)
		bad = rename(out->beside, out->path) != 0;
	if (!err && bad)
		err = failed(out);
	if (err && *out->beside)
		unlink(out->beside);
	temporary = NULL;
	return err;
}
