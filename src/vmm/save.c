// SPDX-License-Identifier: MIT
/*
 * save.c - save a running VM to a file (--save).
 *
 * Memory is written first, while the guest runs: first all of it, and then, in rounds, the pages
 * that became dirty meanwhile, for as long as another round is worthwhile (precopy.c). Then the
 * vCPUs are parked, as for a reboot, and the remaining pages, the registers and the devices are
 * written. Without rounds (--save-rounds 0), the guest stops when the save is requested, and
 * everything is written while it is stopped.
 *
 * A save is requested by save_request() from any thread (test device, console, --save-on), by
 * --save-at, or by SIGUSR2. If the save fails, the guest continues unchanged.
 *
 * save_file.c opens the file, and gives it its name at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "state.h"
#include "virtio.h"

/*
 * A guest can request a save and make it fail, for example by a reboot, again and again. So only the
 * first failures are reported, as are the rounds before them.
 */
#define FAILURES_SHOWN 20

static struct {
	struct pages pages;
	struct dirty *dirty;
	const char *failed; /* the first step that failed, or NULL */
	int err;
	int fd; /* of save_file_open() */
	unsigned int rounds;
	unsigned int failures; /* reported so far */
	bool under_way;
} save;

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void fail(const char *what, int err)
{
	if (!save.failed) {
		save.failed = what;
		save.err = err;
	}
}

/* May be called repeatedly, because the guest continues. */
__attribute__((format(printf, 2, 3))) static void report_failure(const struct machine *m,
								 const char *format, ...)
{
	char why[300];
	va_list args;

	if (save.failures == FAILURES_SHOWN)
		return;
	save.failures++;
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	complain("--save %s: %s%s", m->options.save, why,
		 save.failures == FAILURES_SHOWN ? "; further failures are not reported" : "");
}

/* ---- the file ------------------------------------------------------------------------------- */

/* Called before the guest starts, so that a file that cannot be written is refused at once. */
void save_check(const struct options *options)
{
	save.fd = save_file_open(options->save);
	if (save.fd == -EWOULDBLOCK)
		die(STATUS_SETUP, "--save %s: in use by another VMM", options->save);
	if (save.fd == -EEXIST)
		die(STATUS_SETUP,
		    "--save %s: %s.part exists and is not from an earlier save; name another file",
		    options->save, options->save);
	if (save.fd < 0)
		die(STATUS_SETUP, "--save %s: %s", options->save, strerror(-save.fd));
}

static void write_at(const void *from, size_t len, u64 offset)
{
	int err = save.failed ? 0 : file_write(save.pages.fd, from, len, offset);

	if (err)
		fail("write", -err);
}

static void sync_file(void)
{
	while (!save.failed && fsync(save.pages.fd) < 0) {
		if (errno != EINTR)
			fail("fsync", errno);
	}
}

/*
 * Write the header, or SAVE_PARTIAL if it is NULL, as a whole 4 KiB block, so that no disk merges a
 * partial one.
 */
static void write_header(const struct save_header *header)
{
	u8 block[SAVE_PAGES] = SAVE_PARTIAL;

	if (header)
		memcpy(block, header, sizeof(*header));
	write_at(block, sizeof(block), 0);
	sync_file();
}

/* ---- while the guest runs ------------------------------------------------------------------- */

static long write_pages(const u64 *bitmap)
{
	long written = save.failed ? 0 : pages_write(&save.pages, bitmap);

	if (written < 0)
		fail("write", -written);
	return written < 0 ? 0 : written;
}

static void begin(struct machine *m)
{
	int err = save_file_empty(save.fd);

	save.under_way = true;
	save.failed = NULL;
	save.rounds = 0;
	save.dirty = NULL;
	if (err)
		fail("truncate", -err);
	err = pages_begin(&save.pages, m, save.fd);
	if (err)
		fail("memory", -err);
	else
		write_header(NULL); /* invalidate the header of an earlier save */
}

static void rounds(struct machine *m)
{
	long written;

	precopy_begin(m->ram_size / SZ_4K, m->options.save_rounds);
	save.pages.live = m;
	do {
		double start = seconds();

		written = write_pages(save.rounds ? dirty_pages(save.dirty) : NULL);
		dirty_written(save.dirty);
		save.rounds++;
		if (save.failures < FAILURES_SHOWN)
			inform("save: round %u: %ld pages in %.1f ms", save.rounds, written,
			       (seconds() - start) * 1000);
	} while (precopy_goes_on((u64)written, dirty_take(save.dirty)) && !save.failed &&
		 !machine_ends(m));
	save.pages.live = NULL;
}

/* Write what can be written before the guest stops. */
static void write_live(struct machine *m)
{
	begin(m);
	if (!save.failed) {
		save.dirty = dirty_start(m);
		if (!save.dirty)
			fail("dirty log", errno);
	}
	if (!save.failed)
		rounds(m);
}

