// SPDX-License-Identifier: MIT
/*
 * guest.c - find the guest's function at a pc, in the symbol files of its kernel or payload.
 *
 * A record of an exit has no mode, so a pc of the guest's programs is recognized by its address: a
 * Linux kernel runs at negative addresses, and programs run at positive ones. The exception is a
 * kernel whose MMU is still off. It runs at the physical address to which our VMM loads an Image.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "symbols.h"

#define MAX_FILES  16
#define IMAGE_BASE 0x80200000ULL /* where our VMM loads a kernel (src/vmm/load.c) */

struct hst_guest {
	size_t nr_files; /* named by options */
	struct {
		const char *path;
		bool elf; /* has to be an ELF file */
	} file[MAX_FILES];
	char automatic[4096 + 64]; /* a file that no option names, even if damaged; "": none */
	bool is_linux;             /* the trace's guest is Debian's kernel */
	size_t n;
	const struct hst_symbols *symbols[MAX_FILES]; /* open files */
	const struct hst_symbols *kernel;             /* the one at negative addresses, or NULL */
	u64 early; /* kernel's address minus its physical address; 0: unknown */
};

const char hst_guest_help[] =
	"  --kallsyms FILE symbols of the guest's kernel: its /proc/kallsyms, System.map\n"
	"                  or ELF file\n"
	"  --elf FILE      ELF file of a payload that the guest runs; may be repeated\n"
	"                  (default for both: the symbols of `run`'s own guests, if the\n"
	"                  folder of hstrace has them)\n";

struct hst_guest *hst_guest_new(void)
{
	struct hst_guest *guest = calloc(1, sizeof(*guest));

	if (!guest)
		fputs("hstrace: out of memory\n", stderr);
	return guest;
}

static void close_files(struct hst_guest *guest)
{
	while (guest->n)
		hst_symbols_close((struct hst_symbols *)guest->symbols[--guest->n]);
	guest->kernel = NULL;
	guest->early = 0;
	guest->automatic[0] = '\0';
}

void hst_guest_free(struct hst_guest *guest)
{
	if (guest)
		close_files(guest);
	free(guest);
}

int hst_guest_option(struct hst_guest *guest, int argc, char **argv)
{
	bool elf = !strcmp(argv[0], "--elf");

	if (!elf && strcmp(argv[0], "--kallsyms"))
		return 0;
	if (argc < 2) {
		hst_wrong_use("no value given for", argv[0]);
		return -1;
	}
	if (guest->nr_files == MAX_FILES) {
		hst_wrong_use("at most 16 files of symbols are accepted; unexpected", argv[1]);
		return -1;
	}
	guest->file[guest->nr_files].path = argv[1];
	guest->file[guest->nr_files++].elf = elf;
	return 2;
}

bool hst_guest_is_named(const struct hst_guest *guest)
{
	return guest->nr_files != 0;
}

/* ---- opening the files ---- */

bool hst_beside(const char *name, char *path, size_t size)
{
	ssize_t len = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	path[len > 0 ? len : 0] = '\0';
	slash = strrchr(path, '/');
	if (!slash || strlen(name) >= size - (size_t)(slash + 1 - path))
		return false;
	strcpy(slash + 1, name);
	return !access(path, R_OK);
}

static bool overlap(const struct hst_symbols *a, const struct hst_symbols *b)
{
	for (unsigned int i = 0; i < a->nr_segments; i++)
		for (unsigned int j = 0; j < b->nr_segments; j++)
			if (a->segment[i].address - b->segment[j].address < b->segment[j].size ||
			    b->segment[j].address - a->segment[i].address < a->segment[i].size)
				return true;
	return false;
}

/* Open a file and add it. Returns 0, or -1 after printing the reason. */
static int add_file(struct hst_guest *guest, const char *path, bool elf)
{
	struct hst_symbols *s = hst_symbols_open(path);

	if (!s)
		return -1;
	if (elf && s->is_text) {
		hst_error(path, "not an ELF file; for a list of symbols, use --kallsyms");
		goto close;
	}
	for (size_t i = 0; i < guest->n; i++)
		if (overlap(guest->symbols[i], s)) {
			hst_error(path, "has the same addresses as %s; use one of them, and --vm N",
				  guest->symbols[i]->path);
			goto close;
		}
	guest->symbols[guest->n++] = s;
	for (size_t i = 0; i < s->n; i++)
		if (s->symbol[i].start >> 63) {
			guest->kernel = s;
			if (!strcmp(s->symbol[i].name, "_start"))
				guest->early = s->symbol[i].start - IMAGE_BASE;
		}
	return 0;
close:
	hst_symbols_close(s);
	return -1;
}

