// SPDX-License-Identifier: MIT
/*
 * hstrace.c - the command line of hstrace, which reads hyperscope's traces.
 *
 * Exit status of every command except diff and divergence: 0 on success, 2 for wrong use, such as an unknown
 * option or a file that does not exist or is not a trace, 1 for any other error, such as a damaged
 * trace or an output that cannot be written.
 */
#include <string.h>
#include "file/hst.h"
#include "file/symbols.h"
#include "html/html.h"

/* The subcommands. help: the options, in up to four parts. */
static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage;
	const char *meaning;
	const char *help[4];
} commands[] = {
	{ "save", hst_cmd_save, "[options] RAM OUT", "copy a trace out of RAM", { hst_save_help } },
	{ "report",
	  hst_cmd_report,
	  "[options] FILE",
	  "print the events as text",
	  { hst_select_help, hst_report_help } },
	{ "stat",
	  hst_cmd_stat,
	  "[options] FILE",
	  "print the exit table",
	  { hst_stat_help, hst_guest_help, hst_select_help } },
	{ "levels",
	  hst_cmd_levels,
	  "[options] FILE",
	  "print L2's exits by handler",
	  { hst_levels_help, hst_select_help } },
	{ "profile",
	  hst_cmd_profile,
	  "[options] FILE",
	  "print a profile of samples",
	  { hst_profile_help, hst_images_help, hst_guest_help, hst_select_help } },
	{ "diff",
	  hst_cmd_diff,
	  "[options] A B",
	  "compare runs",
	  { hst_diff_help, hst_guest_help, hst_select_help } },
	{ "divergence",
	  hst_cmd_divergence,
	  "[options] EXPECTED ACTUAL",
	  "find the first wrong event",
	  { hst_divergence_help } },
	{ "html",
	  hst_cmd_html,
	  "[options] [FILE [FILE2]]",
	  "write an HTML report",
	  { html_help, hst_guest_help, hst_select_help } },
	{ "export",
	  hst_cmd_export,
	  "--to FORMAT FILE OUT",
	  "convert for other tools",
	  { hst_export_help, hst_images_help, hst_guest_help, hst_select_help } },
	{ "events", hst_cmd_events, "[LIST]", "list the events", { NULL } },
};

static const struct command *current;

static void print_usage(FILE *out)
{
	if (current) {
		fprintf(out, "usage: hstrace %s %s\n", current->name, current->usage);
		if (out == stderr)
			fprintf(out, "see hstrace %s --help\n", current->name);
		return;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "%s hstrace %-10s %-25s %s\n",
			i ? "      " : "usage:", commands[i].name, commands[i].usage,
			commands[i].meaning);
	fputs("\n"
	      "RAM is a run's folder or the file that backs the machine's memory, whether the\n"
	      "machine is running, has ended or was killed. FILE is a trace written by save.\n"
	      "LIST is event names and globs separated by commas; ! removes events, as in the\n"
	      "boot argument trace=: 'kvm_*,!kvm_entry'. For the options of a command, see\n"
	      "hstrace COMMAND --help.\n",
	      out);
}

static bool wants_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-h");
}

static int help(void)
{
	print_usage(stdout);
	if (current)
		printf("\n%s: %s\n", current->name, current->meaning);
	for (size_t i = 0; current && i < 4 && current->help[i]; i++)
		fputs(current->help[i], stdout);
	return hst_finish(0);
}

int main(int argc, char **argv)
{
	int status;

	hst_print_usage = print_usage;
	if (argc < 2)
		return hst_wrong_use("no command given", NULL);
	if (wants_help(argv[1]))
		return help();
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			current = &commands[i];
	if (!current)
		return hst_wrong_use("unknown command", argv[1]);
	for (int i = 2; i < argc; i++)
		if (wants_help(argv[i]))
			return help();
	status = current->run(argc - 2, argv + 2);
	return status && hst_saw_wrong_use ? 2 : status;
}
