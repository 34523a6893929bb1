// SPDX-License-Identifier: MIT
/*
 * divergence.c - `hstrace divergence`: find the first event at which a run leaves a reference run.
 *
 * Both runs are given as text: a console's log with the events that the host printed at its end (boot
 * argument trace.end=N), since a simulator may have no other output. Lines that do not begin with
 * "trace: " and a time are ignored, and so are carriage returns. Harts are not compared. Nothing in
 * a log is trusted.
 *
 * Events have to be equal, one by one, except in their times and in the fields of which the
 * specification lets an implementation choose the value (allowed[]).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "file/hst.h"
#include "file/symbols.h"

#define BEFORE 4 /* equal events to print before the first one that differs */

const char hst_divergence_help[] =
	"\n"
	"EXPECTED and ACTUAL are logs of two runs with the boot argument trace.end=N.\n"
	"\n"
	"  --strict        also report values that the specification leaves to the hart\n"
	"  --symbols FILE  show the guest's instruction; FILE is the payload's ELF file\n"
	"\n"
	"Exit status: 0 if the runs agree, 1 if they diverge, 2 for trouble.\n";

static const struct {
	const char *name, *meaning, *source;
} known[] = {
#define EVENT(name, meaning, behind, ...) { #name, meaning, behind },
#include "events.def"
};

/* Values that ACTUAL may have instead of the expected one. */
static const struct allowed {
	const char *event, *field, *value; /* value NULL: any */
	const char *source;
} allowed[] = {
	{ "kvm_exit", "htinst", "0x0", "H §6.3: htinst may be 0" },
	{ "kvm_exit", "htval", "0x0", "H §2.8: htval may be 0" },
	{ "kvm_exit", "stval", "0x0", "S §1.9: stval may be 0" },
	{ "kvm_inject_trap", "tval", "0x0", "S §1.9: stval may be 0" },
	{ "kvm_mmio_insn", "fetched", NULL, "H §6.3: without htinst, the instruction is fetched" },
	{ "kvm_mmio_insn", "insn", NULL,
	  "H §6.3: htinst has no offset, and may have another size" },
	{ "kvm_exit_cost", "cost", NULL, "a cost" },
	{ "kvm_exit_cost", "start", NULL, "a time" },
};
#define NR_ALLOWED (sizeof(allowed) / sizeof(allowed[0]))

struct event {
	char *line;    /* from the event's name on: "name: field=value ..." */
	char *who;     /* "vm.vcpu", or "-" */
	size_t number; /* of the line in the file, from 1 */
};

struct log {
	const char *path;
	size_t n;
	struct event *events;
	bool is_cut; /* the host had more events than it printed */
};

/* The paragraphs that define the fields of kvm_exit. */
static const struct {
	const char *field, *source;
} fields[] = {
	{ "sepc", "H §6.2" },  { "scause", "H §6.1" }, { "stval", "H §6.2" },
	{ "htval", "H §2.8" }, { "htinst", "H §6.3" },
};

static unsigned int used[NR_ALLOWED];

/* ---- reading ---- */

static char *next_word(char **at)
{
	char *word = *at;
	size_t len = strcspn(word, " ");

	if (!len || !word[len])
		return NULL;
	word[len] = '\0';
	*at = word + len + 1;
	return word;
}

/* Parse a line of the log. Returns false if it is not an event. */
static bool parse(char *line, struct event *event)
{
	char *at = line, *time;

	if (strncmp(at, "trace: ", 7))
		return false;
	at += 7;
	time = next_word(&at);
	if (!time || strspn(time, "0123456789.") != strlen(time))
		return false;
	event->who = next_word(&at) ? next_word(&at) : NULL; /* behind the hart */
	event->line = at;
	return event->who && strchr(at, ':');
}

/* In "trace: hart 0: the last 100 of 200 events", are the numbers different? */
static bool has_lost(const char *line)
{
	const char *last = strstr(line, "the last "), *of = last ? strstr(last, " of ") : NULL;

	return of && strtoull(last + 9, NULL, 10) != strtoull(of + 4, NULL, 10);
}