/* Find the symbols of Debian's kernel, unless they are older than the kernel. */
static bool find_kallsyms(char path[], size_t size)
{
	struct stat kernel, kallsyms;
	bool has_kernel = hst_beside("guest/vmlinux", path, size) && !stat(path, &kernel);

	return hst_beside("guest.kallsyms", path, size) && !stat(path, &kallsyms) &&
	       (!has_kernel || kallsyms.st_mtime >= kernel.st_mtime);
}

/*
 * Find the symbols of a guest that the launcher knows, and put the file's name into path[]. The
 * launcher stores which guest ran in the trace: `linux`, `hello` or a file.
 */
static void find_automatic(struct hst_guest *guest, const struct hst_file *file, char path[],
			   size_t size)
{
	size_t len = 0, unused;
	const char *name = hst_meta_text(file, "guest", &len);
	bool found = false;

	path[0] = '\0';
	guest->is_linux = false;
	if (!name || !hst_meta_text(file, "map", &unused))
		return;
	if (len == 5 && !memcmp(name, "linux", len)) {
		guest->is_linux = true;
		found = find_kallsyms(path, size);
	} else if (len == 5 && !memcmp(name, "hello", len)) {
		found = hst_beside("guest-payloads/hello.elf", path, size);
	} else if (len > 4 && len < size && !memcmp(name + len - 4, ".bin", 4)) {
		snprintf(path, size, "%.*s.elf", (int)len - 4, name);
		found = !access(path, R_OK);
	}
	if (!found)
		path[0] = '\0';
}

int hst_guest_load(struct hst_guest *guest, const struct hst_file *file)
{
	char path[sizeof(guest->automatic)];

	if (guest->nr_files) {
		for (size_t i = guest->n; i < guest->nr_files; i++)
			if (add_file(guest, guest->file[i].path, guest->file[i].elf)) {
				hst_saw_wrong_use = true;
				return -1;
			}
		return 0;
	}
	find_automatic(guest, file, path, sizeof(path));
	if (!strcmp(path, guest->automatic))
		return 0;
	close_files(guest);
	strcpy(guest->automatic, path);
	/*
	 * If the file is damaged, pcs have no names. The error is printed once, not for each
	 * trace.
	 */
	if (*path)
		add_file(guest, path, false);
	return 0;
}

void hst_guest_print(const struct hst_guest *guest, FILE *out)
{
	if (guest->n)
		fprintf(out, "symbols: %s%s\n", guest->symbols[0]->path,
			guest->n > 1 ? " and others" : "");
	else if (guest->is_linux)
		fputs("no symbols: scripts/hyperscope profile --symbols obtains those of Debian's\n"
		      "kernel; for another kernel, give --kallsyms FILE\n",
		      out);
	else
		fputs("no symbols: give --elf FILE (a payload) or --kallsyms FILE (a kernel)\n",
		      out);
}

/* ---- looking up a pc ---- */

static bool find_symbol(const struct hst_symbols *s, u64 address, struct hst_code *code)
{
	const struct hst_symbol *symbol = hst_symbols_find(s, address);

	if (!symbol)
		return false;
	code->kind = HST_CODE_FUNCTION;
	code->symbols = s;
	code->symbol = symbol;
	code->offset = address - symbol->start;
	return true;
}

void hst_guest_find(const struct hst_guest *guest, u64 pc, bool early, struct hst_code *code)
{
	*code = (struct hst_code){ .kind = HST_CODE_UNKNOWN, .pc = pc };
	for (size_t i = 0; guest && i < guest->n; i++)
		if (find_symbol(guest->symbols[i], pc, code))
			return;
	if (!guest || !guest->kernel || pc >> 63)
		return;
	if (!early || !guest->early || !find_symbol(guest->kernel, pc + guest->early, code))
		code->kind = HST_CODE_USER;
}
