// SPDX-License-Identifier: MIT
/*
 * exec_file.c - read /.hs/exec, in which the launcher describes the program to run.
 *
 * The file is a sequence of records "key=value", each ended by a NUL. The keys are argv and env
 * (repeated, in order), stdin, stdout, stderr, tty (a list of descriptor numbers), winsize
 * (ROWSxCOLS) and cwd. If there is no such file, the program is /init, on the console.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "exec_spec.h"
#include "file/file.h"
#include "mm/page.h"
#include "lib/printk.h"

#define EXEC_FILE     "/.hs/exec"
#define EXEC_FILE_MAX (2UL << 20)

static int add_string(char **list, int *count, char *value)
{
	if (*count == EXEC_SPEC_STRINGS)
		return -E2BIG;
	list[(*count)++] = value;
	return 0;
}

static int set_stdio(struct exec_spec *spec, int fd, const char *value)
{
	if (strncmp(value, "hs.", 3) != 0 && strncmp(value, "file:/", 6) != 0 &&
	    strcmp(value, "null") != 0 && strcmp(value, "console") != 0 &&
	    strcmp(value, "log") != 0)
		return -EINVAL;
	spec->stdio[fd] = value;
	return 0;
}

/*
 * value: a list of the descriptors among 0, 1 and 2 that are terminals, in any order, as in
 * "0,1,2"; "" if none is.
 */
static int set_tty(struct exec_spec *spec, const char *value)
{
	for (; *value; value++) {
		if (*value < '0' || *value > '2' || (value[1] && value[1] != ','))
			return -EINVAL;
		spec->tty[*value - '0'] = true;
		if (value[1])
			value++;
	}
	return 0;
}

static int set_winsize(struct exec_spec *spec, const char *value)
{
	char *end;
	unsigned long rows = strtoul(value, &end, 10), cols;

	if (end == value || *end != 'x')
		return -EINVAL;
	value = end + 1;
	cols = strtoul(value, &end, 10);
	if (end == value || *end || rows > 0xffff || cols > 0xffff)
		return -EINVAL;
	spec->rows = (unsigned int)rows;
	spec->cols = (unsigned int)cols;
	return 0;
}

static int apply(struct exec_spec *spec, const char *key, char *value)
{
	if (strcmp(key, "argv") == 0)
		return add_string(spec->argv, &spec->argc, value);
	if (strcmp(key, "env") == 0)
		return add_string(spec->envp, &spec->envc, value);
	if (strcmp(key, "stdin") == 0)
		return set_stdio(spec, 0, value);
	if (strcmp(key, "stdout") == 0)
		return set_stdio(spec, 1, value);
	if (strcmp(key, "stderr") == 0)
		return set_stdio(spec, 2, value);
	if (strcmp(key, "tty") == 0)
		return set_tty(spec, value);
	if (strcmp(key, "winsize") == 0)
		return set_winsize(spec, value);
	if (strcmp(key, "cwd") == 0) {
		spec->cwd = value;
		return 0;
	}
	return -EINVAL;
}

static int parse(struct exec_spec *spec, char *text, size_t size)
{
	char *record = text, *end = text + size, *value;
	int err = 0;

	/* text[size] is NUL, so the last record ends even if its own NUL is missing. */
	for (; record < end; record = value + strlen(value) + 1) {
		value = strchr(record, '=');
		if (!value) {
			printk("host: %s: '%.40s' is not key=value\n", EXEC_FILE, record);
			return -EINVAL;
		}
		*value++ = '\0';
		err = apply(spec, record, value);
		if (err < 0) {
			printk("host: %s: %s='%.40s': error %d\n", EXEC_FILE, record, value, -err);
			return err;
		}
	}
	if (!spec->argc) {
		printk("host: %s does not name a program\n", EXEC_FILE);
		return -EINVAL;
	}
	return 0;
}

static void fill_default(struct exec_spec *spec)
{
	static char init[] = "/init", path[] = "PATH=/bin:/sbin:/usr/bin:/usr/sbin",
		    home[] = "HOME=/", term[] = "TERM=linux";

	add_string(spec->argv, &spec->argc, init);
	add_string(spec->envp, &spec->envc, path);
	add_string(spec->envp, &spec->envc, home);
	add_string(spec->envp, &spec->envc, term);
	for (int fd = 0; fd < 3; fd++) {
		spec->stdio[fd] = "console";
		spec->tty[fd] = true;
	}
}

int exec_spec_read(struct exec_spec *spec)
{
	int err;
	struct file *f = file_open(EXEC_FILE, O_RDONLY, 0, &err);
	char *text;
	u64 size;
	long got;

	*spec = (struct exec_spec){ .stdio = { "null", "null", "null" }, .cwd = "/" };
	if (!f) {
		fill_default(spec);
		return err == -ENOENT ? 0 : err;
	}
	spec->from_file = true;
	size = file_size(f);
	text = size < EXEC_FILE_MAX ? kmalloc(size + 1) : NULL;
	if (!text) {
		file_put(f);
		return size < EXEC_FILE_MAX ? -ENOMEM : -E2BIG;
	}
	got = file_kread(f, text, size, 0);
	file_put(f);
	if (got != (long)size)
		return -EIO;
	return parse(spec, text, size); /* text is not freed: spec points into it */
}
