// SPDX-License-Identifier: MIT
/*
 * thread.c - vCPUs as threads, for perf, trace-cmd and KernelShark.
 *
 * A vCPU's tid is 10000 * VM + vCPU, and its pid is 10000 * VM. The host is thread 1, because 0 is
 * the idle thread in these tools. A record also has fields for VM and vCPU, so nothing is lost if a
 * vCPU's number is above 9999.
 */
#include <stdlib.h>
#include "export.h"

#define MAX_THREADS 65536 /* further vCPUs get no name (a damaged trace may have 2^32) */

/* Return the index of the thread with this tid, or the index at which to insert it. */
static size_t find(const struct export_threads *threads, u32 tid)
{
	size_t low = 0, high = threads->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (threads->thread[middle].tid < tid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void name_thread(struct export_thread *thread, u32 tid, const struct hst_seen *seen)
{
	thread->tid = tid;
	thread->pid = seen->vm < 0 ? EXPORT_HOST_TID : (u32)seen->vm * 10000;
	if (seen->vm < 0)
		snprintf(thread->name, sizeof(thread->name), "host");
	else
		snprintf(thread->name, sizeof(thread->name), "vm%u.%u", (unsigned int)seen->vm,
			 (unsigned int)seen->vcpu);
}

const struct export_thread *export_thread_of(struct export_threads *threads,
					     const struct hst_seen *seen, bool *isnew)
{
	static struct export_thread nameless;
	u32 tid = seen->vm < 0 ? EXPORT_HOST_TID : (u32)(seen->vm * 10000 + seen->vcpu);
	size_t at = find(threads, tid);
	struct export_thread *more;

	*isnew = false;
	if (at < threads->n && threads->thread[at].tid == tid)
		return &threads->thread[at];
	if (threads->n == MAX_THREADS) {
		name_thread(&nameless, tid, seen);
		return &nameless;
	}
	if (!(threads->n & (threads->n - 1))) { /* 0 or a power of two: full, so double it */
		more = realloc(threads->thread, (threads->n ? 2 * threads->n : 1) * sizeof(*more));
		if (!more) {
			fputs("hstrace: out of memory\n", stderr);
			return NULL;
		}
		threads->thread = more;
	}
	for (size_t i = threads->n++; i > at; i--)
		threads->thread[i] = threads->thread[i - 1];
	name_thread(&threads->thread[at], tid, seen);
	*isnew = true;
	return &threads->thread[at];
}
