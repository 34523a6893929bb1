// SPDX-License-Identifier: MIT
/*
 * trace.c - fuzz target: hstrace's reader of trace files.
 *
 * The target first corrects the checksum in the END section, if that section is found by following
 * the sections' sizes, because hardly any input would otherwise have the right checksum. Reading must
 * end with an error or with output.
 */
#include <sys/mman.h>
#include <unistd.h>
#include "hstrace/table.h"
#include "html/html.h"
#include "fuzz.h"

static void fix_sum(unsigned char *data, size_t size)
{
	struct hst_section section;
	u64 at = sizeof(struct hst_header), sum;

	while (at + sizeof(section) + 8 <= size) {
		memcpy(&section, data + at, sizeof(section));
		if (section.type == HST_END) {
			sum = hst_sum(HST_SUM_START, data, at);
			memcpy(data + at + sizeof(section), &sum, sizeof(sum));
			return;
		}
		if (section.size > size - at)
			return;
		at += sizeof(section) + ((section.size + 7) & ~7ULL);
	}
}

static void make_page(struct hst_file *file, const struct hst_select *select, FILE *out)
{
	struct html_run run;

	if (html_read(&run, file, select, NULL) == 0)
		html_write_run(&run, out);
	html_free(&run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hst_file file;
	static FILE *null;
	unsigned char *copy;
	char path[64];
	int fd;

	if (!null)
		null = fopen("/dev/null", "w");
	CLAIM(null);
	fd = memfd_create("trace", 0);
	copy = malloc(size ? size : 1);
	CLAIM(fd >= 0 && copy);
	memcpy(copy, data, size);
	fix_sum(copy, size);
	CLAIM(write(fd, copy, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (hst_open(&file, path) == 0) {
		struct hst_select select = HST_SELECT_ALL;

		select.events = size % 2 ? NULL : "kvm_*";
		select.last = size % 9;
		hst_report(&file, &select, NULL, null);
		hst_levels(&file, &select, size % 2, null);
		for (int by = 0; by < HST_NR_BY; by++)
			hst_stat(&file,
				 &(struct hst_stat_options){
					 .by = by,
					 .order = "mean",
					 .select = by ? NULL : &select,
					 .folded = by == HST_BY_FUNCTION ? "count" : NULL },
				 null);
		if (size % 8 == 0) /* less often, because it is slower */
			make_page(&file, &select, null);
		hst_close(&file);
	}
	free(copy);
	close(fd);
	return 0;
}
