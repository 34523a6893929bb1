// SPDX-License-Identifier: MIT
/*
 * notify.c - call the notifiers of an address space, and choose the ranges for an operation on many
 * areas.
 *
 * Each VM of a process has a notifier. A program chooses how many VMs and how many areas there are,
 * so an operation on many areas does not notify for each of them. Locks: mm->lock.
 */
#include "hv/bits.h"
#include "hv/host.h"
#include "vma.h"

void mm_notify_start(struct mm *mm, unsigned long start, unsigned long end)
{
	struct hv_notifier *n;

	list_for_each_entry(n, &mm->notifiers, link)
		n->invalidate_start(n, start, end, true);
}

void mm_notify_end(struct mm *mm, unsigned long start, unsigned long end)
{
	struct hv_notifier *n;

	list_for_each_entry(n, &mm->notifiers, link)
		n->invalidate_end(n, start, end);
}

void mm_notify_moved(struct mm *mm, unsigned long start, unsigned long end)
{
	struct hv_notifier *n;

	list_for_each_entry(n, &mm->notifiers, link)
		n->moved(n, start, end);
}

void mm_ranges_add(struct mm_ranges *ranges, unsigned long start, unsigned long end, bool apart)
{
	struct mm_range *last;

	if (ranges->nr && (!apart || ranges->nr == MM_RANGES)) {
		last = &ranges->range[ranges->nr - 1];
		last->end = MAX(last->end, end);
		return;
	}
	ranges->range[ranges->nr++] = (struct mm_range){ start, end };
}