/* Called by the main thread. Without rounds, save_finish() writes everything. */
void save_live(struct machine *m)
{
	if (m->options.save_rounds)
		write_live(m);
	if (!machine_ends(m))
		machine_stop(m, STOP_SAVE, STATUS_POWEROFF);
}

/*
 * Request a save. Without rounds, this function stops the guest at once. May be called by any
 * thread, but not in a signal handler.
 */
void save_request(struct machine *m)
{
	if (!m->options.save)
		return;
	if (m->options.save_rounds)
		save_later(m);
	else
		machine_stop(m, STOP_SAVE, STATUS_POWEROFF);
}

static void *alarm_thread(void *arg)
{
	struct machine *m = arg;
	struct timespec left = {
		.tv_sec = m->options.save_at / 1000,
		.tv_nsec = m->options.save_at % 1000 * 1000000,
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left))
		;
	save_later(m);
	return NULL;
}

void save_start_alarm(struct machine *m)
{
	pthread_t thread;

	if (m->options.save_at && thread_create(&thread, alarm_thread, m))
		die(STATUS_SETUP, "cannot start the thread of --save-at");
}

/* ---- while the guest is stopped ------------------------------------------------------------- */

static void write_state(struct machine *m, struct save_header *header)
{
	struct state s = { 0 };
	u8 zero[SZ_4K] = { 0 };

	sections_state(m, &save.pages, &s);
	if (s.bad)
		fail(s.bad, s.err ? s.err : EIO);
	header->sections_at = SAVE_PAGES + save.pages.nr * SZ_4K;
	header->sections_len = s.len;
	state_bytes(&s, zero, ALIGN_UP(s.len, SZ_4K) - s.len);
	header->length = header->sections_at + s.len;
	write_at(s.data, s.len, header->sections_at);
	sync_file();
	free(s.data);
}

static void write_rest(struct machine *m)
{
	struct save_header header = {
		.magic = SAVE_MAGIC,
		.version = SAVE_VERSION,
		.xlen = 8 * sizeof(long),
		.pages = save.pages.nr,
		.ram_base = RAM_BASE,
		.ram_size = m->ram_size,
		.vcpus = m->options.vcpus,
		.disks = m->options.nr_disks,
		.nested = m->options.nested,
	};
	int err;

	for (unsigned int i = 0; i < NR_DEVICES; i++)
		header.devices |= (u32)m->options.device[i] << i;
	write_state(m, &header);
	header.sum = state_sum(0, &header, offsetof(struct save_header, sum));
	write_header(&header);
	err = save.failed ? 0 : save_file_end(true);
	if (err)
		fail("rename", -err);
}

static void end(void)
{
	if (save.dirty)
		dirty_end(save.dirty);
	pages_end(&save.pages);
	save.under_way = false;
}

/*
 * Complete the save. Called with all vCPUs parked. Returns false if the machine could not be saved.
 *
 * No request is in progress on a disk when something is written: a request changes guest memory, the
 * interrupt controller and the disk's registers, which are written one after the other.
 */
bool save_finish(struct machine *m)
{
	double start = seconds();
	long in_pause;

	clock_read(m);
	virtio_mmio_drain(m);
	console_drain();
	if (!m->options.save_rounds)
		begin(m);
	if (save.dirty)
		dirty_take(save.dirty);
	in_pause = write_pages(save.dirty ? dirty_pages(save.dirty) : NULL);
	write_rest(m);
	end();
	if (!save.failed)
		close(save.fd);
	if (save.failed) {
		report_failure(m, "%s: %s; the guest continues", save.failed, strerror(save.err));
		return false;
	}
	inform("saved to %s: %llu pages, %ld of them in the pause of %.1f ms, after %u rounds",
	       m->options.save, (unsigned long long)save.pages.nr, in_pause,
	       (seconds() - start) * 1000, save.rounds);
	return true;
}

/* Instead of save_finish(): the machine cannot be saved now. */
void save_give_up(struct machine *m, const char *why)
{
	report_failure(m, "%s; the guest continues", why);
	if (save.under_way)
		end();
}

/*
 * Called with all vCPUs parked if --save was given but the guest ended or rebooted: abandon a save
 * that has begun, and report that nothing was saved. A reboot without such a save is not reported.
 */
void save_abandon(struct machine *m)
{
	if (m->stop_reason != STOP_REBOOT)
		complain("--save %s: the guest ended first; nothing was saved", m->options.save);
	else if (save.under_way || m->save_dropped)
		report_failure(m, "the guest rebooted first; nothing was saved");
	if (save.under_way)
		end();
	if (m->stop_reason != STOP_REBOOT)
		save_file_end(false);
}
