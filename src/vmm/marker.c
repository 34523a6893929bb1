// SPDX-License-Identifier: MIT
/*
 * marker.c - write the VMM's own events to the trace_marker file (--markers).
 *
 *   boot 0x80200000 dtb 0x9fe00000      a boot: entry point and device tree
 *   uart+0x5 read 1 0x60                an access to a device: region, offset, bytes, value
 *   nobody+0x30000000 write 4 0x1       an access to an address without a device
 *   disk0 begin write 0x2a8 4096        the start of a request: sector and bytes
 *   disk0 end 0                         the end of the request: its status
 *   stop 1 status 0                     enum stop_reason, and the VMM's exit status if it ends now
 *
 * Each line is one write, and hence one or two records of the event `print` (docs/trace.md),
 * between the events of the same hart. Without --markers, or if that event is off when the VMM
 * starts, an access does not make a system call or execute any additional instruction: the bus
 * calls the devices directly.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "vmm.h"

#define TRACEFS "/sys/kernel/tracing/"

bool markers_on;
static int marker_fd = -1;

void marker(const char *format, ...)
{
	char text[96];
	va_list args;
	int n;

	if (!markers_on)
		return;
	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* The write fails while tracing is off; this is not an error. */
	if (n > 0 && write(marker_fd, text, n < (int)sizeof(text) ? n : (int)sizeof(text) - 1) < 0)
		return;
}

static void seen(const struct region *region, u64 offset, bool write, unsigned int len, u64 value)
{
	marker("%s+0x%llx %s %u 0x%llx", region->name, (unsigned long long)offset,
	       write ? "write" : "read", len, (unsigned long long)value);
}

/*
 * Return true if markers are recorded. Under hyperscope, a file in tracefs shows whether they are;
 * Linux does not have this file and records all markers.
 */
static bool event_is_on(void)
{
	int fd = open(TRACEFS "events/hs/print/enable", O_RDONLY | O_CLOEXEC);
	char answer = '1';

	if (fd < 0)
		return true;
	if (read(fd, &answer, 1) != 1)
		answer = '0';
	close(fd);
	return answer == '1';
}

void markers_start(struct machine *m)
{
	marker_fd = open(TRACEFS "trace_marker", O_WRONLY | O_CLOEXEC);
	if (marker_fd < 0)
		die(STATUS_SETUP, "--markers: %strace_marker: %s", TRACEFS, strerror(errno));
	markers_on = event_is_on();
	if (markers_on)
		bus_watch(&m->bus, seen);
	else
		inform("--markers: the event print is off; no markers are written");
}