/* Take over the line, which has len bytes and is on the heap. Returns false if there is no memory. */
static bool add_line(struct log *log, char *line, size_t len, size_t number)
{
	struct event event = { .number = number };
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (line[i] == '\r')
			continue;
		/* A NUL would end the line early. */
		line[n++] = line[i] && line[i] != '\n' ? line[i] : ' ';
	}
	len = n;
	line[len] = '\0';
	while (len && line[len - 1] == ' ')
		line[--len] = '\0';
	log->is_cut |= !strncmp(line, "trace: hart ", 12) && has_lost(line);
	if (!parse(line, &event)) {
		free(line);
		return true;
	}
	if (!(log->n & (log->n + 1))) { /* full: n is 2^k - 1 */
		log->events = realloc(log->events, (2 * log->n + 2) * sizeof(event));
		if (!log->events)
			return false;
	}
	log->events[log->n++] = event;
	return true;
}

static int read_log(const char *path, struct log *log)
{
	FILE *in = fopen(path, "r");
	size_t number = 0, room;
	bool good = in;
	char *line;
	ssize_t len;

	*log = (struct log){ .path = path };
	if (!in) {
		hst_wrong_file(path, strerror(errno));
		return -1;
	}
	while (good && (line = NULL, room = 0, len = getline(&line, &room, in)) >= 0)
		good = add_line(log, line, (size_t)len, ++number);
	good &= !ferror(in);
	fclose(in);
	if (!good)
		hst_error(path, "cannot be read: %s", strerror(errno));
	else if (!log->n)
		hst_wrong_file(path, "has no events: was the run made with the boot arguments "
				     "trace=LIST and trace.end=N?");
	return good && log->n ? 0 : -1;
}

/* ---- comparing ---- */

/* Get the length of the event's name, or of a field's name in "name=value". */
static size_t name_length(const char *text)
{
	return strcspn(text, ":= ");
}

static bool same_name(const char *a, const char *b)
{
	return name_length(a) == name_length(b) && !strncmp(a, b, name_length(a));
}

static bool is_allowed(const char *event, const char *field, const char *value, size_t len)
{
	for (size_t i = 0; i < NR_ALLOWED; i++) {
		const struct allowed *f = &allowed[i];

		if (!same_name(f->event, event) || !same_name(f->field, field) ||
		    (f->value && (strlen(f->value) != len || strncmp(f->value, value, len))))
			continue;
		used[i]++;
		return true;
	}
	return false;
}

/* Compare two events. Returns NULL if they agree, else the first field of b that differs. */
static const char *difference(const struct event *a, const struct event *b, bool strict)
{
	const char *x = a->line, *y = b->line;

	if (strcmp(a->who, b->who) || strcspn(x, " ") != strcspn(y, " ") ||
	    strncmp(x, y, strcspn(x, " ")) != 0)
		return b->line;
	for (;;) {
		const char *p = strchr(x, ' '), *q = strchr(y, ' ');
		size_t n, m;

		if (!p || !q)
			return p || q ? b->line : NULL;
		x = p + 1;
		y = q + 1;
		n = strcspn(x, " ");
		m = strcspn(y, " ");
		if (n == m && !strncmp(x, y, n))
			continue;
		if (strict || !same_name(x, y) || y[name_length(y)] != '=' ||
		    !is_allowed(b->line, y, y + name_length(y) + 1, m - name_length(y) - 1))
			return y;
	}
}

/* ---- the result ---- */

