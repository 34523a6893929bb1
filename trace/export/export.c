// SPDX-License-Identifier: MIT
/*
 * export.c - `hstrace export`: the command line, and output that appears complete or not at all.
 *
 * A file or folder is written under a temporary name beside the final one and renamed at the end.
 * Only standard output, devices and pipes are written directly.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "export.h"
#include "file/symbols.h"

#define BUFFER (1 << 18) /* size of the output buffer, in bytes */

static const struct known {
	const char *name;
	const struct export_format *format; /* NULL: not built into this hstrace */
	const char *package;                /* package that building the format needs, or NULL */
	bool group, symbols;                /* it uses --system; options that name symbols */
} known[] = {
	{ "csv", &export_csv, NULL, false, false },
	{ "json", &export_json, NULL, false, false },
	{ "trace-cmd", &export_trace_dat, NULL, true, false },
	{ "perf", &export_perf, NULL, true, true },
	{ "ctf", &export_ctf, "libbabeltrace2-dev", true, false },
	{ "perfetto", &export_perfetto, "libprotobuf-c-dev and protobuf-c-compiler", false, false },
};

const char hst_export_help[] =
	"  --to FORMAT     output format: csv, json, trace-cmd, perf, ctf or perfetto\n"
	"  --system NAME   event group, for perf, trace-cmd and ctf (default: hs; use kvm\n"
	"                  for perf kvm stat)\n"
	"--host, --program, --kallsyms and --elf name symbols for perf.\n";

/*
 * While a format writes a file or folder, a signal does not end this process, because temporary
 * files have to be removed first. Instead, the format gets no more events.
 */
static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

/* ---- functions for the formats ---- */

int export_next(struct export_job *job, struct hst_cursor *cursor, struct hst_seen *seen)
{
	int more;

	cursor->prints = !job->out;
	more = caught ? 0 : hst_cursor_next(cursor, seen);
	if (more < 0)
		job->cut = true;
	if (more <= 0)
		return 0;
	job->count++;
	return 1;
}

int export_each(struct export_job *job, FILE *out,
		int (*put)(void *arg, const struct hst_seen *seen), void *arg)
{
	struct hst_cursor cursor;
	struct hst_seen seen;
	int err = 0;

	if (hst_cursor_open(&cursor, job->file, job->select))
		return -1;
	while (!err && !(out && ferror(out)) && export_next(job, &cursor, &seen))
		err = put(arg, &seen);
	hst_cursor_close(&cursor);
	return err;
}

int export_occurring(struct export_job *job, bool occurs[HST_MAX_EVENTS])
{
	struct hst_cursor cursor;
	struct hst_seen seen;
	int more = 0;

	memset(occurs, 0, HST_MAX_EVENTS * sizeof(*occurs));
	if (hst_cursor_open(&cursor, job->file, job->select))
		return -1;
	while (!caught && (more = hst_cursor_next(&cursor, &seen)) > 0)
		occurs[seen.event_nr] = true;
	hst_cursor_close(&cursor);
	return more;
}

u64 export_ns(const struct hst_file *file, u64 ticks)
{
	u64 hz = file->mem.timebase_hz, scale = 1000000000 / hz;
	unsigned __int128 ns;

	if (scale * hz == 1000000000 && ticks <= ~0ULL / scale)
		return ticks * scale;
	ns = (unsigned __int128)ticks * 1000000000 / hz;
	return ns > ~0ULL ? ~0ULL : (u64)ns;
}

FILE *export_scratch(const struct export_job *job)
{
	size_t folder =
		job->out && strrchr(job->out, '/') ? strrchr(job->out, '/') + 1 - job->out : 0;
	char name[4096];
	FILE *file = NULL;
	int fd;

	snprintf(name, sizeof(name), "%.*s.hstrace-XXXXXX", (int)folder, job->out ? job->out : "");
	fd = mkstemp(name);
	if (fd >= 0) {
		unlink(name);
		file = fdopen(fd, "w+b");
	}
	if (!file)
		hst_error(name, "%s", strerror(errno));
	return file;
}

