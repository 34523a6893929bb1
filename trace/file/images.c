// SPDX-License-Identifier: MIT
/*
 * images.c - find the symbol file of a sample, from its mode and the program that its pid runs.
 *
 * The program is found from the events sched_process_exec and sched_process_fork, which are read in
 * a separate pass. Unless an option names them, the symbol files of the host kernel and its
 * programs are looked for in hstrace's own directory, where the build puts hyperscope.elf and vmm.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include "symbols.h"

#define MAX_FILES 32
#define MAX_PIDS  65536 /* limit on exec and fork records (and thus pids), to bound memory use */

/* An exec or a fork: which program `pid` runs from `time` on. */
struct change {
	u64 time;
	u32 pid, parent; /* parent: the process whose program this one runs (fork); 0: exec */
	u64 entry;
	char name[HST_PROGRAM_NAME];
};

struct hst_images {
	const char *host_path;
	struct hst_symbols *host;
	struct hst_guest *guest;
	size_t nr_files;
	struct {
		char name[HST_PROGRAM_NAME]; /* the program's name or its end: see set_name() */
		const char *path;
		struct hst_symbols *symbols;
	} file[MAX_FILES];
	size_t nr_named; /* how many of file[], the first ones, are named by an option */
	size_t nr_changes, next;
	u64 nr_beyond; /* number of exec and fork records that did not fit into change[] */
	struct change *change;
	size_t nr_pids;
	struct hst_program *pid; /* the program that each pid runs at the current sample */
	void *pid_tree;          /* index of pid[] by pid (tsearch(3)) */
	bool ours;               /* the run's VMM is the one from the build */
	char nameless[32];
};

const char hst_images_help[] =
	"  --host FILE     ELF file of the host kernel (default: hyperscope.elf in the\n"
	"                  folder of hstrace)\n"
	"  --program [NAME=]FILE  ELF file of the program NAME on the host; NAME defaults\n"
	"                  to the name of FILE; may be repeated; for other programs,\n"
	"                  files in the folder of hstrace are used\n";

struct hst_images *hst_images_new(void)
{
	struct hst_images *images = calloc(1, sizeof(*images));

	if (!images) {
		fputs("hstrace: out of memory\n", stderr);
		return NULL;
	}
	images->guest = hst_guest_new();
	if (images->guest)
		return images;
	free(images);
	return NULL;
}

void hst_keep_node(void *node)
{
	(void)node;
}

void hst_images_free(struct hst_images *images)
{
	if (!images)
		return;
	for (size_t i = 0; i < images->nr_files; i++)
		hst_symbols_close(images->file[i].symbols);
	hst_symbols_close(images->host);
	hst_guest_free(images->guest);
	free(images->change);
	tdestroy(images->pid_tree, hst_keep_node);
	free(images->pid);
	free(images);
}

/* Copy a name, or its end if it is too long, as the host does for sched_process_exec. */
static void set_name(char *to, const char *name)
{
	size_t len = strlen(name), skip = len >= HST_PROGRAM_NAME ? len - HST_PROGRAM_NAME + 1 : 0;

	memcpy(to, name + skip, len - skip + 1);
}

