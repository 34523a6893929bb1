// SPDX-License-Identifier: MIT
/*
 * hstrace.c - reads the traces that hyperscope writes: the command line.
 *
 * Exit status: 0, 1 if a file cannot be read or written, 2 for wrong use.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "hst.h"

static const char usage[] =
	"usage: hstrace save [--meta TEXT]... RAM OUT            take it out of RAM\n"
	"       hstrace report [--events LIST] [--last N] FILE   the events as text\n"
	"       hstrace stat FILE                                the table of exits\n"
	"       hstrace events [LIST]                            what events there are\n"
	"\n"
	"RAM is the file behind the machine's memory: running, ended or killed. FILE is\n"
	"what save wrote. LIST: names and globs with commas, ! takes away, as in the boot\n"
	"argument trace=: 'kvm_*,!kvm_entry'. TEXT is kept in the file; icount=1 and\n"
	"harts=N say what the costs of exits mean.\n";

static const struct {
	const char *name;
	const char *meaning;
} known[] = {
#define EVENT(name, meaning, ...) { #name, meaning },
#include "events.def"
#undef EVENT
};

static int wrong_use(const char *what, const char *arg)
{
	fprintf(stderr, "hstrace: %s%s%s%s\n%s", what, arg ? " '" : "", arg ? arg : "",
		arg ? "'" : "", usage);
	return 2;
}

/* A word of the list that names no event, or NULL. */
static const char *unknown_word(const char *list)
{
	static char word[128];

	while (*list) {
		size_t len = strcspn(list, ","), skip = *list == '!';
		bool found = len == 4 && !memcmp(list, "none", 4);

		snprintf(word, sizeof(word), "%.*s", (int)(len - skip), list + skip);
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			found |= hst_list_has(word, known[i].name);
		if (!found)
			return word;
		list += len + (list[len] == ',');
	}
	return NULL;
}

static int cmd_events(int argc, char **argv)
{
	const char *list = argc > 0 ? argv[0] : "all", *word;

	if (argc > 1)
		return wrong_use("events takes one LIST, not also", argv[1]);
	word = unknown_word(list);
	if (word) {
		fprintf(stderr, "hstrace: there is no event '%s'\n", word);
		return 2;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (hst_list_has(list, known[i].name))
			printf("%-19s %s\n", known[i].name, known[i].meaning);
	return 0;
}

static int cmd_save(int argc, char **argv)
{
	static char meta[1 << 16];
	size_t len = 0;

	for (; argc > 0 && !strncmp(argv[0], "--", 2); argc -= 2, argv += 2) {
		if (strcmp(argv[0], "--meta"))
			return wrong_use("save has no option", argv[0]);
		if (argc < 2)
			return wrong_use("--meta needs a text", NULL);
		if (strlen(argv[1]) + 2 > sizeof(meta) - len)
			return wrong_use("--meta texts are longer than 64 KiB", NULL);
		len += (size_t)snprintf(meta + len, sizeof(meta) - len, "%s\n", argv[1]);
	}
	if (argc != 2)
		return wrong_use("save takes RAM and OUT", NULL);
	return hst_save(argv[0], argv[1], meta) ? 1 : 0;
}

static int finish(int err)
{
	if (!fflush(stdout) && !ferror(stdout))
		return err ? 1 : 0;
	if (errno != EPIPE)
		fprintf(stderr, "hstrace: cannot write: %s\n", strerror(errno));
	return 1;
}

static int cmd_report(int argc, char **argv)
{
	static struct hst_file file;
	const char *events = NULL;
	u64 last = 0;
	char *end;
	int err;

	for (; argc > 1 && argv[0][0] == '-'; argc -= 2, argv += 2) {
		if (!strcmp(argv[0], "--events")) {
			events = argv[1];
			continue;
		}
		if (strcmp(argv[0], "--last"))
			return wrong_use("report has no option", argv[0]);
		last = strtoull(argv[1], &end, 10);
		if (!last || *end)
			return wrong_use("--last takes a number from 1 on, not", argv[1]);
	}
	if (argc != 1 || argv[0][0] == '-')
		return wrong_use("report takes one FILE", NULL);
	if (hst_open(&file, argv[0]))
		return 1;
	err = hst_report(&file, events, last, stdout);
	hst_close(&file);
	return finish(err);
}

static int cmd_stat(int argc, char **argv)
{
	static struct hst_file file;
	int err;

	if (argc != 1 || argv[0][0] == '-')
		return wrong_use("stat takes one FILE", NULL);
	if (hst_open(&file, argv[0]))
		return 1;
	err = hst_stat(&file, stdout);
	hst_close(&file);
	return finish(err);
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "save", cmd_save },
	{ "report", cmd_report },
	{ "stat", cmd_stat },
	{ "events", cmd_events },
};

int main(int argc, char **argv)
{
	if (argc < 2)
		return wrong_use("no command", NULL);
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			fputs(usage, stdout);
			return 0;
		}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 2, argv + 2);
	return wrong_use("there is no command", argv[1]);
}