int export_append(const struct export_job *job, FILE *to, FILE *from)
{
	static char buf[1 << 16];
	size_t n;

	errno = 0;
	if (fflush(from) || fseek(from, 0, SEEK_SET))
		goto failed;
	while (!caught && (n = fread(buf, 1, sizeof(buf), from)))
		if (fwrite(buf, 1, n, to) != n)
			return 0; /* the caller checks `to` for errors */
	if (!ferror(from))
		return 0;
failed:
	hst_error(job->out, "its temporary file cannot be copied: %s",
		  strerror(errno ? errno : EIO));
	return -1;
}

/* ---- the output ---- */

/*
 * Flush and close the file. Returns 0, or the errno of an error (EIO if errno is 0). If a write
 * failed before this call, errno is assumed to be still that of a failed write, because formats do
 * little else after an error.
 */
static int close_output(FILE *out)
{
	int err = ferror(out) ? errno : 0;
	bool bad = ferror(out);

	if (fflush(out) && !bad) {
		bad = true;
		err = errno;
	}
	if (fclose(out) && !bad) {
		bad = true;
		err = errno;
	}
	return bad && !err ? EIO : err;
}

static int failed_output(const struct export_job *job, const char *why)
{
	hst_error(job->out ? job->out : "standard output", "cannot be written: %s", why);
	return -1;
}

/* Write directly to standard output, or to an existing device or pipe. */
static int write_stream(struct export_job *job, const struct export_format *format)
{
	FILE *out = job->out ? fopen(job->out, "wb") : stdout;
	int err, bad;

	if (!out)
		return failed_output(job, strerror(errno));
	setvbuf(out, NULL, _IOFBF, BUFFER);
	err = format->write(job, out);
	bad = close_output(out);
	if (bad && !job->out && bad == EPIPE)
		return -1; /* no message: the reader (head, say) has closed the pipe */
	return bad ? failed_output(job, strerror(bad)) : err;
}

/* Remove a folder that we made and that contains only files. */
static void remove_folder(const char *name)
{
	DIR *dir = opendir(name);

	for (const struct dirent *e; dir && (e = readdir(dir));)
		unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(name);
}

/* Create the folder OUT.symbols, if it is not there, and open it. Returns -1 after an error. */
static int open_symbols(const char *name)
{
	int folder = -1;

	if (!mkdir(name, 0777) || errno == EEXIST)
		folder = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		hst_error(name, "cannot be created: %s", strerror(errno));
	return folder;
}

/* Move the files of job->folder to OUT.symbols. */
static int move_symbols(const struct export_job *job, int to)
{
	DIR *from = opendir(job->folder);
	int err = from ? 0 : -1;

	for (const struct dirent *e; !err && (e = readdir(from));)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			err = renameat(dirfd(from), e->d_name, to, e->d_name);
	if (err)
		hst_error(job->out, "its symbols cannot be written: %s", strerror(errno));
	if (from)
		closedir(from);
	return err;
}

static int write_file(struct export_job *job, const struct export_format *format)
{
	char name[4200];
	struct hst_out out;
	int symbols = -1, err;

	if (hst_out_open(&out, job->out))
		return -1;
	hst_catch_signals(on_signal);
	setvbuf(out.file, NULL, _IOFBF, BUFFER);
	err = format->write(job, out.file);
	snprintf(name, sizeof(name), "%s.symbols", job->out);
	if (!err && !caught && job->folder) {
		symbols = open_symbols(name);
		err = symbols < 0 ? -1 : 0;
	}
	err = hst_out_close(&out, caught ? -1 : err);
	if (symbols < 0)
		return err;
	if (err)
		rmdir(name); /* if it is empty */
	else
		err = move_symbols(job, symbols);
	close(symbols);
	return err;
}

/*
 * Let the format create its folder inside a temporary one, because the format requires the name of
 * a folder that does not exist yet. Then rename the new folder to the final name.
 */
static int write_folder(struct export_job *job, const struct export_format *format)
{
	char name[4096], folder[4200];
	struct stat st;
	int err;

	if (!lstat(job->out, &st))
		return failed_output(job, "it already exists; give the name of a folder to create");
	if (snprintf(name, sizeof(name), "%s.XXXXXX", job->out) >= (int)sizeof(name))
		return failed_output(job, strerror(ENAMETOOLONG));
	hst_catch_signals(on_signal);
	if (!mkdtemp(name))
		return failed_output(job, strerror(errno));
	snprintf(folder, sizeof(folder), "%s/trace", name);
	err = format->write_folder(job, folder);
	if (!err && !caught && rename(folder, job->out))
		err = failed_output(job, strerror(errno));
	if (err || caught)
		remove_folder(folder);
	rmdir(name);
	return err;
}

