// SPDX-License-Identifier: MIT
/* save.c - `hstrace save`: copy the trace from a machine's RAM into a file, in one go. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "file/ram.h"
#include "hv/bits.h"

static int save_ring(struct hst_writer *w, const struct hst_ram *ram, unsigned int hart,
		     u64 *written)
{
	u64 nr = ram->mem.ring_records, head, first, count, dropped;
	struct hst_ring_header header;
	struct trace_record *records;
	int err = -1;

	if (hst_ram_head(ram, hart, &head) || hst_ram_dropped(ram, hart, &dropped))
		return -1;
	*written = head;
	first = head >= nr ? head - nr + 1 : 0;
	records = malloc((head - first + 1) * sizeof(*records));
	if (!records) {
		hst_error(ram->path, "out of memory");
		return -1;
	}
	if (!hst_ram_records(ram, hart, first, head - first, records, &count)) {
		header.total = head + dropped;
		header.lost = header.total - count;
		hst_write_ring(w, hart, &header, records, count);
		err = 0;
	}
	free(records);
	return err;
}

int hst_save_to(const struct hst_ram *ram, FILE *out, const char *meta, u64 *heads)
{
	struct hst_writer w = { .out = out };

	if (hst_write_start(&w, ram, meta))
		return -1;
	for (unsigned int hart = 0; hart < ram->mem.nr_harts; hart++)
		if (hst_write_stats(&w, ram, hart) ||
		    (heads && save_ring(&w, ram, hart, &heads[hart])))
			return -1;
	hst_write_end(&w);
	return 0;
}

/*
 * Check the file before it is renamed: if the machine has corrupted its own trace memory, no
 * command can read the file.
 */
static int read_back(struct hst_out *to, const char *path)
{
	static struct hst_file file;
	int fd = -1, err = -1;

	if (!*to->beside || fflush(to->file))
		return 0; /* no file to read, or hst_out_close() will print the error */
	fd = open(to->beside, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		hst_error(to->beside, "%s", strerror(errno));
	else if (!hst_open_fd(&file, fd, path)) {
		err = file.damaged ? -1 : 0;
		hst_close(&file);
	}
	return err;
}

int hst_save(const char *path, const char *out, const char *meta)
{
	u64 heads[HST_MAX_HARTS];
	struct hst_ram ram;
	struct hst_out to;
	const char *why;
	int err = -1;

	if (hst_ram_open(&ram, path))
		return -1;
	why = hst_ram_find(&ram);
	if (why) {
		hst_error(path, "%s", why);
		goto close_ram;
	}
	if (!hst_out_open(&to, out)) {
		err = hst_save_to(&ram, to.file, meta, heads);
		err = hst_out_close(&to, err ? err : read_back(&to, path));
	}
close_ram:
	hst_ram_close(&ram);
	return err;
}

const char hst_save_help[] =
	"  --meta TEXT     store TEXT in the file; icount=1 and harts=N determine the\n"
	"                  unit of costs; may be repeated\n"
	"  --follow        save events while the run goes on, until it ends or hstrace is\n"
	"                  interrupted; the run may write more events than its rings hold\n"
	"  --quiet         with --follow: print neither the number of events nor what is\n"
	"                  waited for\n"
	"RAM is the run's folder, which scripts/hyperscope prints, or the file that backs\n"
	"its memory.\n";

int hst_cmd_save(int argc, char **argv)
{
	static char meta[1 << 16];
	bool follow = false, quiet = false;
	size_t len = 0;

	for (int used; argc > 0 && !strncmp(argv[0], "--", 2); argc -= used, argv += used) {
		used = 1;
		if (!strcmp(argv[0], "--follow")) {
			follow = true;
			continue;
		}
		if (!strcmp(argv[0], "--quiet")) {
			quiet = true;
			continue;
		}
		used = 2;
		if (strcmp(argv[0], "--meta"))
			return hst_wrong_use("save has no option", argv[0]);
		if (argc < 2)
			return hst_wrong_use("--meta needs TEXT", NULL);
		if (strlen(argv[1]) + 2 > sizeof(meta) - len)
			return hst_wrong_use("the arguments of --meta exceed 64 KiB in total",
					     NULL);
		len += (size_t)snprintf(meta + len, sizeof(meta) - len, "%s\n", argv[1]);
	}
	if (argc != 2)
		return hst_wrong_use("save takes RAM and OUT", NULL);
	if (quiet && !follow)
		return hst_wrong_use("--quiet needs --follow", NULL);
	if (hst_is_same_file(argv[0], argv[1]))
		return 1;
	if (follow)
		return hst_follow(argv[0], argv[1], meta, quiet) ? 1 : 0;
	return hst_save(argv[0], argv[1], meta) ? 1 : 0;
}
