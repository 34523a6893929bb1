// SPDX-License-Identifier: MIT
/*
 * page.c - `hstrace html`: write one or two runs as a self-contained page.
 */
#include <stdlib.h>
#include <string.h>
#include "html.h"

#define MAX_RUNS      2
#define MAX_ANATOMIES 16

/* Embed report.css and report*.js when hstrace is built. */
#define EMBED(name, file)                         \
	__asm__(".section .rodata\n"              \
		".global " #name "\n" #name ":\n" \
		".incbin \"" file "\"\n"          \
		".byte 0\n"                       \
		".previous\n");                   \
	extern const char name[]

EMBED(html_css, "html/report.css");
EMBED(html_js_base, "html/report_base.js");
EMBED(html_js_chart, "html/report_chart.js");
EMBED(html_js_timeline, "html/report_timeline.js");
EMBED(html_js_levels, "html/report_levels.js");
EMBED(html_js, "html/report.js");

struct options {
	const char *out;
	const char *files[MAX_RUNS];
	const char *anatomies[MAX_ANATOMIES];
	unsigned int nr_files, nr_anatomies;
	struct hst_select select;
	struct hst_guest *guest;
};

const char html_help[] =
	"Without FILE, show the launcher's last run.\n"
	"  --out PAGE      write the report to PAGE (default: report.html)\n"
	"  --anatomy FILE  include FILE, the output of scripts/hyperscope anatomy; may be\n"
	"                  repeated\n"
	"The options from --events on select events. The exit table covers the whole\n"
	"run, unless exits were not accounted.\n";

static const char head[] =
	"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	"style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>hyperscope report</title>\n<style>\n";
static const char body[] =
	"</style>\n</head>\n<body>\n"
	"<noscript>This page needs JavaScript. hstrace stat FILE prints the exit table as "
	"text.</noscript>\n"
	"<script type=\"application/json\" id=\"data\">\n";

static int wrong_option(const char *what, const char *arg)
{
	hst_wrong_use(what, arg);
	return -1;
}

/* Parse an option. Returns the number of words consumed, or -1 after printing an error. */
static int take_option(struct options *options, int argc, char **argv)
{
	int n = hst_select_option(&options->select, argc, argv);

	if (!n)
		n = hst_guest_option(options->guest, argc, argv);
	if (n)
		return n;
	if (strcmp(argv[0], "--out") && strcmp(argv[0], "--anatomy"))
		return wrong_option("html has no option", argv[0]);
	if (argc < 2)
		return wrong_option("no file given for", argv[0]);
	if (!strcmp(argv[0], "--out"))
		options->out = argv[1];
	else if (options->nr_anatomies < MAX_ANATOMIES)
		options->anatomies[options->nr_anatomies++] = argv[1];
	else
		return wrong_option("too many --anatomy files:", argv[1]);
	return 2;
}

/* Return the path of the last run's trace, the default file of `make trace`. */
static const char *last_trace(void)
{
	const char *runs = getenv("HS_RUNS"), *out = getenv("O");
	static char path[4096];

	snprintf(path, sizeof(path), "%s%s/last/trace",
		 runs  ? runs
		 : out ? out
		       : "build",
		 runs ? "" : "/runs");
	return path;
}

static int parse(struct options *options, int argc, char **argv)
{
	*options = (struct options){ .out = "report.html",
				     .select = HST_SELECT_ALL,
				     .guest = options->guest };
	while (argc > 0) {
		int n = 1;

		if (argv[0][0] == '-') {
			n = take_option(options, argc, argv);
			if (n < 0)
				return -1;
		} else if (options->nr_files < MAX_RUNS) {
			options->files[options->nr_files++] = argv[0];
		} else {
			return wrong_option("html takes one or two FILEs; unexpected argument",
					    argv[0]);
		}
		argc -= n;
		argv += n;
	}
	if (!options->nr_files)
		options->files[options->nr_files++] = last_trace();
	return 0;
}

static int write_runs(const struct options *options, FILE *out)
{
	static struct hst_file file;
	struct html_run run;
	int err = 0;

	fputs("{\"runs\":[\n", out);
	for (unsigned int i = 0; i < options->nr_files && !err; i++) {
		if (hst_open(&file, options->files[i]))
			return -1;
		fputs(i ? ",\n" : "", out);
		err = html_read(&run, &file, &options->select, options->guest);
		if (!err)
			html_write_run(&run, out);
		html_free(&run);
		hst_close(&file);
	}
	fputs("],\n\"anatomy\":[", out);
	for (unsigned int i = 0; i < options->nr_anatomies && !err; i++) {
		fputs(i ? ",\n" : "", out);
		err = html_write_anatomy(options->anatomies[i], out);
	}
	fputs("]}", out);
	return err;
}

static int write_page(const struct options *options, FILE *out)
{
	fprintf(out, "%s%s%s", head, html_css, body);
	if (write_runs(options, out))
		return -1;
	fprintf(out,
		"\n</script>\n<script>\n%s</script>\n<script>\n%s</script>\n<script>\n%s</script>\n"
		"<script>\n%s</script>\n<script>\n%s</script>\n</body>\n</html>\n",
		html_js_base, html_js_chart, html_js_timeline, html_js_levels, html_js);
	return 0;
}

static int write_file(const struct options *options)
{
	struct hst_out out;

	if (hst_out_open(&out, options->out))
		return -1;
	return hst_out_close(&out, write_page(options, out.file));
}

static bool is_over_input(const struct options *options)
{
	bool over = false;

	for (unsigned int i = 0; i < options->nr_files; i++)
		over |= hst_is_same_file(options->files[i], options->out);
	for (unsigned int i = 0; i < options->nr_anatomies; i++)
		over |= hst_is_same_file(options->anatomies[i], options->out);
	return over;
}

int hst_cmd_html(int argc, char **argv)
{
	struct options options = { .guest = hst_guest_new() };
	int status = 2;

	if (!options.guest)
		return 1;
	if (!parse(&options, argc, argv))
		status = hst_finish(is_over_input(&options) ? -1 : write_file(&options));
	hst_guest_free(options.guest);
	hst_select_free(&options.select);
	return status;
}