static int write_output(struct export_job *job, const struct export_format *format)
{
	struct stat st;
	bool special = !job->out || (!stat(job->out, &st) && !S_ISREG(st.st_mode));

	if (special && format->streams)
		return write_stream(job, format);
	if (!job->out) {
		hst_error("standard output", "this format needs a file name as OUT");
		return -1;
	}
	if (special && !format->write_folder)
		return failed_output(job,
				     "this format needs to seek, so OUT must be a regular file");
	return format->write_folder ? write_folder(job, format) : write_file(job, format);
}

/* ---- the command ---- */

static const struct known *find_format(const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].name, name))
			return &known[i];
	return NULL;
}

/* Parse the options and move *argc and *argv past them. Returns 0, or 2 after printing an error. */
static int options(int *argc, char ***argv, struct export_job *job, struct hst_select *select,
		   const struct known **format)
{
	const char *group = NULL, *symbols = NULL; /* options */
	int n;

	for (; *argc > 0 && (*argv)[0][0] == '-' && (*argv)[0][1]; *argc -= n, *argv += n) {
		const char *option = (*argv)[0], *value = (*argv)[1];

		n = hst_select_option(select, *argc, *argv);
		if (n < 0)
			return 2;
		if (n)
			continue;
		n = hst_images_option(job->images, *argc, *argv);
		if (n < 0)
			return 2;
		if (n) {
			symbols = option;
			continue;
		}
		n = 2;
		if (strcmp(option, "--to") && strcmp(option, "--system"))
			return hst_wrong_use("export has no option", option);
		if (*argc < 2)
			return hst_wrong_use("no value given for", option);
		if (!strcmp(option, "--system")) {
			group = option;
			job->system = value;
			if (!hst_is_word(value))
				return hst_wrong_use("--system takes letters, digits and _, not",
						     value);
			continue;
		}
		*format = find_format(value);
		if (!*format)
			return hst_wrong_use(
				"--to takes csv, json, trace-cmd, perf, ctf or perfetto, not",
				value);
	}
	if (*format && group && !(*format)->group)
		return hst_wrong_use("this output format has no option", group);
	if (*format && symbols && !(*format)->symbols)
		return hst_wrong_use("this output format has no option", symbols);
	return 0;
}

static int run(struct export_job *job, const char *in, const struct export_format *format)
{
	static struct hst_file file;
	int err;

	if ((job->out && hst_is_same_file(in, job->out)) || hst_open(&file, in))
		return 1;
	job->file = &file;
	err = write_output(job, format);
	if (job->folder)
		remove_folder(job->folder);
	free(job->folder);
	if (caught)
		hst_end_by_signal(caught);
	if (!err && job->cut)
		hst_error(in, "cannot be read to the end; only %llu events were exported",
			  job->count);
	if (!err)
		hst_print_lost(&file, "exported");
	hst_close(&file);
	return err || job->cut || hst_saw_damage ? 1 : 0;
}

int hst_cmd_export(int argc, char **argv)
{
	struct hst_select select = HST_SELECT_ALL;
	struct export_job job = { .select = &select, .system = "hs" };
	const struct known *format = NULL;
	int status;

	job.images = hst_images_new();
	if (!job.images)
		return 1;
	status = options(&argc, &argv, &job, &select, &format);

	if (!status && !format)
		status = hst_wrong_use("export needs --to FORMAT", NULL);
	if (!status && (argc < 1 || argc > 2))
		status = hst_wrong_use("export takes FILE and OUT", NULL);
	if (!status && !format->format) {
		fprintf(stderr, "hstrace: built without %s: install %s, then run make tools\n",
			format->name, format->package);
		status = 1;
	}
	if (!status) {
		job.out = argc == 2 && strcmp(argv[1], "-") ? argv[1] : NULL;
		status = run(&job, argv[0], format->format);
	}
	hst_images_free(job.images);
	hst_select_free(&select);
	return status;
}