/* Print n bytes of a log. They must not control the terminal. */
static void print_text(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		putchar(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
}

static void print_event(const char *label, const struct log *log, size_t i)
{
	const struct event *event = &log->events[i];

	if (i >= log->n) {
		printf("%-9s no event: the log ends after %zu\n", label, log->n);
		return;
	}
	printf("%-9s ", label);
	print_text(event->who, strlen(event->who));
	putchar(' ');
	print_text(event->line, strlen(event->line));
	printf("  (line %zu)\n", event->number);
}

static void print_insn(const u8 *code)
{
	unsigned int low = code[0] | (unsigned int)code[1] << 8;

	if ((low & 3) == 3)
		printf(", instruction 0x%08x",
		       low | (unsigned int)code[2] << 16 | (unsigned int)code[3] << 24);
	else
		printf(", instruction 0x%04x", low);
}

/* Print the guest's instruction at which the last of the first n events left the guest. */
static void print_instruction(const struct log *log, size_t n, const struct hst_symbols *symbols)
{
	const struct hst_symbol *symbol;
	const char *at;
	const u8 *code;
	u64 pc;

	while (n && strncmp(log->events[n - 1].line, "kvm_exit:", 9))
		n--;
	if (!n)
		return;
	at = strstr(log->events[n - 1].line, "sepc=");
	if (!at)
		return;
	pc = strtoull(at + 5, NULL, 0);
	printf("the last exit was at pc 0x%llx of vCPU ", (unsigned long long)pc);
	print_text(log->events[n - 1].who, strlen(log->events[n - 1].who));
	symbol = symbols ? hst_symbols_find(symbols, pc) : NULL;
	if (symbol)
		printf(", %s+0x%llx", symbol->name, (unsigned long long)(pc - symbol->start));
	code = symbols ? hst_symbols_code(symbols, pc, 4) : NULL;
	if (code)
		print_insn(code);
	printf("\n");
}

static void print_meaning(const char *line)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (same_name(known[i].name, line))
			printf("%s: %s (%s)\n", known[i].name, known[i].meaning, known[i].source);
}

static void print_field(const char *event, const char *field)
{
	printf("the first field that differs is ");
	print_text(field, name_length(field));
	for (size_t i = 0;
	     !strncmp(event, "kvm_exit:", 9) && i < sizeof(fields) / sizeof(fields[0]); i++)
		if (same_name(fields[i].field, field))
			printf(" (%s)", fields[i].source);
	printf("\n");
}

static void print_divergence(const struct log *a, const struct log *b, size_t i, const char *field,
			     const struct hst_symbols *symbols)
{
	printf("the runs diverge at event %zu\n\n", i + 1);
	for (size_t k = i > BEFORE ? i - BEFORE : 0; k < i; k++)
		print_event("both:", a, k);
	print_event("expected:", a, i);
	print_event("actual:", b, i);
	printf("\n");
	if (field && field != b->events[i].line)
		print_field(b->events[i].line, field);
	print_instruction(b, i + 1 < b->n ? i + 1 : b->n, symbols);
	if (i < a->n)
		print_meaning(a->events[i].line);
	if (i < b->n && (i == a->n || !same_name(a->events[i].line, b->events[i].line)))
		print_meaning(b->events[i].line);
}

int hst_cmd_divergence(int argc, char **argv)
{
	struct hst_symbols *symbols = NULL;
	const char *field = NULL;
	struct log a, b;
	bool strict = false;
	size_t i;

	for (; argc && argv[0][0] == '-'; argc--, argv++) {
		if (!strcmp(argv[0], "--strict")) {
			strict = true;
		} else if (!strcmp(argv[0], "--symbols") && argc > 1) {
			symbols = hst_symbols_open(argv[1]);
			if (!symbols)
				return 2;
			argc--;
			argv++;
		} else {
			return hst_wrong_use("divergence: unknown or incomplete option", argv[0]);
		}
	}
	if (argc != 2)
		return hst_wrong_use("divergence takes two logs, EXPECTED and ACTUAL", NULL);
	if (read_log(argv[0], &a) || read_log(argv[1], &b))
		return 2;
	if (a.is_cut || b.is_cut)
		printf("%s does not have the first events of its run, so others may differ\n",
		       a.is_cut ? a.path : b.path);
	for (i = 0; i < a.n && i < b.n; i++) {
		field = difference(&a.events[i], &b.events[i], strict);
		if (field)
			break;
	}
	if (i < a.n || i < b.n) {
		print_divergence(&a, &b, i, i < a.n && i < b.n ? field : NULL, symbols);
		return hst_finish(0) ? 2 : 1;
	}
	printf("the runs agree: %zu events\n", a.n);
	for (i = 0; i < NR_ALLOWED; i++)
		if (used[i])
			printf("%u times: %s\n", used[i], allowed[i].source);
	return hst_finish(0) ? 2 : 0;
}
