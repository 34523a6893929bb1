// SPDX-License-Identifier: MIT
/*
 * trace_ram.c - fuzz target: hstrace save with any contents of trace memory.
 *
 * The input is placed in trace memory, and zeros follow it. Trace memory is at the start of RAM,
 * and the run descriptor points to it. If save accepts the input and hstrace can open the trace
 * that save has written, the trace is intact: its checksum is right, and every record can be read.
 */
#include <sys/mman.h>
#include <unistd.h>
#include "file/ram.h"
#include "hstrace/table.h"
#include "hv/run_desc.h"
#include "fuzz.h"

#define RAM_SIZE 0x210000 /* trace memory, then the start of the image, which has the descriptor */

static int make_ram(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct hs_run_desc desc = { .magic = HS_RUN_DESC_MAGIC,
				    .version = HS_RUN_DESC_VERSION,
				    .trace_hpa = 0x80000000,
				    .trace_size = 0x200000 };

	if (fd < 0)
		fd = memfd_create("ram", 0);
	CLAIM(fd >= 0 && ftruncate(fd, 0) == 0 && ftruncate(fd, RAM_SIZE) == 0);
	size = size < 0x200000 ? size : 0x200000;
	CLAIM(pwrite(fd, data, size, 0) == (ssize_t)size);
	CLAIM(pwrite(fd, &desc, sizeof(desc), 0x200000 + HS_RUN_DESC_OFFSET) == sizeof(desc));
	return fd;
}

static void read_back(const char *path, FILE *null)
{
	static struct hst_file file;
	struct hst_stat_options options = { .order = "sum" };
	struct hst_select select = HST_SELECT_ALL;

	if (hst_open(&file, path))
		return; /* refused, for example because its table of events is invalid */
	CLAIM(!strstr(file.why, "checksum") && !strstr(file.why, "cut off"));
	CLAIM(hst_report(&file, &select, NULL, null) == 0);
	hst_stat(&file, &options, null);
	hst_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *null;
	char ram[64], out[64];
	int fd = make_ram(data, size), trace = memfd_create("trace", 0);

	if (!null) {
		null = fopen("/dev/null", "w");
		CLAIM(null);
	}
	CLAIM(trace >= 0);
	snprintf(ram, sizeof(ram), "/proc/self/fd/%d", fd);
	snprintf(out, sizeof(out), "/proc/self/fd/%d", trace);
	if (hst_save(ram, out, "guest=fuzz\n") == 0)
		read_back(out, null);
	close(trace);
	return 0;
}