static int add_program(struct hst_images *images, const char *value)
{
	const char *equals = strchr(value, '=');
	const char *path = equals ? equals + 1 : value;
	char name[256];

	if (images->nr_files == MAX_FILES || !*path || equals == value) {
		hst_wrong_use(*path && equals != value ? "too many programs:"
						       : "--program takes [NAME=]FILE, not",
			      value);
		return -1;
	}
	if (equals)
		snprintf(name, sizeof(name), "%.*s", (int)(equals - value), value);
	else
		snprintf(name, sizeof(name), "%s",
			 strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	set_name(images->file[images->nr_files].name, name);
	images->file[images->nr_files++].path = path;
	images->nr_named = images->nr_files;
	return 2;
}

int hst_images_option(struct hst_images *images, int argc, char **argv)
{
	bool host = !strcmp(argv[0], "--host");

	if (!host && strcmp(argv[0], "--program"))
		return hst_guest_option(images->guest, argc, argv);
	if (argc < 2) {
		hst_wrong_use("no value given for", argv[0]);
		return -1;
	}
	if (!host)
		return add_program(images, argv[1]);
	images->host_path = argv[1];
	return 2;
}

/* ---- files ---- */

/* Open NAME in hstrace's own directory. Returns NULL if it is not there or cannot be opened. */
static struct hst_symbols *open_beside(const char *name)
{
	char path[4096 + HST_PROGRAM_NAME];

	if (!*name || strchr(name, '/') || !hst_beside(name, path, sizeof(path)))
		return NULL;
	return hst_symbols_open(path);
}

static const struct hst_symbols *file_of(struct hst_images *images, const char *name)
{
	size_t i = 0;

	while (i < images->nr_files && strcmp(images->file[i].name, name))
		i++;
	if (i == MAX_FILES)
		return NULL;
	if (i == images->nr_files) {
		set_name(images->file[images->nr_files++].name, name);
		images->file[i].symbols = open_beside(name);
	}
	return images->file[i].symbols;
}

/* Open a file that an option names. */
static struct hst_symbols *open_named(const char *path)
{
	struct hst_symbols *symbols = hst_symbols_open(path);

	hst_saw_wrong_use |= !symbols;
	return symbols;
}

static int open_files(struct hst_images *images)
{
	images->host =
		images->host_path ? open_named(images->host_path) : open_beside("hyperscope.elf");
	if (images->host_path && !images->host)
		return -1;
	for (size_t i = 0; i < images->nr_named; i++) {
		images->file[i].symbols = open_named(images->file[i].path);
		if (!images->file[i].symbols)
			return -1;
	}
	return 0;
}

struct hst_guest *hst_images_guest(const struct hst_images *images)
{
	return images->guest;
}

/* ---- processes ---- */

static u64 field(const struct hst_seen *seen, const char *name)
{
	int i = hst_field_index(seen->event, name, strlen(name));

	return i < 0 ? 0 : seen->record->arg[i];
}

static int add_change(struct hst_images *images, const struct hst_seen *seen, bool exec)
{
	static const char *const parts[] = { "name", "name8", "name16" };
	struct change *c;

	if (images->nr_changes == MAX_PIDS) {
		images->nr_beyond++;
		return 0;
	}
	if (!(images->nr_changes & (images->nr_changes - 1))) {
		size_t n = images->nr_changes ? 2 * images->nr_changes : 1;

		c = realloc(images->change, n * sizeof(*c));
		if (!c) {
			fputs("hstrace: out of memory\n", stderr);
			return -1;
		}
		images->change = c;
	}
	c = &images->change[images->nr_changes++];
	*c = (struct change){ .time = seen->time };
	c->pid = (u32)field(seen, exec ? "pid" : "child_pid");
	c->parent = exec ? 0 : (u32)field(seen, "parent_pid");
	c->entry = field(seen, "entry");
	for (unsigned int i = 0; exec && i < 3; i++)
		for (unsigned int j = 0; j < 8; j++) {
			char byte = (char)(field(seen, parts[i]) >> (8 * j));

			/* The name may become a file name or a part of an output line. */
			if (byte)
				c->name[strlen(c->name)] =
					byte <= ' ' || byte > '~' || byte == ';' || byte == '/'
						? '.'
						: byte;
		}
	return 0;
}

static int read_changes(struct hst_images *images, struct hst_file *file)
{
	struct hst_cursor cursor;
	struct hst_seen seen;
	int more = 1;

	if (hst_cursor_open(&cursor, file, NULL))
		return -1;
	while (more > 0 && (more = hst_cursor_next(&cursor, &seen)) > 0) {
		bool exec = !strcmp(seen.event->name, "sched_process_exec");

		if ((exec || !strcmp(seen.event->name, "sched_process_fork")) &&
		    add_change(images, &seen, exec))
			more = -1;
	}
	hst_cursor_close(&cursor);
	if (images->nr_beyond)
		hst_error(file->path,
			  "the last %llu exec and fork records are ignored, because at most %d are "
			  "used: samples may show the wrong program",
			  images->nr_beyond, MAX_PIDS);
	return more < 0 && !images->nr_changes ? -1 : 0;
}

int hst_images_load(struct hst_images *images, struct hst_file *file)
{
	size_t len;

	images->ours = hst_meta_text(file, "map", &len) != NULL;
	images->pid = calloc(MAX_PIDS, sizeof(*images->pid));
	if (!images->pid) {
		fputs("hstrace: out of memory\n", stderr);
		return -1;
	}
	return open_files(images) || hst_guest_load(images->guest, file) ||
			       read_changes(images, file)
		       ? -1
		       : 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct hst_program *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* Return the program that pid runs, or NULL if unknown. */
static struct hst_program *program_of(const struct hst_images *images, u32 pid)
{
	struct hst_program key = { .pid = pid }, **found;

	found = tfind(&key, &images->pid_tree, by_pid);
	return found ? *found : NULL;
}

/*
 * Like program_of(), but add an unknown pid. Returns NULL if there are too many pids or memory runs
 * out.
 */
static struct hst_program *make_program(struct hst_images *images, u32 pid)
{
	struct hst_program *p = &images->pid[images->nr_pids], **found;

	if (images->nr_pids == MAX_PIDS)
		return program_of(images, pid);
	p->pid = pid;
	found = tsearch(p, &images->pid_tree, by_pid);
	if (found && *found == p)
		images->nr_pids++;
	return found ? *found : NULL;
}

static void advance(struct hst_images *images, u64 time)
{
	for (; images->next < images->nr_changes; images->next++) {
		const struct change *c = &images->change[images->next];
		const struct hst_program *parent;
		struct hst_program *p;

		if (c->time > time)
			return;
		parent = program_of(images, c->parent);
		p = make_program(images, c->pid);
		if (!p)
			continue;
		*p = c->parent && parent ? *parent : (struct hst_program){ .entry = c->entry };
		p->pid = c->pid;
		if (c->parent)
			continue;
		memcpy(p->name, c->name, sizeof(p->name));
		p->symbols = file_of(images, p->name);
	}
}

static void place_in_program(struct hst_images *images, struct hst_place *place)
{
	const struct hst_program *p = program_of(images, place->pid);

	if (p && *p->name) {
		place->program = p->name;
		place->symbols = p->symbols;
		if (p->symbols && p->symbols->moves)
			place->moved = p->entry - p->symbols->entry;
		return;
	}
	/*
	 * The pid's program is not in the trace: assume the only program named by an option or, if
	 * none is named and the run's VMM is the one from the build, vmm. A position-independent
	 * program cannot be assumed, because its load offset is unknown.
	 */
	if (images->nr_named == 1)
		place->symbols = images->file[0].symbols;
	else if (!images->nr_named && images->ours)
		place->symbols = file_of(images, "vmm");
	if (place->symbols && !place->symbols->moves) {
		place->program = place->symbols->name;
		return;
	}
	place->symbols = NULL;
	snprintf(images->nameless, sizeof(images->nameless), "pid-%u", place->pid);
	place->program = images->nameless;
}

/*
 * Find a guest's function. A list of symbols has only those of a kernel, but the ELF file of a
 * payload also has those that the payload runs in VU mode.
 */
static void place_in_guest(const struct hst_images *images, struct hst_place *place)
{
	bool kernel = place->mode == HST_MODE_VS;
	struct hst_code code;

	place->program = kernel ? "guest-kernel" : "guest-program";
	hst_guest_find(images->guest, place->pc, kernel, &code);
	if (code.kind != HST_CODE_FUNCTION || (!kernel && code.symbols->is_text))
		return;
	place->symbols = code.symbols;
	place->moved = place->pc - (code.symbol->start + code.offset);
}

bool hst_images_place(struct hst_images *images, const struct hst_seen *seen,
		      struct hst_place *place)
{
	const struct hst_symbol *symbol;
	u64 mode = field(seen, "mode");

	if (strcmp(seen->event->name, "sample") || mode >= HST_NR_MODES)
		return false;
	advance(images, seen->time);
	*place = (struct hst_place){ .mode = (enum hst_mode)mode,
				     .pc = field(seen, "pc"),
				     .period = field(seen, "period"),
				     .pid = (u32)field(seen, "pid"),
				     .symbol = "[unknown]" };
	if (mode == HST_MODE_U) {
		place_in_program(images, place);
	} else if (mode == HST_MODE_VS || mode == HST_MODE_VU) {
		place_in_guest(images, place);
	} else {
		place->program = "hyperscope";
		place->symbols = images->host;
	}
	symbol = place->symbols ? hst_symbols_find(place->symbols, place->pc - place->moved) : NULL;
	if (symbol)
		place->symbol = symbol->name;
	return true;
}
