// SPDX-License-Identifier: MIT
/*
 * epoll_paths.c - limit the nesting of epolls.
 *
 * A file's wake-up visits each item that watches the file and, if the item's epoll is watched
 * itself, each item that watches this epoll, under spinlocks. A path is such a pair of items.
 * Without a limit, M items for descriptors of one file and K items for descriptors of their epoll
 * would make a write to the file cost M * K steps. The number of items that watch a file is not
 * limited. The limit is Linux's.
 *
 * Locks: watch_mutex.
 */
#include <linux/errno.h>
#include "epoll.h"
#include "file.h"

#define MAX_PATHS 500 /* of one file */

/* Would the file have more than MAX_PATHS paths with `more` further ones? */
static bool has_too_many_paths(const struct file *f, unsigned int more)
{
	unsigned int count = 0;
	struct ep_item *item;

	list_for_each_entry(item, &f->watches, file_link) {
		more += item->ep->nested;
		if (more > MAX_PATHS)
			return true;
		epoll_item_visited(&count);
	}
	return more > MAX_PATHS;
}

/* Would any file that `inner` watches, if one more item watched `inner`? */
static bool items_have_too_many_paths(struct epoll *inner)
{
	static u64 check;
	unsigned int count = 0;
	struct ep_item *item;
	bool too_many = false;

	check++;
	inner->nested++;
	list_for_each_entry(item, &inner->items, link) {
		/* Check a file once, even if several of its descriptors are watched. */
		if (item->f->path_check != check)
			too_many = has_too_many_paths(item->f, 0);
		if (too_many)
			break;
		item->f->path_check = check;
		epoll_item_visited(&count);
	}
	inner->nested--;
	return too_many;
}

int epoll_check_nesting(const struct epoll *ep, const struct file *f, struct epoll *inner)
{
	if (!inner)
		return ep->nested && has_too_many_paths(f, ep->nested) ? -EINVAL : 0;
	if (inner == ep)
		return -EINVAL;
	if (inner->holds_epoll || ep->nested)
		return -ELOOP;
	return items_have_too_many_paths(inner) ? -EINVAL : 0;
}
