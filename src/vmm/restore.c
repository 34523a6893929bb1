// SPDX-License-Identifier: MIT
/*
 * restore.c - restore a VM from a file that --save has written (--restore).
 *
 * The machine is built as the header describes it; it is an error if the command line contradicts
 * the header. The disks have to be those that the machine had, with unchanged contents, but only
 * their number and sizes are checked. If anything in the file does not fit, is damaged or is cut
 * off, the VMM prints the reason and exits: a guest never runs with only a part of its state.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "state.h"

static struct {
	int fd;
	struct save_header header;
} restored;

__attribute__((format(printf, 2, 3), noreturn)) static void refuse(const struct options *options,
								   const char *format, ...)
{
	char why[200];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	die(STATUS_SETUP, "--restore %s: %s", options->restore, why);
}

static void read_at(const struct options *options, void *to, size_t len, u64 offset)
{
	int err = file_read(restored.fd, to, len, offset);

	if (err)
		refuse(options, "%s", err == -ENODATA ? "the file is truncated" : strerror(-err));
}

/* ---- the header ------------------------------------------------------------------------------ */

/*
 * Refuse a file that is shorter than its header says, or whose header is inconsistent. The file may
 * be longer than the header says: it may be a disk. ram_size <= RAM_MAX, so the sums do not
 * overflow.
 */
static void check_extent(const struct options *options, const struct save_header *h)
{
	off_t end = lseek(restored.fd, 0, SEEK_END);
	u64 max_pages = h->ram_size / SZ_4K;

	if (end < 0)
		refuse(options, "%s", strerror(errno));
	if (h->length > (u64)end)
		refuse(options, "the file is truncated: it has %llu of %llu bytes",
		       (unsigned long long)end, (unsigned long long)h->length);
	if (h->pages > max_pages || h->sections_at != SAVE_PAGES + h->pages * SZ_4K ||
	    h->sections_at > h->length || h->sections_len > h->length - h->sections_at)
		refuse(options, "its header is inconsistent");
}

static void check_header(const struct options *options, const struct save_header *h)
{
	if (memcmp(h->magic, SAVE_MAGIC, sizeof(h->magic)))
		refuse(options, "not a saved machine, or the save was not completed");
	if (h->version != SAVE_VERSION)
		refuse(options, "it has format %u; this VMM supports %u", h->version, SAVE_VERSION);
	if (state_sum(0, h, offsetof(struct save_header, sum)) != h->sum)
		refuse(options, "its header is damaged");
	if (h->xlen != 8 * sizeof(long) || h->ram_base != RAM_BASE || h->nested > 1 ||
	    h->vcpus < 1 || h->vcpus > MAX_VCPUS || h->disks > MAX_DISKS ||
	    h->devices >> NR_DEVICES || h->ram_size < RAM_MIN || h->ram_size > RAM_MAX ||
	    !IS_ALIGNED(h->ram_size, SZ_4K))
		refuse(options, "it was saved from another kind of machine");
	check_extent(options, h);
}

static const char *const device_names[] = {
#define DEVICE(name, NAME, base, size, irq, help) #name,
#include "device.def"
#undef DEVICE
};

/*
 * Open the file and check its header. Complete the options from the header; refuse options that
 * contradict it. Called before the machine is built.
 */
void restore_open(struct options *options)
{
	struct save_header *h = &restored.header;

	restored.fd = open(options->restore, O_RDONLY | O_CLOEXEC);
	if (restored.fd < 0)
		refuse(options, "%s", strerror(errno));
	read_at(options, h, sizeof(*h), 0);
	check_header(options, h);
	if (options->vcpus && options->vcpus != h->vcpus)
		refuse(options, "it has %u vCPUs, not %u", h->vcpus, options->vcpus);
	if (options->ram_size && options->ram_size != h->ram_size)
		refuse(options, "it has %llu KiB of memory, not %llu",
		       (unsigned long long)h->ram_size / 1024,
		       (unsigned long long)options->ram_size / 1024);
	if (options->nr_disks != h->disks)
		refuse(options, "it has %u disks, not %u", h->disks, options->nr_disks);
	for (unsigned int i = 0; i < NR_DEVICES; i++) {
		if (options->device[i] && !(h->devices >> i & 1))
			refuse(options, "it has no device --%s", device_names[i]);
		options->device[i] = h->devices >> i & 1;
	}
	options->vcpus = h->vcpus;
	options->ram_size = h->ram_size;
	options->nested = h->nested;
}

/* ---- the state ------------------------------------------------------------------------------- */

/*
 * Load the machine's state from the file. Called after the machine has been built and its devices
 * have been reset, before any vCPU runs.
 */
void restore(struct machine *m)
{
	const struct save_header *h = &restored.header;
	struct state s = { .loading = true, .len = h->sections_len };
	struct pages pages = {
		.fd = restored.fd,
		.ram = m->ram,
		.nr_ram = m->ram_size / SZ_4K,
		.nr = h->pages,
	};

	s.data = malloc(s.len + 1);
	if (!s.data)
		refuse(&m->options, "no memory for its %zu bytes of state", s.len);
	read_at(&m->options, s.data, s.len, h->sections_at);
	sections_state(m, &pages, &s);
	if (s.at != s.len)
		refuse(&m->options, "it has data after its last section");
	free(s.data);
	close(restored.fd);
	inform("restored from %s: %llu pages", m->options.restore, (unsigned long long)h->pages);
}
